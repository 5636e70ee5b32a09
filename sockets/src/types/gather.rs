//! GATHER: a PULL with messages of one frame (RFC 49). Its other end is a [`Scatter`](super::pipeline::Scatter).

use super::{Pattern, not_supported};
use crate::Message;
use crate::error::Error;
use crate::inner::pipes::Pipes;
use crate::routing::single_frame_queue::{SingleFrameQueue, unnumbered};
use crate::socket::payload::Outgoing;
use ringmq_zmtp::SocketType;

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
