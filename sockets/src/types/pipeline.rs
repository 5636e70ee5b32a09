//! PUSH and PULL: messages down a pipeline, to each peer in turn (RFC 30). And SCATTER, which is a PUSH with messages
//! of one frame (RFC 49).

use super::{Pattern, not_supported, one_frame};
use crate::Message;
use crate::error::Error;
use crate::inner::pipes::{Discarded, Pipes};
use crate::routing::fair_queue::FairQueue;
use crate::routing::load_balancer::LoadBalancer;
use crate::socket::payload::Outgoing;
use ringmq_zmtp::SocketType;

/// SCATTER.
pub(crate) type Scatter = Push<true>;

/// The sending side; of a SCATTER, whose messages have one frame, if it is `SINGLE`.
#[derive(Default)]
pub(crate) struct Push<const SINGLE: bool = false> {
    out: LoadBalancer,
    /// Pipes found to have ended, to be removed by the socket.
    ended: Vec<usize>,
}

impl<const SINGLE: bool> Pattern for Push<SINGLE> {
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
        if SINGLE {
            one_frame(SocketType::Scatter, frame)?;
        }
        self.out.send(pipes, frame).map(drop)
    }

    fn recv(&mut self, _: &mut Pipes, _: &mut Message) -> Result<(), Error> {
        let socket = if SINGLE { SocketType::Scatter } else { SocketType::Push };
        not_supported(socket, "receive")
    }

    fn sole_output(&self) -> Option<usize> {
        // Who goes straight does not count frames.
        if SINGLE { None } else { self.out.only() }
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
