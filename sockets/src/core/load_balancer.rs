//! The load balancer: gives messages to pipes in turn, passing over those that are full.

use super::pipes::Pipes;
use crate::error::Error;
use crate::payload::Outgoing;
use ringmq_pipe::Refused;

#[derive(Default)]
pub(crate) struct LoadBalancer {
    /// Pipes that had room when last looked at.
    active: Vec<usize>,
    /// Whose turn it is, as a position in `active`.
    current: usize,
    /// In the middle of a message to this pipe.
    open: Option<usize>,
    /// The pipe of the message in progress is gone: the rest of the message goes nowhere.
    dropping: bool,
}

impl LoadBalancer {
    /// A pipe is new, or has room again.
    pub(crate) fn activate(&mut self, key: usize) {
        if !self.active.contains(&key) {
            self.active.push(key);
        }
    }

    /// A pipe is gone.
    pub(crate) fn remove(&mut self, key: usize) {
        if self.open == Some(key) {
            self.open = None;
            self.dropping = true;
        }
        if let Some(at) = self.active.iter().position(|active| *active == key) {
            self.remove_at(at);
        }
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
            frame.drop_body();
            return Ok(None);
        }
        let more = frame.more();
        while let Some(&key) = self.active.get(self.current) {
            match pipes.write(key, frame) {
                Ok(()) => {
                    self.open = more.then_some(key);
                    if !more {
                        self.advance();
                    }
                    return Ok(Some(key));
                }
                Err(Refused::Closed) if self.open.is_some() => {
                    pipes.rollback(key);
                    self.remove(key);
                    self.dropping = more;
                    frame.drop_body();
                    return Ok(None);
                }
                // Full: its reader tells when there is room. Closed: it is about to be removed.
                Err(_) => self.remove_at(self.current),
            }
        }
        Err(Error::WouldBlock)
    }

    /// Whether a frame would be taken.
    pub(crate) fn ready(&mut self, pipes: &mut Pipes) -> bool {
        if self.dropping || self.open.is_some() {
            return true;
        }
        while let Some(&key) = self.active.get(self.current) {
            if pipes.get_mut(key).is_some_and(|pipe| pipe.end.tx.ready().is_ok()) {
                return true;
            }
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
        if at < self.current {
            self.current -= 1;
        }
        if self.current >= self.active.len() {
            self.current = 0;
        }
    }
}
