//! A backend under test, with its events at hand one by one, and sockets to use it on.
#![allow(clippy::unwrap_used)]

use crate::common::{self, DEADLINE, stream_pair};
use bytes::Bytes;
use ringmq_engine::backend::{
    self, Backend, Buffer, DatagramBatch, DatagramBuffer, DatagramReceive, Ended, Event,
    OutgoingDatagram, Receive, SendTally,
};
use ringmq_engine::{BackendKind, Batch, BatchPart, Stream, Token};
use socket2::{Domain, SockAddr, Socket, Type};
use std::collections::VecDeque;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long nothing must happen for a test to believe that nothing will.
const SILENCE: Duration = Duration::from_millis(50);

/// What happened, with received bytes copied out.
#[derive(Debug)]
pub(crate) enum What {
    Accepted(io::Result<Socket>),
    Connected(io::Result<()>),
    Received(Vec<u8>),
    Ended(Ended),
    Sent(Given, io::Result<usize>),
    Datagram(Arrived),
    DatagramsSent(DatagramBatch, io::Result<SendTally>),
}

/// A datagram, copied out.
#[derive(Debug)]
pub(crate) struct Arrived {
    pub(crate) bytes: Vec<u8>,
    pub(crate) source: SocketAddr,
    pub(crate) destination: Option<IpAddr>,
    pub(crate) truncated: bool,
    /// The datagrams in it, and whether each was cut.
    pub(crate) parts: Vec<(Vec<u8>, bool)>,
}

/// A batch that says no more of itself than that it is one.
pub(crate) struct Given(pub(crate) Batch);

impl std::fmt::Debug for Given {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a batch")
    }
}

pub(crate) struct Harness {
    pub(crate) backend: Box<dyn Backend>,
    events: VecDeque<Event>,
}

impl Harness {
    pub(crate) fn new(kind: BackendKind) -> Self {
        Self { backend: backend::open(kind).unwrap(), events: VecDeque::new() }
    }

