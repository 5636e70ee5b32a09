//! A panic on the I/O thread costs one connection: the connecter goes on, with another one.
#![allow(clippy::unwrap_used)]

use ringmq_engine::{
    Attach, BackendChoice, Connection, EndpointId, Engine, EngineOptions, MonitorEvent, PipeEnd,
    SessionOwner, uring_available,
};
use ringmq_pipe::{Capacity, Message, PipeWriter, pipe};
use ringmq_transports::endpoint::Endpoint;
use ringmq_transports::options::{
    BindLimits, IpcOptions, MulticastOptions, ReconnectStop, TcpOptions,
};
use ringmq_transports::resolver::Resolver;
use ringmq_transports::{LinkOptions, Settings, connect};
use ringmq_zmtp::{Config, Peer, SocketType};
use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// How long anything may take that is expected to happen: far longer than it does.
const DEADLINE: Duration = Duration::from_secs(20);

/// Where the socket panics, once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Where {
    Greeted,
    Met,
    Preamble,
    LookAgain,
    Disconnected,
}

const PLACES: [Where; 5] =
    [Where::Greeted, Where::Met, Where::Preamble, Where::LookAgain, Where::Disconnected];

/// A socket that panics.
struct Clumsy {
    place: Where,
    done: AtomicBool,
    pipes: Mutex<Sender<PipeEnd>>,
    first: Mutex<Vec<PipeEnd>>,
    ended: AtomicBool,
}

impl Clumsy {
    fn new(place: Where) -> (Arc<Self>, Receiver<PipeEnd>) {
        let (sender, receiver) = channel();
        let (done, ended) = (AtomicBool::new(false), AtomicBool::new(false));
        let (pipes, first) = (Mutex::new(sender), Mutex::default());
        (Arc::new(Self { place, done, pipes, first, ended }), receiver)
    }

    fn at(&self, place: Where) {
        if self.place == place && !self.done.swap(true, Ordering::Relaxed) {
            panic!("on purpose: {place:?}");
        }
    }
}

impl SessionOwner for Clumsy {
    fn attach(&self, _: &Arc<Connection>, _: &Arc<Peer>) -> Attach {
        self.at(Where::Met);
        let (near, far) = pipe(Capacity::Messages(10), Capacity::Messages(10));
        // The pipe of the connection that panics is of no use to the test, but closed it would end
        // that connection before.
        match self.done.load(Ordering::Relaxed) {
            true => self.pipes.lock().unwrap().send(near).unwrap(),
            false => self.first.lock().unwrap().push(near),
        }
        Attach::Pipe(far)
    }

    fn connected(&self, _: &Arc<Connection>, _: &Arc<Peer>, _: u64) {
        self.at(Where::Met);
    }

    fn preamble(&self, _: &mut Vec<u8>) -> Option<u64> {
        self.at(Where::Preamble);
        None
    }

    fn look_again(&self) {
        self.at(Where::LookAgain);
    }

    fn event(&self, event: MonitorEvent) {
        match event {
            MonitorEvent::HandshakeSucceeded { .. } => self.at(Where::Greeted),
            MonitorEvent::Disconnected { .. } => self.at(Where::Disconnected),
            _ => {}
        }
    }

    fn ended(&self, _: EndpointId, _: &str) {
        self.ended.store(true, Ordering::Relaxed);
    }
}

/// All that a DEALER says before its messages.
fn hello() -> Vec<u8> {
    let mut greeting = vec![0xFF, 0, 0, 0, 0, 0, 0, 0, 1, 0x7F, 3, 1];
    greeting.extend_from_slice(b"NULL");
    greeting.resize(64, 0);
    [greeting.as_slice(), b"\x04\x1c\x05READY\x0bSocket-Type\0\0\0\x06DEALER"].concat()
}

fn accept(listener: &TcpListener) -> TcpStream {
    let deadline = Instant::now() + DEADLINE;
    let mut stream = loop {
        match listener.accept() {
            Ok((stream, _)) => break stream,
            Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
        }
        assert!(Instant::now() < deadline, "nobody connects any more");
        std::thread::sleep(Duration::from_millis(1));
    };
    stream.set_nonblocking(false).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    stream.write_all(&hello()).unwrap();
    stream
}

fn goes_on(backend: BackendChoice, place: Where, with_pipe: bool) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let engine = Engine::start(&EngineOptions { backend, ..EngineOptions::default() }).unwrap();
    let (clumsy, pipes) = Clumsy::new(place);
    let options = LinkOptions {
        zmtp: Arc::new(Config::new(SocketType::Dealer)),
        tcp: TcpOptions::default(),
        ipc: IpcOptions::default(),
        multicast: MulticastOptions::default(),
        limits: BindLimits::default(),
        max_waiting_bytes: None,
        discard_inbound: false,
        reconnect_interval: Some(Duration::from_millis(1)),
        reconnect_max: Duration::ZERO,
        reconnect_stop: ReconnectStop::NEVER,
    };
    let endpoint = format!("tcp://{}", listener.local_addr().unwrap());
    let (near, far) = pipe(Capacity::Messages(10), Capacity::Messages(10));
    connect(
        Endpoint::parse_connect(&endpoint).unwrap(),
        with_pipe.then_some(far),
        Settings { endpoint_id: 1, options: Arc::new(options) },
        clumsy.clone(),
        Arc::new(Resolver::new()),
        engine.choose(0),
    );
    let mut first = accept(&listener);
    if place == Where::Disconnected {
        drop(first);
    } else {
        // An end or a reset, no matter which.
        let _ = first.read_to_end(&mut Vec::new());
    }
    let mut second = accept(&listener);
    // Where nothing was broken, the pipe is the one from before.
    let mut pipe = if with_pipe && place == Where::Disconnected {
        near
    } else {
        pipes.recv_timeout(DEADLINE).expect("a pipe for the next connection")
    };
    pipe.tx.write(&mut Message::from("well")).unwrap();
    if let PipeWriter::Log(log) = &mut pipe.tx {
        log.publish();
    }
    let mut bytes = Vec::new();
    while !bytes.ends_with(b"\0\x04well") {
        let mut next = [0];
        second.read_exact(&mut next).unwrap();
        bytes.extend(next);
    }
    assert!(!clumsy.ended.load(Ordering::Relaxed), "{place:?}");
}

fn everywhere(backend: BackendChoice) {
    for place in PLACES {
        for with_pipe in [true, false] {
            goes_on(backend, place, with_pipe);
        }
    }
}

#[test]
fn a_panic_ends_a_connection_and_no_connecter_on_mio() {
    everywhere(BackendChoice::Mio);
}

#[test]
fn a_panic_ends_a_connection_and_no_connecter_on_uring() {
    match uring_available() {
        Ok(()) => everywhere(BackendChoice::Uring),
        Err(reason) => eprintln!("SKIPPED: {reason}"),
    }
}
