//! Peers that come and go, each in its way.

use crate::THREADS;
use crate::door::Door;
use crate::harness::PATIENCE;
use crate::ledger::{body, read};
use crate::raw::{frame, greeting, long_header, ready};
use fastrand::Rng;
use ringmq::{BackendChoice, Context, Dealer};
use socket2::SockRef;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

/// Messages of a peer, at most.
const MOST: u32 = 8;

/// Those who come to one door.
#[derive(Clone, Copy)]
pub(crate) struct Crowd<'a> {
    pub(crate) door: &'a Door,
    pub(crate) backend: BackendChoice,
    /// Where most of them are at home.
    pub(crate) clients: &'a Context,
}

trait Stream: Read + Write {}
impl<T: Read + Write> Stream for T {}

impl Crowd<'_> {
    /// So many of them, one after the other.
    pub(crate) fn come_and_go(self, count: usize) {
        for _ in 0..count {
            let peer = self.door.ledger.peer();
            let mut rng = Rng::with_seed(peer as u64);
            match rng.u32(0..100) {
                0..40 => self.in_peace(peer, &mut rng),
                40..70 => self.in_haste(self.clients, peer, &mut rng),
                70..73 => self.alone(peer, &mut rng),
                73..85 => self.half(&mut rng),
                // Nobody writes sealed messages byte by byte.
                _ if self.door.is_secret() => self.half(&mut rng),
                _ => self.reset(peer, &mut rng),
            }
        }
    }

    fn dealer(&self, context: &Context, rng: &mut Rng) -> Dealer {
        let dealer = self.door.dealer(context, rng.choice(&self.door.endpoints).unwrap());
        dealer.set_send_timeout(Some(PATIENCE)).unwrap();
        dealer.set_recv_timeout(Some(PATIENCE)).unwrap();
        dealer
    }

    /// Sends, reads some or all of what comes back, and leaves it to the context to deliver the rest.
    fn in_peace(&self, peer: usize, rng: &mut Rng) {
        let dealer = self.dealer(self.clients, rng);
        dealer.set_linger(None).unwrap();
        let count = rng.u32(0..=MOST);
        self.door.ledger.send(peer, count, true);
        (0..count).for_each(|number| dealer.send(body(peer, number)).unwrap());
        for number in 0..rng.u32(0..=count) {
            assert_eq!(read(&dealer.recv().unwrap()), (peer, number), "given back");
        }
    }

    /// Sends, reads what is there by chance, and wants nothing to be waited for.
    fn in_haste(&self, context: &Context, peer: usize, rng: &mut Rng) {
        let dealer = self.dealer(context, rng);
        dealer.set_linger(Some(Duration::ZERO)).unwrap();
        let count = rng.u32(0..=MOST);
        self.door.ledger.send(peer, count, false);
        (0..count).for_each(|number| dealer.send(body(peer, number)).unwrap());
        if count > 0 && rng.bool() {
            assert_eq!(read(&dealer.recv().unwrap()), (peer, 0), "given back");
        }
        pause(rng);
        let mut next = None;
        while let Ok(message) = dealer.try_recv() {
            let (of, number) = read(&message);
            assert!(of == peer && next.is_none_or(|next| next == number), "given back");
            next = Some(number + 1);
        }
    }

    /// With a context of its own, which ends with all that its threads have begun: connects, accepts, messages
    /// on their way.
    fn alone(&self, peer: usize, rng: &mut Rng) {
        let builder = Context::builder().backend(self.backend).thread_name(THREADS);
        let context = builder.build().unwrap();
        let pull = context.pull().unwrap();
        pull.bind("tcp://127.0.0.1:*").unwrap();
        pull.bind("ipc://*").unwrap();
        self.in_haste(&context, peer, rng);
        if rng.bool() {
            context.shutdown();
        }
    }

    /// Says the beginning of something, and goes.
    fn half(&self, rng: &mut Rng) {
        let mut stream = self.stream(rng);
        let opening = [greeting(), ready(&[("Socket-Type", b"DEALER")])].concat();
        stream.write_all(&opening[..rng.usize(0..opening.len())]).ok();
        pause(rng);
    }

    /// Shakes hands, sends messages and the beginning of one, and goes without having read what was sent to it;
    /// over tcp with a reset.
    fn reset(&self, peer: usize, rng: &mut Rng) {
        let mut stream = self.stream(rng);
        let count = rng.u32(0..=MOST);
        self.door.ledger.send(peer, count, false);
        let mut said = [greeting(), ready(&[("Socket-Type", b"DEALER")])].concat();
        stream.write_all(&said).unwrap();
        // Its greeting, and the header and some of its READY: the handshake is over.
        stream.read_exact(&mut [0; 70]).unwrap();
        said.clear();
        for number in 0..count {
            let body = body(peer, number);
            if body.len() < 256 {
                said.extend(frame(0, &body));
            } else {
                said.extend(long_header(body.len() as u64));
                said.extend(body);
            }
        }
        said.extend(long_header(1 << 40));
        said.extend([0; 1000]);
        // It may wait for us to read, which we do not.
        stream.write_all(&said).ok();
        pause(rng);
    }

    fn stream(&self, rng: &mut Rng) -> Box<dyn Stream> {
        let endpoint = rng.choice(&self.door.endpoints).unwrap();
        if let Some(path) = endpoint.strip_prefix("ipc://") {
            let stream = UnixStream::connect(path).unwrap();
            stream.set_read_timeout(Some(PATIENCE)).unwrap();
            stream.set_write_timeout(Some(PATIENCE)).unwrap();
            return Box::new(stream);
        }
        let stream = TcpStream::connect(endpoint.strip_prefix("tcp://").unwrap()).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap();
        Box::new(stream)
    }
}

/// Of random length, from nothing to a millisecond; short ones as often as long ones. Nothing depends on it
/// but how far things have come.
fn pause(rng: &mut Rng) {
    let most = 1 << rng.u32(0..20);
    let until = Instant::now() + Duration::from_nanos(rng.u64(0..most));
    while Instant::now() < until {
        std::thread::yield_now();
    }
}
