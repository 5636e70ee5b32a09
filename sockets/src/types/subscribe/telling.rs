//! Telling a publisher of changes, as far as it takes them.
//!
//! A change goes down the pipe whatever the high-water mark says, as none may be lost. A publisher that does not
//! read, or whose application does not look, would have them pile up for as long as changes are made. So when
//! [much](MOST_UNREAD) is written and not read, no more is: what changes from then on is put together. A topic
//! that is wanted and then is not leaves nothing, so what is kept is the difference between what was wanted when
//! it began and what is wanted now, and never more than the two. It is written when the publisher has read what
//! was written before, and then it knows exactly what is wanted.
//!
//! Frames that a message of an XSUB had behind the topic are not kept: no more does a new connection get them.
//!
//! A connection that ends takes that with it: the next one is told all topics at its beginning.

use crate::Message;
use crate::inner::pipes::Pipe;
use crate::subscription::{Change, TOLD_WITH, Vocabulary};
use ringmq_pipe::PipeWriter;
use ringmq_zmtp::Subscription;
use std::collections::HashMap;

/// So many bytes of changes may be written to a pipe and not read, or [twice](SETS) as many as it takes to tell
/// all topics: some hundred thousand changes of usual topics. Fewer in tests.
const MOST_UNREAD: u64 = if cfg!(test) { 8 << 10 } else { 8 << 20 };
/// Whoever only subscribes never has more unread than all topics.
const SETS: u64 = 2;

/// How much may be unread where telling all topics takes so many bytes.
pub(super) fn most_unread(all: u64) -> u64 {
    MOST_UNREAD.max(SETS.saturating_mul(all))
}

/// What one pipe is told. See the [module's documentation](self).
pub(super) struct Telling {
    words: Vocabulary,
    written: Unread,
    arrears: Option<Arrears>,
}

/// Changes that are put together.
struct Arrears {
    /// The number of the last change that was written, and of the last one in here.
    told: u64,
    latest: u64,
    /// What is in here is written when the reader is done with the messages up to this one.
    until: u64,
    /// The topics that are wanted now and were not when it began, or the other way round; and whether they are.
    topics: HashMap<Box<[u8]>, bool>,
}

/// How much was written and is not read: at least as much as there is, and no more than twice as much as there
/// was in the meantime.
#[derive(Default)]
struct Unread {
    /// In the messages before `until`, of which some are not read; and in those since.
    before: u64,
    until: u64,
    since: u64,
}

impl Telling {
    pub(super) fn new(words: Vocabulary) -> Self {
        Self { words, written: Unread::default(), arrears: None }
    }

    /// Tells the connection of a pipe of a change, unless it knows it, or does not stand and will be told of it
    /// when it does. So much may be unread by then. `true` if changes are put together from this one on.
    pub(super) fn tell(
        &mut self,
        pipe: &mut Pipe,
        number: u64,
        change: &Change,
        most: u64,
    ) -> bool {
        let mut told = pipe.end.state.told();
        let connected = pipe.end.state.is_connected();
        self.arrears.take_if(|arrears| !connected || arrears.told != *told);
        if !connected || *told >= number {
            return false;
        }
        if let Some(arrears) = &mut self.arrears {
            arrears.add(self.words, number, change);
            return false;
        }
        if self.written.bytes(&pipe.end.tx) + change.size() > most {
            let until = pipe.end.tx.flush_mark();
            let topics = HashMap::new();
            let mut arrears = Arrears { told: *told, latest: number, until, topics };
            arrears.add(self.words, number, change);
            self.arrears = Some(arrears);
            drop(told);
            return !self.catch_up(pipe);
        }
        *told = number;
        self.written.since += change.size();
        // A session may be about to begin a connection. At the other end of a direct pipe is a socket, which
        // does not, and whoever waits for that is woken with no lock held.
        let _held = (!pipe.direct).then_some(told);
        for frame in &change.frames {
            pipe.end.tx.write_uncounted(frame.flags(), frame.clone());
        }
        false
    }

    /// A socket of this process is told all topics, as frames; the last change among them has that number.
    pub(super) fn tell_all(&mut self, pipe: &mut Pipe, number: u64, all: Vec<Message>) {
        *pipe.end.state.told() = number;
        for frame in all {
            self.written.since += frame.len() as u64 + TOLD_WITH;
            pipe.end.tx.write_uncounted(frame.flags(), frame);
        }
    }

    /// Writes what was put together, if there is something and its time has come; `false` if that is still to
    /// come, of which the pipe will tell. Not in the midst of a message.
    pub(super) fn catch_up(&mut self, pipe: &mut Pipe) -> bool {
        let Some(arrears) = &self.arrears else { return true };
        let mut told = pipe.end.state.told();
        if !pipe.end.state.is_connected() || arrears.told != *told {
            // The next connection is told all, or was.
            self.arrears = None;
            return true;
        }
        if pipe.end.tx.left(arrears.until) > 0 {
            return false;
        }
        let Some(arrears) = self.arrears.take() else { return true };
        *told = arrears.latest;
        // As in `tell`.
        let _held = (!pipe.direct).then_some(told);
        self.written.bytes(&pipe.end.tx);
        for (topic, wanted) in arrears.topics {
            self.written.since += topic.len() as u64 + TOLD_WITH;
            let frame = self.words.command(wanted, &topic);
            pipe.end.tx.write_uncounted(frame.flags(), frame);
        }
        true
    }

    /// How many topics are put together.
    #[cfg(test)]
    pub(super) fn behind(&self) -> Option<usize> {
        self.arrears.as_ref().map(|arrears| arrears.topics.len())
    }
}

impl Arrears {
    fn add(&mut self, words: Vocabulary, number: u64, change: &Change) {
        self.latest = number;
        let said = change.frames.first().and_then(|frame| words.parse(frame.flags(), frame));
        let Some(Subscription { subscribe, topic }) = said.filter(|_| !change.repeats) else {
            return;
        };
        // What is no repetition is the other way round than before: the second time all is as it was.
        if self.topics.remove(topic).is_none() {
            self.topics.insert(topic.into(), subscribe);
        }
    }
}

impl Unread {
    fn bytes(&mut self, tx: &PipeWriter) -> u64 {
        let newer = tx.flush_mark().wrapping_sub(self.until);
        if tx.depth() <= newer {
            self.before = std::mem::take(&mut self.since);
            self.until = tx.flush_mark();
        }
        self.before + self.since
    }
}