    /// The next event as it is, if there is one within `timeout`.
    pub(crate) fn raw(&mut self, timeout: Duration) -> Option<Event> {
        let deadline = Instant::now() + timeout;
        loop {
            if let Some(event) = self.events.pop_front() {
                return Some(event);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            let mut events = Vec::new();
            self.backend.poll(Some(left), &mut events).unwrap();
            if events.is_empty() && left.is_zero() {
                return None;
            }
            self.events.extend(events);
        }
    }

    /// The next event.
    pub(crate) fn next(&mut self) -> (Token, What) {
        let event = self.raw(DEADLINE).expect("an event before the deadline");
        self.copy_out(event)
    }

    /// The next event, which is `token`'s.
    pub(crate) fn next_of(&mut self, token: Token) -> What {
        let (of, what) = self.next();
        assert_eq!(of, token, "{what:?}");
        what
    }

    /// The first of `events`, which come from this backend.
    pub(crate) fn next_or(&mut self, events: &mut Vec<Event>) -> What {
        let first = events.remove(0);
        self.copy_out(first).1
    }

    /// Nothing happens.
    pub(crate) fn silence(&mut self) {
        if let Some(event) = self.raw(SILENCE) {
            panic!("silence was expected, not {:?}", self.copy_out(event));
        }
    }

    fn copy_out(&mut self, event: Event) -> (Token, What) {
        match event {
            Event::Accepted(token, result) => (token, What::Accepted(result)),
            Event::Connected(token, result) => (token, What::Connected(result)),
            Event::Received(token, buffer) => (token, What::Received(self.take(buffer))),
            Event::ReceiveEnded(token, ended) => (token, What::Ended(ended)),
            Event::Sent(token, batch, result) => (token, What::Sent(Given(batch), result)),
            Event::Datagram(token, buffer) => (token, What::Datagram(self.take_datagram(buffer))),
            Event::DatagramsSent(token, batch, result) => {
                (token, What::DatagramsSent(batch, result))
            }
        }
    }

    /// The bytes of a buffer, which is given back.
    pub(crate) fn take(&mut self, buffer: Buffer) -> Vec<u8> {
        let bytes = self.backend.bytes(&buffer).to_vec();
        self.backend.release(buffer);
        bytes
    }

    /// What is in a datagram's buffer, which is given back.
    pub(crate) fn take_datagram(&mut self, buffer: DatagramBuffer) -> Arrived {
        let datagram = self.backend.datagram(&buffer).expect("its token is not closed");
        let arrived = Arrived {
            bytes: datagram.bytes.to_vec(),
            source: datagram.source,
            destination: datagram.destination,
            truncated: datagram.truncated,
            parts: datagram.parts().map(|part| (part.bytes.to_vec(), part.truncated)).collect(),
        };
        self.backend.release_datagram(buffer);
        arrived
    }

    /// The next event, which is a datagram for `token`.
    pub(crate) fn arrived(&mut self, token: Token) -> Arrived {
        match self.next_of(token) {
            What::Datagram(arrived) => arrived,
            other => panic!("{other:?}"),
        }
    }

    /// What has become of the send on `token`. On some systems the first datagrams are there before it is known how it
    /// went: they are kept for later.
    fn outcome_of(&mut self, token: Token) -> (DatagramBatch, SendTally) {
        let mut before = VecDeque::new();
        loop {
            match self.raw(DEADLINE).expect("an event before the deadline") {
                Event::DatagramsSent(of, batch, result) if of == token => {
                    before.append(&mut self.events);
                    self.events = before;
                    return (batch, result.unwrap());
                }
                arrived @ Event::Datagram(..) => before.push_back(arrived),
                other => panic!("{:?}", self.copy_out(other)),
            }
        }
    }

    /// Sends all of `batch`; returns how many of it were sent and how many refused, and the last
    /// reason.
    pub(crate) fn send_datagrams(
        &mut self,
        token: Token,
        socket: &Arc<Socket>,
        batch: DatagramBatch,
    ) -> SendTally {
        let (mut left, mut all) = (batch, SendTally::default());
        while !left.is_empty() {
            self.backend.send_datagrams(token, socket, left);
            let (batch, tally) = self.outcome_of(token);
            assert!(
                tally.tried() > 0 && tally.tried() <= backend::DATAGRAMS * backend::MOST_IN_RUN
            );
            assert_eq!(tally.refusal.is_some(), tally.refused > 0);
            left = batch;
            left.advance(tally.tried());
            all.sent += tally.sent;
            all.refused += tally.refused;
            all.refusal = tally.refusal.or(all.refusal);
        }
        all
    }

    /// Bytes received by `token` until there are `count`.
    pub(crate) fn received(&mut self, token: Token, count: usize) -> Vec<u8> {
        let mut all = Vec::new();
        while all.len() < count {
            match self.next_of(token) {
                What::Received(bytes) => all.extend(bytes),
                other => panic!("{} of {count} bytes, then {other:?}", all.len()),
            }
        }
        assert_eq!(all.len(), count);
        all
    }

    /// Sends all of `batch`; returns how many events that took.
    pub(crate) fn send_all(&mut self, token: Token, stream: &Stream, batch: Batch) -> usize {
        let mut events = 0;
        let mut left = batch;
        while !left.is_empty() {
            self.backend.send(token, stream, left);
            let What::Sent(Given(batch), result) = self.next_of(token) else {
                panic!("nothing but a send is under way");
            };
            left = batch;
            left.advance(result.unwrap());
            events += 1;
        }
        events
    }

    /// Receives and expects `Stopped` after `count` bytes.
    pub(crate) fn receive_once(&mut self, token: Token, stream: &Stream) -> Vec<u8> {
        self.backend.receive(token, stream, Receive::Once);
        let What::Received(bytes) = self.next_of(token) else {
            panic!("bytes are there");
        };
        assert!(matches!(self.next_of(token), What::Ended(Ended::Stopped)));
        bytes
    }
}

/// A stream for a backend, and the other end for a test.
pub(crate) fn pair() -> (Stream, Socket) {
    between(stream_pair())
}

/// The same over loopback tcp.
pub(crate) fn tcp_pair() -> (Stream, Socket) {
    between(common::tcp_pair())
}

fn between((near, far): (Socket, Socket)) -> (Stream, Socket) {
    near.set_nonblocking(true).unwrap();
    far.set_read_timeout(Some(DEADLINE)).unwrap();
    far.set_write_timeout(Some(DEADLINE)).unwrap();
    (near.into(), far)
}

/// A socket that is not connected.
pub(crate) fn tcp() -> Arc<Socket> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.set_nonblocking(true).unwrap();
    Arc::new(socket)
}

