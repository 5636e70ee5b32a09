//! rzmq, on io_uring for throughput over tcp and on tokio elsewhere.
//!
//! Configuration: the feature `io-uring`, the backend initialised before the context, and the sessions
//! of all sockets on it (`Context::with_io_uring_sessions`), with its default ring: multishot receives
//! and the balanced polling strategy (`README.USAGE.md`, "Using `io_uring`"). The adaptive throttle is
//! off, as in its published figures. What its documents offer besides was tried here and left out where
//! it lost: with `TCP_CORK` a stream of small messages crawls (the kernel holds each tail for 200 ms),
//! and round trips over tcp are quicker on plain tokio than on io_uring, whose worker is one more
//! thread to wake (with `UringPollingStrategy::ultra_low_latency` that worker never leaves a core that
//! it has to share). Its ipc and inproc do not go through io_uring.
//!
//! The tasks of the context run on a current-thread tokio runtime over tcp and ipc, where a side has
//! one core, and on a shared runtime of two workers over inproc, where the tasks of the two ends wait
//! for one another.

use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use bytes::Bytes;
use ringmq_bench::case::{Side, Transport};
use ringmq_bench::mechanism::Keys;
use rzmq::socket::{
    ADAPTIVE_THROTTLE, CURVE_SECRET_KEY, CURVE_SERVER, CURVE_SERVER_KEY, LAST_ENDPOINT, LINGER,
};
use rzmq::uring::{UringConfig, initialize_uring_backend};
use rzmq::{Context, Msg, Socket, SocketType};

use super::{current_thread, two_workers};
use crate::awaited::{self, Answers, Receives, Runtime, Sends};
use crate::consume::Consume;
use crate::job::Job;
use crate::local_end::Opening;
use crate::measurement::Measurement;

/// Makes one end.
pub(super) fn open(job: &Job, side: Side) -> Result<Opening> {
    let kind = match (job.measurement, side) {
        (Measurement::Throughput, Side::Connect) => SocketType::Push,
        (Measurement::Throughput, Side::Bind) => SocketType::Pull,
        (Measurement::Latency, Side::Connect) => SocketType::Req,
        (Measurement::Latency, Side::Bind) => SocketType::Rep,
        _ => bail!("sockets with many peers are opened elsewhere"),
    };
    let driver = Driver::of(job)?;
    let socket = driver.block_on(socket(&driver.context, kind))?;
    if let Some(keys) = &job.keys {
        driver.block_on(secure(&socket, keys))?;
    }
    let endpoint = driver.block_on(attach(&socket, job, side))?;
    let (job, wire) = (job.clone(), Wire(socket));
    Ok(match (job.measurement, side) {
        (Measurement::Latency, Side::Connect) => {
            Opening::new(endpoint, move || Ok(awaited::asking(driver, wire, job.size)))
        }
        (Measurement::Latency, Side::Bind) => {
            Opening::new(endpoint, move || Ok(awaited::answering(driver, wire)))
        }
        (_, Side::Connect) => {
            Opening::new(endpoint, move || Ok(awaited::sending(driver, wire, &job)))
        }
        (_, Side::Bind) => {
            Opening::new(endpoint, move || Ok(awaited::receiver(driver, wire, &job)))
        }
    })
}

/// A runtime and the context that lives on it.
#[derive(Clone)]
pub(crate) struct Driver {
    pub(crate) context: Context,
    runtime: Arc<tokio::runtime::Runtime>,
}

impl Driver {
    /// The driver of an end: the process's only one over inproc.
    pub(crate) fn of(job: &Job) -> Result<Self> {
        static SHARED: OnceLock<Mutex<Option<Driver>>> = OnceLock::new();
        let uring = job.transport == Transport::Tcp && job.measurement != Measurement::Latency;
        if job.transport != Transport::Inproc {
            return Self::build(current_thread()?, uring);
        }
        let shared = SHARED.get_or_init(Mutex::default);
        let mut shared = shared.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        match &*shared {
            Some(driver) => Ok(driver.clone()),
            None => Ok(shared.insert(Self::build(two_workers()?, uring)?).clone()),
        }
    }

    fn build(runtime: tokio::runtime::Runtime, uring: bool) -> Result<Self> {
        let context = context(&runtime, uring)?;
        Ok(Self { context, runtime: Arc::new(runtime) })
    }
}

/// A context whose tasks are the runtime's, with its sessions on io_uring or not.
pub(crate) fn context(runtime: &tokio::runtime::Runtime, uring: bool) -> Result<Context> {
    let context = runtime.block_on(async {
        if uring {
            initialize_uring_backend(UringConfig::default())?;
        }
        Ok::<_, rzmq::ZmqError>(Context::new()?.with_io_uring_sessions(uring))
    });
    context.context("making a context of rzmq")
}

impl Runtime for Driver {
    fn block_on<F: Future>(&self, future: F) -> F::Output {
        self.runtime.block_on(future)
    }

    async fn sleep(time: Duration) {
        tokio::time::sleep(time).await;
    }
}

/// A socket with the options of all measurements.
pub(crate) async fn socket(context: &Context, kind: SocketType) -> Result<Socket> {
    let socket = context.socket(kind)?;
    socket.set_option(LINGER, 0i32).await?;
    socket.set_option(ADAPTIVE_THROTTLE, 0i32).await?;
    Ok(socket)
}

/// Has a socket encrypt.
async fn secure(socket: &Socket, keys: &Keys) -> Result<()> {
    socket.set_option_raw(CURVE_SECRET_KEY, &keys.secret).await?;
    match &keys.server {
        None => socket.set_option(CURVE_SERVER, 1i32).await?,
        Some(key) => socket.set_option_raw(CURVE_SERVER_KEY, key).await?,
    }
    Ok(())
}

/// Binds or connects; the endpoint with its port.
pub(crate) async fn attach(socket: &Socket, job: &Job, side: Side) -> Result<String> {
    if side == Side::Connect || job.transport == Transport::Inproc {
        let attached = match side {
            Side::Bind => socket.bind(&job.endpoint).await,
            Side::Connect => socket.connect(&job.endpoint).await,
        };
        attached.with_context(|| format!("attaching to {}", job.endpoint))?;
        return Ok(job.endpoint.clone());
    }
    socket.bind(&job.endpoint).await.with_context(|| format!("binding {}", job.endpoint))?;
    let endpoint = socket.get_option(LAST_ENDPOINT).await?;
    let endpoint = String::from_utf8(endpoint).context("rzmq's own endpoint is no text")?;
    Ok(endpoint.trim_end_matches('\0').to_owned())
}

/// A socket.
pub(crate) struct Wire(pub(crate) Socket);

impl Sends for Wire {
    #[inline]
    async fn send(&mut self, body: Bytes) -> Result<()> {
        Ok(self.0.send(Msg::from_bytes(body)).await?)
    }
}

impl Receives for Wire {
    #[inline]
    async fn recv(&mut self, consumer: &mut impl Consume) -> Result<()> {
        let message = self.0.recv().await?;
        consumer.consume(message.data().unwrap_or_default())
    }
}

impl Answers for Wire {
    #[inline]
    async fn answer(&mut self) -> Result<()> {
        let request = self.0.recv().await?;
        Ok(self.0.send(request).await?)
    }
}
