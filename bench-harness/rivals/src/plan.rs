//! What is measured in one run: the cases, and in which order.

use ringmq_bench::case::Transport;
use ringmq_bench::mechanism::Mechanism;

use crate::figure::Figure;
use crate::flavor::Flavor;
use crate::measurement::Measurement;

/// One thing that everybody is measured in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Item {
    /// The kind of measurement.
    pub(crate) measurement: Measurement,
    /// The road the messages take.
    pub(crate) transport: Transport,
    /// Body of each message, in bytes.
    pub(crate) size: usize,
    /// The tokio runtime whose tasks the ends are; without one each library runs as it is quickest.
    pub(crate) flavor: Option<Flavor>,
    /// Which messages count.
    pub(crate) form: Form,
    /// Whether they are encrypted on their way.
    pub(crate) mechanism: Mechanism,
}

/// Which messages count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// Those of a while, after a warm-up.
    Steady,
    /// The first ones of the connection, a fixed number.
    First,
}

/// Messages that arrive in the form that counts the first ones.
const FIRST: u64 = 100_000;
/// The same of round trips, each of which takes longer.
const FIRST_TRIPS: u64 = 10_000;

impl Item {
    /// A case on sockets as each library runs quickest, after a warm-up.
    const fn new(measurement: Measurement, transport: Transport, size: usize) -> Self {
        let (flavor, form, mechanism) = (None, Form::Steady, Mechanism::Null);
        Self { measurement, transport, size, flavor, form, mechanism }
    }

    /// The same under CURVE.
    const fn under_curve(self) -> Self {
        Self { mechanism: Mechanism::Curve, ..self }
    }

    /// The same without encryption.
    pub(crate) const fn under_null(self) -> Self {
        Self { mechanism: Mechanism::Null, ..self }
    }

    /// Whether it is encrypted.
    pub(crate) fn is_under_curve(&self) -> bool {
        self.mechanism == Mechanism::Curve
    }

    /// The name of the whole, of which a case has more.
    pub(crate) fn name(&self) -> String {
        self.with_suffix("")
    }

    /// The figures that it brings.
    pub(crate) fn figures(&self) -> &'static [Figure] {
        Figure::of(self.measurement)
    }

    /// The case of each figure, one row of the table.
    pub(crate) fn cases(&self) -> Vec<String> {
        self.figures().iter().map(|figure| self.with_suffix(figure.suffix())).collect()
    }

    /// Messages to send where the first ones count.
    pub(crate) fn first_count(&self) -> u64 {
        match self.measurement {
            Measurement::Latency => FIRST_TRIPS,
            other => FIRST / other.copies(),
        }
    }

    fn with_suffix(&self, suffix: &str) -> String {
        let Self { measurement, transport, size, flavor, form, .. } = self;
        let flavor = flavor.map(|flavor| format!("{}/", flavor.name())).unwrap_or_default();
        let form = if *form == Form::First { "first/" } else { "" };
        let mechanism = if self.is_under_curve() { "under-curve/" } else { "" };
        format!("{transport}/{flavor}{form}{mechanism}{}{suffix}/{size}", measurement.name())
    }
}

const TCP: Transport = Transport::Tcp;
const IPC: Transport = Transport::Ipc;
const INPROC: Transport = Transport::Inproc;

/// The league: what each library is asked for over each road, in both forms.
const LEAGUE: [Measurement; 5] = [
    Measurement::Throughput,
    Measurement::Latency,
    Measurement::FanOut,
    Measurement::FanIn,
    Measurement::Publish,
];
/// Bodies of the league, in bytes.
const LEAGUE_SIZES: [usize; 6] = [16, 64, 256, 1 << 10, 4 << 10, 16 << 10];
/// Bodies of the curve, in KiB.
const CURVE_KIB: [usize; 14] = [1, 2, 4, 6, 8, 12, 16, 24, 32, 48, 64, 128, 256, 1 << 10];
/// Small bodies, in bytes: those of the start, of 100 peers, and of tasks.
const SMALL: usize = 64;
/// Numbered bodies between processes beside those of the league, in bytes.
const LARGE: [usize; 2] = [8 << 10, 64 << 10];
/// The same between two threads, where a slot of 64 bytes is the measure of things: half of one too.
const OF_INPROC: [usize; 2] = [32, 8 << 10];
/// Encrypted bodies, in bytes: one way, and there and back.
const ENCRYPTED: [usize; 4] = [SMALL, 1 << 10, 16 << 10, 64 << 10];
const ENCRYPTED_TRIPS: [usize; 2] = [SMALL, 1 << 10];
/// Bodies between tasks of tokio, in bytes.
const TASK_SIZES: [usize; 2] = [SMALL, 1 << 10];

/// The cases of a whole run.
fn whole() -> Vec<Item> {
    let mut items = Vec::new();
    for form in [Form::Steady, Form::First] {
        for transport in [TCP, IPC, INPROC] {
            for measurement in LEAGUE {
                let item = |&size| Item { form, ..Item::new(measurement, transport, size) };
                items.extend(LEAGUE_SIZES.iter().map(item));
            }
        }
    }
    items.extend(LARGE.map(|size| Item::new(Measurement::Throughput, TCP, size)));
    items.extend(LARGE.map(|size| Item::new(Measurement::Throughput, IPC, size)));
    items.extend(OF_INPROC.map(|size| Item::new(Measurement::Throughput, INPROC, size)));
    for transport in [TCP, IPC] {
        let item = |kib| Item::new(Measurement::Curve, transport, kib << 10);
        items.extend(CURVE_KIB.map(item));
        items.push(Item::new(Measurement::StartStop, transport, SMALL));
        items.extend(under_curve(transport, &ENCRYPTED));
    }
    items.push(Item::new(Measurement::PubSub, TCP, SMALL));
    items.push(Item::new(Measurement::RouterDealer, TCP, SMALL));
    items.extend(tasks(&TASK_SIZES));
    items
}

