//! The connections of a socket that a thread may read by itself while it waits.

use arrayvec::ArrayVec;
use ringmq_engine::{Direct, Fetch, Parker, Reader};
use std::sync::Arc;

/// With more connections than this a system call for each, for one message of one of them, costs more
/// than the I/O thread does with all of them at once.
pub(crate) const FEW: usize = 4;
const _: () = assert!(FEW <= Parker::READERS);

/// The connections, if they are few; else none.
#[derive(Clone, Default)]
pub(crate) struct DirectConnections(Arc<[Arc<Direct>]>);

impl DirectConnections {
    /// The connections that there are now, in the place of these.
    pub(crate) fn replace(self, connections: Vec<Arc<Direct>>) -> Self {
        if connections.len() > FEW {
            // Threads have read some of these themselves until there were too many.
            self.give_back();
            return Self::default();
        }
        Self(connections.into())
    }

    /// The right to read those that are to be had now. The others are asked for. What is left to be sent on
    /// them is sent first.
    pub(crate) fn readers(&self) -> Readers<'_> {
        self.0.iter().for_each(|connection| connection.finish_burst());
        let readers = self.readers_as_they_are();
        self.0
            .iter()
            .filter(|connection| connection.is_with_owner())
            .for_each(|connection| connection.ask());
        readers
    }

    /// The right to read those that are to be had now.
    pub(crate) fn readers_as_they_are(&self) -> Readers<'_> {
        // No more than there is room for: see `replace`.
        Readers(self.0.iter().filter_map(|connection| connection.reader()).collect())
    }

    /// Each of them.
    #[cfg(all(unix, feature = "tokio"))]
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Arc<Direct>> {
        self.0.iter()
    }

    /// Whether these are those of the same look.
    #[cfg(all(unix, feature = "tokio"))]
    pub(crate) fn are(&self, others: &Self) -> bool {
        Arc::ptr_eq(&self.0, &others.0)
    }

    /// Whether the I/O thread reads all of them.
    pub(crate) fn are_with_owner(&self) -> bool {
        self.0.iter().all(|connection| connection.is_with_owner())
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

    /// Moves what has come in into the pipes; `true` if there was something. Lets go of connections of
    /// which no more comes.
    pub(crate) fn fetch(&mut self) -> bool {
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

    /// Whether one of them has bytes that no descriptor tells of any more.
    pub(crate) fn any_blocked(&self) -> bool {
        self.0.iter().any(Reader::is_blocked)
    }
}
