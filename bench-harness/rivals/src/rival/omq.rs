//! omq-tokio, through its blocking sockets, and over tcp through its exclusive ones for round trips.
//!
//! Configuration: `blocking::Socket` on a context with one I/O thread, as `bench_peer_blocking` in its
//! own sources does. Throughput follows that program: small bodies are built inline by
//! `Message::from_slice`, larger ones are counted references; the receiver tries without blocking and
//! yields its core while there is nothing, which on a core shared with the I/O thread is what lets that
//! thread work (over inproc it spins, as `inproc-2ut` there).
//!
//! Round trips take what was quickest here of what it documents: over tcp REQ and REP of
//! `omq_tokio::exclusive`, "direct-I/O sockets for latency-sensitive callers", ahead of the latency
//! profile by a quarter or more; over ipc the latency profile (`WorkloadProfile::Latency`), whose
//! driver spins there; over inproc the same with `recv_spin` of 50 us, the figure its documents name
//! (on a core shared with the I/O thread, so over tcp and ipc, that spinning loses). Under CURVE the
//! exclusive sockets are out, which have no other mechanism than NULL: the latency profile it is.

use std::hint;
use std::sync::LazyLock;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use omq_tokio::blocking::Socket;
use omq_tokio::message::MAX_INLINE_MESSAGE;
use omq_tokio::options::WorkloadProfile;
use omq_tokio::{
    Context, CurveKeypair, CurvePublicKey, CurveSecretKey, Endpoint, Error, Message, Options,
    SocketType, TrySendError,
};
use ringmq_bench::case::{Side, Transport};
use ringmq_bench::end::{Answerer, Asker, Sink, Source};
use ringmq_bench::mechanism::Keys;
use ringmq_bench::payload::{Checker, Stamper};
use ringmq_bench::pool::Pool;

use crate::consume::Consume;
use crate::job::Job;
use crate::local_end::Opening;
use crate::measurement::Measurement;

/// Most buffers of a sender that go round: twice the high-water mark, and some.
const POOL: usize = 2_100;

/// How long a receiver spins over inproc, where it has a core of its own.
const SPIN: Duration = Duration::from_micros(50);

/// The process's context: both ends of an inproc connection must share one.
pub(crate) static CONTEXT: LazyLock<Context> = LazyLock::new(Context::new);

/// Makes one end.
pub(super) fn open(job: &Job, side: Side) -> Result<Opening> {
    let kind = match (job.measurement, side) {
        (Measurement::Throughput, Side::Connect) => SocketType::Push,
        (Measurement::Throughput, Side::Bind) => SocketType::Pull,
        (Measurement::Latency, Side::Connect) => SocketType::Req,
        (Measurement::Latency, Side::Bind) => SocketType::Rep,
        _ => bail!("sockets with many peers are opened elsewhere"),
    };
    let null = job.keys.is_none();
    if job.measurement == Measurement::Latency && job.transport == Transport::Tcp && null {
        return exclusive::open(job, side);
    }
    let socket = CONTEXT.blocking_socket(kind, options(job));
    let endpoint = attach(&socket, job, side)?;
    let spins = job.transport == Transport::Inproc;
    let wire = Wire::new(socket, &job.stamper(), spins);
    Ok(Opening::blocking(job, side, endpoint, wire))
}

/// The options of a measurement.
fn options(job: &Job) -> Options {
    let options = match &job.keys {
        None => Options::default(),
        Some(keys) => secure(Options::default(), keys),
    };
    match (job.measurement, job.transport) {
        (Measurement::Latency, Transport::Inproc) => {
            options.workload_profile(WorkloadProfile::Latency).recv_spin(SPIN)
        }
        (Measurement::Latency, _) => options.workload_profile(WorkloadProfile::Latency),
        _ => options,
    }
}

/// The same options with encryption.
fn secure(options: Options, keys: &Keys) -> Options {
    let public = CurvePublicKey::from_bytes(keys.public);
    let own = CurveKeypair { public, secret: CurveSecretKey::from_bytes(keys.secret) };
    match keys.server {
        None => options.curve_server(own),
        Some(server) => options.curve_client(own, CurvePublicKey::from_bytes(server)),
    }
}

/// Binds or connects; the endpoint with its port.
pub(crate) fn attach(socket: &Socket, job: &Job, side: Side) -> Result<String> {
    let endpoint: Endpoint = job.endpoint.parse().context("an endpoint of omq")?;
    match side {
        Side::Bind => Ok(socket.bind(endpoint).context("binding")?.to_string()),
        Side::Connect => {
            socket.connect(endpoint).context("connecting")?;
            Ok(job.endpoint.clone())
        }
    }
}

