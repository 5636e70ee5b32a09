//! What is measured in one run: the cases, and in which order.

use ringmq_bench::case::Transport;

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
}

impl Item {
    /// The name of a case, `what` being the middle part.
    pub(crate) fn name(&self, what: &str) -> String {
        format!("{}/{what}/{}", self.transport, self.size)
    }

    /// The case, or the three cases, that this becomes in the table.
    pub(crate) fn cases(&self) -> Vec<String> {
        match self.measurement {
            Measurement::Latency => {
                PERCENTILES.map(|name| self.name(&format!("latency-{name}"))).to_vec()
            }
            measurement => vec![self.name(measurement.name())],
        }
    }
}

/// Percentiles of round trips that are reported.
const PERCENTILES: [&str; 3] = ["p50", "p99", "p999"];

/// Bodies over the network in the whole run, in bytes.
const SIZES: [usize; 6] = [16, 64, 256, 1 << 10, 8 << 10, 64 << 10];
/// The same between two threads, where a slot of 64 bytes is the measure of things.
const INPROC_SIZES: [usize; 5] = [16, 32, 64, 1 << 10, 8 << 10];
/// Body of round trips and of those with many peers, in bytes.
const SMALL: usize = 64;
/// Bodies over tcp in the quick run beside [`SMALL`], in bytes.
const QUICK_SIZES: [usize; 3] = [16, 1 << 10, 64 << 10];

/// The cases of a run.
pub(crate) fn items(quick: bool) -> Vec<Item> {
    let transports = [Transport::Tcp, Transport::Ipc, Transport::Inproc];
    let item = |measurement, transport, size| Item { measurement, transport, size };
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
        let item = Item { measurement: Measurement::Latency, transport: Transport::Tcp, size: 64 };
        let names = ["tcp/latency-p50/64", "tcp/latency-p99/64", "tcp/latency-p999/64"];
        assert_eq!(item.cases(), names);
    }
}