/// A listener on a port of the system's choice.
pub(crate) fn listener(backlog: i32) -> (Arc<Socket>, SockAddr) {
    let socket = tcp();
    socket.bind(&std::net::SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into()).unwrap();
    socket.listen(backlog).unwrap();
    let address = socket.local_addr().unwrap();
    (socket, address)
}

/// A blocking connection to `address`.
pub(crate) fn client(address: &SockAddr) -> Socket {
    let socket = Socket::new(address.domain(), Type::STREAM, None).unwrap();
    socket.connect(address).unwrap();
    socket.set_read_timeout(Some(DEADLINE)).unwrap();
    socket.set_write_timeout(Some(DEADLINE)).unwrap();
    socket
}

/// A socket for a backend that datagrams can be sent to, and its address.
pub(crate) fn udp(ip: impl Into<IpAddr>) -> (Arc<Socket>, SocketAddr) {
    let socket = UdpSocket::bind((ip.into(), 0)).unwrap();
    socket.set_nonblocking(true).unwrap();
    let address = socket.local_addr().unwrap();
    (Arc::new(socket.into()), address)
}

/// The same for a test.
pub(crate) fn far_udp() -> (UdpSocket, SocketAddr) {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    socket.set_read_timeout(Some(DEADLINE)).unwrap();
    let address = socket.local_addr().unwrap();
    (socket, address)
}

/// Of each datagram so much, and each by itself.
pub(crate) fn apart(longest: usize) -> DatagramReceive {
    DatagramReceive { longest, runs: false }
}

/// A batch of datagrams.
pub(crate) fn datagrams<T: Into<Bytes>>(
    all: impl IntoIterator<Item = (T, Option<SocketAddr>)>,
) -> DatagramBatch {
    let mut batch = DatagramBatch::default();
    for (bytes, to) in all {
        batch.push(OutgoingDatagram { bytes: bytes.into(), to, segment: None });
    }
    batch
}

/// A batch of one part each.
pub(crate) fn batch(parts: impl IntoIterator<Item = Vec<u8>>) -> Batch {
    let mut batch = Batch::default();
    for part in parts {
        batch.push(BatchPart::Bytes { bytes: Bytes::from(part), messages: 1 });
    }
    batch
}

/// Bytes that tell where they belong.
pub(crate) fn pattern(count: usize) -> Vec<u8> {
    (0..count).map(|at| (at ^ at >> 8 ^ at >> 16) as u8).collect()
}

/// A path for a Unix socket that nobody else has.
#[cfg(unix)]
pub(crate) struct UnixPath(std::path::PathBuf);

#[cfg(unix)]
impl UnixPath {
    pub(crate) fn new() -> Self {
        let name = format!("ringmq-{}-{}", std::process::id(), Token::unique().key());
        Self(std::env::temp_dir().join(name))
    }

    pub(crate) fn address(&self) -> SockAddr {
        SockAddr::unix(&self.0).unwrap()
    }
}

#[cfg(unix)]
impl Drop for UnixPath {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// Descriptors that this process has open; always the same where nobody can tell.
pub(crate) fn open_descriptors() -> usize {
    // One of them is that of the directory itself: the same before and after.
    if cfg!(unix) { std::fs::read_dir("/dev/fd").unwrap().count() } else { 0 }
}
