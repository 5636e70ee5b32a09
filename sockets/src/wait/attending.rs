//! Connections that a waiting thread reads by itself, however many they are.
//!
//! It attends to them all: the kernel watches the streams, one system call tells which of them have something,
//! and those are read into their pipes. So a message crosses no other thread on its way to whoever waits for
//! it. What costs something with each look is what has come, not how many connections there are.
//!
//! A session leaves its connection to whoever attends to it. That is told of it only while nothing is left to
//! read, since only then does the kernel tell of what comes next; at all other times the session takes back
//! what is left alone for a while.

use super::{DirectConnections, Reading};
use crate::inner::Core;
use ringmq_engine::{Attendant, Direct, Fetch, ReadySet};
use rustix::fd::{AsFd as _, BorrowedFd};
use slab::Slab;
use std::collections::HashMap;
use std::io;
use std::sync::Arc;

/// At every so-manieth look it is looked which connections the I/O threads have taken back.
const ASKS: u32 = 16;

/// See the [module's documentation](self).
pub(crate) struct Attending {
    ready_set: ReadySet,
    attendant: Arc<Attendant>,
    /// By the key under which the ready set tells of it. Keys are used again: who is told of by mistake is
    /// looked at in vain, once.
    lines: Slab<AttendedLine>,
    /// Those that are worth a look.
    due: Vec<usize>,
    /// Those with something for which the pipe had no room.
    blocked: Vec<usize>,
    /// In the order of the set that they are in.
    sockets: Vec<AttendedSocket>,
    version: u64,
    /// A stream is watched still that is not attended to any more.
    strays: bool,
    /// How many looks there were; wraps.
    looks: u32,
    /// Something was left unread at the last look.
    more: bool,
}

/// A connection, and what is known of it.
struct AttendedLine {
    direct: Arc<Direct>,
    /// The ready set knows of it.
    watched: bool,
    /// It is among those that are [due](Attending::due).
    due: bool,
    /// The peer sends no more: of what is still to be read, and of the end, nothing is told again.
    ended: bool,
}

/// What came of a look at a connection.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Glance {
    /// Nothing. What comes is told.
    Nothing,
    /// Something, and no more. What comes is told.
    All,
    /// Something, and there is more.
    Part,
    /// Something for which the pipe has no room now.
    Blocked,
    /// Somebody else is reading: it is to be looked at again, but nothing says when.
    Elsewhere,
}

/// What is at some place of the set: a socket, or something that is not attended to.
struct AttendedSocket {
    key: usize,
    reads: bool,
    connections: DirectConnections,
    lines: Vec<usize>,
    /// The socket knows by it that it is attended to.
    token: Arc<()>,
}

impl AttendedSocket {
    fn new(key: usize, reads: bool) -> Self {
        let (connections, lines) = (DirectConnections::default(), Vec::new());
        Self { key, reads, connections, lines, token: Arc::default() }
    }
}

impl AttendedLine {
    /// Reads what there is, once.
    fn look(
        &mut self,
        ready_set: &ReadySet,
        key: usize,
        attendant: &Arc<Attendant>,
    ) -> io::Result<Glance> {
        if self.direct.is_closed() {
            return Ok(Glance::Nothing);
        }
        let Some(mut reader) = self.direct.reader() else {
            if self.direct.is_with_owner() {
                self.direct.ask();
            }
            self.direct.desert(attendant);
            return Ok(Glance::Elsewhere);
        };
        if !self.watched
            && let Some(stream) = reader.stream()
        {
            ready_set.add(stream, key)?;
            self.watched = true;
        }
        let glance = match reader.fetch() {
            Fetch::Received if reader.is_blocked() => Glance::Blocked,
            Fetch::Received if self.ended || !reader.has_drained() => Glance::Part,
            Fetch::Received => Glance::All,
            Fetch::WouldBlock | Fetch::Closed => Glance::Nothing,
        };
        match glance {
            // Before the reader is let go of, so that whoever reads next is seen to have come after this.
            Glance::All | Glance::Nothing => self.direct.attend(attendant),
            _ => self.direct.desert(attendant),
        }
        Ok(glance)
    }
}

