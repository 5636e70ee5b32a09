//! Time, and the network between hosts.

use core::net::SocketAddr;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::{Duration, Instant};

use ringmq_pgm::UpstreamTo;

use crate::hostile::Hostile;
use crate::link::Link;
use crate::plan::{Fate, Plan};
use crate::publisher::Publisher;
use crate::subscriber::Subscriber;
use crate::summary::Summary;

pub(crate) const GROUP: [u8; 4] = [239, 192, 1, 1];
pub(crate) const PORT: u16 = 5555;
/// When a scenario is over at the latest: all SPMs that follow the last data have been sent by then.
const END: Duration = Duration::from_secs(300);

/// A host, by its place in the list of its kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Host {
    Source(usize),
    Receiver(usize),
}

/// A packet on its way.
struct InFlight {
    to: Host,
    from: SocketAddr,
    bytes: Rc<[u8]>,
}

pub(crate) struct World<'a> {
    plan: &'a Plan,
    start: Instant,
    now: Instant,
    rng: fastrand::Rng,
    sources: Vec<(Publisher, Link)>,
    receivers: Vec<(Subscriber, Link)>,
    flights: BTreeMap<(Instant, u64), InFlight>,
    flown: u64,
    hostile: Hostile,
}

impl<'a> World<'a> {
    pub(crate) fn new(plan: &'a Plan) -> Self {
        let start = Instant::now();
        let source = |id| (Publisher::new(plan, id as u8, start), Link::new(plan));
        let receiver =
            |(id, fate): (usize, &Fate)| (Subscriber::new(plan, id as u8, *fate), Link::new(plan));
        World {
            plan,
            start,
            now: start,
            rng: fastrand::Rng::with_seed(plan.seed),
            sources: (0..plan.sources).map(source).collect(),
            receivers: plan.receivers.iter().enumerate().map(receiver).collect(),
            flights: BTreeMap::new(),
            flown: 0,
            hostile: Hostile::new(plan.seed, plan.hostile),
        }
    }

    /// Goes on until all is delivered, and looks at what was.
    pub(crate) fn run(mut self) -> Summary {
        let mut steps = 0_u64;
        while self.now < self.start + END && !self.is_over() {
            self.arrive();
            self.act();
            let next = self.next();
            assert!(next >= self.now);
            // Where time stands still, somebody wants to be called for nothing.
            steps = if next > self.now { 0 } else { steps + 1 };
            assert!(steps < 10_000, "time does not go on");
            self.now = next;
        }
        self.check()
    }

    /// All sources have ended for all receivers that know them.
    fn is_over(&self) -> bool {
        let told = |subscriber: &Subscriber| {
            let streams = &subscriber.got.streams;
            matches!(subscriber.fate, Fate::Stops(_))
                || (streams.len() == self.sources.len()
                    && streams.values().all(|stream| stream.ended.is_some()))
        };
        self.sources.iter().all(|(publisher, _)| publisher.source.is_closed())
            && self.receivers.iter().all(|(subscriber, _)| told(subscriber))
    }

    /// When something happens next.
    fn next(&mut self) -> Instant {
        let (start, now) = (self.start, self.now);
        let flight = self.flights.keys().next().map(|(at, _)| *at);
        let sources = self.sources.iter_mut().map(|(publisher, _)| publisher.timeout(now));
        let up = self.receivers.iter().filter(|(subscriber, _)| subscriber.is_up(start, now));
        let receivers = up.filter_map(|(subscriber, _)| subscriber.receiver.timeout());
        // Somebody who is away may be back.
        let look = now + Duration::from_secs(1);
        flight.into_iter().chain(sources).chain(receivers).fold(look, Instant::min).max(now)
    }

    fn arrive(&mut self) {
        while let Some(entry) = self.flights.first_entry().filter(|entry| entry.key().0 <= self.now)
        {
            let InFlight { to, from, bytes } = entry.remove();
            match to {
                Host::Source(at) => self.sources[at].0.source.on_packet(self.now, &bytes),
                Host::Receiver(at) => {
                    let subscriber = &mut self.receivers[at].0;
                    if subscriber.is_up(self.start, self.now) {
                        let got = &mut subscriber.got;
                        subscriber.receiver.on_packet(self.now, from, &bytes, got);
                    }
                }
            }
        }
    }

