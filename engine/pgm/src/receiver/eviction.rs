//! Which source makes room where there are too many.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

/// How long packets may be under way.
const LATEST: Duration = Duration::from_secs(10);

/// What a source is to a receiver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// A single packet of it has come: anybody can make up many of those.
    Stranger,
    /// Its session is over.
    Over,
    /// Any other.
    Known,
}

/// Sources in the order in which they make room for others, those first that are missed least: sessions that are
/// over, once all their packets must have come (earlier these would be taken for those of a new one), strangers,
/// the other sessions that are over, and all others. Among equals the one goes first that is silent for longest.
///
/// Each packet would change this order, and that is too dear. So a source stays where it is until it is the next to
/// go: only then it is looked at, and put where it belongs. As time goes on and strangers get known, that is
/// always further back, so none that belongs in front of it is passed over. Only those that end come further to the
/// front, and have to be [put](Self::put) there at once. Each packet makes at most one place wrong, which is put
/// right once: whatever packets come, there are no more of these steps than packets.
#[derive(Debug, Default)]
pub(super) struct EvictionOrder {
    /// By standing: when each was heard, and its slot.
    queues: [BTreeSet<(Instant, u32)>; 3],
    /// By slot: where its source is in them.
    places: Vec<Option<(Standing, Instant)>>,
    /// How often a source was looked at.
    #[cfg(test)]
    looks: u64,
}

impl EvictionOrder {
    /// Puts the source in slot `index` where it belongs.
    pub(super) fn put(&mut self, index: u32, place: (Standing, Instant)) {
        let at = index as usize;
        if self.places.get(at) == Some(&Some(place)) {
            return;
        }
        self.remove(index);
        if self.places.len() <= at {
            self.places.resize(at + 1, None);
        }
        self.places[at] = Some(place);
        let (standing, heard) = place;
        self.queues[standing as usize].insert((heard, index));
    }

    /// There is no source in slot `index` any more.
    pub(super) fn remove(&mut self, index: u32) {
        if let Some((standing, heard)) = self.places.get_mut(index as usize).and_then(Option::take)
        {
            self.queues[standing as usize].remove(&(heard, index));
        }
    }

    /// The slot of the source that goes first. `look` tells where the source in a slot belongs.
    pub(super) fn least(
        &mut self,
        now: Instant,
        look: impl Fn(u32) -> Option<(Standing, Instant)>,
    ) -> Option<u32> {
        // These are heard no more, so they are where they belong.
        let over = self.queues[Standing::Over as usize].first().copied();
        let settled = over.filter(|(heard, _)| now.saturating_duration_since(*heard) >= LATEST);
        let least = settled
            .or_else(|| self.first_of(Standing::Stranger, &look))
            .or(over)
            .or_else(|| self.first_of(Standing::Known, &look));
        least.map(|(_, index)| index)
    }

