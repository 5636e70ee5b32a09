//! The load balancer: gives messages to pipes in turn, passing over those that are full.

use super::round_robin::RoundRobin;
use crate::error::Error;
use crate::inner::pipes::Pipes;
use crate::socket::payload::Outgoing;
use ringmq_pipe::WriteError;

#[derive(Default)]
pub(crate) struct LoadBalancer {
    /// Pipes that had room when last looked at.
    active: RoundRobin,
    /// In the middle of a message to this pipe.
    open: Option<usize>,
    /// The pipe of the message in progress is gone: the rest of the message goes nowhere.
    dropping: bool,
}

impl LoadBalancer {
    /// A pipe is new, or has room again.
    pub(crate) fn activate(&mut self, key: usize) {
        self.active.insert(key);
    }

    /// A pipe is gone.
    pub(crate) fn remove(&mut self, key: usize) {
        if self.open == Some(key) {
            self.open = None;
            self.dropping = true;
        }
        self.active.remove(key);
    }

    /// Gives a frame to a pipe, and says to which; `None` if the frame went the way of its message,
    /// whose pipe is gone.
    #[inline(always)]
    pub(crate) fn send(
        &mut self,
        pipes: &mut Pipes,
        frame: &mut Outgoing<'_>,
    ) -> Result<Option<usize>, Error> {
        if self.dropping {
            self.dropping = frame.more();
            if !self.dropping {
                pipes.count_to_nobody();
            }
            frame.drop_body();
            return Ok(None);
        }
        let more = frame.more();
        while let Some(key) = self.active.current() {
            match pipes.write(key, frame) {
                Ok(()) => {
                    self.open = more.then_some(key);
                    if !more {
                        self.active.advance();
                    }
                    return Ok(Some(key));
                }
                Err(WriteError::Closed) if self.open.is_some() => {
                    pipes.rollback(key);
                    self.remove(key);
                    self.dropping = more;
                    if !more {
                        pipes.count_to_nobody();
                    }
                    frame.drop_body();
                    return Ok(None);
                }
                // Full: its reader tells when there is room. Closed: it is about to be removed.
                Err(_) => self.active.remove(key),
            }
        }
        Err(pipes.no_room())
    }

    /// The pipe that the next message goes to, if there is no other and none is in progress.
    pub(crate) fn only(&self) -> Option<usize> {
        let free = !self.dropping && self.open.is_none() && self.active.len() == 1;
        if free { self.active.current() } else { None }
    }

    /// Whether a frame would be taken, or refused at once.
    pub(crate) fn ready(&mut self, pipes: &mut Pipes) -> bool {
        if self.dropping || self.open.is_some() {
            return true;
        }
        while let Some(key) = self.active.current() {
            if pipes.get_mut(key).is_some_and(|pipe| pipe.end.tx.ready().is_ok()) {
                return true;
            }
            self.active.remove(key);
        }
        pipes.deserted.is_some()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::inner::pipes::Pipe;
    use proptest::prelude::*;
    use ringmq_engine::PipeEnd;
    use ringmq_pipe::{Capacity, pipe};

    fn harness(count: usize, hwm: u32) -> (Pipes, LoadBalancer, Vec<Option<PipeEnd>>) {
        let (mut pipes, mut out) = (Pipes::new(None), LoadBalancer::default());
        let far = (0..count).map(|endpoint_id| {
            let (end, far) = pipe(Capacity::Messages(hwm), Capacity::Messages(hwm));
            out.activate(pipes.insert(Pipe::new(end, endpoint_id as u64, true)));
            Some(far)
        });
        let far = far.collect();
        (pipes, out, far)
    }

    fn send(pipes: &mut Pipes, out: &mut LoadBalancer) -> Result<Option<usize>, Error> {
        out.send(pipes, &mut Outgoing::Copied(b"message"))
    }

    #[test]
    fn everybody_gets_the_same() {
        let (mut pipes, mut out, _far) = harness(1_000, 0);
        let mut sent = vec![0; 1_000];
        for _ in 0..3_000 {
            sent[send(&mut pipes, &mut out).unwrap().unwrap()] += 1;
        }
        assert!(sent.iter().all(|count| *count == 3));
    }

    #[derive(Clone, Debug)]
    enum Step {
        Send,
        Drain(usize),
        Close(usize),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            10 => Just(Step::Send),
            3 => (0..8_usize).prop_map(Step::Drain),
            1 => (0..8_usize).prop_map(Step::Close),
        ]
    }

    proptest! {
        /// Against a list of those with room, in the order of their turns.
        #[test]
        fn who_has_room_has_a_turn(steps in prop::collection::vec(step(), 0..200)) {
            const HWM: usize = 3;
            let (mut pipes, mut out, mut far) = harness(8, HWM as u32);
            let mut queued = [0; 8];
            let mut turns: Vec<usize> = (0..8).collect();
            for step in steps {
                match step {
                    Step::Send => {
                        // Found to be of no use in its turn, a pipe has none until it says so.
                        let useful = |key: &usize| queued[*key] < HWM && far[*key].is_some();
                        let next = turns.iter().position(useful);
                        turns.drain(..next.unwrap_or(turns.len()));
                        match send(&mut pipes, &mut out) {
                            Ok(key) => {
                                prop_assert_eq!(key, turns.first().copied());
                                turns.rotate_left(1);
                                queued[key.unwrap()] += 1;
                            }
                            Err(_) => prop_assert_eq!(turns.len(), 0),
                        }
                    }
                    Step::Drain(key) => {
                        let Some(far) = &mut far[key] else { continue };
                        while far.rx.read().is_some() {
                            queued[key] -= 1;
                        }
                        out.activate(key);
                        if !turns.contains(&key) {
                            turns.push(key);
                        }
                    }
                    Step::Close(key) => far[key] = None,
                }
            }
        }
    }
}
