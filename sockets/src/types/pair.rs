//! PAIR: one peer, both ways (RFC 31).
//!
//! While there is a peer, further connections complete their handshake and get no say: what they send is
//! thrown away. When the peer leaves, the next new connection takes its place: at once, or, if there is
//! something to receive from the one that left, after that.

use super::Pattern;
use crate::Message;
use crate::error::Error;
use crate::inner::pipes::{Discarded, Pipes};
use crate::socket::payload::Outgoing;
use ringmq_pipe::{Sleep, WriteError};

#[derive(Default)]
pub(crate) struct Pair {
    pipe: Option<usize>,
    /// Takes the place of a peer that has left, once all that it has sent is received.
    successor: Option<usize>,
    /// Pipes found to have ended, to be removed by the socket.
    ended: Vec<usize>,
    /// Pipes that get no say and had more to be thrown away than is in one go: there is more with the next wait,
    /// and until then they fill.
    unheard: Vec<usize>,
    /// The peer of the message being sent is gone: the rest of it goes nowhere.
    dropping: bool,
    /// In the middle of sending a message.
    open: bool,
}

impl Pair {
    /// Takes the frames back of a message that will not be completed.
    pub(super) fn take_back(&mut self, pipes: &mut Pipes) {
        if let Some(key) = self.pipe.filter(|_| self.open) {
            pipes.rollback(key);
        }
        self.open = false;
        self.dropping = false;
    }

    /// Throws away what somebody sends who gets no say.
    fn discard(&mut self, pipes: &mut Pipes, key: usize) {
        if self.pipe == Some(key) || self.successor == Some(key) {
            return;
        }
        match pipes.discard_input(key) {
            Discarded::AllOfIt => {}
            Discarded::SomeOfIt => self.unheard.push(key),
            Discarded::Ended => self.ended.push(key),
        }
    }
}

impl Pattern for Pair {
    fn attach(&mut self, pipes: &mut Pipes, key: usize) {
        let holder = *self.pipe.get_or_insert(key);
        let holder = pipes.get_mut(holder).map(|pipe| pipe.end.tx.ready());
        if self.pipe != Some(key) && holder == Some(Err(WriteError::Closed)) {
            self.successor.get_or_insert(key);
        }
    }

    fn detach(&mut self, _: &mut Pipes, key: usize) {
        if self.pipe == Some(key) {
            self.pipe = self.successor.take();
            self.dropping = self.open;
        } else if self.successor == Some(key) {
            self.successor = None;
        }
    }

    fn readable(&mut self, pipes: &mut Pipes, key: usize) {
        self.discard(pipes, key);
    }

    fn send(&mut self, pipes: &mut Pipes, frame: &mut Outgoing<'_>) -> Result<(), Error> {
        let more = frame.more();
        if self.dropping {
            self.dropping = more;
            self.open = more;
            if !more {
                pipes.count_to_nobody();
            }
            frame.drop_body();
            return Ok(());
        }
        let key = self.pipe.ok_or_else(|| pipes.no_room())?;
        match pipes.write(key, frame) {
            Ok(()) => self.open = more,
            Err(WriteError::Closed) if self.open => {
                pipes.rollback(key);
                self.open = more;
                self.dropping = more;
                if !more {
                    pipes.count_to_nobody();
                }
                frame.drop_body();
            }
            Err(refused) => {
                // A peer that is gone keeps its place until all it has sent is received.
                if refused == WriteError::Closed && pipes.ended(key) {
                    self.ended.push(key);
                }
                return Err(pipes.no_room());
            }
        }
        Ok(())
    }

    fn recv(&mut self, pipes: &mut Pipes, into: &mut Message) -> Result<(), Error> {
        let key = self.pipe.ok_or(Error::WouldBlock)?;
        if pipes.read_into(key, into) {
            return Ok(());
        }
        if pipes.ended(key) {
            self.ended.push(key);
        }
        Err(Error::WouldBlock)
    }

    fn sole_output(&self) -> Option<usize> {
        if self.dropping || self.open { None } else { self.pipe }
    }

    fn sole_input(&self, _: &Pipes) -> Option<usize> {
        self.pipe
    }

    fn can_send(&mut self, pipes: &mut Pipes) -> bool {
        let deserted = pipes.deserted.is_some();
        let pipe = self.pipe.and_then(|key| pipes.get_mut(key));
        self.dropping || deserted || pipe.is_some_and(|pipe| pipe.end.tx.ready().is_ok())
    }

    fn can_recv(&mut self, pipes: &mut Pipes) -> bool {
        self.pipe.and_then(|key| pipes.get_mut(key)).is_some_and(|pipe| pipe.end.rx.ready())
    }

    fn settle(&mut self, pipes: &mut Pipes) -> bool {
        for key in std::mem::take(&mut self.unheard) {
            self.discard(pipes, key);
        }
        let Some(key) = self.pipe else { return false };
        let Some(pipe) = pipes.get_mut(key) else { return false };
        if pipe.end.rx.fall_asleep() == Sleep::Asleep {
            return false;
        }
        if pipe.end.rx.ended() {
            self.ended.push(key);
        }
        true
    }

    fn take_ended(&mut self) -> Option<usize> {
        self.ended.pop()
    }
}
