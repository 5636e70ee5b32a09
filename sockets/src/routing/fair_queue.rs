//! The fair queue: takes messages from all pipes in turn, whole messages at a time.
//!
//! A pipe is either active, and looked at, or asleep, and its writer tells when there is something. A
//! few pipes that have run dry stay active until somebody is about to wait: telling costs more than
//! looking. Of many, those that have run dry go to sleep, several at a time: that takes a barrier
//! which costs as much for one pipe as for all.

use super::round_robin::RoundRobin;
use crate::Message;
use crate::inner::pipes::Pipes;
use ringmq_pipe::{Sleep, settle};

/// So many dry pipes may stay active.
const FEW: usize = 4;
/// So many dry pipes are put to sleep together: the barrier is then a small part of the cost of each.
const TOGETHER: usize = 64;

#[derive(Default)]
pub(crate) struct FairQueue {
    active: RoundRobin,
    /// Pipes found dry, at most [`TOGETHER`], some perhaps twice. They are still active, unless they
    /// have gone since.
    dry: Vec<usize>,
    /// Pipes found to have ended, to be removed by the socket.
    ended: Vec<usize>,
}

impl FairQueue {
    /// A pipe is new, or has something to read.
    pub(crate) fn activate(&mut self, key: usize) {
        self.active.insert(key);
    }

    /// A pipe is gone, or is not to be read any more.
    pub(crate) fn remove(&mut self, key: usize) {
        self.active.remove(key);
    }

    /// Takes a frame, and says from which pipe.
    pub(crate) fn recv(&mut self, pipes: &mut Pipes) -> Option<(usize, Message)> {
        let mut frame = Message::new();
        let key = self.recv_into(pipes, &mut frame)?;
        Some((key, frame))
    }

    /// As [`recv`](Self::recv), without moving the frame once more on the way.
    #[inline(always)]
    pub(crate) fn recv_into(&mut self, pipes: &mut Pipes, into: &mut Message) -> Option<usize> {
        loop {
            let key = self.active.current()?;
            if pipes.read_into(key, into) {
                if !into.more() {
                    self.active.advance();
                }
                return Some(key);
            }
            if !self.seek(pipes, true) {
                return None;
            }
        }
    }

    /// Whether all pipes sleep: there is nothing until one of them tells.
    #[inline]
    pub(crate) fn is_asleep(&self) -> bool {
        self.active.len() == 0
    }

    /// The pipe that the next frame comes from, if there is no other to look at.
    pub(crate) fn only(&self) -> Option<usize> {
        if self.active.len() == 1 { self.active.current() } else { None }
    }

    /// Whether there is a frame to take.
    pub(crate) fn ready(&mut self, pipes: &mut Pipes) -> bool {
        self.seek(pipes, false)
    }

    /// Puts all pipes to sleep that are dry; `true` if one turns out not to be.
    pub(crate) fn settle(&mut self, pipes: &mut Pipes) -> bool {
        self.dry.clear();
        self.dry.extend(self.active.iter());
        self.put_to_sleep(pipes);
        self.dry.shrink_to(TOGETHER);
        self.active.len() > 0
    }

    /// A pipe was found to have ended by somebody else.
    pub(crate) fn note_ended(&mut self, key: usize) {
        self.ended.push(key);
    }

    /// Whether one is among those that were found to have ended.
    pub(crate) fn has_ended(&self, mut is_one: impl FnMut(usize) -> bool) -> bool {
        self.ended.iter().any(|key| is_one(*key))
    }

    /// A pipe that was found to have ended.
    pub(crate) fn take_ended(&mut self) -> Option<usize> {
        self.ended.pop()
    }

    /// Makes it the turn of a pipe that has a frame; `false` if none has. Whether the first one has was
    /// perhaps `looked` at already.
    #[cold]
    fn seek(&mut self, pipes: &mut Pipes, mut looked: bool) -> bool {
        // In a row, that are still active.
        let mut dry = 0;
        while let Some(key) = self.active.current() {
            let look = !std::mem::take(&mut looked);
            if look && pipes.get_mut(key).is_some_and(|pipe| pipe.end.rx.ready()) {
                return true;
            }
            if pipes.ended(key) {
                self.end(key);
                continue;
            }
            self.active.advance();
            dry += 1;
            if self.active.len() > FEW {
                self.dry.push(key);
                if dry == self.active.len() || self.dry.len() == TOGETHER {
                    self.put_to_sleep(pipes);
                    dry = 0;
                }
            } else if dry >= self.active.len() {
                return false;
            }
        }
        false
    }

    /// Puts those to sleep that were found dry and still are.
    fn put_to_sleep(&mut self, pipes: &mut Pipes) {
        let Self { active, dry, .. } = self;
        dry.retain(|key| active.contains(*key));
        if dry.is_empty() {
            return;
        }
        dry.iter().for_each(|key| pipes.doze(*key));
        settle();
        while let Some(key) = self.dry.pop() {
            if pipes.check(key) == Sleep::Asleep {
                self.remove(key);
            } else if pipes.ended(key) {
                self.end(key);
            } else {
                // Twice in the list, it may have been asleep a moment ago.
                self.active.insert(key);
            }
        }
    }

    /// A pipe has ended.
    fn end(&mut self, key: usize) {
        if self.active.contains(key) {
            self.remove(key);
            self.ended.push(key);
        }
    }
}

#[cfg(test)]
mod tests;
