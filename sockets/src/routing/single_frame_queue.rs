//! The fair queue of sockets whose messages have one frame: longer ones, which only a peer that is no such socket
//! sends, are thrown away, a [`Portion`] at a time.

use super::fair_queue::FairQueue;
use crate::Message;
use crate::inner::pipes::Pipes;
use crate::types::Portion;
use ringmq_engine::DropReason;

#[derive(Default)]
pub(crate) struct SingleFrameQueue {
    queue: FairQueue,
    /// Found by a look ahead.
    first: Option<Message>,
}

/// The number of every pipe where peers have none.
pub(crate) fn unnumbered(_: usize) -> u32 {
    0
}

impl SingleFrameQueue {
    /// A pipe is new, or has something to read.
    pub(crate) fn activate(&mut self, key: usize) {
        self.queue.activate(key);
    }

    /// A pipe is gone.
    pub(crate) fn remove(&mut self, key: usize) {
        self.queue.remove(key);
    }

    /// Takes a message, which gets the routing id that `number` has for its pipe; `false` if there is none in a
    /// portion of what has come.
    pub(crate) fn recv_into(
        &mut self,
        pipes: &mut Pipes,
        into: &mut Message,
        number: impl Fn(usize) -> u32,
    ) -> bool {
        if let Some(first) = self.first.take() {
            *into = first;
            return true;
        }
        let (mut portion, mut unwanted) = (Portion::WHOLE, false);
        while !portion.is_used_up()
            && let Some(key) = self.queue.recv_into(pipes, into)
        {
            let more = into.more();
            if !more && pipes.began(key) && !into.is_command() {
                into.set_routing_id(number(key));
                return true;
            }
            if !more {
                pipes.count_drop(key, DropReason::Unwanted);
            }
            unwanted = true;
            portion.take(into.len());
        }
        if unwanted {
            *into = Message::new();
        }
        false
    }

    /// Whether there is a message, as far as that can be seen in a portion.
    pub(crate) fn ready(&mut self, pipes: &mut Pipes, number: impl Fn(usize) -> u32) -> bool {
        let mut first = Message::new();
        if self.first.is_none() && self.recv_into(pipes, &mut first, number) {
            self.first = Some(first);
        }
        self.first.is_some()
    }

    /// See [`Pattern::settle`](crate::types::Pattern::settle).
    pub(crate) fn settle(&mut self, pipes: &mut Pipes, number: impl Fn(usize) -> u32) -> bool {
        self.ready(pipes, number) || self.queue.settle(pipes)
    }

    /// A pipe that was found to have ended, to be removed by the socket.
    pub(crate) fn take_ended(&mut self) -> Option<usize> {
        self.queue.take_ended()
    }

    /// How many messages are kept outside of the pipes.
    pub(crate) fn kept(&self) -> u64 {
        self.first.is_some().into()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::inner::pipes::Pipe;
    use ringmq_engine::PipeEnd;
    use ringmq_pipe::{Capacity, pipe};

    fn harness() -> (Pipes, SingleFrameQueue, usize, PipeEnd) {
        let mut pipes = Pipes::new(None);
        let (end, far) = pipe(Capacity::Messages(10), Capacity::Messages(100_000));
        let key = pipes.insert(Pipe::new(end, 1, true));
        let mut queue = SingleFrameQueue::default();
        queue.activate(key);
        (pipes, queue, key, far)
    }

    fn write(far: &mut PipeEnd, frames: &[&str]) {
        for (at, frame) in frames.iter().enumerate() {
            let mut message = Message::from(*frame);
            message.set_more(at + 1 < frames.len());
            far.tx.write(&mut message).unwrap();
        }
    }

    #[test]
    fn messages_of_several_frames_are_thrown_away_and_counted() {
        let (mut pipes, mut queue, key, mut far) = harness();
        write(&mut far, &["a", "b", "c"]);
        write(&mut far, &["one"]);
        write(&mut far, &["d", "e"]);
        write(&mut far, &["two"]);
        let mut into = Message::new();
        assert!(queue.ready(&mut pipes, |_| 7));
        assert!(queue.recv_into(&mut pipes, &mut into, |_| 8));
        assert_eq!((into.routing_id(), &into[..]), (7, &b"one"[..]));
        assert!(queue.recv_into(&mut pipes, &mut into, |_| 8));
        assert_eq!((into.routing_id(), &into[..]), (8, &b"two"[..]));
        assert!(!queue.recv_into(&mut pipes, &mut into, |_| 8));
        assert!(!queue.settle(&mut pipes, |_| 8));
        assert_eq!(pipes.get(key).unwrap().dropped(), 2);
    }

    #[test]
    fn no_more_than_a_portion_is_looked_at_in_one_go_and_who_waits_is_told_so() {
        let (mut pipes, mut queue, _, mut far) = harness();
        for _ in 0..10_000 {
            write(&mut far, &["two", "frames"]);
        }
        write(&mut far, &["one"]);
        let (mut into, mut looks) = (Message::new(), 0);
        while !queue.recv_into(&mut pipes, &mut into, |_| 0) {
            assert!(queue.settle(&mut pipes, |_| 0), "it would sleep though there is something");
            looks += 1;
        }
        assert_eq!(into, "one");
        assert!(looks > 1);
    }
}
