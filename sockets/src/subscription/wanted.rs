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
    /// How many changes there were: the number of the latest.
    changes: u64,
    /// Pipes that are on their way to the socket.
    coming: usize,
    /// What was changed while any was, in order, by number.
    missed: Vec<(u64, Change)>,
}

/// What tells a publisher of a change: the frames of a message, or a command.
pub(crate) type Change = Vec<Message>;

impl Wanted {
    pub(crate) fn new() -> Self {
        Self { topics: Counted::new(), changes: 0, coming: 0, missed: Vec::new() }
    }

    /// Subscribes, and says the number of the change.
    pub(crate) fn subscribe(&mut self, topic: &[u8], change: &Change) -> u64 {
        self.topics.subscribe(topic);
        self.number(change)
    }

    /// Takes a subscription back, and says the number of the change, unless that is none for publishers.
    pub(crate) fn unsubscribe(&mut self, topic: &[u8], change: &Change) -> Option<u64> {
        (self.topics.unsubscribe(topic) == Removal::Last).then(|| self.number(change))
    }

    fn number(&mut self, change: &Change) -> u64 {
        self.changes += 1;
        if self.coming > 0 {
            self.missed.push((self.changes, change.clone()));
        }
        self.changes
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
    use super::*;

    fn change(topic: &str) -> Change {
        vec![topic.into()]
    }

    fn told(wanted: &Wanted) -> (Vec<Vec<u8>>, u64) {
        let mut topics = Vec::new();
        let number = wanted.tell(|topic| topics.push(topic.to_vec()));
        (topics, number)
    }

    #[test]
    fn a_pipe_on_its_way_misses_what_came_after_its_beginning() {
        let shared = Arc::new(Mutex::new(Wanted::new()));
        lock(&shared).subscribe(b"a", &change("a"));
        let first = Coming::new(&shared);
        lock(&shared).subscribe(b"b", &change("b"));
        let (topics, number) = told(&lock(&shared));
        assert_eq!(topics, [b"a", b"b"]);
        let second = Coming::new(&shared);
        let mut wanted = lock(&shared);
        wanted.subscribe(b"c", &change("c"));
        assert_eq!(wanted.unsubscribe(b"unknown", &change("unknown")), None);
        assert_eq!(wanted.unsubscribe(b"a", &change("a")), Some(4));
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
        wanted.subscribe(b"d", &change("d"));
        assert!(wanted.missed.is_empty(), "nobody is on its way");
        assert_eq!(told(&wanted).1, 5);
    }
}
