//! The connections of a socket that a thread may read by itself while it waits.

use super::spin::Reads;
use arrayvec::ArrayVec;
use ringmq_engine::{Direct, Fetch, Parker, Reader};
use std::sync::Arc;

/// With more connections than this a system call for each, for one message of one of them, costs more
/// than the I/O thread does with all of them at once.
pub(crate) const FEW: usize = 4;
/// With more than this the I/O threads read.
const MANY: usize = 1024;
const _: () = assert!(FEW <= Parker::READERS);

/// The connections, unless they are more than many; then none. Of few a thread holds the right to read while it
/// waits; to many it [attends](super::attending).
#[derive(Clone, Default)]
pub(crate) struct DirectConnections(Arc<[Arc<Direct>]>);

impl DirectConnections {
    /// The connections that there are now, in the place of these.
    pub(crate) fn replace(self, connections: Vec<Arc<Direct>>) -> Self {
        let are_few = connections.len() <= FEW;
        if !are_few && self.0.len() <= FEW {
            // Threads have read some of these themselves until there were too many.
            self.give_back();
        }
        if connections.len() > MANY {
            self.give_back();
            return Self::default();
        }
        Self(connections.into())
    }

    /// Most that are looked at: one more than what makes a difference.
    pub(crate) const MOST: usize = MANY + 1;

    /// Those that are read one by one.
    fn few(&self) -> &[Arc<Direct>] {
        if self.are_many() { &[] } else { &self.0 }
    }

    /// Whether they are so many that they are attended to.
    pub(crate) fn are_many(&self) -> bool {
        self.0.len() > FEW
    }

    /// Finishes the bursts that were begun on them. With the socket's lock held.
    pub(crate) fn finish_bursts(&self) {
        self.0.iter().for_each(|connection| connection.finish_burst());
    }

    /// The right to read those that are to be had now. The others are asked for.
    pub(crate) fn readers(&self) -> Readers<'_> {
        self.readers_where(|_| true)
    }

    /// The same of those that a task may read.
    pub(crate) fn readers_of_streams(&self) -> Readers<'_> {
        self.readers_where(|connection| connection.is_stream())
    }

    fn readers_where(&self, reads: impl Fn(&Direct) -> bool) -> Readers<'_> {
        let read = || self.few().iter().filter(|connection| reads(connection));
        // No more than there is room for: see `replace`.
        let readers = Readers(read().filter_map(|connection| connection.reader()).collect());
        read()
            .filter(|connection| connection.is_with_owner())
            .for_each(|connection| connection.ask());
        readers
    }

    /// The right to read those that are to be had now.
    pub(crate) fn readers_as_they_are(&self) -> Readers<'_> {
        // No more than there is room for: see `replace`.
        Readers(self.few().iter().filter_map(|connection| connection.reader()).collect())
    }

    /// Whether there are none that a thread may read.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Each of them.
    #[cfg(unix)]
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Arc<Direct>> {
        self.0.iter()
    }

    /// Whether these are those of the same look.
    #[cfg(unix)]
    pub(crate) fn are(&self, others: &Self) -> bool {
        Arc::ptr_eq(&self.0, &others.0)
    }

    /// Whether the I/O thread reads all of them.
    pub(crate) fn are_with_owner(&self) -> bool {
        self.few().iter().all(|connection| connection.is_with_owner())
    }

    /// Leaves the reading of all of them to the I/O thread.
    pub(crate) fn give_back(&self) {
        self.0.iter().for_each(|connection| connection.give_back());
    }
}

/// The right to read some connections. Taken for each message that is waited for, so it holds no memory of
/// its own.
#[derive(Default)]
pub(crate) struct Readers<'a>(ArrayVec<Reader<'a>, FEW>);

impl<'a> Readers<'a> {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn as_slice(&self) -> &[Reader<'a>] {
        &self.0
    }

    /// Whether one of them has bytes that no descriptor tells of any more.
    pub(crate) fn any_blocked(&self) -> bool {
        self.0.iter().any(Reader::is_blocked)
    }
}

impl Reads for Readers<'_> {
    /// Moves what has come in into the pipes. Lets go of connections of which no more comes.
    fn fetch(&mut self) -> bool {
        let mut any = false;
        self.0.retain(|reader| match reader.fetch() {
            Fetch::Received => {
                any = true;
                true
            }
            Fetch::WouldBlock => true,
            Fetch::Closed => false,
        });
        any
    }

    fn reads(&self) -> bool {
        !self.is_empty()
    }
}