/// What is read.
impl Attending {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self {
            ready_set: ReadySet::new()?,
            attendant: Arc::default(),
            lines: Slab::new(),
            due: Vec::new(),
            blocked: Vec::new(),
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
            self.watch_anew()?;
        }
        if self.looks.is_multiple_of(ASKS) {
            self.all_due(|line| !line.direct.is_closed() && line.direct.is_with_owner());
        }
        self.looks = self.looks.wrapping_add(1);
        for (key, ended) in self.ready_set.look()? {
            if let Some(line) = self.lines.get_mut(key) {
                line.ended |= ended;
                due(line, key, &mut self.due);
            }
        }
        self.more = false;
        self.blocked.clear();
        let (mut kept, mut any) = (0, false);
        for at in 0..self.due.len() {
            let key = self.due[at];
            let Some(line) = self.lines.get_mut(key) else { continue };
            let glance = line.look(&self.ready_set, key, &self.attendant)?;
            any |= !matches!(glance, Glance::Nothing | Glance::Elsewhere);
            match glance {
                Glance::Part => self.more = true,
                Glance::Blocked => self.blocked.push(key),
                _ => {}
            }
            line.due = !matches!(glance, Glance::Nothing | Glance::All);
            if line.due {
                self.due[kept] = key;
                kept += 1;
            }
        }
        self.due.truncate(kept);
        self.attendant.note_look();
        Ok(any)
    }

    /// Forgets what was watched, and begins again.
    fn watch_anew(&mut self) -> io::Result<()> {
        self.ready_set = ReadySet::new()?;
        for (_, line) in &mut self.lines {
            line.watched = false;
            line.direct.desert(&self.attendant);
        }
        self.all_due(|_| true);
        Ok(())
    }

    /// Has lines be looked at for which `is_due` holds.
    fn all_due(&mut self, is_due: impl Fn(&AttendedLine) -> bool) {
        for (key, line) in &mut self.lines {
            if is_due(line) {
                due(line, key, &mut self.due);
            }
        }
    }

    /// Whether another look is worth it before a wait.
    pub(super) fn has_more(&self) -> bool {
        let has_room = |key: &usize| {
            let reader = self.lines.get(*key).and_then(|line| line.direct.reader());
            reader.is_some_and(|mut reader| reader.has_room())
        };
        self.more || self.blocked.iter().any(has_room)
    }
}

/// Has a line be looked at.
fn due(line: &mut AttendedLine, key: usize, all: &mut Vec<usize>) {
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
        let Some(known) = self.sockets.get(place).filter(|socket| socket.reads) else { return };
        if !known.connections.are(connections) {
            let connections = connections.clone();
            core.attended_by(&self.attendant, &known.token, reading);
            self.change(place, connections);
        }
    }

    #[cold]
    fn change(&mut self, place: usize, connections: DirectConnections) {
        let before = std::mem::take(&mut self.sockets[place].lines);
        let known = |key: &usize| (Arc::as_ptr(&self.lines[*key].direct), *key);
        let mut known: HashMap<_, _> = before.iter().map(known).collect();
        let mut key_of = |direct: &Arc<Direct>| {
            known.remove(&Arc::as_ptr(direct)).unwrap_or_else(|| self.add(direct.clone()))
        };
        let (streams, others): (Vec<_>, Vec<_>) =
            connections.iter().partition(|direct| direct.is_stream());
        others.into_iter().for_each(|direct| direct.give_back());
        let lines = streams.into_iter().map(&mut key_of).collect();
        known.into_values().for_each(|key| self.desert(key));
        let socket = &mut self.sockets[place];
        (socket.lines, socket.connections) = (lines, connections);
        self.more = true;
    }

    /// A line for a connection.
    fn add(&mut self, direct: Arc<Direct>) -> usize {
        let key =
            self.lines.insert(AttendedLine { direct, watched: false, due: false, ended: false });
        due(&mut self.lines[key], key, &mut self.due);
        key
    }

    /// Attends to the sockets of a set, and to no others: those whose keys come with `true`, each at the place
    /// where it comes. A set of the same version is the same.
    #[inline]
    pub(super) fn follow<K>(&mut self, version: u64, keys: impl FnOnce() -> K)
    where
        K: Iterator<Item = (usize, bool)>,
    {
        if self.version != version {
            self.version = version;
            self.follow_changed(keys());
        }
    }

    #[cold]
    fn follow_changed(&mut self, keys: impl Iterator<Item = (usize, bool)>) {
        let sockets = std::mem::take(&mut self.sockets).into_iter();
        let mut known: HashMap<_, _> = sockets.map(|socket| (socket.key, socket)).collect();
        let mut socket_of = |(key, reads)| {
            let known = if reads { known.remove(&key) } else { None };
            known.filter(|socket| socket.reads).unwrap_or_else(|| AttendedSocket::new(key, reads))
        };
        self.sockets = keys.map(&mut socket_of).collect();
        known.into_values().flat_map(|socket| socket.lines).for_each(|key| self.desert(key));
    }

    /// Leaves a connection to itself.
    fn desert(&mut self, key: usize) {
        let line = self.lines.remove(key);
        line.direct.desert(&self.attendant);
        if !line.watched || line.direct.is_closed() {
            return;
        }
        let reader = line.direct.reader();
        let stream = reader.as_ref().and_then(|reader| reader.stream());
        self.strays |= stream.is_none_or(|stream| self.ready_set.remove(stream).is_err());
    }
}

/// A wait for all connections, until this is dropped.
pub(crate) struct AttendedWait(Arc<Attendant>);

impl Drop for AttendedWait {
    fn drop(&mut self) {
        self.0.end_wait();
    }
}

/// How they are waited for.
impl Attending {
    /// Waits for all of them from now on.
    pub(crate) fn begin_wait(&self) -> AttendedWait {
        self.attendant.begin_wait();
        AttendedWait(self.attendant.clone())
    }

    /// Can be read from while there is something to look at.
    pub(crate) fn as_fd(&self) -> BorrowedFd<'_> {
        self.ready_set.as_fd()
    }
}
