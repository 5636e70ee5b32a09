//! A log that is kept, line by line: level, words, fields, and the spans it was written in.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::sync::{Mutex, OnceLock};
use std::time::{Duration, Instant};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Metadata, Subscriber, span};
use tracing_subscriber::layer::{Context, SubscriberExt};
use tracing_subscriber::registry::{LookupSpan, SpanRef};
use tracing_subscriber::util::SubscriberInitExt;

/// How long a line may take to come that comes by itself.
const PATIENCE: Duration = Duration::from_secs(20);

/// A line of the log.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    pub(crate) level: Level,
    pub(crate) words: String,
    pub(crate) fields: BTreeMap<&'static str, String>,
    /// The names and fields of the spans, the outermost first.
    pub(crate) spans: Vec<String>,
}

impl Line {
    /// A field; empty if there is none of that name.
    pub(crate) fn field(&self, name: &str) -> &str {
        self.fields.get(name).map_or("", String::as_str)
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:>5} {}", self.level, self.words)?;
        self.fields.iter().try_for_each(|(name, value)| write!(f, " {name}={value}"))
    }
}

/// All lines of the process at DEBUG and above that ringmq has written.
#[derive(Default)]
pub(crate) struct Recorder {
    lines: Mutex<Vec<Line>>,
}

/// What a span was made with, for the lines within it.
struct SpanText(String);

impl Recorder {
    /// The log of the process.
    pub(crate) fn install() -> &'static Self {
        static RECORDER: OnceLock<Recorder> = OnceLock::new();
        let recorder = RECORDER.get_or_init(Self::default);
        tracing_subscriber::registry().with(Layer(recorder)).init();
        recorder
    }

    pub(crate) fn lines(&self) -> Vec<Line> {
        self.lines.lock().unwrap().clone()
    }

    /// The lines so far that say this about that endpoint.
    pub(crate) fn of(&self, words: &str, endpoint: &str) -> Vec<Line> {
        let about = |line: &Line| line.words == words && line.field("endpoint") == endpoint;
        self.lines().into_iter().filter(about).collect()
    }

    /// Waits for a line; `meanwhile` is done over and over.
    #[track_caller]
    pub(crate) fn expect_while(
        &self,
        level: Level,
        words: &str,
        fields: &[(&str, &str)],
        mut meanwhile: impl FnMut(),
    ) -> Line {
        let start = Instant::now();
        let wanted = |line: &Line| {
            line.level == level
                && line.words == words
                && fields.iter().all(|(name, value)| line.field(name).contains(value))
        };
        loop {
            meanwhile();
            if let Some(line) = self.lines().into_iter().find(wanted) {
                return line;
            }
            assert!(
                start.elapsed() < PATIENCE,
                "no {level} {words:?} {fields:?} in\n{}",
                self.transcript(Level::DEBUG)
            );
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// Waits for a line.
    #[track_caller]
    pub(crate) fn expect(&self, level: Level, words: &str, fields: &[(&str, &str)]) -> Line {
        self.expect_while(level, words, fields, || {})
    }

    /// All lines of a level and those that are more urgent.
    pub(crate) fn transcript(&self, level: Level) -> String {
        let lines = self.lines().into_iter().filter(|line| line.level <= level);
        lines.fold(String::new(), |mut text, line| {
            writeln!(text, "{line}").unwrap();
            text
        })
    }
}

struct Fields<'a>(&'a mut BTreeMap<&'static str, String>);

impl Visit for Fields<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name(), value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.insert(field.name(), format!("{value:?}"));
    }
}

struct Layer(&'static Recorder);

impl<S: Subscriber + for<'a> LookupSpan<'a>> tracing_subscriber::Layer<S> for Layer {
    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        metadata.target().starts_with("ringmq") && *metadata.level() <= Level::DEBUG
    }

    fn on_new_span(&self, attributes: &span::Attributes<'_>, id: &span::Id, cx: Context<'_, S>) {
        let mut fields = BTreeMap::new();
        attributes.record(&mut Fields(&mut fields));
        let mut text = attributes.metadata().name().to_owned();
        fields.iter().for_each(|(name, value)| write!(text, " {name}={value}").unwrap());
        let span = cx.span(id).expect("it is new");
        span.extensions_mut().insert(SpanText(text));
    }

    fn on_event(&self, event: &Event<'_>, cx: Context<'_, S>) {
        let mut fields = BTreeMap::new();
        event.record(&mut Fields(&mut fields));
        let words = fields.remove("message").unwrap_or_default();
        let scope = cx.event_scope(event).into_iter().flat_map(|scope| scope.from_root());
        let text = |span: SpanRef<'_, S>| Some(span.extensions().get::<SpanText>()?.0.clone());
        let spans = scope.filter_map(text).collect();
        let line = Line { level: *event.metadata().level(), words, fields, spans };
        self.0.lines.lock().unwrap().push(line);
    }
}
