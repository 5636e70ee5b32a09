#![allow(clippy::unwrap_used)]

use super::*;
use crate::pgm::octets::OctetStream;
use ringmq_pgm::{Gsi, PgmReceiverConfig, PgmSource, PgmSourceConfig, Transmission};
use ringmq_pipe::{Capacity, PipeEnd, pipe};
use ringmq_zmtp::SocketType;
use std::net::IpAddr;

const HOST: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(198, 18, 0, 1));
const GROUP: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(239, 192, 1, 1));
const PORT: u16 = 7500;
/// Bytes of each message, which is a packet.
const BODY: usize = 1_000;

/// A source, and a subscriber that hears it, with a pipe of two messages.
struct Pair {
    source: PgmSource,
    subscriber: PgmSubscriber,
    near: PipeEnd<()>,
    far: PipeEnd<()>,
    now: Instant,
    sent: u32,
}

impl Pair {
    fn new(max_waiting_bytes: Option<u64>) -> Self {
        let now = Instant::now();
        let session = Tsi { gsi: Gsi([7; 6]), port: 9 };
        let config = PgmSourceConfig::new(session, PORT, HOST, GROUP).with_rate(None);
        let source = PgmSource::new(PgmSourceConfig { window: 1 << 16, ..config }, now);
        let receiver = PgmReceiver::new(PgmReceiverConfig::new(GROUP, PORT), 1);
        let group = SocketAddr::new(GROUP, PORT);
        let about = (Arc::new(Config::new(SocketType::Sub)), Arc::from("epgm"));
        let subscriber =
            PgmSubscriber::new(receiver, group, IpHeaders::Udp, about, max_waiting_bytes);
        let (near, far) = pipe(Capacity::Messages(2), Capacity::Messages(2));
        Self { source, subscriber, near, far, now, sent: 0 }
    }

    /// Has the subscriber get the next message.
    fn send(&mut self) {
        self.send_body(BODY);
    }

    fn send_body(&mut self, length: usize) {
        let (mut near, mut far) = pipe::<()>(Capacity::Messages(0), Capacity::Messages(0));
        let mut body = vec![0; length];
        body[..4].copy_from_slice(&self.sent.to_be_bytes());
        near.tx.write_body(0, &body).unwrap();
        let (mut pieces, mut stream) = (Vec::new(), OctetStream::new());
        far.rx.as_log_mut().unwrap().gather(usize::MAX, &mut pieces);
        stream.add(&pieces);
        let length = stream.pack(self.source.slot(self.now).unwrap());
        self.source.commit(length);
        while let Some(Transmission { run, .. }) = self.source.transmit(self.now, 1) {
            let PgmSubscriber { receiver, sources, .. } = &mut self.subscriber;
            let mut outlet = Outlet { sources, pipe: &mut self.near.tx };
            for packet in run.iter() {
                receiver.on_packet(self.now, SocketAddr::new(HOST, 1), packet, &mut outlet);
            }
            let packets = run.len();
            self.source.sent(self.now, packets);
        }
        self.sent += 1;
    }

    /// The numbers of the messages that the application gets now.
    fn take(&mut self) -> Vec<u32> {
        if let Some(log) = self.near.tx.as_log_mut() {
            log.publish();
        }
        let number =
            |frame: ringmq_pipe::Message| u32::from_be_bytes(*frame.first_chunk().unwrap());
        let numbers = std::iter::from_fn(|| self.far.rx.read()).map(number).collect();
        // Credited at the latest when it goes to sleep.
        self.far.rx.fall_asleep();
        numbers
    }
}

/// Sends until it wants no more; how many octets waited then.
fn fill(pair: &mut Pair) -> u64 {
    while pair.subscriber.reads_on() {
        pair.send();
    }
    pair.subscriber.sources.waiting_octets
}

/// As many as wait at the most, if each costs no more than its place.
const MOST: usize = READ_ON as usize / size_of::<Delivery>();

#[test]
fn it_reads_on_while_the_pipe_is_full_and_not_without_end() {
    let mut pair = Pair::new(None);
    let waiting = fill(&mut pair);
    assert!((READ_ON..READ_ON + 2 * BODY as u64 + WAITING_COST).contains(&waiting), "{waiting}");
    let mut numbers = pair.take();
    assert!(numbers.len() < 10, "the pipe is full: {numbers:?}");
    while pair.subscriber.is_blocked() {
        pair.subscriber.resume(&mut pair.near.tx);
        numbers.extend(pair.take());
    }
    assert_eq!(numbers, (0..pair.sent).collect::<Vec<_>>());
    assert!(pair.subscriber.reads_on() && pair.subscriber.sources.waiting_octets == 0);
}

#[test]
fn a_limit_of_the_bytes_that_wait_holds_for_that_too() {
    let mut pair = Pair::new(Some(50_000));
    let waiting = fill(&mut pair);
    assert!(waiting < 50_000 + 2 * BODY as u64, "{waiting}");
}

#[test]
fn packets_with_next_to_nothing_in_them_cost_their_place() {
    let mut pair = Pair::new(None);
    while pair.subscriber.reads_on() {
        pair.send_body(4);
        assert!(pair.subscriber.sources.waiting.len() <= MOST);
    }
}

#[test]
fn what_is_told_of_sources_costs_its_place_too() {
    let mut pair = Pair::new(None);
    while !pair.subscriber.is_blocked() {
        pair.send();
    }
    let Some(Delivery::Data(source, _)) = pair.subscriber.sources.waiting.front() else {
        panic!("a message waits");
    };
    let source = *source;
    while pair.subscriber.reads_on() {
        let sources = &mut pair.subscriber.sources;
        let mut outlet = Outlet { sources, pipe: &mut pair.near.tx };
        outlet.lost(source, Sqn(7), 1, LossReason::WindowFull);
        assert!(pair.subscriber.sources.waiting.len() <= MOST);
    }
}
