//! CLIENT: sends to all peers in turn, receives from all, messages of one frame (RFC 41).

use super::{Pattern, one_frame};
use crate::Message;
use crate::error::Error;
use crate::inner::pipes::Pipes;
use crate::routing::load_balancer::LoadBalancer;
use crate::routing::single_frame_queue::{SingleFrameQueue, unnumbered};
use crate::socket::payload::Outgoing;
use ringmq_zmtp::SocketType;

#[derive(Default)]
pub(crate) struct Client {
    out: LoadBalancer,
    queue: SingleFrameQueue,
}

impl Pattern for Client {
    fn attach(&mut self, _: &mut Pipes, key: usize) {
        self.out.activate(key);
    }

    fn detach(&mut self, _: &mut Pipes, key: usize) {
        self.out.remove(key);
        self.queue.remove(key);
    }

    fn readable(&mut self, _: &mut Pipes, key: usize) {
        self.queue.activate(key);
    }

    fn writable(&mut self, _: &mut Pipes, key: usize) {
        self.out.activate(key);
    }

    fn send(&mut self, pipes: &mut Pipes, frame: &mut Outgoing<'_>) -> Result<(), Error> {
        one_frame(SocketType::Client, frame)?;
        self.out.send(pipes, frame).map(drop)
    }

    fn recv(&mut self, pipes: &mut Pipes, into: &mut Message) -> Result<(), Error> {
        let received = self.queue.recv_into(pipes, into, unnumbered);
        if received { Ok(()) } else { Err(Error::WouldBlock) }
    }

    fn can_send(&mut self, pipes: &mut Pipes) -> bool {
        self.out.ready(pipes)
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
