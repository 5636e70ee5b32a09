//! The pattern of a socket, and the way past it while there is nothing to decide.
//!
//! With one peer, which is the usual case, a PUSH, PULL, DEALER or PAIR asks its pattern the same
//! question for every message and gets the same answer. So the answer is kept: `out` and `into` are the
//! pipes that whole messages take at once. What always holds: they are set only by what the pattern
//! says after it was asked for a message, and forgotten whenever it is asked or told anything else, as
//! that may change its mind. A pipe that does not take the message, or has none, is the pattern's again.

use super::pipes::Pipes;
use crate::Message;
use crate::error::Error;
use crate::socket::payload::Outgoing;
use crate::types::Pattern;
use ringmq_pipe::{LogReader, LogWriter};

/// No pipe's key.
const NONE: usize = usize::MAX;

/// See the [module's documentation](self).
pub(crate) struct Routing {
    pattern: Box<dyn Pattern>,
    /// It is worth asking: messages of other patterns never take the fast path.
    ask: bool,
    out: usize,
    into: usize,
}

impl Routing {
    pub(crate) fn new(pattern: Box<dyn Pattern>, has_fast_path: bool) -> Self {
        Self { pattern, ask: has_fast_path, out: NONE, into: NONE }
    }

    /// The pattern, to be asked or told something that may change where messages go.
    pub(crate) fn pattern(&mut self) -> &mut dyn Pattern {
        (self.out, self.into) = (NONE, NONE);
        &mut *self.pattern
    }

    /// What the next whole message is to be written to, if it takes the fast path.
    #[inline(always)]
    pub(crate) fn outgoing<'a>(&self, pipes: &'a mut Pipes) -> Option<&'a mut LogWriter> {
        pipes.outgoing_log(self.out)
    }

    /// What the next frame is to be read from, if it takes the fast path.
    #[inline(always)]
    pub(crate) fn incoming<'a>(&self, pipes: &'a mut Pipes) -> Option<&'a mut LogReader> {
        pipes.incoming_log(self.into)
    }

    /// See [`Pattern::send`].
    #[inline]
    pub(crate) fn send(
        &mut self,
        pipes: &mut Pipes,
        frame: &mut Outgoing<'_>,
    ) -> Result<(), Error> {
        if !self.ask {
            return self.pattern.send(pipes, frame);
        }
        self.out = NONE;
        self.pattern.send(pipes, frame)?;
        self.out = self.pattern.sole_output().unwrap_or(NONE);
        Ok(())
    }

    /// See [`Pattern::recv`].
    #[inline]
    pub(crate) fn recv(&mut self, pipes: &mut Pipes, into: &mut Message) -> Result<(), Error> {
        if !self.ask {
            return self.pattern.recv(pipes, into);
        }
        self.into = NONE;
        self.pattern.recv(pipes, into)?;
        self.into = self.pattern.sole_input(pipes).unwrap_or(NONE);
        Ok(())
    }

    /// See [`Pattern::take_closing`].
    #[inline]
    pub(crate) fn take_closing(&mut self) -> Option<usize> {
        self.pattern.take_closing()
    }

    /// See [`Pattern::take_ended`].
    #[inline]
    pub(crate) fn take_ended(&mut self) -> Option<usize> {
        self.pattern.take_ended()
    }
}
