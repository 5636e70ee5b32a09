//! A host that receives, and looks whether what it gets is what was sent.

use core::net::{IpAddr, SocketAddr};
use std::collections::BTreeMap;
use std::time::Instant;

use ringmq_pgm::{
    Joined, Joiner, LossReason, PgmReceiver, PgmReceiverConfig, PgmSink, SourceEnd, SourceHandle,
    Sqn, Tsi,
};

use crate::plan::{Fate, Plan};
use crate::publisher::{Publisher, filler};
use crate::summary::Summary;
use crate::world::{GROUP, PORT};

/// A receiver, and what it got.
pub(crate) struct Subscriber {
    pub(crate) receiver: PgmReceiver,
    pub(crate) address: SocketAddr,
    pub(crate) fate: Fate,
    pub(crate) got: Got,
}

/// Everything that was delivered, by source.
#[derive(Default)]
pub(crate) struct Got {
    pub(crate) streams: BTreeMap<u8, Received>,
    /// Sources that somebody made up have none.
    by_handle: BTreeMap<SourceHandle, Option<u8>>,
}

/// What came from one source.
#[derive(Default)]
pub(crate) struct Received {
    joiner: Joiner,
    octets: Vec<u8>,
    /// The packet that has to come next.
    pub(crate) next_packet: Option<Sqn>,
    pub(crate) delivered: u64,
    pub(crate) lost: u64,
    pub(crate) messages: u64,
    /// The last message, and whether there was a loss since.
    pub(crate) last_message: Option<u32>,
    hole: bool,
    pub(crate) ended: Option<SourceEnd>,
}

impl Subscriber {
    pub(crate) fn new(plan: &Plan, id: u8, fate: Fate) -> Self {
        let config = PgmReceiverConfig {
            window: plan.receiver_window,
            memory: plan.memory,
            ..PgmReceiverConfig::new(GROUP.into(), PORT)
        };
        Subscriber {
            receiver: PgmReceiver::new(config, plan.seed << 8 | u64::from(id)),
            address: SocketAddr::new(IpAddr::from([10, 0, 1, id]), 50_000),
            fate,
            got: Got::default(),
        }
    }

    /// Whether it hears and acts, `start` being the beginning of all.
    pub(crate) fn is_up(&self, start: Instant, now: Instant) -> bool {
        let since = now.duration_since(start);
        match self.fate {
            Fate::Stays => true,
            Fate::Late(from) => since >= from,
            Fate::Pauses(from, length) => since < from || since >= from + length,
            Fate::Stops(at) => since < at,
        }
    }

    pub(crate) fn add_to(&self, summary: &mut Summary, now: Instant, hostile: bool) {
        let real = |handle| self.got.by_handle.get(&handle).is_some_and(Option::is_some);
        for report in self.receiver.reports(now).filter(|report| real(report.source)) {
            summary.repaired += report.counters.repaired;
            summary.late += report.counters.reordered;
            summary.missed += report.counters.missed;
            summary.duplicates += report.counters.duplicates;
            summary.naks += report.counters.naks;
            summary.nak_numbers += report.counters.nak_numbers;
            summary.ncfs += report.counters.ncfs;
            summary.refused += report.counters.refused;
            let faults = report.counters.malformed + report.counters.impostors;
            assert!(hostile || faults == 0, "{report}");
        }
        for stream in self.got.streams.values() {
            summary.delivered += stream.delivered;
            summary.messages += stream.messages;
            summary.lost += stream.lost;
            summary.sources_ended += u64::from(stream.ended.is_some());
            assert_eq!(stream.joiner.malformed_packets(), 0);
        }
    }
}

impl Got {
    fn stream(&mut self, source: SourceHandle) -> Option<(u8, &mut Received)> {
        let id = self.by_handle[&source]?;
        Some((id, self.streams.get_mut(&id).expect("it began")))
    }
}

impl PgmSink for Got {
    fn began(&mut self, source: SourceHandle, session: Tsi) {
        let id = session.gsi.0[5];
        let real = (0..10).contains(&id) && session == Publisher::session(id);
        self.by_handle.insert(source, real.then_some(id));
        if real {
            let known = self.streams.insert(id, Received::default());
            assert!(known.is_none(), "one source for each session");
        }
    }

    fn data(&mut self, source: SourceHandle, sqn: Sqn, tsdu: &[u8]) {
        let Some((id, stream)) = self.stream(source) else { return };
        stream.follow(sqn, 1);
        stream.delivered += 1;
        match stream.joiner.data(tsdu) {
            Joined::Begin(octets) => {
                stream.octets.clear();
                stream.octets.extend_from_slice(octets);
            }
            Joined::Continue(octets) => stream.octets.extend_from_slice(octets),
            Joined::Skipped => return,
            Joined::Malformed => panic!("a packet contradicts itself"),
        }
        stream.decode(id);
    }

    fn lost(&mut self, source: SourceHandle, first: Sqn, count: u32, _reason: LossReason) {
        let Some((_, stream)) = self.stream(source) else { return };
        stream.follow(first, count);
        stream.lost += u64::from(count);
        stream.joiner.unjoin();
        stream.hole = true;
    }

    fn ended(&mut self, source: SourceHandle, end: SourceEnd) {
        let Some((_, stream)) = self.stream(source) else { return };
        let ended = stream.ended.replace(end);
        assert_eq!(ended, None);
    }
}

impl Received {
    fn follow(&mut self, first: Sqn, count: u32) {
        assert_eq!(self.next_packet.unwrap_or(first), first, "packets and losses leave no hole");
        assert!(self.ended.is_none());
        self.next_packet = Some(first.plus(count));
    }

    /// Takes whole messages from the front of the octets.
    fn decode(&mut self, id: u8) {
        let mut rest = &self.octets[..];
        while let Some((first, after)) = frame(rest) {
            let Some((second, after)) = frame(after) else { break };
            let (number, from) = (first.1, first.1[0]);
            assert_eq!((first.0, second.0, number.len(), from), (1, 0, 5, id));
            let number = u32::from_be_bytes(number[1..].try_into().unwrap());
            assert!(second.1.iter().copied().eq(filler(id, number).take(second.1.len())));
            match self.last_message {
                Some(last) if self.hole => assert!(number > last),
                Some(last) => assert_eq!(number, last + 1),
                None => {}
            }
            (self.last_message, self.hole) = (Some(number), false);
            self.messages += 1;
            rest = after;
        }
        let taken = self.octets.len() - rest.len();
        self.octets.drain(..taken);
    }
}

/// Flags and body.
type Frame<'a> = (u8, &'a [u8]);

/// The first frame, its flags and body, and what follows it.
fn frame(octets: &[u8]) -> Option<(Frame<'_>, &[u8])> {
    let (length, rest) = match octets {
        [0xFF, rest @ ..] => {
            let (length, rest) = rest.split_first_chunk()?;
            (usize::try_from(u64::from_be_bytes(*length)).unwrap(), rest)
        }
        [length, rest @ ..] => (usize::from(*length), rest),
        [] => return None,
    };
    let (frame, rest) = rest.split_at_checked(length)?;
    let (flags, body) = frame.split_first().expect("frames have flags");
    Some(((*flags, body), rest))
}
