//! A source as a handler on an event loop drives it: a batch of at most 32 datagrams is under way, whose answer tells
//! how many were sent and how many were refused; it sleeps until a time that the source tells.
#![allow(clippy::unwrap_used)]

use core::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use ringmq_pgm::{
    Gsi, LossReason, PgmReceiver, PgmReceiverConfig, PgmSink, PgmSource, PgmSourceConfig,
    SourceEnd, SourceHandle, Sqn, TransmitRoom, Tsi,
};

const UNDER_WAY: usize = 32;
const PORT: u16 = 5555;
const HOST: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1));
const GROUP: IpAddr = IpAddr::V4(Ipv4Addr::new(239, 192, 1, 1));
/// How long the answer to a batch takes.
const ANSWER: Duration = Duration::from_micros(300);

/// Writes down what comes.
#[derive(Default)]
struct Log {
    data: Vec<Vec<u8>>,
    end: Option<SourceEnd>,
}

impl PgmSink for Log {
    fn data(&mut self, _source: SourceHandle, _sqn: Sqn, tsdu: &[u8]) {
        self.data.push(tsdu.to_vec());
    }
    fn lost(&mut self, _source: SourceHandle, first: Sqn, count: u32, reason: LossReason) {
        panic!("{count} from {first} on are lost: {reason}");
    }
    fn ended(&mut self, _source: SourceHandle, end: SourceEnd) {
        self.end = Some(end);
    }
}

/// What sends, and what it still has to say.
struct Handler {
    source: PgmSource,
    next: u32,
    count: u32,
    /// The datagrams that are under way, and when their answer comes.
    batch: Vec<Vec<u8>>,
    answer: Option<Instant>,
    wakes: u32,
}

impl Handler {
    /// Makes packets as long as there is room, and sends as many as may be under way.
    fn drive(&mut self, now: Instant) {
        self.wakes += 1;
        if self.answer.is_some() {
            return;
        }
        // No more than can leave at once: each packet that waits takes the place of one that could be repaired.
        while self.next < self.count
            && self.source.unsent() < UNDER_WAY
            && let Some(slot) = self.source.slot(now)
        {
            // Packets of different lengths, some as long as can be.
            let length =
                if self.next.is_multiple_of(3) { slot.len() } else { 4 + self.next as usize % 50 };
            slot[..length].fill(7);
            slot[..4].copy_from_slice(&self.next.to_be_bytes());
            self.source.commit(length);
            self.next += 1;
        }
        if self.next == self.count {
            self.source.close();
        }
        while self.batch.len() < UNDER_WAY
            && let Some(transmission) = self.source.transmit(now, UNDER_WAY - self.batch.len())
        {
            let packets = transmission.run.len();
            self.batch.extend(transmission.run.iter().map(<[u8]>::to_vec));
            // They are copied, so they are as good as sent: those that are refused are lost.
            self.source.sent(now, packets);
        }
        self.answer = (!self.batch.is_empty()).then(|| now + ANSWER);
    }

    /// When it is to be called again, if nothing comes.
    fn timeout(&mut self, now: Instant) -> Instant {
        if let Some(at) = self.answer {
            return at;
        }
        let at = self.source.timeout(now);
        match self.source.room(now) {
            TransmitRoom::At(room) if self.next < self.count => at.min(room),
            _ => at,
        }
    }

    /// Whether all was sent, and the answer to it has come.
    fn is_over(&self) -> bool {
        self.source.is_closed() && self.answer.is_none()
    }
}

#[test]
fn a_handler_with_a_batch_under_way_sends_all_sleeps_in_between_and_ends() {
    for (rate, count) in [(Some(125_000), 300), (None, 3_000)] {
        let start = Instant::now();
        let session = Tsi { gsi: Gsi([1, 2, 3, 4, 5, 6]), port: 7 };
        let config = PgmSourceConfig::new(session, PORT, HOST, GROUP).with_rate(rate);
        let source = PgmSource::new(PgmSourceConfig { window: 5_000, ..config }, start);
        let (batch, answer) = (Vec::new(), None);
        let mut handler = Handler { source, next: 0, count, batch, answer, wakes: 0 };
        let config = PgmReceiverConfig { window: 5_000, ..PgmReceiverConfig::new(GROUP, PORT) };
        let (mut receiver, mut log) = (PgmReceiver::new(config, 1), Log::default());
        let mut now = start;
        let mut datagrams = 0_u32;
        while log.end.is_none() {
            handler.drive(now);
            let others = receiver.timeout().unwrap_or(now + ANSWER);
            let until = handler.timeout(now).min(others);
            now = now.max(until);
            receiver.on_timeout(now, &mut log);
            if handler.answer.is_some_and(|at| at <= now) {
                handler.answer = None;
                for datagram in handler.batch.drain(..) {
                    datagrams += 1;
                    // The system refuses one now and then; those before the first of data all arrive.
                    if datagrams <= 3 || !datagrams.is_multiple_of(13) {
                        let from = SocketAddr::new(HOST, 40_000);
                        receiver.on_packet(now, from, &datagram, &mut log);
                    }
                }
            }
            while let Some(upstream) = receiver.transmit(now) {
                handler.source.on_packet(now, upstream.bytes);
            }
            assert!(now < start + Duration::from_secs(60), "it never ends");
        }
        assert_eq!((log.end, log.data.len()), (Some(SourceEnd::Fin), count as usize));
        let numbers = log.data.iter().map(|tsdu| u32::from_be_bytes(*tsdu.first_chunk().unwrap()));
        assert!(numbers.eq(0..count));
        assert!(handler.is_over() && handler.source.unsent() == 0);
        assert!(handler.source.counters().repairs > 0);
        assert!(handler.wakes <= 4 * datagrams, "{} wakes", handler.wakes);
    }
}
