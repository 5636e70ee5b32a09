//! The distributor: gives each message to every pipe that is meant to have it.
//!
//! A pipe that is full misses the whole message, which is counted.

use super::pipes::Pipes;
use crate::payload::Outgoing;
use ringmq_pipe::Refused;

#[derive(Default)]
pub(crate) struct Distributor {
    /// The pipes that get the message in progress.
    targets: Vec<usize>,
    /// In the middle of a message.
    open: bool,
}

impl Distributor {
    /// Whether the next frame continues a message.
    pub(crate) fn is_open(&self) -> bool {
        self.open
    }

    /// Clears the set of pipes for a new message; add to it with [`target`](Self::target).
    pub(crate) fn begin(&mut self) {
        self.targets.clear();
    }

    /// Adds a pipe to those that get the message. Each once.
    pub(crate) fn target(&mut self, key: usize) {
        if !self.targets.contains(&key) {
            self.targets.push(key);
        }
    }

    /// A pipe is gone.
    pub(crate) fn remove(&mut self, key: usize) {
        self.targets.retain(|target| *target != key);
    }

    /// Whether every pipe of the message has room.
    pub(crate) fn all_ready(&self, pipes: &mut Pipes) -> bool {
        self.targets.iter().all(|key| {
            let pipe = pipes.get_mut(*key);
            pipe.is_none_or(|pipe| pipe.end.tx.ready() != Err(Refused::Full))
        })
    }

    /// Gives a frame to the pipes of its message and leaves it empty.
    pub(crate) fn send(&mut self, pipes: &mut Pipes, frame: &mut Outgoing<'_>) {
        self.open = frame.more();
        self.targets.retain(|key| {
            let result = match frame {
                Outgoing::Copied(body) => pipes.write(*key, &mut Outgoing::Copied(body)),
                // A copy of a small body, a reference to a large one.
                Outgoing::Owned(message) => {
                    pipes.write(*key, &mut Outgoing::Owned(&mut message.clone()))
                }
            };
            match result {
                Ok(()) => true,
                Err(Refused::Full) => {
                    pipes.count_drop(*key);
                    false
                }
                Err(Refused::Closed) => {
                    pipes.rollback(*key);
                    false
                }
            }
        });
        frame.drop_body();
    }
}
