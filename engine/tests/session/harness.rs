//! An engine with sessions on it, the handler they report to, their socket, and that socket's ends
//! of the pipes.
#![allow(clippy::unwrap_used)]

use crate::common::{DEADLINE, stream_pair, tcp_pair};
use crate::peer::Peer;
use ringmq_engine::{
    Applicant, Attach, BackendChoice, BackendKind, Completion, Connection, Cx, DetachedPipe,
    DisconnectReason, EndpointId, Engine, EngineOptions, Handler, MonitorEvent, Notice, PipeEnd,
    Session, SessionEnd, SessionOptions, SessionOwner, Stream, Token,
};
use ringmq_pipe::{Capacity, Message, Notify, PipeWriter, WriteError, pipe};
use ringmq_zmtp::{Carrier, Config, Peer as PeerInfo, SocketType};
use std::collections::VecDeque;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// What a connection goes over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Over {
    Tcp,
    Unix,
}

pub(crate) const BOTH: [Over; 2] = [Over::Tcp, Over::Unix];

/// A connected stream for a session, and the other end.
pub(crate) fn connection(over: Over) -> (Stream, Peer) {
    let (near, far) = match over {
        Over::Unix => stream_pair(),
        Over::Tcp => tcp_pair(),
    };
    near.set_nonblocking(true).unwrap();
    (near.into(), Peer::new(far))
}

/// What a session tells, in order.
pub(crate) enum News {
    Connected(Arc<PeerInfo>),
    Attached(Box<PipeEnd>),
    Asked(Applicant),
    Event(MonitorEvent),
    Ended(Box<SessionEnd>),
}

/// The socket.
struct TestSocket {
    news: Sender<News>,
    settings: Settings,
}

/// How the socket behaves.
#[derive(Clone)]
pub(crate) struct Settings {
    pub(crate) send: Capacity,
    pub(crate) receive: Capacity,
    pub(crate) preamble: Vec<u8>,
    /// The latest change that is in the preamble.
    pub(crate) told: Option<u64>,
    pub(crate) config: Config,
    pub(crate) discard: bool,
    /// Give new connections no pipe.
    pub(crate) ignore: bool,
    /// Bytes that may wait of a peer, and of all.
    pub(crate) max_waiting_bytes: Option<u64>,
    pub(crate) context_bytes: Option<u64>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            send: Capacity::Messages(1000),
            receive: Capacity::Messages(1000),
            preamble: Vec::new(),
            told: None,
            config: Config::new(SocketType::Dealer),
            discard: false,
            ignore: false,
            max_waiting_bytes: None,
            context_bytes: None,
        }
    }
}

impl SessionOwner for TestSocket {
    fn attach(&self, _: &Arc<Connection>, _: &Arc<PeerInfo>) -> Attach {
        if self.settings.ignore {
            return Attach::Ignored;
        }
        let (near, far) = pipe(self.settings.send, self.settings.receive);
        self.news.send(News::Attached(Box::new(near))).unwrap();
        Attach::Pipe(far)
    }

    fn connected(&self, _: &Arc<Connection>, peer: &Arc<PeerInfo>, _: u64) {
        self.news.send(News::Connected(peer.clone())).unwrap();
    }

    fn preamble(&self, frames: &mut Vec<u8>) -> Option<u64> {
        frames.extend_from_slice(&self.settings.preamble);
        self.settings.told
    }

    fn authenticate(&self, _: &Connection, applicant: Applicant) {
        self.news.send(News::Asked(applicant)).unwrap();
    }

    fn event(&self, event: MonitorEvent) {
        // The test may be over.
        let _ = self.news.send(News::Event(event));
    }

    fn ended(&self, _: EndpointId, _: &str) {}
}

/// The handler that the sessions report to.
struct TestParent(Sender<News>);

