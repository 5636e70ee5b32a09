//! What is measured in one run: the cases, and in which order.

use ringmq_bench::case::Transport;

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
}

impl Item {
    /// The name of the whole, of which a case has more.
    pub(crate) fn name(&self) -> String {
        self.with_suffix("")
    }

    /// The figures that it brings.
    pub(crate) fn figures(&self) -> &'static [Figure] {
        Figure::of(self.measurement, self.flavor.is_some())
    }

    /// The case of each figure, one row of the table.
    pub(crate) fn cases(&self) -> Vec<String> {
        self.figures().iter().map(|figure| self.with_suffix(figure.suffix())).collect()
    }

    fn with_suffix(&self, suffix: &str) -> String {
        let Self { measurement, transport, size, flavor } = self;
        let flavor = flavor.map(|flavor| format!("{}/", flavor.name())).unwrap_or_default();
        format!("{transport}/{flavor}{}{suffix}/{size}", measurement.name())
    }
}

/// Bodies over the network in the whole run, in bytes.
const SIZES: [usize; 6] = [16, 64, 256, 1 << 10, 8 << 10, 64 << 10];
/// The same between two threads, where a slot of 64 bytes is the measure of things.
const INPROC_SIZES: [usize; 5] = [16, 32, 64, 1 << 10, 8 << 10];
/// Body of round trips and of those with many peers, in bytes.
const SMALL: usize = 64;
/// Bodies over tcp in the quick run beside [`SMALL`], in bytes.
const QUICK_SIZES: [usize; 3] = [16, 1 << 10, 64 << 10];
/// Bodies between tasks of tokio, in bytes.
const TASK_SIZES: [usize; 2] = [SMALL, 1 << 10];

/// The cases of a run.
pub(crate) fn items(quick: bool) -> Vec<Item> {
    let transports = [Transport::Tcp, Transport::Ipc, Transport::Inproc];
    let item = |measurement, transport, size| Item { measurement, transport, size, flavor: None };
    let mut items = Vec::new();
    for transport in transports {
        let sizes: &[usize] = match (quick, transport) {
            (true, _) => &[SMALL],
            (false, Transport::Inproc) => &INPROC_SIZES,
            (false, _) => &SIZES,
        };
        items.extend(sizes.iter().map(|&size| item(Measurement::Throughput, transport, size)));
        items.push(item(Measurement::Latency, transport, SMALL));
    }
    if quick {
        items.extend(QUICK_SIZES.map(|size| item(Measurement::Throughput, Transport::Tcp, size)));
    } else {
        items.push(item(Measurement::PubSub, Transport::Tcp, SMALL));
        items.push(item(Measurement::RouterDealer, Transport::Tcp, SMALL));
    }
    for flavor in [Flavor::MultiThread, Flavor::CurrentThread] {
        let sizes: &[usize] = if quick { &[SMALL] } else { &TASK_SIZES };
        for &size in sizes {
            for measurement in [Measurement::Latency, Measurement::Throughput] {
                let item = item(measurement, Transport::Tcp, size);
                items.push(Item { flavor: Some(flavor), ..item });
            }
        }
    }
    items
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
    fn a_round_trip_is_three_cases() {
        let (measurement, transport) = (Measurement::Latency, Transport::Tcp);
        let item = Item { measurement, transport, size: 64, flavor: None };
        let names = ["tcp/latency-p50/64", "tcp/latency-p99/64", "tcp/latency-p999/64"];
        assert_eq!(item.cases(), names);
    }

    #[test]
    fn what_runs_under_tokio_has_its_runtime_in_its_name_and_tells_its_cpu_time() {
        let (measurement, transport) = (Measurement::Throughput, Transport::Tcp);
        let item = Item { measurement, transport, size: 64, flavor: Some(Flavor::CurrentThread) };
        let names = ["tcp/tokio-current/throughput/64", "tcp/tokio-current/throughput-cpu/64"];
        assert_eq!(item.cases(), names);
    }

    #[test]
    fn only_tokio_is_every_case_under_tokio_and_no_other() {
        for item in items(false) {
            let named = item.cases().iter().all(|case| case.contains("tokio"));
            assert_eq!(named, item.flavor.is_some(), "{}", item.name());
        }
    }
}
