//! The fair queue: takes messages from all pipes in turn, whole messages at a time.
//!
//! A pipe is either active, and looked at, or asleep, and its writer tells when there is something. A
//! few pipes that have run dry stay active until somebody is about to wait: telling costs more than
//! looking. Many of them go to sleep one by one as they run dry.

use super::pipes::Pipes;
use crate::Message;
use ringmq_pipe::Sleep;

/// So many dry pipes may stay active.
const FEW: usize = 4;

#[derive(Default)]
pub(crate) struct FairQueue {
    active: Vec<usize>,
    /// Whose turn it is, as a position in `active`.
    current: usize,
    /// In the middle of a message of the current pipe.
    more: bool,
    /// Pipes found to have ended, to be removed by the socket.
    ended: Vec<usize>,
}

impl FairQueue {
    /// A pipe is new, or has something to read.
    pub(crate) fn activate(&mut self, key: usize) {
        if !self.active.contains(&key) {
            self.active.push(key);
        }
    }

    /// A pipe is gone, or is not to be read any more.
    pub(crate) fn remove(&mut self, key: usize) {
        if let Some(at) = self.active.iter().position(|active| *active == key) {
            self.remove_at(at);
        }
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
        let mut dry = 0;
        while dry < self.active.len() {
            let key = self.active[self.current];
            if pipes.read_into(key, into) {
                self.more = into.more();
                if !self.more {
                    self.advance();
                }
                return Some(key);
            }
            if self.dried(pipes, key) {
                dry += 1;
                self.advance();
            }
        }
        None
    }

    /// Whether there is a frame to take.
    pub(crate) fn ready(&mut self, pipes: &mut Pipes) -> bool {
        if self.more {
            return true;
        }
        let mut dry = 0;
        while dry < self.active.len() {
            let key = self.active[self.current];
            if pipes.get_mut(key).is_some_and(|pipe| pipe.end.rx.ready()) {
                return true;
            }
            if self.dried(pipes, key) {
                dry += 1;
                self.advance();
            }
        }
        false
    }

    /// Puts all pipes to sleep that are dry; `true` if one turns out not to be.
    pub(crate) fn settle(&mut self, pipes: &mut Pipes) -> bool {
        while let Some(&key) = self.active.first() {
            let asleep = match pipes.get_mut(key) {
                Some(pipe) => pipe.end.rx.fall_asleep() == Sleep::Asleep,
                None => true,
            };
            if !asleep {
                if !pipes.ended(key) {
                    return true;
                }
                self.ended.push(key);
            }
            self.remove_at(0);
        }
        false
    }

    /// A pipe was found to have ended by somebody else.
    pub(crate) fn note_ended(&mut self, key: usize) {
        self.ended.push(key);
    }

    /// A pipe that was found to have ended.
    pub(crate) fn take_ended(&mut self) -> Option<usize> {
        self.ended.pop()
    }

    /// What to do about a pipe without a frame: `true` if it stays active.
    #[cold]
    fn dried(&mut self, pipes: &mut Pipes, key: usize) -> bool {
        if pipes.ended(key) {
            self.ended.push(key);
            self.remove_at(self.current);
            return false;
        }
        if self.active.len() <= FEW {
            return true;
        }
        let asleep =
            pipes.get_mut(key).is_none_or(|pipe| pipe.end.rx.fall_asleep() == Sleep::Asleep);
        if asleep {
            self.remove_at(self.current);
        }
        false
    }

    fn advance(&mut self) {
        self.current += 1;
        if self.current >= self.active.len() {
            self.current = 0;
        }
    }

    fn remove_at(&mut self, at: usize) {
        self.active.remove(at);
        if at == self.current {
            self.more = false;
        }
        if at < self.current {
            self.current -= 1;
        }
        if self.current >= self.active.len() {
            self.current = 0;
        }
    }
}
