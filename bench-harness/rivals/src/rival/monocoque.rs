//! monocoque-rs, on io_uring, and in another build of this program on tokio.
//!
//! Configuration: throughput with write coalescing and one flush at the end of each phase (the buffer
//! writes itself out at 64 KiB), and `recv_into` on a reused buffer: the fastest of the cases in its
//! `BENCHMARKS.md` (`push_pull_coalesced_recv_into`). Latency eagerly, one write a send, with the small
//! buffers of its `benches/latency.rs`. Each side has one `LocalRuntime` on its own thread, as in all of
//! its benchmarks. The runtime is the default one, compio; of tokio, which excludes compio within one
//! build, the worker is a second program made from the same source (`monocoque-tokio` in `Cargo.toml`).
//! Over inproc only DEALER forms a working pair (`benches/inproc_socket.rs` says so), in
//! `monocoque-rs-zmtp`, over a channel without a bound; it is PUSH and PULL, REQ and REP there.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use bytes::Bytes;
use compio_io::{AsyncRead, AsyncWrite};
use monocoque::SocketOptions;
use monocoque::rt::{LocalRuntime, TcpListener, TcpStream, sleep};
use monocoque::zmq::{PullSocket, PushSocket, RepSocket, ReqSocket, SubSocket, ipc};
use monocoque_core::tcp::enable_tcp_nodelay;
use monocoque_zmtp::DealerSocket;
use ringmq_bench::case::{Side, Transport};

use super::{address, path};
use crate::awaited::{self, Answers, Receives, Runtime, Sends};
use crate::consume::Consume;
use crate::job::Job;
use crate::local_end::{LocalEnd, Opening};
use crate::measurement::Measurement;

/// Bytes of the read and write buffers in a ping-pong, as in the library's own benchmark.
const SMALL_BUFFER: usize = 4096;

impl Runtime for LocalRuntime {
    fn block_on<F: Future>(&self, future: F) -> F::Output {
        self.block_on(future)
    }

    async fn sleep(time: Duration) {
        sleep(time).await;
    }
}

/// Makes one end.
pub(super) fn open(job: &Job, side: Side) -> Result<Opening> {
    let runtime = LocalRuntime::new().context("making a runtime of monocoque")?;
    let job = job.clone();
    let endpoint = job.endpoint.clone();
    match (job.transport, side) {
        (Transport::Tcp, Side::Bind) => {
            let listener = runtime.block_on(TcpListener::bind(address(&endpoint)?))?;
            let endpoint = format!("tcp://{}", listener.local_addr()?);
            let finish = move || {
                let (stream, _) = runtime.block_on(listener.accept())?;
                enable_tcp_nodelay(&stream)?;
                bound(runtime, stream, &job)
            };
            Ok(Opening { endpoint, finish: Box::new(finish) })
        }
        (Transport::Tcp, Side::Connect) => {
            let address = address(&endpoint)?.to_owned();
            let finish = move || {
                let stream = runtime.block_on(TcpStream::connect(address))?;
                enable_tcp_nodelay(&stream)?;
                connected(runtime, stream, &job)
            };
            Ok(Opening { endpoint, finish: Box::new(finish) })
        }
        (Transport::Ipc, Side::Bind) => {
            let listener = runtime.block_on(ipc::bind(path(&endpoint)?))?;
            let finish = move || {
                let stream = runtime.block_on(ipc::accept(&listener))?;
                bound(runtime, stream, &job)
            };
            Ok(Opening { endpoint, finish: Box::new(finish) })
        }
        (Transport::Ipc, Side::Connect) => {
            let path = path(&endpoint)?.to_owned();
            let finish = move || {
                let stream = runtime.block_on(ipc::connect(path))?;
                connected(runtime, stream, &job)
            };
            Ok(Opening { endpoint, finish: Box::new(finish) })
        }
        (Transport::Inproc, _) => inproc(runtime, job, side),
    }
}

/// The options of a measurement.
pub(crate) fn options(measurement: Measurement) -> SocketOptions {
    match measurement {
        Measurement::Latency => {
            SocketOptions::default().with_buffer_sizes(SMALL_BUFFER, SMALL_BUFFER)
        }
        _ => SocketOptions::default().with_write_coalescing(true),
    }
}

/// The same options, with encryption if the job has keys.
fn secured(options: SocketOptions, job: &Job) -> SocketOptions {
    let Some(keys) = &job.keys else { return options };
    let options = options.with_curve_keypair(keys.public, keys.secret);
    match keys.server {
        None => options.with_curve_server(true),
        Some(key) => options.with_curve_serverkey(key),
    }
}

