//! The socket types seen as things that send, receive or echo, and the loops' view of them.
//!
//! ringmq has one type per pattern and a method only where the pattern has it; the traits below let one
//! loop drive whichever type fits, without a branch a message.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use ringmq::{Dealer, Error, Message, Pair, Pull, Push, Rep, Req, Router, Sub, XPub};

use super::Keeper;
use crate::end::{Answerer, Asker, Sink, Source};
use crate::payload::{Checker, Stamper};
use crate::pool::Pool;

/// Body size in bytes from which on a sender who minds copies would pass a reference.
const BY_REFERENCE: usize = 8 << 10;
/// Most buffers that a sender of large messages keeps in circulation.
const POOL: usize = 64;

/// Any socket. The names differ from ringmq's own, so that none can be taken for the other.
pub(super) trait Connects: Send + 'static {
    fn bind_to(&self, endpoint: &str) -> Result<String, Error>;
    fn connect_to(&self, endpoint: &str) -> Result<(), Error>;
    /// Limits how long a send or a receive may wait.
    fn bound_waits(&self, limit: Duration) -> Result<(), Error>;
}

/// A socket that sends.
pub(super) trait Sends: Connects {
    fn give(&self, message: Message) -> Result<(), Error>;
}

/// A socket that receives; what comes back is the body.
pub(super) trait Receives: Connects {
    fn take(&self) -> Result<Message, Error>;
}

/// A socket that can send a message back where it came from.
pub(super) trait Echoes: Connects {
    fn echo(&self) -> Result<(), Error>;
}

macro_rules! connects {
    ($($name:ident: $($set_timeout:ident)+;)*) => {$(
        impl Connects for $name {
            fn bind_to(&self, endpoint: &str) -> Result<String, Error> {
                self.bind(endpoint)
            }
            fn connect_to(&self, endpoint: &str) -> Result<(), Error> {
                self.connect(endpoint)
            }
            fn bound_waits(&self, limit: Duration) -> Result<(), Error> {
                $(self.$set_timeout(Some(limit))?;)+
                Ok(())
            }
        }
    )*};
}

macro_rules! sends {
    ($($name:ident)*) => {$(
        impl Sends for $name {
            #[inline]
            fn give(&self, message: Message) -> Result<(), Error> {
                Ok(self.send(message)?)
            }
        }
    )*};
}

macro_rules! receives {
    ($($name:ident)*) => {$(
        impl Receives for $name {
            #[inline]
            fn take(&self) -> Result<Message, Error> {
                self.recv()
            }
        }
    )*};
}

macro_rules! echoes {
    ($($name:ident)*) => {$(
        impl Echoes for $name {
            #[inline]
            fn echo(&self) -> Result<(), Error> {
                Ok(self.send(self.recv()?)?)
            }
        }
    )*};
}

connects! {
    Push: set_send_timeout;
    Pull: set_recv_timeout;
    Sub: set_recv_timeout;
    XPub: set_send_timeout set_recv_timeout;
    Pair: set_send_timeout set_recv_timeout;
    Req: set_send_timeout set_recv_timeout;
    Rep: set_send_timeout set_recv_timeout;
    Dealer: set_send_timeout set_recv_timeout;
    Router: set_send_timeout set_recv_timeout;
}
sends! { Push XPub Pair Req Dealer }
receives! { Pull Sub Pair Req Rep Dealer }
echoes! { Pair Rep }

impl Receives for Router {
    #[inline]
    fn take(&self) -> Result<Message, Error> {
        let _routing_id = self.recv()?;
        self.recv()
    }
}

impl Echoes for Router {
    #[inline]
    fn echo(&self) -> Result<(), Error> {
        let (routing_id, body) = (self.recv()?, self.recv()?);
        Ok(self.send_multipart([routing_id, body])?)
    }
}

/// A socket and what must outlive it; dropped in this order.
pub(super) struct Held<S> {
    pub(super) socket: S,
    pub(super) _keeper: Arc<Keeper>,
}

/// Sends owned messages, large ones by reference.
pub(super) struct Owned<S> {
    held: Held<S>,
    pool: Option<Pool>,
}

impl<S: Sends> Owned<S> {
    pub(super) fn new(held: Held<S>, size: usize) -> Self {
        let pool = (size >= BY_REFERENCE).then(|| Pool::new(&Stamper::new(size), POOL));
        Self { held, pool }
    }
}

impl<S: Sends> Source for Owned<S> {
    #[inline]
    fn send(&mut self, stamper: &mut Stamper) -> Result<()> {
        let message = match &mut self.pool {
            Some(pool) => Message::from(pool.next(stamper)),
            None => Message::from(stamper.next()),
        };
        Ok(self.held.socket.give(message)?)
    }
}

impl<S: Sends + Receives> Asker for Owned<S> {
    #[inline]
    fn ask(&mut self, stamper: &mut Stamper, checker: &mut Checker) -> Result<()> {
        self.send(stamper)?;
        Ok(checker.check(&self.held.socket.take()?)?)
    }
}

/// Receives owned messages.
pub(super) struct Taken<S>(pub(super) Held<S>);

impl<S: Receives> Sink for Taken<S> {
    #[inline]
    fn recv(&mut self, checker: &mut Checker) -> Result<()> {
        Ok(checker.check(&self.0.socket.take()?)?)
    }
}

/// Sends messages back.
pub(super) struct Echo<S>(pub(super) Held<S>);

impl<S: Echoes> Answerer for Echo<S> {
    #[inline]
    fn answer(&mut self) -> Result<()> {
        Ok(self.0.socket.echo()?)
    }
}

/// REQ and REP as a one-way stream: every message waits for its empty answer.
pub(super) struct Lockstep<S>(pub(super) Held<S>);

impl Source for Lockstep<Req> {
    #[inline]
    fn send(&mut self, stamper: &mut Stamper) -> Result<()> {
        self.0.socket.send(Message::from(stamper.next()))?;
        let answer = self.0.socket.recv().context("waiting for the empty answer")?;
        ensure!(answer.is_empty(), "an answer of {} bytes came, none was due", answer.len());
        Ok(())
    }
}

impl Sink for Lockstep<Rep> {
    #[inline]
    fn recv(&mut self, checker: &mut Checker) -> Result<()> {
        checker.check(&self.0.socket.recv()?)?;
        Ok(self.0.socket.send(Message::default())?)
    }
}
