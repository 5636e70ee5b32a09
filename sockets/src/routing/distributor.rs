//! The distributor: gives each message to every pipe that is meant to have it.
//!
//! A pipe that is full misses the whole message, which is counted. A message for the same pipes as the
//! one before it is encoded once, and their logs refer to it; when the pipes change from message to
//! message, copying small bodies into each log costs less than keeping track of who has which.

use crate::inner::pipes::{FrameSource, Pipes};
use crate::socket::payload::Outgoing;
use ringmq_engine::DropReason;
use ringmq_pipe::{ATTACH, SharedEncoder, WriteError};

/// From so many pipes on a message is encoded once: for fewer the copies cost no more than that.
const MANY: usize = 4;

#[derive(Default)]
pub(crate) struct Distributor {
    /// The pipes that are meant to have the message in progress, and those of the one before it.
    targets: Vec<usize>,
    before: Vec<usize>,
    /// In the middle of a message: the pipes that have its beginning.
    open: bool,
    going: Vec<usize>,
    /// The message in progress is encoded once.
    shared: bool,
    encoder: SharedEncoder,
}

impl Distributor {
    /// Whether the next frame continues a message.
    pub(crate) fn is_open(&self) -> bool {
        self.open
    }

    /// Clears the set of pipes for a new message; add to it with [`target`](Self::target).
    pub(crate) fn begin(&mut self) {
        std::mem::swap(&mut self.targets, &mut self.before);
        self.targets.clear();
    }

    /// The same of several.
    #[cold]
    pub(crate) fn target_all(&mut self, keys: &[usize]) {
        keys.iter().for_each(|key| self.target(*key));
    }

    /// Adds a pipe to those that get the message; each once, which is the caller's to see to.
    pub(crate) fn target(&mut self, key: usize) {
        self.targets.push(key);
    }

    /// A pipe is gone.
    pub(crate) fn remove(&mut self, key: usize) {
        // Between two messages nobody is going to look at them.
        if self.open {
            self.going.retain(|going| *going != key);
        }
    }

    /// Whether every pipe of the message has room.
    pub(crate) fn all_ready(&self, pipes: &mut Pipes) -> bool {
        self.targets.iter().all(|key| {
            let pipe = pipes.get_mut(*key);
            pipe.is_none_or(|pipe| pipe.end.tx.ready() != Err(WriteError::Full))
        })
    }

    /// Gives a frame to the pipes of its message and leaves it empty.
    pub(crate) fn send(&mut self, pipes: &mut Pipes, frame: &mut Outgoing<'_>) {
        let (first, more) = (!self.open, frame.more());
        self.open = more;
        if first && self.targets.is_empty() {
            pipes.count_to_nobody();
            if !more {
                return frame.drop_body();
            }
        }
        if first {
            self.shared = self.targets.len() >= MANY && self.targets == self.before;
            if more {
                self.going.clone_from(&self.targets);
            }
        }
        let encoded;
        let share = match &*frame {
            Outgoing::Owned(message) if message.len() >= ATTACH || message.is_lent() => {
                FrameSource::Referred(message)
            }
            frame if self.shared => {
                encoded = self.encoder.encode(frame.flags(), frame.body());
                FrameSource::Shared(&encoded)
            }
            frame => FrameSource::Copied(frame.flags(), frame.body()),
        };
        if first && !more {
            for key in &self.targets {
                give(pipes, *key, &share);
            }
        } else {
            self.going.retain(|key| give(pipes, *key, &share));
        }
        frame.drop_body();
    }
}

/// Gives a frame to one pipe; `false` if that is to get no more of the message.
fn give(pipes: &mut Pipes, key: usize, share: &FrameSource<'_>) -> bool {
    match pipes.write_shared(key, share) {
        Ok(()) => return true,
        Err(WriteError::Full) => pipes.count_drop(key, DropReason::Full),
        Err(WriteError::Closed) => pipes.rollback(key),
    }
    false
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::Message;
    use crate::inner::pipes::Pipe;
    use proptest::prelude::*;
    use ringmq_engine::PipeEnd;
    use ringmq_pipe::{Capacity, pipe};

    /// Pipes that hold so many messages; some keep the latest one only.
    fn harness(count: usize, hwm: u32) -> (Pipes, Vec<PipeEnd>) {
        let mut pipes = Pipes::new(None);
        let capacity = |endpoint_id| {
            if endpoint_id % 5 == 4 { Capacity::Conflated } else { Capacity::Messages(hwm) }
        };
        let far = (0..count).map(|endpoint_id| {
            let (end, far) = pipe(capacity(endpoint_id), capacity(endpoint_id));
            pipes.insert(Pipe::new(end, endpoint_id as u64, true));
            far
        });
        let far = far.collect();
        (pipes, far)
    }

    fn frame(len: usize, more: bool, number: u32) -> Message {
        let mut body = vec![0; len];
        body[..4].copy_from_slice(&number.to_le_bytes());
        let mut message = Message::from(body);
        message.set_more(more);
        message
    }

    /// The frames of a message: their lengths; and who is to have it.
    type Step = (Vec<usize>, u8);

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let len = prop_oneof![4 => 4..300_usize, 1 => Just(ATTACH)];
        let frames = prop::collection::vec(len, 1..3);
        // The same set again and again, mostly.
        let to = prop_oneof![4 => Just(0b1110_1111_u8), 1 => any::<u8>()];
        prop::collection::vec((frames, to), 1..60)
    }

    proptest! {
        #[test]
        fn everybody_gets_what_is_meant_for_it_whole_and_in_order(
            steps in steps(),
            drain in prop::collection::vec(any::<u8>(), 60),
        ) {
            const HWM: usize = 4;
            let (mut pipes, mut far) = harness(8, HWM as u32);
            let mut out = Distributor::default();
            let mut expected: Vec<Vec<Message>> = vec![Vec::new(); 8];
            let mut queued = [0; 8];
            for (number, ((frames, to), drain)) in (0_u32..).zip(steps.into_iter().zip(drain)) {
                let conflated = |key: &usize| key % 5 == 4;
                let to: Vec<usize> = (0..8).filter(|key| to >> key & 1 == 1).collect();
                out.begin();
                to.iter().for_each(|key| out.target(*key));
                let last = frames.len() - 1;
                for (at, len) in frames.iter().enumerate() {
                    let mut message = frame(*len, at != last, number);
                    out.send(&mut pipes, &mut Outgoing::Owned(&mut message));
                    prop_assert!(message.is_empty());
                }
                for key in to {
                    if conflated(&key) {
                        expected[key].clear();
                    } else if queued[key] == HWM {
                        continue;
                    }
                    queued[key] += 1;
                    let all = frames.iter().enumerate();
                    expected[key].extend(all.map(|(at, len)| frame(*len, at != last, number)));
                }
                for key in (0..8).filter(|key| drain >> key & 1 == 1) {
                    let got: Vec<_> = std::iter::from_fn(|| far[key].rx.read()).collect();
                    prop_assert_eq!(&got, &expected[key], "pipe {}", key);
                    expected[key].clear();
                    queued[key] = 0;
                }
            }
        }
    }
}