/// The end that binds, once its peer is there.
fn bound<S: Stream>(runtime: LocalRuntime, stream: S, job: &Job) -> Result<Box<dyn LocalEnd>> {
    let options = secured(options(job.measurement), job);
    if job.measurement == Measurement::Latency {
        let socket = runtime.block_on(RepSocket::with_options(stream, options))?;
        return Ok(Box::new(awaited::answering(runtime, Wire::new(socket))));
    }
    let socket = runtime.block_on(PullSocket::with_options(stream, options))?;
    Ok(Box::new(awaited::receiver(runtime, Wire::new(socket), job)))
}

/// The end that connects.
fn connected<S: Stream>(runtime: LocalRuntime, stream: S, job: &Job) -> Result<Box<dyn LocalEnd>> {
    let options = secured(options(job.measurement), job);
    if job.measurement == Measurement::Latency {
        let socket = runtime.block_on(ReqSocket::with_options(stream, options))?;
        return Ok(Box::new(awaited::asking(runtime, Wire::new(socket), job.size)));
    }
    let socket = runtime.block_on(PushSocket::with_options(stream, options))?;
    Ok(Box::new(awaited::sending(runtime, Wire::new(socket), job)))
}

/// Both ends between two threads.
fn inproc(runtime: LocalRuntime, job: Job, side: Side) -> Result<Opening> {
    let endpoint = job.endpoint.clone();
    let options = options(job.measurement);
    Ok(match (job.measurement, side) {
        (Measurement::Latency, Side::Bind) => {
            let socket = DealerSocket::bind_inproc_bidi(&endpoint, options)?;
            Opening::new(endpoint, move || Ok(awaited::answering(runtime, Wire::new(socket))))
        }
        (Measurement::Latency, Side::Connect) => {
            let socket = DealerSocket::connect_inproc(&endpoint, options)?;
            Opening::new(endpoint, move || {
                Ok(awaited::asking(runtime, Wire::new(socket), job.size))
            })
        }
        (_, Side::Bind) => {
            let socket = DealerSocket::bind_inproc_bidi(&endpoint, options)?;
            Opening::new(endpoint, move || Ok(awaited::receiver(runtime, Wire::new(socket), &job)))
        }
        (_, Side::Connect) => {
            let socket = DealerSocket::connect_inproc(&endpoint, options)?;
            Opening::new(endpoint, move || Ok(awaited::sending(runtime, Wire::new(socket), &job)))
        }
    })
}

/// A stream that a socket of monocoque can be made from.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Unpin + 'static {}

impl<S: AsyncRead + AsyncWrite + Unpin + 'static> Stream for S {}

/// A socket, and the frames of the message received last.
pub(crate) struct Wire<S> {
    socket: S,
    frames: Vec<Bytes>,
}

impl<S> Wire<S> {
    /// A socket that has received nothing yet.
    pub(crate) fn new(socket: S) -> Self {
        Self { socket, frames: Vec::new() }
    }
}

impl<S: Stream> Sends for Wire<PushSocket<S>> {
    #[inline]
    async fn send(&mut self, body: Bytes) -> Result<()> {
        Ok(self.socket.send_one(body).await?)
    }

    async fn flush(&mut self) -> Result<()> {
        Ok(self.socket.flush().await?)
    }
}

impl<S: Stream> Sends for Wire<ReqSocket<S>> {
    #[inline]
    async fn send(&mut self, body: Bytes) -> Result<()> {
        Ok(self.socket.send_one(body).await?)
    }
}

impl<S: Stream> Sends for Wire<DealerSocket<S>> {
    #[inline]
    async fn send(&mut self, body: Bytes) -> Result<()> {
        Ok(self.socket.send(vec![body]).await?)
    }

    async fn flush(&mut self) -> Result<()> {
        Ok(self.socket.flush().await?)
    }
}

/// Implements receiving by `recv_into`, and answering where a socket can.
macro_rules! receives {
    ($socket:ident) => {
        impl<S: Stream> Receives for Wire<$socket<S>> {
            #[inline]
            async fn recv(&mut self, consumer: &mut impl Consume) -> Result<()> {
                ensure!(self.socket.recv_into(&mut self.frames).await?, "the connection ended");
                consumer.consume(self.frames.last().context("a message without a frame came")?)
            }
        }
    };
    ($socket:ident and answers) => {
        receives!($socket);

        impl<S: Stream> Answers for Wire<$socket<S>> {
            #[inline]
            async fn answer(&mut self) -> Result<()> {
                ensure!(self.socket.recv_into(&mut self.frames).await?, "the connection ended");
                Ok(self.socket.send(self.frames.clone()).await?)
            }
        }
    };
}

receives!(PullSocket);
receives!(ReqSocket);
receives!(RepSocket and answers);
receives!(SubSocket);
receives!(DealerSocket and answers);
