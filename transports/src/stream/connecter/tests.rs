//! A connecter on an engine, with strangers in the place of peers, and a socket that only looks on.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::options::{BindLimits, IpcOptions, MulticastOptions, ReconnectStop, TcpOptions};
use ringmq_engine::{Attach, BackendChoice, Engine, EngineOptions};
use ringmq_pipe::{Capacity, Message, pipe};
use ringmq_zmtp::{Config, Peer, SocketType};
use std::io::Write as _;
use std::net::TcpListener;
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, channel};

/// What the socket hears.
#[derive(Debug)]
enum News {
    Event(MonitorEvent),
    Ended(String),
}

struct Onlooker(Sender<News>);

impl SessionOwner for Onlooker {
    fn attach(&self, _: &Arc<Connection>, _: &Arc<Peer>) -> Attach {
        Attach::Ignored
    }

    fn connected(&self, _: &Arc<Connection>, _: &Arc<Peer>, _: u64) {}

    fn preamble(&self, _: &mut Vec<u8>) -> Option<u64> {
        None
    }

    fn event(&self, event: MonitorEvent) {
        let _ = self.0.send(News::Event(event));
    }

    fn ended(&self, _: u64, reason: &str) {
        let _ = self.0.send(News::Ended(reason.to_owned()));
    }
}

/// An engine with one connecter.
struct Harness {
    news: Receiver<News>,
    connecter: Token,
    /// The socket's end of the pipe.
    near: PipeEnd,
    engine: Engine,
}

impl Harness {
    fn new(backend: BackendChoice, endpoint: &str, resolver: Arc<Resolver>, once: bool) -> Self {
        let engine = Engine::start(&EngineOptions { backend, ..EngineOptions::default() }).unwrap();
        let (near, far) = pipe(Capacity::Messages(0), Capacity::Messages(0));
        let (sender, news) = channel();
        let options = LinkOptions {
            zmtp: Arc::new(Config::new(SocketType::Dealer)),
            tcp: TcpOptions::default(),
            ipc: IpcOptions::default(),
            multicast: MulticastOptions::default(),
            limits: BindLimits::default(),
            max_waiting_bytes: None,
            discard_inbound: false,
            reconnect_interval: (!once).then_some(Duration::from_millis(5)),
            reconnect_max: Duration::ZERO,
            reconnect_stop: ReconnectStop::NEVER,
        };
        let settings = Settings { endpoint_id: 1, options: Arc::new(options) };
        let endpoint = Endpoint::parse_connect(endpoint).unwrap();
        let (io, owner) = (engine.choose(0).clone(), Arc::new(Onlooker(sender)));
        let connecter = connect(endpoint, Some(far), settings, owner, resolver, &io);
        Self { news, connecter, near, engine }
    }

    /// Waits for news that `wanted` accepts.
    fn hear<T>(&self, wanted: impl Fn(&News) -> Option<T>) -> T {
        let mut seen = Vec::new();
        loop {
            let Ok(news) = self.news.recv_timeout(Duration::from_secs(20)) else {
                panic!("in vain, after {seen:#?}");
            };
            match wanted(&news) {
                Some(found) => return found,
                None => seen.push(news),
            }
        }
    }
}

/// Runs a promise on every backend.
fn everywhere(promise: impl Fn(BackendChoice)) {
    promise(BackendChoice::Mio);
    match ringmq_engine::uring_available() {
        Ok(()) => promise(BackendChoice::Uring),
        Err(reason) => eprintln!("SKIPPED: no io_uring here: {reason}"),
    }
}

/// A free port of an address that, where it can be, nobody else uses.
fn free_port() -> SocketAddr {
    let [_, _, high, low] = std::process::id().to_be_bytes();
    let ip = if cfg!(target_os = "linux") { [127, 77, high, low.max(1)] } else { [127, 0, 0, 1] };
    TcpListener::bind(SocketAddr::from((ip, 0))).unwrap().local_addr().unwrap()
}

#[test]
fn a_connection_to_itself_leaves_the_port_free() {
    everywhere(|backend| {
        let address = free_port();
        let text = format!("tcp://{address};{address}");
        let harness = Harness::new(backend, &text, Arc::default(), true);
        let reason = harness.hear(|news| match news {
            News::Event(MonitorEvent::ConnectFailed { reason, .. }) => Some(reason.clone()),
            News::Event(MonitorEvent::Connected { peer, .. }) => panic!("{peer}"),
            _ => None,
        });
        assert!(reason.contains("led back to itself"), "{reason}");
        harness.hear(|news| matches!(news, News::Ended(_)).then_some(()));
        // Whoever does not ask for it gets no address that a connection lingers on.
        let domain = socket2::Domain::IPV4;
        let server = socket2::Socket::new(domain, socket2::Type::STREAM, None).unwrap();
        server.bind(&address.into()).unwrap();
        server.listen(1).unwrap();
    });
}

#[test]
fn a_lookup_is_given_up_with_its_connecter() {
    everywhere(|backend| {
        let (begin, began) = channel();
        let (go_on, wait) = channel::<()>();
        let (begin, wait) = (Mutex::new(begin), Mutex::new(wait));
        let resolver = Arc::new(Resolver::with_lookup(Box::new(move |_, _| {
            begin.lock().unwrap().send(()).unwrap();
            let _ = wait.lock().unwrap().recv();
            Ok(vec![])
        })));
        let harness = Harness::new(backend, "tcp://silent:1", resolver.clone(), false);
        began.recv().unwrap();
        assert_eq!(resolver.waiting(), 1);
        harness.engine.choose(0).tell(harness.connecter, Notice::Close);
        harness.hear(|news| matches!(news, News::Ended(_)).then_some(()));
        harness.engine.wait_until_idle(None);
        assert_eq!(resolver.waiting(), 0);
        drop(go_on);
    });
}

/// Answers a connection as a web server does.
fn answer(listener: &TcpListener) {
    let (mut stream, _) = listener.accept().unwrap();
    stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").unwrap();
}

#[test]
fn what_answers_is_told_each_time_and_is_no_reason_to_give_up() {
    everywhere(|backend| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("tcp://{}", listener.local_addr().unwrap());
        let mut harness = Harness::new(backend, &endpoint, Arc::default(), false);
        harness.near.tx.write(&mut Message::from("queued")).unwrap();
        for _ in 0..3 {
            answer(&listener);
            let reason = harness.hear(|news| match news {
                News::Event(MonitorEvent::HandshakeFailed { reason, .. }) => {
                    Some(reason.to_string())
                }
                News::Ended(reason) => panic!("it has given up: {reason}"),
                News::Event(_) => None,
            });
            assert_eq!(reason, "the peer speaks HTTP, not ZMTP");
            harness.hear(|news| match news {
                News::Event(MonitorEvent::ConnectRetried { .. }) => Some(()),
                News::Ended(reason) => panic!("it has given up: {reason}"),
                News::Event(_) => None,
            });
        }
        assert_eq!(harness.near.state.dropped.load(std::sync::atomic::Ordering::SeqCst), 0);
    });
}
