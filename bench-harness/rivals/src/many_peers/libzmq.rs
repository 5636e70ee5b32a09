//! Many peers with libzmq: XPUB, and `zmq_poll` where there is nothing to do.
//!
//! The crate has no method for `ZMQ_XPUB_NODROP`, so that the publisher does not wait for slow
//! subscribers by itself. Where it is not paced by credit it has no high-water mark instead, and the
//! messages of a phase queue up, which costs less than waiting would.

use std::time::Duration;

use anyhow::{Context as _, Result};
use ringmq_bench::case::Side;
use ringmq_bench::end::{Answerer, Answering, End};

use super::blocking::{Dealers, Many, ManyThatSend, Receivers, Senders};
use super::{Rounded, collector, distributor, publisher};
use crate::consume::Consume;
use crate::job::Job;
use crate::local_end::Opening;
use crate::measurement::Measurement;
use crate::rival::libzmq::{Wire, attach, socket};

/// The high-water mark that is none.
const UNLIMITED: i32 = 0;

/// Makes one end.
pub(super) fn open(job: &Job, side: Side) -> Result<Opening> {
    let endpoint = job.endpoint.clone();
    match (job.measurement, side) {
        (Measurement::Publish | Measurement::PubSub, Side::Bind) => {
            let socket = socket(zmq::XPUB)?;
            if job.measurement == Measurement::PubSub {
                socket.set_sndhwm(UNLIMITED)?;
            }
            let endpoint = attach(&socket, job, side)?;
            publisher(job, endpoint, Wire::new(socket))
        }
        (Measurement::FanOut, Side::Bind) => {
            let socket = socket(zmq::PUSH)?;
            let endpoint = attach(&socket, job, side)?;
            Ok(distributor(job, endpoint, Wire::new(socket)))
        }
        (Measurement::FanIn, Side::Bind) => {
            let socket = socket(zmq::PULL)?;
            let endpoint = attach(&socket, job, side)?;
            Ok(collector(job, endpoint, Wire::new(socket)))
        }
        (_, Side::Bind) => {
            let socket = socket(zmq::ROUTER)?;
            let endpoint = attach(&socket, job, side)?;
            let end: Box<dyn End> = Box::new(Answering(Router(socket)));
            Ok(Opening::ready(endpoint, Rounded(end, job.peers())))
        }
        (Measurement::Publish | Measurement::PubSub, Side::Connect) => {
            let sockets = Sockets::connect(zmq::SUB, job)?;
            Ok(Opening::ready(endpoint, Receivers::new(sockets, job)?))
        }
        (Measurement::FanOut, Side::Connect) => {
            let sockets = Sockets::connect(zmq::PULL, job)?;
            Ok(Opening::ready(endpoint, Receivers::new(sockets, job)?))
        }
        (Measurement::FanIn, Side::Connect) => {
            let sockets = Sockets::connect(zmq::PUSH, job)?.sockets;
            let wires = sockets.into_iter().map(Wire::new).collect();
            Ok(Opening::ready(endpoint, Senders::new(wires, job)))
        }
        (_, Side::Connect) => {
            let sockets = Sockets::connect(zmq::DEALER, job)?;
            Ok(Opening::ready(endpoint, Dealers::new(sockets, job)))
        }
    }
}

struct Router(zmq::Socket);

impl Answerer for Router {
    #[inline]
    fn answer(&mut self) -> Result<()> {
        loop {
            let frame = self.0.recv_msg(0)?;
            let more = frame.get_more();
            self.0.send(frame, if more { zmq::SNDMORE } else { 0 })?;
            if !more {
                return Ok(());
            }
        }
    }
}

struct Sockets {
    sockets: Vec<zmq::Socket>,
    message: zmq::Message,
}

impl Sockets {
    fn connect(kind: zmq::SocketType, job: &Job) -> Result<Self> {
        let one = |_| {
            let socket = socket(kind)?;
            if kind == zmq::SUB {
                socket.set_subscribe(b"")?;
            }
            attach(&socket, job, Side::Connect)?;
            Ok(socket)
        };
        let sockets = (0..job.peers()).map(one).collect::<Result<_>>()?;
        Ok(Self { sockets, message: zmq::Message::new() })
    }
}

impl Many for Sockets {
    #[inline]
    fn try_recv(&mut self, at: usize, consumer: &mut impl Consume) -> Result<bool> {
        match self.sockets[at].recv(&mut self.message, zmq::DONTWAIT) {
            Ok(()) => consumer.consume(&self.message).map(|()| true),
            Err(zmq::Error::EAGAIN) => Ok(false),
            Err(error) => Err(error).context("receiving"),
        }
    }

    fn wait(&mut self, limit: Duration) -> Result<()> {
        let items = self.sockets.iter().map(|socket| socket.as_poll_item(zmq::POLLIN));
        let mut items: Vec<zmq::PollItem<'_>> = items.collect();
        zmq::poll(&mut items, limit.as_millis() as i64)?;
        Ok(())
    }
}

impl ManyThatSend for Sockets {
    #[inline]
    fn send(&mut self, at: usize, body: &[u8]) -> Result<()> {
        Ok(self.sockets[at].send(body, 0)?)
    }
}