/// A few of them, from every corner.
fn quick() -> Vec<Item> {
    use Measurement::{Curve, FanIn, FanOut, Latency, Publish, StartStop, Throughput};
    let first =
        |transport, size| Item { form: Form::First, ..Item::new(Throughput, transport, size) };
    let mut items = vec![
        Item::new(Throughput, TCP, 16),
        Item::new(Throughput, TCP, 64),
        Item::new(Throughput, TCP, 1 << 10),
        Item::new(Throughput, TCP, 4 << 10),
        Item::new(Throughput, TCP, 16 << 10),
        Item::new(Throughput, IPC, 64),
        Item::new(Throughput, IPC, 1 << 10),
        Item::new(Throughput, IPC, 16 << 10),
        Item::new(Throughput, INPROC, 64),
        Item::new(Throughput, INPROC, 16 << 10),
        Item::new(Latency, TCP, 64),
        Item::new(Latency, TCP, 1 << 10),
        Item::new(Latency, TCP, 16 << 10),
        Item::new(Latency, IPC, 64),
        Item::new(Latency, INPROC, 64),
        Item::new(FanOut, TCP, 1 << 10),
        Item::new(FanOut, TCP, 16 << 10),
        Item::new(FanOut, IPC, 16 << 10),
        Item::new(FanIn, TCP, 16 << 10),
        Item::new(Publish, TCP, 1 << 10),
        Item::new(Publish, TCP, 16 << 10),
        first(TCP, 1 << 10),
        first(TCP, 16 << 10),
        first(IPC, 16 << 10),
        Item::new(Curve, TCP, 12 << 10),
        Item::new(Curve, TCP, 64 << 10),
        Item::new(StartStop, TCP, SMALL),
        Item::new(StartStop, IPC, SMALL),
    ];
    items.extend(under_curve(TCP, &[SMALL, 1 << 10, 64 << 10]));
    items.extend(tasks(&[SMALL]));
    items
}

/// Those under CURVE, one way bodies of these `sizes`.
fn under_curve(transport: Transport, sizes: &[usize]) -> Vec<Item> {
    let one_way = sizes.iter().map(|&size| Item::new(Measurement::Throughput, transport, size));
    let trips = ENCRYPTED_TRIPS.map(|size| Item::new(Measurement::Latency, transport, size));
    one_way.chain(trips).map(Item::under_curve).collect()
}

/// Those between tasks of tokio.
fn tasks(sizes: &[usize]) -> Vec<Item> {
    let mut items = Vec::new();
    for flavor in [Flavor::MultiThread, Flavor::CurrentThread] {
        for &size in sizes {
            for measurement in [Measurement::Latency, Measurement::Throughput] {
                items.push(Item { flavor: Some(flavor), ..Item::new(measurement, TCP, size) });
            }
        }
    }
    items
}

/// The cases of a run.
pub(crate) fn items(short: bool) -> Vec<Item> {
    if short { quick() } else { whole() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quick_run_is_a_part_of_a_whole_one() {
        let whole = items(false);
        assert!(items(true).iter().all(|item| whole.contains(item)));
    }

    #[test]
    fn every_case_is_measured_once_and_has_a_name_of_its_own() {
        let mut names: Vec<String> = items(false).iter().flat_map(Item::cases).collect();
        let all = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), all);
    }

    #[test]
    fn a_round_trip_is_three_times_and_its_cpu_time() {
        let item = Item::new(Measurement::Latency, TCP, 64);
        let cases = item.cases();
        let names = ["tcp/latency-p50/64", "tcp/latency-p99/64", "tcp/latency-p999/64"];
        assert_eq!(cases[..3], names);
        assert_eq!(cases[3], "tcp/latency-cpu/64");
    }

    #[test]
    fn what_is_encrypted_says_so_and_has_its_counterpart() {
        for short in [true, false] {
            let items = items(short);
            for item in items.iter().filter(|item| item.is_under_curve()) {
                assert!(item.cases().iter().all(|case| case.contains("/under-curve/")));
                // A round trip is judged by it.
                let judged = !short || item.measurement == Measurement::Latency;
                assert!(!judged || items.contains(&item.under_null()), "{}", item.name());
            }
        }
        let item = Item::new(Measurement::Latency, TCP, 64).under_curve();
        assert_eq!(item.cases()[0], "tcp/under-curve/latency-p50/64");
    }

    #[test]
    fn what_runs_under_tokio_has_its_runtime_in_its_name() {
        let item = Item::new(Measurement::Throughput, TCP, 64);
        let item = Item { flavor: Some(Flavor::CurrentThread), ..item };
        let names = ["tcp/tokio-current/throughput/64", "tcp/tokio-current/throughput-cpu/64"];
        assert_eq!(item.cases()[..2], names);
    }

    #[test]
    fn as_many_messages_arrive_first_however_many_receive_each() {
        let item = |measurement| Item::new(measurement, TCP, 64);
        assert_eq!(item(Measurement::Throughput).first_count(), 100_000);
        assert_eq!(item(Measurement::Publish).first_count() * 32, 100_000);
        let first = Item { form: Form::First, ..item(Measurement::FanOut) };
        assert_eq!(first.name(), "tcp/first/fan-out/64");
    }

    #[test]
    fn only_tokio_is_every_case_under_tokio_and_no_other() {
        for item in items(false) {
            let named = item.cases().iter().all(|case| case.contains("tokio"));
            assert_eq!(named, item.flavor.is_some(), "{}", item.name());
        }
    }
}
