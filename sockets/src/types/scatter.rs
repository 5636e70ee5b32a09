//! SCATTER and GATHER: PUSH and PULL with messages of one frame (RFC 49).

use super::pipeline::Push;
use super::{Pattern, not_supported, one_frame};
use crate::Message;
use crate::error::Error;
use crate::inner::pipes::Pipes;
use crate::routing::single_frame_queue::{SingleFrameQueue, unnumbered};
use crate::socket::payload::Outgoing;
use ringmq_zmtp::SocketType;

/// The sending side.
#[derive(Default)]
pub(crate) struct Scatter {
    push: Push,
}

impl Pattern for Scatter {
    fn attach(&mut self, pipes: &mut Pipes, key: usize) {
        self.push.attach(pipes, key);
    }

    fn detach(&mut self, pipes: &mut Pipes, key: usize) {
        self.push.detach(pipes, key);
    }

    fn readable(&mut self, pipes: &mut Pipes, key: usize) {
        self.push.readable(pipes, key);
    }

    fn writable(&mut self, pipes: &mut Pipes, key: usize) {
        self.push.writable(pipes, key);
    }

    fn send(&mut self, pipes: &mut Pipes, frame: &mut Outgoing<'_>) -> Result<(), Error> {
        one_frame(SocketType::Scatter, frame)?;
        self.push.send(pipes, frame)
    }

    fn recv(&mut self, _: &mut Pipes, _: &mut Message) -> Result<(), Error> {
        not_supported(SocketType::Scatter, "receive")
    }

    fn can_send(&mut self, pipes: &mut Pipes) -> bool {
        self.push.can_send(pipes)
    }

    fn take_ended(&mut self) -> Option<usize> {
        self.push.take_ended()
    }
}

/// The receiving side.
#[derive(Default)]
pub(crate) struct Gather {
    queue: SingleFrameQueue,
}

impl Pattern for Gather {
    fn attach(&mut self, _: &mut Pipes, _: usize) {}

    fn detach(&mut self, _: &mut Pipes, key: usize) {
        self.queue.remove(key);
    }

    fn readable(&mut self, _: &mut Pipes, key: usize) {
        self.queue.activate(key);
    }

    fn send(&mut self, _: &mut Pipes, _: &mut Outgoing<'_>) -> Result<(), Error> {
        not_supported(SocketType::Gather, "send")
    }

    fn recv(&mut self, pipes: &mut Pipes, into: &mut Message) -> Result<(), Error> {
        let received = self.queue.recv_into(pipes, into, unnumbered);
        if received { Ok(()) } else { Err(Error::WouldBlock) }
    }

    fn can_recv(&mut self, pipes: &mut Pipes) -> bool {
        self.queue.ready(pipes, unnumbered)
    }

    fn settle(&mut self, pipes: &mut Pipes) -> bool {
        self.queue.settle(pipes, unnumbered)
    }

    fn take_ended(&mut self) -> Option<usize> {
        self.queue.take_ended()
    }

    fn kept(&self) -> u64 {
        self.queue.kept()
    }
}
