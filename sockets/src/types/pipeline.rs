//! PUSH and PULL: messages down a pipeline, to each peer in turn (RFC 30).

use super::{Pattern, not_supported};
use crate::Message;
use crate::error::Error;
use crate::inner::pipes::{Discarded, Pipes};
use crate::routing::fair_queue::FairQueue;
use crate::routing::load_balancer::LoadBalancer;
use crate::socket::payload::Outgoing;
use ringmq_zmtp::SocketType;

/// The sending side.
#[derive(Default)]
pub(crate) struct Push {
    out: LoadBalancer,
    /// Pipes found to have ended, to be removed by the socket.
    ended: Vec<usize>,
}

impl Pattern for Push {
    fn attach(&mut self, _: &mut Pipes, key: usize) {
        self.out.activate(key);
    }

    fn detach(&mut self, _: &mut Pipes, key: usize) {
        self.out.remove(key);
    }

    fn readable(&mut self, pipes: &mut Pipes, key: usize) {
        // There is hardly anything: sessions throw away by themselves what comes to a PUSH.
        if pipes.discard_input(key) == Discarded::Ended {
            self.ended.push(key);
        }
    }

    fn writable(&mut self, _: &mut Pipes, key: usize) {
        self.out.activate(key);
    }

    #[inline]
    fn send(&mut self, pipes: &mut Pipes, frame: &mut Outgoing<'_>) -> Result<(), Error> {
        self.out.send(pipes, frame).map(drop)
    }

    fn recv(&mut self, _: &mut Pipes, _: &mut Message) -> Result<(), Error> {
        not_supported(SocketType::Push, "receive")
    }

    fn sole_output(&self) -> Option<usize> {
        self.out.only()
    }

    fn can_send(&mut self, pipes: &mut Pipes) -> bool {
        self.out.ready(pipes)
    }

    fn take_ended(&mut self) -> Option<usize> {
        self.ended.pop()
    }
}

/// The receiving side.
#[derive(Default)]
pub(crate) struct Pull {
    queue: FairQueue,
}

impl Pattern for Pull {
    fn attach(&mut self, _: &mut Pipes, _: usize) {}

    fn detach(&mut self, _: &mut Pipes, key: usize) {
        self.queue.remove(key);
    }

    fn readable(&mut self, _: &mut Pipes, key: usize) {
        self.queue.activate(key);
    }

    fn send(&mut self, _: &mut Pipes, _: &mut Outgoing<'_>) -> Result<(), Error> {
        not_supported(SocketType::Pull, "send")
    }

    #[inline]
    fn recv(&mut self, pipes: &mut Pipes, into: &mut Message) -> Result<(), Error> {
        self.queue.recv_into(pipes, into).map(drop).ok_or(Error::WouldBlock)
    }

    fn sole_input(&self, _: &Pipes) -> Option<usize> {
        self.queue.only()
    }

    fn can_recv(&mut self, pipes: &mut Pipes) -> bool {
        self.queue.ready(pipes)
    }

    fn settle(&mut self, pipes: &mut Pipes) -> bool {
        self.queue.settle(pipes)
    }

    fn take_ended(&mut self) -> Option<usize> {
        self.queue.take_ended()
    }
}
