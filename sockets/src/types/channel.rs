//! CHANNEL: a PAIR with messages of one frame (RFC 52).

use super::pair::Pair;
use super::{Pattern, Portion, one_frame};
use crate::Message;
use crate::error::Error;
use crate::inner::pipes::Pipes;
use crate::socket::payload::Outgoing;
use ringmq_engine::DropReason;
use ringmq_zmtp::SocketType;

#[derive(Default)]
pub(crate) struct Channel {
    pair: Pair,
    /// In the middle of a message of several frames, which is thrown away.
    discarding: bool,
    /// Found by a look ahead.
    first: Option<Message>,
}

impl Channel {
    /// Takes the next message of one frame that there is in a portion of what has come.
    fn next_into(&mut self, pipes: &mut Pipes, into: &mut Message) -> Result<(), Error> {
        let mut portion = Portion::WHOLE;
        while !portion.is_used_up() {
            self.pair.recv(pipes, into)?;
            let more = into.more();
            let unwanted = self.discarding || more || into.is_command();
            self.discarding = more;
            if !unwanted {
                return Ok(());
            }
            portion.take(into.len());
            *into = Message::new();
            if !more && let Some(key) = self.pair.sole_input(pipes) {
                pipes.count_drop(key, DropReason::Unwanted);
            }
        }
        Err(Error::WouldBlock)
    }
}

impl Pattern for Channel {
    fn attach(&mut self, pipes: &mut Pipes, key: usize) {
        self.pair.attach(pipes, key);
    }

    fn detach(&mut self, pipes: &mut Pipes, key: usize) {
        if self.pair.sole_input(pipes) == Some(key) {
            self.discarding = false;
        }
        self.pair.detach(pipes, key);
    }

    fn readable(&mut self, pipes: &mut Pipes, key: usize) {
        self.pair.readable(pipes, key);
    }

    fn send(&mut self, pipes: &mut Pipes, frame: &mut Outgoing<'_>) -> Result<(), Error> {
        one_frame(SocketType::Channel, frame)?;
        self.pair.send(pipes, frame)
    }

    fn recv(&mut self, pipes: &mut Pipes, into: &mut Message) -> Result<(), Error> {
        match self.first.take() {
            Some(first) => *into = first,
            None => self.next_into(pipes, into)?,
        }
        Ok(())
    }

    fn can_send(&mut self, pipes: &mut Pipes) -> bool {
        self.pair.can_send(pipes)
    }

    fn can_recv(&mut self, pipes: &mut Pipes) -> bool {
        let mut first = Message::new();
        if self.first.is_none() && self.next_into(pipes, &mut first).is_ok() {
            self.first = Some(first);
        }
        self.first.is_some()
    }

    fn settle(&mut self, pipes: &mut Pipes) -> bool {
        self.can_recv(pipes) || self.pair.settle(pipes)
    }

    fn take_ended(&mut self) -> Option<usize> {
        self.pair.take_ended()
    }

    fn kept(&self) -> u64 {
        self.first.is_some().into()
    }
}
