//! What a socket tells of itself: events to those who watch it, and lines to the log.
//!
//! Everything that is worth telling is an event. It goes to the monitors as it is, and into the log with a
//! level that says who should read it: a [line](line) at WARN where a person has to do something, at INFO
//! where one would ask. What happens over and over is [held back](limit) in the log, and counted.
//!
//! The log is the application's code, which may use any socket. So a line is written when the calling
//! thread has no lock of ours any more.

mod limit;
mod line;

use crate::inner::monitors::Monitors;
use limit::{Limits, Repeat};
use ringmq_engine::{ConnectionSpan, MonitorEvent, Problem};
use ringmq_pipe::Section;
use ringmq_zmtp::SocketType;
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Instant;
use tracing::Span;

/// See the [module's documentation](self). One a socket.
pub(crate) struct Reporter {
    socket_type: SocketType,
    pub(crate) monitors: Monitors,
    /// Tells the sockets of a process apart.
    number: u64,
    /// Made with the socket, unless that is made inside of a call on another one: then with the first line.
    span: OnceLock<Span>,
    limits: Mutex<Limits>,
    /// What is told once only, and was.
    told: Mutex<BTreeSet<(&'static str, Arc<str>)>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Reporter {
    pub(crate) fn new(socket_type: SocketType) -> Arc<Self> {
        /// Relaxed: a number, and nothing else.
        static NUMBER: AtomicU64 = AtomicU64::new(1);
        let new = Self {
            socket_type,
            monitors: Monitors::default(),
            number: NUMBER.fetch_add(1, Ordering::Relaxed),
            span: OnceLock::new(),
            limits: Mutex::default(),
            told: Mutex::default(),
        };
        if !Section::is_entered() {
            new.span();
        }
        Arc::new(new)
    }

    /// The socket's span. Not in a section: see [`Section::run_after`].
    fn span(&self) -> &Span {
        if self.span.get().is_none() {
            let (socket, number) = (self.socket_type.name(), self.number);
            let span = tracing::info_span!("socket", socket, number);
            // Not made with a lock held: of two that come at once, the second has made one in vain.
            drop(self.span.set(span));
        }
        self.span.get_or_init(Span::none)
    }

    /// Tells of something that happened to the socket.
    pub(crate) fn tell(self: &Arc<Self>, event: MonitorEvent) {
        self.tell_in(None, event);
    }

    /// Tells of something that happened to one of its connections, in the span of that.
    pub(crate) fn tell_of_connection(
        self: &Arc<Self>,
        span: Arc<ConnectionSpan>,
        event: MonitorEvent,
    ) {
        self.tell_in(Some(span), event);
    }

    /// `None` is the socket's span.
    fn tell_in(self: &Arc<Self>, span: Option<Arc<ConnectionSpan>>, event: MonitorEvent) {
        self.monitors.publish(&event);
        let this = self.clone();
        Section::run_after(move || {
            let repeat = lock(&this.limits).repeat(&event, Instant::now());
            let write = || line::write(this.socket_type, &event, repeat);
            match span {
                Some(span) => span.in_scope(this.span(), write),
                None => this.span().in_scope(write),
            }
        });
    }

    /// The socket is closed: nobody hears events any more, and the log is told what was held back.
    pub(crate) fn finish(self: &Arc<Self>) {
        self.monitors.end();
        let this = self.clone();
        Section::run_after(move || {
            let rest = lock(&this.limits).rest();
            this.span().in_scope(|| {
                rest.iter().for_each(|event| line::write(this.socket_type, event, Repeat::First));
            });
        });
    }

    /// Whether a problem, with an endpoint or with none, was not told of yet.
    pub(crate) fn is_new(&self, problem: Problem, endpoint: &str) -> bool {
        let cause = match problem {
            // Each is a cause of its own.
            Problem::OptionTooLate { option, .. } => option,
            _ => endpoint,
        };
        lock(&self.told).insert((line::problem_name(problem), cause.into()))
    }

    /// Tells of a problem of the socket itself, unless it was told of before.
    pub(crate) fn tell_once(self: &Arc<Self>, problem: Problem, endpoint: &Arc<str>) {
        if self.is_new(problem, endpoint) {
            self.tell(MonitorEvent::Problem {
                problem,
                endpoint: endpoint.clone(),
                peer: "".into(),
                routing_id: [].into(),
            });
        }
    }
}

impl Drop for Reporter {
    fn drop(&mut self) {
        // The last who has it may be an I/O thread.
        if let Some(span) = self.span.take() {
            Section::run_after(move || drop(span));
        }
    }
}