    /// The first of a standing, after those before it are put where they belong.
    fn first_of(
        &mut self,
        standing: Standing,
        look: impl Fn(u32) -> Option<(Standing, Instant)>,
    ) -> Option<(Instant, u32)> {
        while let Some((heard, index)) = self.queues[standing as usize].first().copied() {
            #[cfg(test)]
            (self.looks += 1);
            match look(index) {
                Some(place) if place == (standing, heard) => return Some((heard, index)),
                Some(place) => self.put(index, place),
                None => self.remove(index),
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use core::net::{IpAddr, SocketAddr};

    use proptest::prelude::*;

    use super::super::{LossReason, PgmReceiver, PgmReceiverConfig, PgmSink, SourceEnd};
    use super::super::{PeerSlot, SourceHandle};
    use super::*;
    use crate::packet::{Body, DataBody, Gsi, Packet, Sqn, Tsi};

    const HOST: IpAddr = IpAddr::V4(core::net::Ipv4Addr::new(10, 0, 0, 1));
    const GROUP: IpAddr = IpAddr::V4(core::net::Ipv4Addr::new(239, 192, 1, 1));
    const PORT: u16 = 5555;

    /// Writes down who had to go.
    #[derive(Default)]
    struct Evicted(Vec<usize>);

    impl PgmSink for Evicted {
        fn data(&mut self, _source: SourceHandle, _sqn: Sqn, _tsdu: &[u8]) {}
        fn lost(&mut self, _source: SourceHandle, _first: Sqn, _count: u32, _reason: LossReason) {}
        fn ended(&mut self, source: SourceHandle, end: SourceEnd) {
            self.0.extend((end == SourceEnd::Evicted).then_some(source.index()));
        }
    }

    /// What happens to a receiver.
    #[derive(Clone, Copy, Debug)]
    enum Step {
        /// Data of a session.
        Data { session: u32, sqn: u32 },
        /// An SPM of a session, which may be the end of it.
        Spm { session: u32, number: u32, lead: u32, fin: bool, rst: bool },
        /// Time goes on, and what has waited is done.
        Pass { millis: u64 },
        /// So many packets are sent.
        Send { packets: usize },
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let session = 0..12_u32;
        let step = prop_oneof![
            6 => (session.clone(), 0..6_u32).prop_map(|(session, sqn)| Step::Data { session, sqn }),
            3 => (session, 0..9_u32, 0..6_u32, 0..4_u8).prop_map(|(session, number, lead, end)| {
                Step::Spm { session, number, lead, fin: end == 0, rst: end == 1 }
            }),
            2 => prop_oneof![Just(0), Just(60), 0..4000_u64, Just(10_000)]
                .prop_map(|millis| Step::Pass { millis }),
            1 => (0..4_usize).prop_map(|packets| Step::Send { packets }),
        ];
        prop::collection::vec(step, 1..120)
    }

    fn session(number: u32) -> Tsi {
        let [a, b, c, d] = number.to_be_bytes();
        Tsi { gsi: Gsi([9, 9, a, b, c, d]), port: 7 }
    }

    fn data(number: u32, sqn: u32) -> Packet<'static> {
        let data = DataBody { sqn: Sqn(sqn), trail: Sqn(0), tsdu: b"data" };
        Packet::downstream(session(number), PORT, Body::Odata(data))
    }

    fn receiver(sources: usize, memory: usize) -> PgmReceiver {
        let config = PgmReceiverConfig::new(GROUP, PORT);
        let expiry = Duration::from_secs(20);
        PgmReceiver::new(PgmReceiverConfig { sources, memory, expiry, ..config }, 1)
    }

    fn hear(receiver: &mut PgmReceiver, now: Instant, packet: &Packet<'_>, sink: &mut Evicted) {
        let mut bytes = Vec::new();
        packet.write(&mut bytes);
        receiver.on_packet(now, SocketAddr::new(HOST, 9), &bytes, sink);
    }

    fn take(receiver: &mut PgmReceiver, now: Instant, step: Step, sink: &mut Evicted) {
        match step {
            Step::Data { session, sqn } => hear(receiver, now, &data(session, sqn), sink),
            Step::Spm { session: of, number, lead, fin, rst } => {
                let (sqn, trail, lead) = (Sqn(number), Sqn(0), Sqn(lead));
                let body = Body::Spm { sqn, trail, lead, path: HOST };
                let mut packet = Packet::downstream(session(of), PORT, body);
                packet.options.fin = fin;
                packet.options.rst = rst.then_some(0);
                hear(receiver, now, &packet, sink);
            }
            Step::Pass { .. } => receiver.on_timeout(now, sink),
            Step::Send { packets } => {
                for _ in 0..packets {
                    receiver.transmit(now);
                }
            }
        }
    }

    /// The source that has to go, by looking at all of them.
    fn plain_choice(receiver: &PgmReceiver, now: Instant) -> Option<usize> {
        let importance = |slot: &PeerSlot| {
            let (peer, (_, heard)) = (&slot.peer, slot.peer.place());
            let settled = now.saturating_duration_since(heard) >= LATEST;
            let importance = match (peer.is_over(), peer.counters.packets + peer.counters.spms) {
                (true, _) if settled => 0,
                (false, ..=1) => 1,
                (true, _) => 2,
                (false, _) => 3,
            };
            (importance, heard)
        };
        let known = receiver.slots.iter().enumerate();
        let known = known.filter_map(|(at, slot)| Some((at, slot.as_deref()?)));
        known.min_by_key(|(_, slot)| importance(slot)).map(|(at, _)| at)
    }

    /// What is written down of sources elsewhere is what they are, and nothing is left of others.
    fn agrees(receiver: &PgmReceiver) {
        let known = || receiver.slots.iter().zip(0_u32..).filter(|(slot, _)| slot.is_some());
        let turns = known().filter_map(|(slot, at)| Some((slot.as_ref()?.turn?, at)));
        assert!(turns.collect::<std::collections::BTreeMap<_, _>>() == receiver.wanting);
        let places = receiver.eviction.queues.iter().flatten().map(|(_, at)| *at);
        let mut places: Vec<u32> = places.collect();
        places.sort_unstable();
        assert_eq!(places, known().map(|(_, at)| at).collect::<Vec<_>>());
        assert_eq!(places.len(), receiver.by_session.len());
    }

    proptest! {
        #[test]
        fn who_goes_is_who_would_be_chosen_of_all(
            sources in 1..6_usize,
            memory in prop_oneof![Just(0), Just(64_000)],
            steps in steps(),
        ) {
            let (mut receiver, mut sink) = (receiver(sources, memory), Evicted::default());
            let mut now = Instant::now();
            for step in steps {
                if let Step::Pass { millis } = step {
                    now += Duration::from_millis(millis);
                }
                let choice = plain_choice(&receiver, now);
                take(&mut receiver, now, step, &mut sink);
                agrees(&receiver);
                let gone = std::mem::take(&mut sink.0);
                prop_assert!(gone.len() <= 1);
                prop_assert!(gone.is_empty() || gone.first() == choice.as_ref(), "{gone:?}, {choice:?}");
            }
        }
    }

    #[test]
    fn a_flood_of_sessions_looks_at_few_sources_for_each() {
        const SOURCES: u32 = 1024;
        let mut sink = Evicted::default();
        let mut now = Instant::now();
        // Sources of which there is one packet, and those of which there are more.
        for packets in 1..4 {
            let mut receiver = receiver(SOURCES as usize, 64_000);
            let mut heard = 0;
            let mut tell = |number, sqn| {
                now += Duration::from_micros(1);
                hear(&mut receiver, now, &data(number, sqn), &mut sink);
                heard += 1;
                receiver.eviction.looks
            };
            for sqn in 0..packets {
                for number in 0..SOURCES {
                    tell(number, sqn);
                }
            }
            let mut looks = 0;
            for number in SOURCES..20 * SOURCES {
                looks = tell(number, 0);
                // The others go on, each in its turn, or come again.
                looks = looks.max(tell(number % SOURCES, packets + number / SOURCES));
            }
            // One look finds the source, and each packet costs one more at most.
            assert!(looks <= 2 * heard, "{looks} looks for {heard} packets");
            assert!(looks > 0 && receiver.totals().evicted > 0);
        }
    }
}
