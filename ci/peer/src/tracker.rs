//! What a receiver has got: runs of sequence numbers for each stream, and every fault.
//!
//! Only whole messages that equal the pattern byte for byte join a run.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::pattern::{Pattern, parse_probe, parse_tag};

/// Faults kept word for word; the rest is only counted.
const KEPT_FAULTS: usize = 5;

/// First and last sequence number of each unbroken run.
pub(crate) type Runs = Vec<(u64, u64)>;

/// The state as the driver reads it.
#[derive(Debug, Default, Clone, Serialize)]
pub(crate) struct Report {
    pub(crate) received: u64,
    /// What has come of each stream.
    pub(crate) runs: BTreeMap<u32, Runs>,
    pub(crate) fault_count: u64,
    pub(crate) faults: Vec<String>,
    /// Messages that belong to no stream: somebody else's.
    pub(crate) foreign: u64,
}

/// Checks each message against the pattern and remembers it as part of a run.
#[derive(Default)]
pub(crate) struct Tracker {
    report: Report,
    probes: BTreeSet<u64>,
    /// The stream that an untagged message is taken to belong to, and where it starts.
    current: (u32, u64),
}

impl Tracker {
    pub(crate) fn report(&self) -> &Report {
        &self.report
    }

    /// Takes untagged messages for this stream's, in order from `first` on.
    pub(crate) fn expect(&mut self, stream: u32, first: u64) {
        self.current = (stream, first);
    }

    pub(crate) fn has_probe(&self, number: u64) -> bool {
        self.probes.contains(&number)
    }

    /// How many messages of a stream arrived whole and in order.
    pub(crate) fn count(&self, stream: u32) -> u64 {
        self.runs(stream).iter().map(|(first, last)| last - first + 1).sum()
    }

    /// The newest sequence number of a stream.
    pub(crate) fn last(&self, stream: u32) -> Option<u64> {
        self.runs(stream).last().map(|(_, last)| *last)
    }

    pub(crate) fn runs(&self, stream: u32) -> &[(u64, u64)] {
        self.report.runs.get(&stream).map_or(&[], Vec::as_slice)
    }

    /// Accounts for one received message.
    pub(crate) fn take<F: AsRef<[u8]>>(&mut self, pattern: &Pattern, frames: &[F]) {
        let head = frames.first().map_or(&[][..], AsRef::as_ref);
        if let (1, Some(number)) = (frames.len(), parse_probe(head)) {
            self.probes.insert(number);
            return;
        }
        let (stream, seq) = match parse_tag(head) {
            Some(tag) => tag,
            None => {
                let (stream, first) = self.current;
                let seq = self.last(stream).map_or(first, |last| first.max(last + 1));
                if pattern.is_tagged(seq) {
                    self.report.foreign += 1;
                    return;
                }
                (stream, seq)
            }
        };
        if self.current.0 != stream {
            self.current = (stream, 0);
        }
        if !pattern.frames(stream, seq).iter().map(Vec::as_slice).eq(frames.iter().map(F::as_ref)) {
            let sizes: Vec<usize> = frames.iter().map(|frame| frame.as_ref().len()).collect();
            let head = hex::encode(&head[..head.len().min(24)]);
            self.fault(format!("stream {stream}: not message {seq}: {sizes:?} bytes from {head}"));
            return;
        }
        self.extend(stream, seq);
    }

    fn extend(&mut self, stream: u32, seq: u64) {
        match self.last(stream) {
            Some(last) if seq <= last => {
                self.fault(format!("stream {stream}: {seq} after {last}"));
                return;
            }
            Some(last) if seq == last + 1 => {
                if let Some((_, end)) = self.report.runs.get_mut(&stream).and_then(|r| r.last_mut())
                {
                    *end = seq;
                }
            }
            _ => self.report.runs.entry(stream).or_default().push((seq, seq)),
        }
        self.report.received += 1;
    }

    fn fault(&mut self, text: String) {
        self.report.fault_count += 1;
        if self.report.faults.len() < KEPT_FAULTS {
            self.report.faults.push(text);
        }
    }
}
