//! Sockets of ringmq seen from the loops: as something that sends, receives, asks or answers.

use std::collections::VecDeque;
use std::sync::Arc;

use anyhow::{Context as _, Result, ensure};
use ringmq::kind::{Kind, Receives, Sends};
use ringmq::{Error, Message, Rep, Req, Socket};

use super::Keeper;
use crate::case::{Bodies, KEPT};
use crate::end::{Answerer, Asker, Sink, Source};
use crate::job::Job;
use crate::payload::{Checker, Stamper};
use crate::pool::Pool;

/// Body size in bytes from which on a sender who minds copies would pass a reference.
const BY_REFERENCE: usize = 8 << 10;
/// Most buffers that a sender of large messages keeps in circulation: twice the default high-water
/// mark, which is what a pair of inproc sockets holds, and some.
const POOL: usize = 2_100;

/// A socket and what must outlive it; dropped in this order.
pub(super) struct Held<K: Kind> {
    pub(super) socket: Socket<K>,
    pub(super) _keeper: Arc<Keeper>,
}

/// How bodies are handed to a socket.
enum Handover {
    /// To be copied.
    Slice,
    /// By reference, out of a pool.
    Reference(Pool),
    /// With the buffer that was made for it.
    Buffer,
}

/// Sends small bodies from a slice and large ones by reference, unless told otherwise; receives owned
/// messages.
pub(super) struct Plain<K: Kind> {
    held: Held<K>,
    handover: Handover,
}

impl<K: Kind> Plain<K> {
    pub(super) fn new(held: Held<K>, job: &Job) -> Self {
        let handover = match job.case.bodies {
            Bodies::Usual if job.case.size < BY_REFERENCE => Handover::Slice,
            Bodies::Usual | Bodies::Same | Bodies::Clone => {
                Handover::Reference(Pool::new(&job.stamper(), POOL))
            }
            Bodies::Fresh => Handover::Buffer,
        };
        Self { held, handover }
    }
}

impl<K: Sends> Source for Plain<K> {
    #[inline]
    fn send(&mut self, stamper: &mut Stamper) -> Result<()> {
        let socket = &self.held.socket;
        let sent = match &mut self.handover {
            Handover::Slice => socket.send(stamper.next_body()),
            Handover::Reference(pool) => socket.send(pool.next(stamper)),
            Handover::Buffer => socket.send(stamper.next_body().to_vec()),
        };
        Ok(sent.map_err(Error::from)?)
    }
}

impl<K: Receives> Sink for Plain<K> {
    #[inline]
    fn recv(&mut self, checker: &mut Checker) -> Result<()> {
        // Of several frames the last one counts: those before it are a ROUTER's routing id. Looked at
        // where it was received: every move of a message shows at this rate.
        let mut frame = Message::new();
        loop {
            self.held.socket.recv_into(&mut frame)?;
            if !frame.more() {
                return Ok(checker.check(&frame)?);
            }
        }
    }
}

/// Receives owned messages and keeps the last ones.
pub(super) struct Keeping<K: Kind> {
    held: Held<K>,
    kept: VecDeque<Message>,
}

impl<K: Kind> Keeping<K> {
    pub(super) fn new(held: Held<K>) -> Self {
        Self { held, kept: VecDeque::with_capacity(KEPT) }
    }
}

impl<K: Receives> Sink for Keeping<K> {
    #[inline]
    fn recv(&mut self, checker: &mut Checker) -> Result<()> {
        let message = self.held.socket.recv()?;
        checker.check(&message)?;
        if self.kept.len() == KEPT {
            self.kept.pop_front();
        }
        self.kept.push_back(message);
        Ok(())
    }
}

/// Looks at bodies where they lie.
pub(super) struct Looking<K: Kind>(pub(super) Held<K>);

impl<K: Receives> Sink for Looking<K> {
    #[inline]
    fn recv(&mut self, checker: &mut Checker) -> Result<()> {
        Ok(self.0.socket.recv_with(|frame| checker.check(&frame))??)
    }
}

impl<K: Sends + Receives> Asker for Plain<K> {
    #[inline]
    fn ask(&mut self, stamper: &mut Stamper, checker: &mut Checker) -> Result<()> {
        self.send(stamper)?;
        self.recv(checker)
    }

    #[inline]
    fn question(&mut self, stamper: &mut Stamper) -> Result<()> {
        self.send(stamper)
    }

    #[inline]
    fn try_answer(&mut self, checker: &mut Checker) -> Result<bool> {
        loop {
            match self.held.socket.try_recv() {
                Ok(frame) if frame.more() => {}
                Ok(frame) => return Ok(checker.check(&frame).map(|()| true)?),
                Err(error) if error.is_would_block() => return Ok(false),
                Err(error) => return Err(error.into()),
            }
        }
    }
}

impl<K: Sends + Receives> Answerer for Plain<K> {
    #[inline]
    fn answer(&mut self) -> Result<()> {
        loop {
            let frame = self.held.socket.recv()?;
            let more = frame.more();
            self.held.socket.send(frame).map_err(Error::from)?;
            if !more {
                return Ok(());
            }
        }
    }
}

/// REQ and REP as a one-way stream: every message waits for its empty answer.
pub(super) struct Lockstep<K: Kind>(pub(super) Plain<K>);

impl Source for Lockstep<ringmq::kind::ReqKind> {
    #[inline]
    fn send(&mut self, stamper: &mut Stamper) -> Result<()> {
        self.0.send(stamper)?;
        let socket: &Req = &self.0.held.socket;
        let answer = socket.recv().context("waiting for the empty answer")?;
        ensure!(answer.is_empty(), "an answer of {} bytes came, none was due", answer.len());
        Ok(())
    }
}

impl Sink for Lockstep<ringmq::kind::RepKind> {
    #[inline]
    fn recv(&mut self, checker: &mut Checker) -> Result<()> {
        self.0.recv(checker)?;
        let socket: &Rep = &self.0.held.socket;
        Ok(socket.send(Message::default()).map_err(Error::from)?)
    }
}