/// A socket.
pub(crate) struct Wire {
    socket: Socket,
    /// Bodies that do not fit into a message.
    pool: Option<Pool>,
    /// Whether to spin where there is nothing, rather than to yield.
    spins: bool,
}

impl Wire {
    /// A socket for the messages of `stamper`.
    pub(crate) fn new(socket: Socket, stamper: &Stamper, spins: bool) -> Self {
        let pool = (stamper.size() > MAX_INLINE_MESSAGE).then(|| Pool::new(stamper, POOL));
        Self { socket, pool, spins }
    }

    fn message(&mut self, stamper: &mut Stamper) -> Message {
        match &mut self.pool {
            Some(pool) => Message::single(pool.next(stamper)),
            None => Message::from_slice(stamper.next_body()),
        }
    }

    #[cold]
    fn nothing(&self) {
        if self.spins {
            hint::spin_loop();
        } else {
            std::thread::yield_now();
        }
    }
}

impl Source for Wire {
    #[inline]
    fn send(&mut self, stamper: &mut Stamper) -> Result<()> {
        let message = self.message(stamper);
        match self.socket.try_send(message) {
            Ok(()) => Ok(()),
            Err(TrySendError::Full(message)) => Ok(self.socket.send(message)?),
            Err(error) => bail!("sending: {error}"),
        }
    }
}

impl Sink for Wire {
    #[inline]
    fn recv(&mut self, checker: &mut Checker) -> Result<()> {
        loop {
            match self.socket.try_recv() {
                Ok(message) => return consume(&message, checker),
                Err(Error::WouldBlock) => self.nothing(),
                Err(error) => return Err(error.into()),
            }
        }
    }
}

/// Has a message of one frame looked at.
#[inline]
pub(crate) fn consume(message: &Message, consumer: &mut impl Consume) -> Result<()> {
    consumer.consume(message.part_slice(0).context("a message without a frame came")?)
}

impl Asker for Wire {
    #[inline]
    fn ask(&mut self, stamper: &mut Stamper, checker: &mut Checker) -> Result<()> {
        let message = self.message(stamper);
        self.socket.send(message)?;
        consume(&self.socket.recv()?, checker)
    }
}

impl Answerer for Wire {
    #[inline]
    fn answer(&mut self) -> Result<()> {
        let request = self.socket.recv()?;
        Ok(self.socket.send(request)?)
    }
}

/// Round trips over tcp, with sockets that do their own I/O on the caller's thread.
pub(crate) mod exclusive {
    use anyhow::{Context as _, Result};
    use bytes::Bytes;
    use omq_tokio::exclusive::{Options, Socket};
    use omq_tokio::{Endpoint, Message, SocketType};
    use ringmq_bench::case::Side;

    use super::consume;
    use crate::awaited::{self, Answers, Receives, Sends};
    use crate::consume::Consume;
    use crate::job::Job;
    use crate::local_end::Opening;
    use crate::rival::current_thread;

    /// Makes one end.
    pub(super) fn open(job: &Job, side: Side) -> Result<Opening> {
        let runtime = current_thread()?;
        if side == Side::Bind {
            let (wire, endpoint) = runtime.block_on(bound(job))?;
            return Ok(Opening::ready(endpoint, awaited::answering(runtime, wire)));
        }
        let job = job.clone();
        Ok(Opening::new(job.endpoint.clone(), move || {
            let wire = runtime.block_on(connected(&job))?;
            Ok(awaited::asking(runtime, wire, job.size))
        }))
    }

    /// The end that answers, and where it is bound.
    pub(crate) async fn bound(job: &Job) -> Result<(Wire, String)> {
        let bound = Socket::bind(SocketType::Rep, endpoint(job)?, Options::default());
        let (socket, endpoint) = bound.await.context("binding")?;
        Ok((Wire(socket), endpoint.to_string()))
    }

    /// The end that asks.
    pub(crate) async fn connected(job: &Job) -> Result<Wire> {
        let connected = Socket::connect(SocketType::Req, endpoint(job)?, Options::default());
        Ok(Wire(connected.await.context("connecting")?))
    }

    fn endpoint(job: &Job) -> Result<Endpoint> {
        job.endpoint.parse().context("an endpoint of omq")
    }

    /// A socket.
    pub(crate) struct Wire(Socket);

    impl Sends for Wire {
        #[inline]
        async fn send(&mut self, body: Bytes) -> Result<()> {
            Ok(self.0.send(&Message::single(body)).await?)
        }
    }

    impl Receives for Wire {
        #[inline]
        async fn recv(&mut self, consumer: &mut impl Consume) -> Result<()> {
            consume(&self.0.recv().await?, consumer)
        }
    }

    impl Answers for Wire {
        #[inline]
        async fn answer(&mut self) -> Result<()> {
            let request = self.0.recv().await?;
            Ok(self.0.send(&request).await?)
        }
    }
}