impl Handler for TestParent {
    fn start(&mut self, _: &mut Cx<'_>) {}

    fn completed(&mut self, _: &mut Cx<'_>, _: Completion) {}

    fn notified(&mut self, cx: &mut Cx<'_>, notice: Notice) {
        match notice {
            Notice::SessionEnded(end) => {
                let _ = self.0.send(News::Ended(end));
            }
            Notice::Close => cx.finish(),
            _ => {}
        }
    }
}

pub(crate) struct Harness {
    pub(crate) engine: Engine,
    pub(crate) settings: Settings,
    parent: Token,
    sender: Sender<News>,
    news: Receiver<News>,
    /// News that somebody else waits for.
    later: VecDeque<News>,
}

impl Harness {
    pub(crate) fn new(kind: BackendKind) -> Self {
        Self::with(kind, Settings::default())
    }

    pub(crate) fn with(kind: BackendKind, settings: Settings) -> Self {
        let backend = match kind {
            BackendKind::Mio => BackendChoice::Mio,
            BackendKind::Uring => BackendChoice::Uring,
        };
        let max_waiting_bytes = settings.context_bytes;
        let options = EngineOptions { backend, max_waiting_bytes, ..EngineOptions::default() };
        let engine = Engine::start(&options).unwrap();
        let (sender, news) = channel();
        let parent = engine.choose(0).add(Box::new(TestParent(sender.clone())));
        Self { engine, settings, parent, sender, news, later: VecDeque::new() }
    }

    /// Puts a session on the engine.
    pub(crate) fn session(&self, stream: Stream, pipe: Option<DetachedPipe>) -> Token {
        let socket = TestSocket { news: self.sender.clone(), settings: self.settings.clone() };
        self.session_of(Arc::new(socket), stream, pipe)
    }

    /// The same for another socket.
    pub(crate) fn session_of(
        &self,
        owner: Arc<dyn SessionOwner>,
        stream: Stream,
        pipe: Option<DetachedPipe>,
    ) -> Token {
        self.engine.choose(0).add(Box::new(Session::new(SessionOptions {
            carrier: Carrier::Stream,
            stream,
            config: Arc::new(self.settings.config.clone()),
            owner,
            connection: Arc::new(Connection {
                endpoint_id: 1,
                endpoint: "here".into(),
                peer: "there".into(),
                ..Connection::default()
            }),
            pipe,
            discard_inbound: self.settings.discard,
            max_waiting_bytes: self.settings.max_waiting_bytes,
            early: Vec::new(),
            parent: self.parent,
        })))
    }

    pub(crate) fn tell(&self, session: Token, notice: Notice) {
        self.engine.choose(0).tell(session, notice);
    }

    /// A session with a new connection, the socket's end of its pipe, and the peer, hands shaken.
    pub(crate) fn established(&mut self, over: Over) -> (Token, App, Peer) {
        let (stream, mut peer) = connection(over);
        let token = self.session(stream, None);
        peer.shake_hands();
        let app = self.attached();
        (token, app, peer)
    }

    /// The first news that `pick` takes; the others stay for later.
    pub(crate) fn wait<T>(&mut self, mut pick: impl FnMut(News) -> Result<T, News>) -> T {
        let deadline = Instant::now() + DEADLINE;
        let mut seen = VecDeque::new();
        loop {
            let next = self.later.pop_front().unwrap_or_else(|| {
                let left = deadline.saturating_duration_since(Instant::now());
                self.news.recv_timeout(left).expect("news before the deadline")
            });
            match pick(next) {
                Ok(found) => {
                    seen.append(&mut self.later);
                    self.later = seen;
                    return found;
                }
                Err(other) => seen.push_back(other),
            }
        }
    }

    pub(crate) fn attached(&mut self) -> App {
        self.wait(|news| match news {
            News::Attached(end) => Ok(App::new(*end)),
            other => Err(other),
        })
    }

    pub(crate) fn connected(&mut self) -> Arc<PeerInfo> {
        self.wait(|news| match news {
            News::Connected(peer) => Ok(peer),
            other => Err(other),
        })
    }

    pub(crate) fn asked(&mut self) -> Applicant {
        self.wait(|news| match news {
            News::Asked(applicant) => Ok(applicant),
            other => Err(other),
        })
    }

    pub(crate) fn disconnected(&mut self) -> DisconnectReason {
        self.wait(|news| match news {
            News::Event(MonitorEvent::Disconnected { reason, .. }) => Ok(reason),
            other => Err(other),
        })
    }

    pub(crate) fn succeeded(&mut self) -> Arc<PeerInfo> {
        self.wait(|news| match news {
            News::Event(MonitorEvent::HandshakeSucceeded { identity, .. }) => Ok(identity),
            other => Err(other),
        })
    }

    pub(crate) fn handshake_failed(&mut self) -> DisconnectReason {
        self.wait(|news| match news {
            News::Event(MonitorEvent::HandshakeFailed { reason, .. }) => Ok(reason),
            other => Err(other),
        })
    }

    pub(crate) fn ended(&mut self) -> SessionEnd {
        self.wait(|news| match news {
            News::Ended(end) => Ok(*end),
            other => Err(other),
        })
    }

    /// Stops the parent, and sees every session gone.
    pub(crate) fn finish(self) {
        self.engine.choose(0).tell(self.parent, Notice::Close);
        let (done, is_done) = channel();
        let engine = Arc::new(self.engine);
        let waiting = engine.clone();
        std::thread::spawn(move || {
            waiting.wait_until_idle(None);
            done.send(()).unwrap();
        });
        is_done.recv_timeout(DEADLINE).expect("no handler is left");
    }
}

/// The socket's end of a pipe, used by a thread that may sleep.
pub(crate) struct App {
    pub(crate) end: PipeEnd,
    news: Receiver<()>,
}

struct Parker(Mutex<Sender<()>>);

impl Notify for Parker {
    fn readable(&self, _: usize) {
        let _ = self.0.lock().unwrap().send(());
    }

    fn writable(&self, _: usize) {
        let _ = self.0.lock().unwrap().send(());
    }
}

impl App {
    pub(crate) fn new(mut end: PipeEnd) -> Self {
        let (sender, news) = channel();
        let notify: Arc<dyn Notify> = Arc::new(Parker(Mutex::new(sender)));
        end.install(&notify, 0);
        Self { end, news }
    }

    /// The socket's end and what a connecter has of a pipe that is there before the connection.
    pub(crate) fn lent(settings: &Settings) -> (Self, DetachedPipe) {
        let (near, far) = pipe(settings.send, settings.receive);
        (Self::new(near), DetachedPipe::new(far))
    }

    /// The next frame, waited for.
    pub(crate) fn recv(&mut self) -> Message {
        let deadline = Instant::now() + DEADLINE;
        loop {
            if let Some(message) = self.end.rx.read() {
                return message;
            }
            assert!(!self.end.rx.ended(), "the pipe has ended");
            if self.end.rx.fall_asleep() == ringmq_pipe::Sleep::Asleep {
                self.wait_until(deadline);
            }
        }
    }

    /// Writes a frame, waiting for room.
    pub(crate) fn send(&mut self, frame: impl Into<Message>) {
        let mut frame = frame.into();
        let deadline = Instant::now() + DEADLINE;
        while let Err(refused) = self.end.tx.write(&mut frame) {
            assert_eq!(refused, WriteError::Full);
            self.wait_until(deadline);
        }
        self.publish();
    }

    fn wait_until(&self, deadline: Instant) {
        let left = deadline.saturating_duration_since(Instant::now());
        self.news.recv_timeout(left).expect("news of the pipe before the deadline");
    }

    fn publish(&mut self) {
        if let PipeWriter::Log(log) = &mut self.end.tx {
            log.publish();
        }
    }

    /// Closes the pipe as a socket does; what is left of it to look at.
    pub(crate) fn close(self, linger: Option<Duration>) -> Arc<ringmq_engine::PipeState> {
        self.end.state.close(linger);
        self.end.state.clone()
    }
}

/// A frame that another one follows.
pub(crate) fn more(body: &[u8]) -> Message {
    let mut message = Message::copy_from(body);
    message.set_more(true);
    message
}
