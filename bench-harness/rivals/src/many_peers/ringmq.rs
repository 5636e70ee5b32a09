//! Many peers with ringmq: XPUB that does not drop, and one thread that tries all sockets in turn
//! and waits with a `Poller` where a round found nothing.

use std::time::Duration;

use anyhow::{Context as _, Result};
use ringmq::kind::{DealerKind, Receives, RouterKind, Sends};
use ringmq::{Context, Error, Interest, Message, Poller, REFERENCED_FROM, Socket};
use ringmq_bench::case::Side;
use ringmq_bench::end::{Answerer, Answering, End, Sink, Source};
use ringmq_bench::payload::{Checker, Stamper};
use ringmq_bench::pool::Pool;

use super::blocking::{Dealers, Many, ManyThatSend, Receivers, Senders};
use super::{Rounded, collector, distributor, publisher};
use crate::consume::Consume;
use crate::job::{Job, PATIENCE};
use crate::local_end::Opening;
use crate::measurement::Measurement;
use crate::rival::ringmq::context;

/// Most buffers of a sender that go round: twice the high-water mark, and some.
const POOL: usize = 2_100;

/// Makes one end.
pub(super) fn open(job: &Job, side: Side) -> Result<Opening> {
    let context = context(job, side)?;
    match side {
        Side::Bind => bound(job, &context),
        Side::Connect => connected(job, &context),
    }
}

/// The one socket.
fn bound(job: &Job, context: &Context) -> Result<Opening> {
    match job.measurement {
        Measurement::Publish | Measurement::PubSub => {
            let socket = context.xpub()?;
            socket.set_no_drop(true)?;
            socket.set_send_timeout(Some(PATIENCE))?;
            let endpoint = socket.bind(&job.endpoint)?;
            publisher(job, endpoint, Wire::new(socket, job))
        }
        Measurement::FanOut => {
            let socket = context.push()?;
            socket.set_send_timeout(Some(PATIENCE))?;
            let endpoint = socket.bind(&job.endpoint)?;
            Ok(distributor(job, endpoint, Wire::new(socket, job)))
        }
        Measurement::FanIn => {
            let socket = context.pull()?;
            socket.set_recv_timeout(Some(PATIENCE))?;
            let endpoint = socket.bind(&job.endpoint)?;
            Ok(collector(job, endpoint, Wire::new(socket, job)))
        }
        _ => {
            let socket = context.router()?;
            socket.set_recv_timeout(Some(PATIENCE))?;
            let endpoint = socket.bind(&job.endpoint)?;
            let end: Box<dyn End> = Box::new(Answering(Router(socket)));
            Ok(Opening::ready(endpoint, Rounded(end, job.peers())))
        }
    }
}

/// The many.
fn connected(job: &Job, context: &Context) -> Result<Opening> {
    let endpoint = job.endpoint.clone();
    match job.measurement {
        Measurement::Publish | Measurement::PubSub => {
            let sockets = Sockets::connect(job, || {
                let socket = context.subscriber()?;
                socket.subscribe(b"")?;
                Ok(socket)
            })?;
            Ok(Opening::ready(endpoint, Receivers::new(sockets, job)?))
        }
        Measurement::FanOut => {
            let sockets = Sockets::connect(job, || context.pull())?;
            Ok(Opening::ready(endpoint, Receivers::new(sockets, job)?))
        }
        Measurement::FanIn => {
            let one = |_| {
                let socket = context.push()?;
                socket.set_send_timeout(Some(PATIENCE))?;
                socket.connect(&job.endpoint)?;
                Ok(Wire::new(socket, job))
            };
            let wires = (0..job.peers()).map(one).collect::<Result<_>>()?;
            Ok(Opening::ready(endpoint, Senders::new(wires, job)))
        }
        _ => {
            let sockets = Sockets::connect(job, || context.dealer())?;
            Ok(Opening::ready(endpoint, Dealers::new(sockets, job)))
        }
    }
}

/// One socket; large bodies are sent by reference.
struct Wire<K: ringmq::kind::Kind> {
    socket: Socket<K>,
    pool: Option<Pool>,
}

impl<K: ringmq::kind::Kind> Wire<K> {
    fn new(socket: Socket<K>, job: &Job) -> Self {
        let pool = (job.size >= REFERENCED_FROM).then(|| Pool::new(&job.stamper(), POOL));
        Self { socket, pool }
    }
}

impl<K: Sends> Source for Wire<K> {
    #[inline]
    fn send(&mut self, stamper: &mut Stamper) -> Result<()> {
        let sent = match &mut self.pool {
            Some(pool) => self.socket.send(pool.next(stamper)),
            None => self.socket.send(stamper.next_body()),
        };
        Ok(sent.map_err(Error::from)?)
    }
}

impl<K: Receives> Sink for Wire<K> {
    #[inline]
    fn recv(&mut self, checker: &mut Checker) -> Result<()> {
        let mut message = Message::new();
        self.socket.recv_into(&mut message)?;
        Ok(checker.check(&message)?)
    }
}

struct Router(Socket<RouterKind>);

impl Answerer for Router {
    #[inline]
    fn answer(&mut self) -> Result<()> {
        loop {
            let frame = self.0.recv()?;
            let more = frame.more();
            self.0.send(frame).map_err(Error::from)?;
            if !more {
                return Ok(());
            }
        }
    }
}

struct Sockets<K: Receives> {
    sockets: Vec<Socket<K>>,
    poller: Poller<'static>,
}

impl<K: Receives> Sockets<K> {
    /// Connects as many as `job` says.
    fn connect(job: &Job, make: impl Fn() -> Result<Socket<K>, Error>) -> Result<Self> {
        let one = |_| {
            let socket = make()?;
            socket.connect(&job.endpoint)?;
            Ok(socket)
        };
        let sockets = (0..job.peers()).map(one).collect::<Result<Vec<_>>>()?;
        let poller = Poller::new();
        for socket in &sockets {
            poller.add(socket, Interest::READABLE);
        }
        Ok(Self { sockets, poller })
    }
}

impl<K: Receives + 'static> Many for Sockets<K> {
    #[inline]
    fn try_recv(&mut self, at: usize, consumer: &mut impl Consume) -> Result<bool> {
        match self.sockets[at].try_recv() {
            Ok(message) => consumer.consume(&message).map(|()| true),
            Err(error) if error.is_would_block() => Ok(false),
            Err(error) => Err(error).context("receiving"),
        }
    }

    fn wait(&mut self, limit: Duration) -> Result<()> {
        self.poller.wait(Some(limit))?;
        Ok(())
    }
}

impl ManyThatSend for Sockets<DealerKind> {
    #[inline]
    fn send(&mut self, at: usize, body: &[u8]) -> Result<()> {
        Ok(self.sockets[at].send(body).map_err(Error::from)?)
    }
}
