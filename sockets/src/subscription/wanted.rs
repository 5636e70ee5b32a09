//! What a SUB or XSUB wants, as it shares it with its sessions.
//!
//! A session tells each new connection all topics, and from then on the socket writes each change to the
//! connection's pipe. So that a connection learns of every change once, changes are numbered, and a pipe
//! [remembers](ringmq_pipe::PipeState::told) the number of the last one that its connection knows.
//!
//! A pipe that a session makes is on its way to the socket for a while: changes that are made meanwhile
//! are kept for it, and written when it has arrived.

use super::{Counted, Removal};
use crate::Message;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// See the [module's documentation](self).
#[derive(Debug)]
pub(crate) struct Wanted {
    topics: Counted,
    /// What it takes to tell all topics, in bytes.
    bytes: u64,
    /// How many changes there were: the number of the latest.
    changes: u64,
    /// Pipes that are on their way to the socket.
    coming: usize,
    /// What was changed while any was, in order, by number.
    missed: Vec<(u64, Change)>,
}

/// A subscription or cancellation, as publishers are told of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Change {
    /// The frames of a message, or a command.
    pub(crate) frames: Vec<Message>,
    /// It subscribes to a topic once more that is subscribed to: what is wanted is as before.
    pub(crate) repeats: bool,
}

/// Bytes that it takes to tell a topic beside those of the topic: a header, and the longer one of two names.
pub(crate) const TOLD_WITH: u64 = 19;

impl Change {
    /// How many bytes of a pipe it takes, or some more.
    pub(crate) fn size(&self) -> u64 {
        self.frames.iter().map(|frame| frame.len() as u64 + TOLD_WITH).sum()
    }
}

impl Wanted {
    pub(crate) fn new() -> Self {
        Self { topics: Counted::new(), bytes: 0, changes: 0, coming: 0, missed: Vec::new() }
    }

    /// Subscribes, as those frames say; the number of the change, and the change.
    pub(crate) fn subscribe(&mut self, topic: &[u8], frames: Vec<Message>) -> (u64, Change) {
        let is_new = self.topics.subscribe(topic);
        if is_new {
            self.bytes += topic.len() as u64 + TOLD_WITH;
        }
        self.number(Change { frames, repeats: !is_new })
    }

    /// Takes a subscription back; the number of the change, and the change, unless that is none for publishers.
    pub(crate) fn unsubscribe(
        &mut self,
        topic: &[u8],
        frames: Vec<Message>,
    ) -> Option<(u64, Change)> {
        if self.topics.unsubscribe(topic) != Removal::Last {
            return None;
        }
        self.bytes -= topic.len() as u64 + TOLD_WITH;
        Some(self.number(Change { frames, repeats: false }))
    }

    fn number(&mut self, change: Change) -> (u64, Change) {
        self.changes += 1;
        if self.coming > 0 {
            self.missed.push((self.changes, change.clone()));
        }
        (self.changes, change)
    }

    /// What it takes to tell all topics, in bytes.
    pub(crate) const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// What a pipe has missed that was [`Coming`] until now, and whose connection was told of all changes up
    /// to `told`, or of none so far.
    pub(crate) fn missed(&self, told: Option<u64>) -> Vec<(u64, Change)> {
        let told = told.unwrap_or(self.changes);
        let first = self.missed.partition_point(|(number, _)| *number <= told);
        self.missed[first..].to_vec()
    }

    /// Shows every topic once, and says the number of the latest change.
    pub(crate) fn tell(&self, show: impl FnMut(&[u8])) -> u64 {
        self.topics.for_each(show);
        self.changes
    }

    /// Whether some topic is a prefix of the message (of its first frame).
    pub(crate) fn matches(&self, message: &[u8]) -> bool {
        self.topics.matches(message)
    }

    /// Whether exactly this topic is wanted.
    pub(crate) fn has(&self, topic: &[u8]) -> bool {
        self.topics.has(topic)
    }

    /// How many distinct topics there are.
    pub(crate) const fn len(&self) -> usize {
        self.topics.len()
    }
}

/// A pipe on its way to the socket: until this is dropped, because it is there or will never be, changes are
/// kept for it.
pub(crate) struct Coming(Arc<Mutex<Wanted>>);

impl Coming {
    /// A pipe is about to be sent to the socket.
    pub(crate) fn new(wanted: &Arc<Mutex<Wanted>>) -> Self {
        lock(wanted).coming += 1;
        Self(wanted.clone())
    }
}

impl Drop for Coming {
    fn drop(&mut self) {
        let mut wanted = lock(&self.0);
        wanted.coming -= 1;
        if wanted.coming == 0 {
            wanted.missed = Vec::new();
        }
    }
}

fn lock(wanted: &Mutex<Wanted>) -> MutexGuard<'_, Wanted> {
    wanted.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn frames(topic: &str) -> Vec<Message> {
        vec![topic.into()]
    }

    fn change(topic: &str) -> Change {
        Change { frames: frames(topic), repeats: false }
    }

    fn told(wanted: &Wanted) -> (Vec<Vec<u8>>, u64) {
        let mut topics = Vec::new();
        let number = wanted.tell(|topic| topics.push(topic.to_vec()));
        (topics, number)
    }

    #[test]
    fn a_pipe_on_its_way_misses_what_came_after_its_beginning() {
        let shared = Arc::new(Mutex::new(Wanted::new()));
        lock(&shared).subscribe(b"a", frames("a"));
        let first = Coming::new(&shared);
        lock(&shared).subscribe(b"b", frames("b"));
        let (topics, number) = told(&lock(&shared));
        assert_eq!(topics, [b"a", b"b"]);
        let second = Coming::new(&shared);
        let mut wanted = lock(&shared);
        wanted.subscribe(b"c", frames("c"));
        assert_eq!(wanted.unsubscribe(b"unknown", frames("unknown")), None);
        assert_eq!(wanted.unsubscribe(b"a", frames("a")), Some((4, change("a"))));
        // The second one has not begun yet: it will be told all of it then.
        assert_eq!(wanted.missed(None), []);
        drop(wanted);
        drop(second);
        let wanted = lock(&shared);
        assert_eq!(wanted.missed(Some(number)), [(3, change("c")), (4, change("a"))]);
        drop(wanted);
        // It comes, or is gone before that: nothing is kept for it any more.
        drop(first);
        let mut wanted = lock(&shared);
        wanted.subscribe(b"d", frames("d"));
        assert!(wanted.missed.is_empty(), "nobody is on its way");
        assert_eq!(told(&wanted).1, 5);
    }

    #[test]
    fn what_it_takes_to_tell_all_is_counted_once_a_topic() {
        let mut wanted = Wanted::new();
        assert!(!wanted.subscribe(b"news", frames("news")).1.repeats);
        assert!(wanted.subscribe(b"news", frames("news")).1.repeats);
        wanted.subscribe(b"", frames(""));
        assert_eq!(wanted.bytes(), 4 + 2 * TOLD_WITH);
        assert_eq!(wanted.unsubscribe(b"news", frames("news")), None);
        wanted.unsubscribe(b"news", frames("news")).unwrap();
        wanted.unsubscribe(b"", frames("")).unwrap();
        assert_eq!(wanted.bytes(), 0);
    }
}
