//! Connections that a waiting thread reads by itself, however many they are.
//!
//! It attends to them all: the kernel watches the streams, one system call tells which of them have something,
//! and those are read into their pipes. So a message crosses no other thread on its way to whoever waits for
//! it. What costs something with each look is what has come, not how many connections there are.

use super::{DirectConnections, Reading};
use crate::inner::Core;
use ringmq_engine::{Attendant, Direct, Fetch, ReadySet};
use rustix::fd::{AsFd as _, BorrowedFd};
use std::collections::HashMap;
use std::io;
use std::sync::Arc;

/// At every so-manieth look it is looked which connections the I/O threads have taken back.
const ASKS: u32 = 16;

/// See the [module's documentation](self).
pub(crate) struct Attending {
    ready_set: ReadySet,
    attendant: Arc<Attendant>,
    /// By the key under which the ready set tells of it. Places are used again: who is told of by mistake is
    /// looked at in vain, once.
    lines: Vec<Option<Line>>,
    /// Those that are worth a look.
    due: Vec<usize>,
    /// In the order in which they were named.
    sockets: Vec<AttendedSocket>,
    /// The version of the set that they are in.
    version: u64,
    /// A stream is watched still that is not attended to any more.
    strays: bool,
    /// How many looks there were; wraps.
    looks: u32,
    /// Something was left unread at the last look.
    more: bool,
}

/// A connection, and what is known of it.
struct Line {
    direct: Arc<Direct>,
    /// The ready set knows of it.
    watched: bool,
    /// It is among those that are [due](Attending::due).
    due: bool,
}

/// What came of a look at a connection.
#[derive(PartialEq, Eq)]
enum Left {
    /// It has nothing more. Something may have been read.
    Nothing { read: bool },
    /// It has more.
    More,
    /// Somebody else reads it, or the pipe has no room: it is to be looked at again, but nothing says when.
    Unknown,
}

/// What is at some place: a socket, or something that is not attended to.
struct AttendedSocket {
    key: usize,
    connections: DirectConnections,
    /// Where its lines are.
    lines: Vec<usize>,
}

impl AttendedSocket {
    fn new(key: usize) -> Self {
        Self { key, connections: DirectConnections::default(), lines: Vec::new() }
    }
}

impl Line {
    /// Reads what there is.
    fn look(
        &mut self,
        ready_set: &ReadySet,
        key: usize,
        attendant: &Arc<Attendant>,
    ) -> io::Result<Left> {
        let Some(mut reader) = self.direct.reader() else {
            if self.direct.is_with_owner() {
                self.direct.ask();
            }
            return Ok(Left::Unknown);
        };
        if !self.watched
            && let Some(stream) = reader.stream()
        {
            ready_set.add(stream, key)?;
            self.watched = true;
            self.direct.attend(attendant);
        }
        Ok(match reader.fetch() {
            Fetch::Received if reader.is_blocked() => Left::Unknown,
            Fetch::Received if !reader.has_drained() => Left::More,
            fetched => Left::Nothing { read: fetched == Fetch::Received },
        })
    }
}

/// What is read.
impl Attending {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self {
            ready_set: ReadySet::new()?,
            attendant: Arc::default(),
            lines: Vec::new(),
            due: Vec::new(),
            sockets: Vec::new(),
            version: 0,
            strays: false,
            looks: 0,
            more: false,
        })
    }

    /// Reads what there is to be read; `true` if that was something.
    pub(super) fn look(&mut self) -> io::Result<bool> {
        self.attendant.come_by();
        if std::mem::take(&mut self.strays) {
            self.ready_set = ReadySet::new()?;
            self.lines.iter_mut().flatten().for_each(|line| line.watched = false);
            self.all_due(|_| true);
        }
        if self.looks.is_multiple_of(ASKS) {
            self.all_due(|line| line.direct.is_with_owner());
        }
        self.looks = self.looks.wrapping_add(1);
        for key in self.ready_set.look()? {
            if let Some(Some(line)) = self.lines.get_mut(key) {
                due(line, key, &mut self.due);
            }
        }
        self.more = false;
        let (mut kept, mut any) = (0, false);
        for at in 0..self.due.len() {
            let key = self.due[at];
            let Some(Some(line)) = self.lines.get_mut(key) else { continue };
            let left = line.look(&self.ready_set, key, &self.attendant)?;
            self.more |= left == Left::More;
            any |= matches!(left, Left::More | Left::Nothing { read: true });
            line.due = !matches!(left, Left::Nothing { .. });
            if line.due {
                self.due[kept] = key;
                kept += 1;
            }
        }
        self.due.truncate(kept);
        Ok(any)
    }

    /// Has lines be looked at for which `is_due` holds.
    fn all_due(&mut self, is_due: impl Fn(&Line) -> bool) {
        for (key, line) in self.lines.iter_mut().enumerate() {
            if let Some(line) = line.as_mut().filter(|line| is_due(line)) {
                due(line, key, &mut self.due);
            }
        }
    }

    /// Whether another look is worth it before a wait.
    pub(super) fn has_more(&self) -> bool {
        self.more
    }
}