    fn act(&mut self) {
        let mut out: Vec<(Vec<Host>, SocketAddr, Rc<[u8]>)> = Vec::new();
        let group: Vec<Host> = (0..self.receivers.len()).map(Host::Receiver).collect();
        for (publisher, _) in &mut self.sources {
            loop {
                publisher.pump(self.now);
                let most = self.rng.usize(1..64);
                let Some(transmission) = publisher.source.transmit(self.now, most) else { break };
                // The kernel may take less than it is given.
                let sent = self.rng.usize(1..=transmission.run.len());
                for packet in transmission.run.iter().take(sent) {
                    out.push((group.clone(), publisher.address, packet.into()));
                }
                publisher.source.sent(self.now, sent);
            }
        }
        for (at, (subscriber, _)) in self.receivers.iter_mut().enumerate() {
            if !subscriber.is_up(self.start, self.now) {
                continue;
            }
            subscriber.receiver.on_timeout(self.now, &mut subscriber.got);
            while let Some(upstream) = subscriber.receiver.transmit(self.now) {
                let others = group.iter().copied().filter(|host| *host != Host::Receiver(at));
                let sources = self.sources.iter().map(|(publisher, _)| publisher.address.ip());
                let mut to: Vec<Host> = match upstream.to {
                    UpstreamTo::Host(host) => sources
                        .enumerate()
                        .filter_map(|(at, ip)| (ip == host).then_some(Host::Source(at)))
                        .collect(),
                    UpstreamTo::Group => (0..self.sources.len()).map(Host::Source).collect(),
                };
                if upstream.to == UpstreamTo::Group || self.plan.naks_to_all {
                    to.extend(others);
                }
                out.push((to, subscriber.address, upstream.bytes.into()));
            }
        }
        for (to, from, bytes) in out {
            self.send(&to, from, &bytes);
            if self.plan.hostile > 0 {
                self.forge(&to, &bytes);
            }
        }
    }

    fn send(&mut self, to: &[Host], from: SocketAddr, bytes: &Rc<[u8]>) {
        for host in to {
            let link = match host {
                Host::Source(at) => &mut self.sources[*at].1,
                Host::Receiver(at) => &mut self.receivers[*at].1,
            };
            for time in link.pass(self.now, &mut self.rng) {
                self.flown += 1;
                let flight = InFlight { to: *host, from, bytes: Rc::clone(bytes) };
                self.flights.insert((self.now + time, self.flown), flight);
            }
        }
    }

    /// Forges packets for those who know the sources already: who is the first to send for a session is
    /// believed.
    fn forge(&mut self, to: &[Host], bytes: &[u8]) {
        for host in to {
            let knows = match host {
                Host::Source(_) => true,
                Host::Receiver(at) => self.receivers[*at].0.got.streams.len() == self.sources.len(),
            };
            if let Some(forgery) = knows.then(|| self.hostile.forge(bytes)).flatten() {
                self.flown += 1;
                let from = SocketAddr::from(([10, 0, 9, 9], 1));
                let flight = InFlight { to: *host, from, bytes: forgery.into() };
                self.flights.insert((self.now, self.flown), flight);
            }
        }
    }

    fn check(self) -> Summary {
        let mut summary = Summary::default();
        for (publisher, _) in &self.sources {
            assert!(publisher.is_done() && publisher.source.is_closed());
            let counters = publisher.source.counters();
            summary.sent += counters.packets;
            summary.resent += counters.repairs;
            let faults = counters.malformed + counters.naks_refused;
            assert!(self.plan.hostile > 0 || faults == 0, "{counters}");
        }
        for (subscriber, _) in &self.receivers {
            subscriber.add_to(&mut summary, self.now, self.plan.hostile > 0);
            for (publisher, _) in &self.sources {
                let Some(stream) = subscriber.got.streams.get(&publisher.id) else { continue };
                if self.plan.all {
                    assert_eq!(stream.lost, 0, "nothing had to be lost");
                }
                if matches!(subscriber.fate, Fate::Stops(_)) {
                    continue;
                }
                assert!(stream.ended.is_some(), "every source ends for who has heard of it");
                let end = self.plan.first().plus(publisher.source.counters().packets as u32);
                assert_eq!(stream.next_packet.unwrap_or(end), end, "delivered and lost are all");
                if self.plan.all && stream.delivered > 0 && stream.messages > 0 {
                    assert_eq!(stream.last_message, Some(self.plan.messages - 1));
                }
            }
            if let Fate::Stays = subscriber.fate {
                assert_eq!(subscriber.got.streams.len(), self.sources.len());
            }
        }
        summary
    }
}
