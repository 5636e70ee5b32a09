//! DGRAM: datagrams of udp to and from anybody. A message has two frames: the address of the other side, and the body.

use super::Pattern;
use super::pair::Pair;
use crate::Message;
use crate::error::Error;
use crate::inner::pipes::Pipes;
use crate::socket::payload::Outgoing;

#[derive(Default)]
pub(crate) struct Dgram {
    /// The one bind.
    pair: Pair,
    /// The address of a message is sent, and its body is not.
    addressed: bool,
}

impl Pattern for Dgram {
    fn attach(&mut self, pipes: &mut Pipes, key: usize) {
        self.pair.attach(pipes, key);
    }

    fn detach(&mut self, pipes: &mut Pipes, key: usize) {
        self.pair.detach(pipes, key);
    }

    fn readable(&mut self, pipes: &mut Pipes, key: usize) {
        self.pair.readable(pipes, key);
    }

    fn send(&mut self, pipes: &mut Pipes, frame: &mut Outgoing<'_>) -> Result<(), Error> {
        if frame.more() == self.addressed {
            self.pair.take_back(pipes);
            self.addressed = false;
            return Err(Error::TwoFramesOnly);
        }
        self.pair.send(pipes, frame)?;
        self.addressed = !self.addressed;
        Ok(())
    }

    fn recv(&mut self, pipes: &mut Pipes, into: &mut Message) -> Result<(), Error> {
        self.pair.recv(pipes, into)
    }

    fn can_send(&mut self, pipes: &mut Pipes) -> bool {
        self.pair.can_send(pipes)
    }

    fn can_recv(&mut self, pipes: &mut Pipes) -> bool {
        self.pair.can_recv(pipes)
    }

    fn settle(&mut self, pipes: &mut Pipes) -> bool {
        self.pair.settle(pipes)
    }

    fn take_ended(&mut self) -> Option<usize> {
        self.pair.take_ended()
    }
}
