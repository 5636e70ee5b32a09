//! libzmq, through the crate `zmq` and against the system's shared library.
//!
//! Configuration: none beyond its defaults (one I/O thread, high-water marks of 1,000), which is what
//! its own `local_thr`, `remote_thr`, `local_lat` and `remote_lat` run with; a message is received into
//! the same `zmq_msg_t` again and again, and an answer sends the request's own message back, which
//! copies nothing. `LINGER` is 0, since nobody waits for the end.

use std::sync::LazyLock;

use anyhow::{Context as _, Result, bail};
use ringmq_bench::case::Side;
use ringmq_bench::end::{Answerer, Asker, Sink, Source};
use ringmq_bench::mechanism::Keys;
use ringmq_bench::payload::{Checker, Stamper};

use crate::job::{Job, PATIENCE};
use crate::local_end::Opening;
use crate::measurement::Measurement;

/// The process's context: both ends of an inproc connection must share one.
pub(crate) static CONTEXT: LazyLock<zmq::Context> = LazyLock::new(zmq::Context::new);

/// Makes one end.
pub(super) fn open(job: &Job, side: Side) -> Result<Opening> {
    let kind = match (job.measurement, side) {
        (Measurement::Throughput, Side::Connect) => zmq::PUSH,
        (Measurement::Throughput, Side::Bind) => zmq::PULL,
        (Measurement::Latency, Side::Connect) => zmq::REQ,
        (Measurement::Latency, Side::Bind) => zmq::REP,
        _ => bail!("sockets with many peers are opened elsewhere"),
    };
    let socket = socket(kind)?;
    if let Some(keys) = &job.keys {
        secure(&socket, keys)?;
    }
    let endpoint = attach(&socket, job, side)?;
    Ok(Opening::blocking(job, side, endpoint, Wire::new(socket)))
}

/// Has a socket encrypt.
fn secure(socket: &zmq::Socket, keys: &Keys) -> Result<()> {
    socket.set_curve_publickey(&keys.public).context("this libzmq was built without CURVE")?;
    socket.set_curve_secretkey(&keys.secret)?;
    match &keys.server {
        None => socket.set_curve_server(true)?,
        Some(key) => socket.set_curve_serverkey(key)?,
    }
    Ok(())
}

/// A socket that gives up rather than wait for ever.
pub(crate) fn socket(kind: zmq::SocketType) -> Result<zmq::Socket> {
    let socket = CONTEXT.socket(kind).context("making a socket of libzmq")?;
    let patience_ms = PATIENCE.as_millis() as i32;
    socket.set_linger(0)?;
    socket.set_rcvtimeo(patience_ms)?;
    socket.set_sndtimeo(patience_ms)?;
    Ok(socket)
}

/// Binds or connects; the endpoint with its port.
pub(crate) fn attach(socket: &zmq::Socket, job: &Job, side: Side) -> Result<String> {
    match side {
        Side::Bind => {
            socket.bind(&job.endpoint).with_context(|| format!("binding {}", job.endpoint))?;
            let endpoint = socket.get_last_endpoint()?;
            endpoint.ok().context("libzmq's own endpoint is no text")
        }
        Side::Connect => {
            socket.connect(&job.endpoint).context("connecting")?;
            Ok(job.endpoint.clone())
        }
    }
}

/// A socket, and the message received last.
pub(crate) struct Wire {
    socket: zmq::Socket,
    message: zmq::Message,
}

impl Wire {
    /// A socket that has received nothing yet.
    pub(crate) fn new(socket: zmq::Socket) -> Self {
        Self { socket, message: zmq::Message::new() }
    }
}

impl Source for Wire {
    #[inline]
    fn send(&mut self, stamper: &mut Stamper) -> Result<()> {
        Ok(self.socket.send(stamper.next_body(), 0)?)
    }
}

impl Sink for Wire {
    #[inline]
    fn recv(&mut self, checker: &mut Checker) -> Result<()> {
        self.socket.recv(&mut self.message, 0)?;
        Ok(checker.check(&self.message)?)
    }
}

impl Asker for Wire {
    #[inline]
    fn ask(&mut self, stamper: &mut Stamper, checker: &mut Checker) -> Result<()> {
        self.send(stamper)?;
        self.recv(checker)
    }
}

impl Answerer for Wire {
    #[inline]
    fn answer(&mut self) -> Result<()> {
        let request = self.socket.recv_msg(0)?;
        Ok(self.socket.send(request, 0)?)
    }
}