/// Has a line be looked at.
fn due(line: &mut Line, key: usize, all: &mut Vec<usize>) {
    if !std::mem::replace(&mut line.due, true) {
        all.push(key);
    }
}

/// Whose connections are read.
impl Attending {
    /// The socket at `place` has these connections now.
    #[inline]
    pub(super) fn attend(&mut self, place: usize, core: &mut Core, reading: &Arc<Reading>) {
        let connections = core.known_connections();
        let known = self.sockets.get(place);
        if !known.is_some_and(|socket| socket.connections.are(connections)) {
            let connections = connections.clone();
            self.change(place, connections);
            core.attended_by(&self.attendant, reading);
        }
    }

    #[cold]
    fn change(&mut self, place: usize, connections: DirectConnections) {
        let Some(socket) = self.sockets.get_mut(place) else { return };
        let before = std::mem::take(&mut socket.lines);
        let known = |key: &usize| Some((Arc::as_ptr(&self.lines[*key].as_ref()?.direct), *key));
        let mut known: HashMap<_, _> = before.iter().filter_map(known).collect();
        let mut place_of = |direct: &Arc<Direct>| {
            known.remove(&Arc::as_ptr(direct)).unwrap_or_else(|| self.add(direct.clone()))
        };
        let lines = connections.iter().map(&mut place_of).collect();
        known.into_values().for_each(|key| self.desert(key));
        let socket = &mut self.sockets[place];
        (socket.lines, socket.connections) = (lines, connections);
        self.more = true;
    }

    /// A line for a connection.
    fn add(&mut self, direct: Arc<Direct>) -> usize {
        let free = self.lines.iter().position(Option::is_none);
        let key = free.unwrap_or(self.lines.len());
        if key == self.lines.len() {
            self.lines.push(None);
        }
        let line = self.lines[key].insert(Line { direct, watched: false, due: false });
        due(line, key, &mut self.due);
        key
    }

    /// Attends to the sockets of a set, and to no others: those whose keys come with `true`, each at the place
    /// where it comes. A set of the same version is the same.
    #[inline]
    pub(super) fn follow(&mut self, version: u64, keys: impl Iterator<Item = (usize, bool)>) {
        if self.version != version {
            self.version = version;
            self.follow_changed(keys);
        }
    }

    #[cold]
    fn follow_changed(&mut self, keys: impl Iterator<Item = (usize, bool)>) {
        let sockets = std::mem::take(&mut self.sockets).into_iter();
        let mut known: HashMap<_, _> = sockets.map(|socket| (socket.key, socket)).collect();
        let mut socket_of = |(key, reads)| {
            let known = if reads { known.remove(&key) } else { None };
            known.unwrap_or_else(|| AttendedSocket::new(key))
        };
        self.sockets = keys.map(&mut socket_of).collect();
        known.into_values().flat_map(|socket| socket.lines).for_each(|key| self.desert(key));
    }

    /// Leaves a connection to itself.
    fn desert(&mut self, key: usize) {
        let Some(line) = self.lines[key].take() else { return };
        line.direct.desert(&self.attendant);
        if !line.watched || line.direct.is_closed() {
            return;
        }
        let reader = line.direct.reader();
        let stream = reader.as_ref().and_then(|reader| reader.stream());
        self.strays |= !stream.is_some_and(|stream| self.ready_set.remove(stream).is_ok());
    }
}

/// A wait for all connections, until this is dropped.
pub(crate) struct AttendedWait<'a>(&'a Attendant);

impl Drop for AttendedWait<'_> {
    fn drop(&mut self) {
        self.0.end_wait();
    }
}

/// How they are waited for.
impl Attending {
    /// Waits for all of them from now on.
    pub(crate) fn begin_wait(&self) -> AttendedWait<'_> {
        self.attendant.begin_wait();
        AttendedWait(&self.attendant)
    }

    /// Can be read from while there is something to look at.
    pub(crate) fn as_fd(&self) -> BorrowedFd<'_> {
        self.ready_set.as_fd()
    }
}
