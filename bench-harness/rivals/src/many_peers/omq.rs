//! Many peers with omq: PUB with `xpub_nodrop`, and as in the multi-socket modes of its own
//! `bench_peer_blocking` one thread that tries all sockets in turn; where a round finds nothing it
//! yields the core to the I/O thread, which shares it.

use std::time::Duration;

use anyhow::{Context as _, Result};
use bytes::Bytes;
use omq_tokio::blocking::Socket;
use omq_tokio::{Error, Message, Options, SocketType};
use ringmq_bench::case::{Side, Transport};
use ringmq_bench::end::{Answerer, Answering, End};

use super::blocking::{Dealers, Many, ManyThatSend, Receivers, Senders};
use super::{Rounded, collector, distributor, publisher};
use crate::consume::Consume;
use crate::job::Job;
use crate::local_end::Opening;
use crate::measurement::Measurement;
use crate::rival::omq::{CONTEXT, Wire, attach, consume};

/// Makes one end.
pub(super) fn open(job: &Job, side: Side) -> Result<Opening> {
    let plain = |kind| CONTEXT.blocking_socket(kind, Options::default());
    let wire = |socket| Wire::new(socket, &job.stamper(), job.transport == Transport::Inproc);
    let endpoint = job.endpoint.clone();
    match (job.measurement, side) {
        (Measurement::Publish | Measurement::PubSub, Side::Bind) => {
            let options = Options { xpub_nodrop: true, ..Options::default() };
            let socket = CONTEXT.blocking_socket(SocketType::Pub, options);
            let endpoint = attach(&socket, job, side)?;
            publisher(job, endpoint, wire(socket))
        }
        (Measurement::FanOut, Side::Bind) => {
            let socket = plain(SocketType::Push);
            let endpoint = attach(&socket, job, side)?;
            Ok(distributor(job, endpoint, wire(socket)))
        }
        (Measurement::FanIn, Side::Bind) => {
            let socket = plain(SocketType::Pull);
            let endpoint = attach(&socket, job, side)?;
            Ok(collector(job, endpoint, wire(socket)))
        }
        (_, Side::Bind) => {
            let socket = plain(SocketType::Router);
            let endpoint = attach(&socket, job, side)?;
            let end: Box<dyn End> = Box::new(Answering(Router(socket)));
            Ok(Opening::ready(endpoint, Rounded(end, job.peers())))
        }
        (Measurement::Publish | Measurement::PubSub, Side::Connect) => {
            let sockets = Sockets::connect(SocketType::Sub, job)?;
            Ok(Opening::ready(endpoint, Receivers::new(sockets, job)?))
        }
        (Measurement::FanOut, Side::Connect) => {
            let sockets = Sockets::connect(SocketType::Pull, job)?;
            Ok(Opening::ready(endpoint, Receivers::new(sockets, job)?))
        }
        (Measurement::FanIn, Side::Connect) => {
            let sockets = Sockets::connect(SocketType::Push, job)?.0;
            let wires = sockets.into_iter().map(wire).collect();
            Ok(Opening::ready(endpoint, Senders::new(wires, job)))
        }
        (_, Side::Connect) => {
            let sockets = Sockets::connect(SocketType::Dealer, job)?;
            Ok(Opening::ready(endpoint, Dealers::new(sockets, job)))
        }
    }
}

struct Router(Socket);

impl Answerer for Router {
    #[inline]
    fn answer(&mut self) -> Result<()> {
        let request = self.0.recv()?;
        Ok(self.0.send(request)?)
    }
}

struct Sockets(Vec<Socket>);

impl Sockets {
    fn connect(kind: SocketType, job: &Job) -> Result<Self> {
        let one = |_| {
            let socket = CONTEXT.blocking_socket(kind, Options::default());
            attach(&socket, job, Side::Connect)?;
            if kind == SocketType::Sub {
                socket.subscribe(Bytes::new())?;
            }
            Ok(socket)
        };
        Ok(Self((0..job.peers()).map(one).collect::<Result<_>>()?))
    }
}

impl Many for Sockets {
    #[inline]
    fn try_recv(&mut self, at: usize, consumer: &mut impl Consume) -> Result<bool> {
        match self.0[at].try_recv() {
            Ok(message) => consume(&message, consumer).map(|()| true),
            Err(Error::WouldBlock) => Ok(false),
            Err(error) => Err(error).context("receiving"),
        }
    }

    fn wait(&mut self, _limit: Duration) -> Result<()> {
        std::thread::yield_now();
        Ok(())
    }
}

impl ManyThatSend for Sockets {
    #[inline]
    fn send(&mut self, at: usize, body: &[u8]) -> Result<()> {
        Ok(self.0[at].send(Message::from_slice(body))?)
    }
}
