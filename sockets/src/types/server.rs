//! SERVER and PEER: each peer has a number, which its messages carry and answers name; messages of one frame
//! (RFC 41, RFC 51).
//!
//! Numbers are never 0, and begin anywhere, so that one of a former process hits nobody. A connect that is lost and
//! comes again keeps its number: its pipe is the same.

use super::{Pattern, PeerName, one_frame};
use crate::Message;
use crate::error::Error;
use crate::inner::pipes::Pipes;
use crate::routing::single_frame_queue::SingleFrameQueue;
use crate::socket::payload::Outgoing;
use ringmq_pipe::WriteError;
use ringmq_zmtp::SocketType;
use std::collections::HashMap;

pub(crate) struct Server {
    socket_type: SocketType,
    queue: SingleFrameQueue,
    /// Which pipe a number stands for, and the other way round.
    pipes: HashMap<u32, usize>,
    numbers: HashMap<usize, u32>,
    next: u32,
}

impl Server {
    pub(crate) fn new(socket_type: SocketType) -> Self {
        Self {
            socket_type,
            queue: SingleFrameQueue::default(),
            pipes: HashMap::new(),
            numbers: HashMap::new(),
            next: fastrand::u32(..),
        }
    }

    /// A number that no peer has.
    fn free_number(&mut self) -> u32 {
        loop {
            self.next = self.next.wrapping_add(1);
            if self.next != 0 && !self.pipes.contains_key(&self.next) {
                return self.next;
            }
        }
    }
}

/// The number of a pipe, as its messages carry it.
fn number(numbers: &HashMap<usize, u32>) -> impl Fn(usize) -> u32 {
    |key| numbers.get(&key).copied().unwrap_or(0)
}

impl Pattern for Server {
    fn attach(&mut self, _: &mut Pipes, key: usize) {
        let number = self.free_number();
        self.pipes.insert(number, key);
        self.numbers.insert(key, number);
    }

    fn detach(&mut self, _: &mut Pipes, key: usize) {
        self.queue.remove(key);
        if let Some(number) = self.numbers.remove(&key) {
            self.pipes.remove(&number);
        }
    }

    fn readable(&mut self, _: &mut Pipes, key: usize) {
        self.queue.activate(key);
    }

    fn send(&mut self, pipes: &mut Pipes, frame: &mut Outgoing<'_>) -> Result<(), Error> {
        one_frame(self.socket_type, frame)?;
        let key = self.pipes.get(&frame.routing_id()).ok_or(Error::HostUnreachable)?;
        match pipes.write(*key, frame) {
            Ok(()) => Ok(()),
            Err(WriteError::Full) => Err(Error::WouldBlock),
            Err(WriteError::Closed) => Err(Error::HostUnreachable),
        }
    }

    fn recv(&mut self, pipes: &mut Pipes, into: &mut Message) -> Result<(), Error> {
        let received = self.queue.recv_into(pipes, into, number(&self.numbers));
        if received { Ok(()) } else { Err(Error::WouldBlock) }
    }

    fn can_send(&mut self, _: &mut Pipes) -> bool {
        // Whether there is room depends on whom the next message is for.
        true
    }

    fn can_recv(&mut self, pipes: &mut Pipes) -> bool {
        self.queue.ready(pipes, number(&self.numbers))
    }

    fn settle(&mut self, pipes: &mut Pipes) -> bool {
        self.queue.settle(pipes, number(&self.numbers))
    }

    fn take_ended(&mut self) -> Option<usize> {
        self.queue.take_ended()
    }

    fn kept(&self) -> u64 {
        self.queue.kept()
    }

    fn pipe_of(&self, name: PeerName<'_>) -> Option<usize> {
        match name {
            PeerName::Number(number) => self.pipes.get(&number).copied(),
            PeerName::RoutingId(_) => None,
        }
    }

    fn number_of(&self, key: usize) -> u32 {
        number(&self.numbers)(key)
    }
}
