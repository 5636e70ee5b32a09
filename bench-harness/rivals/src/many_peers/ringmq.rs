//! Many peers with ringmq: XPUB that does not drop, and one thread that tries all sockets in turn
//! and waits with a `Poller` where a round found nothing.

use std::time::Duration;

use anyhow::{Context as _, Result};
use ringmq::kind::{DealerKind, Receives, RouterKind, SubKind, XPubKind};
use ringmq::{Error, Interest, Poller, Socket};
use ringmq_bench::case::Side;
use ringmq_bench::end::{Answerer, Answering, End, Sending, Source};
use ringmq_bench::payload::Stamper;

use super::blocking::{Dealers, Many, Subscribers};
use super::{MANY, Rounded};
use crate::consume::Consume;
use crate::job::{Job, PATIENCE};
use crate::local_end::Opening;
use crate::measurement::Measurement;
use crate::rival::ringmq::context;

/// Makes one end.
pub(super) fn open(job: &Job, side: Side) -> Result<Opening> {
    let context = context(job, side)?;
    let size = job.size;
    let endpoint = job.endpoint.clone();
    match (job.measurement, side) {
        (Measurement::PubSub, Side::Bind) => {
            let socket = context.xpub()?;
            socket.set_no_drop(true)?;
            socket.set_send_timeout(Some(PATIENCE))?;
            let endpoint = socket.bind(&endpoint)?;
            let end: Box<dyn End> = Box::new(Sending::new(Publisher(socket), size));
            Ok(Opening::ready(endpoint, end))
        }
        (_, Side::Bind) => {
            let socket = context.router()?;
            socket.set_recv_timeout(Some(PATIENCE))?;
            let endpoint = socket.bind(&endpoint)?;
            let end: Box<dyn End> = Box::new(Answering(Router(socket)));
            Ok(Opening::ready(endpoint, Rounded(end)))
        }
        (Measurement::PubSub, Side::Connect) => {
            let one = |_| {
                let socket = context.subscriber()?;
                socket.subscribe(b"")?;
                socket.connect(&endpoint)?;
                Ok(socket)
            };
            let sockets = Sockets::<SubKind>::new((0..MANY).map(one).collect::<Result<_>>()?);
            Ok(Opening::ready(endpoint, Subscribers::new(sockets, size)))
        }
        (_, Side::Connect) => {
            let one = |_| {
                let socket = context.dealer()?;
                socket.connect(&endpoint)?;
                Ok(socket)
            };
            let sockets = Sockets::<DealerKind>::new((0..MANY).map(one).collect::<Result<_>>()?);
            Ok(Opening::ready(endpoint, Dealers::new(sockets, size)))
        }
    }
}

struct Publisher(Socket<XPubKind>);

impl Source for Publisher {
    #[inline]
    fn send(&mut self, stamper: &mut Stamper) -> Result<()> {
        Ok(self.0.send(stamper.next_body()).map_err(Error::from)?)
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
    fn new(sockets: Vec<Socket<K>>) -> Self {
        let poller = Poller::new();
        for socket in &sockets {
            poller.add(socket, Interest::READABLE);
        }
        Self { sockets, poller }
    }

    #[inline]
    fn take(&self, at: usize, consumer: &mut impl Consume) -> Result<bool> {
        match self.sockets[at].try_recv() {
            Ok(message) => consumer.consume(&message).map(|()| true),
            Err(error) if error.is_would_block() => Ok(false),
            Err(error) => Err(error).context("receiving"),
        }
    }

    fn pause(&self, limit: Duration) -> Result<()> {
        self.poller.wait(Some(limit))?;
        Ok(())
    }
}

impl Many for Sockets<SubKind> {
    #[inline]
    fn try_recv(&mut self, at: usize, consumer: &mut impl Consume) -> Result<bool> {
        self.take(at, consumer)
    }

    fn send(&mut self, _at: usize, _body: &[u8]) -> Result<()> {
        anyhow::bail!("a subscriber sends nothing")
    }

    fn wait(&mut self, limit: Duration) -> Result<()> {
        self.pause(limit)
    }
}

impl Many for Sockets<DealerKind> {
    #[inline]
    fn try_recv(&mut self, at: usize, consumer: &mut impl Consume) -> Result<bool> {
        self.take(at, consumer)
    }

    #[inline]
    fn send(&mut self, at: usize, body: &[u8]) -> Result<()> {
        Ok(self.sockets[at].send(body).map_err(Error::from)?)
    }

    fn wait(&mut self, limit: Duration) -> Result<()> {
        self.pause(limit)
    }
}
