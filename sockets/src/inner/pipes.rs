//! The pipes of a socket: the ends it holds, by key.

use ringmq_engine::Fetch;
use ringmq_engine::PipeEnd;
use ringmq_engine::{Connection, DropReason, EndpointId, PeerLimit};
use ringmq_pipe::{Capacity, LogReader, LogWriter, SharedFrame, Sleep, WriteError};
use ringmq_zmtp::Peer;
use slab::Slab;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::drops::Drops;
use crate::Message;
use crate::error::Error;
use crate::report::Reporter;
use crate::socket::payload::Outgoing;
use crate::types::Portion;

/// The socket's end of one pipe.
pub(crate) struct Pipe {
    pub(crate) end: PipeEnd,
    /// Which bind or connect it came from.
    pub(crate) endpoint_id: EndpointId,
    /// Who is at the other end, once that is known.
    pub(crate) peer: Option<Arc<Peer>>,
    /// The connection to it, the present one or the last.
    pub(crate) connection: Option<Arc<Connection>>,
    /// The far end is another socket of this process; no session stands between.
    pub(crate) direct: bool,
    /// Nobody at the other end can say what is wanted there: all of it is.
    pub(crate) unfiltered: bool,
    /// Messages of it that were dropped here.
    pub(crate) drops: Drops,
    /// Messages written to another log than the present one.
    pub(crate) sent_before: u64,
    /// How many wait until what was written to it is sent.
    pub(crate) flushes: u32,
    /// Messages that were read from another log than the present one, which is what this socket says to the end of
    /// a peer that is gone.
    pub(crate) received_before: Option<u64>,
}

impl Pipe {
    /// A pipe whose peer is not known yet.
    pub(crate) fn new(end: PipeEnd, endpoint_id: EndpointId, direct: bool) -> Self {
        Self {
            end,
            endpoint_id,
            peer: None,
            connection: None,
            direct,
            unfiltered: false,
            drops: Drops::NONE,
            sent_before: 0,
            flushes: 0,
            received_before: None,
        }
    }

    /// Messages that were written to it.
    pub(crate) fn sent(&self) -> u64 {
        self.sent_before + self.end.tx.written()
    }

    /// Messages that were taken from it.
    pub(crate) fn received(&self) -> u64 {
        self.received_before.unwrap_or(0) + self.end.rx.taken()
    }

    /// Messages of it that were dropped: on this side, and by whoever has the other end.
    pub(crate) fn dropped(&self) -> u64 {
        self.dropped_here() + self.end.state.dropped.load(Ordering::Relaxed)
    }

    /// The same without what is lost at the other end.
    pub(super) fn dropped_here(&self) -> u64 {
        self.drops.total() + self.left_unread()
    }

    /// Whether the peer is one within the process that has closed its end.
    pub(crate) fn is_abandoned(&self) -> bool {
        self.direct && self.end.tx.is_deserted()
    }

    /// What a peer within the process has left unread, if it is gone. A session counts that by itself.
    pub(crate) fn left_unread(&self) -> u64 {
        if self.is_abandoned() { self.end.tx.depth() } else { 0 }
    }

    /// What the peer has left unread is to be told of.
    pub(super) fn note_unread(&mut self) {
        self.drops.add(self.left_unread(), DropReason::Gone);
    }

    /// The routing id of the peer, its own or one that was chosen for it; empty if there is none.
    pub(crate) fn routing_id(&self) -> &[u8] {
        let own = self.peer.as_ref().map_or(&[][..], |peer| &peer.routing_id);
        self.connection.as_ref().map_or(own, |connection| connection.routing_id(own))
    }
}

/// What was thrown away of what a pipe has brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Discarded {
    /// All that there was: it sleeps.
    AllOfIt,
    /// As much as in one go: there may be more.
    SomeOfIt,
    /// The pipe has ended.
    Ended,
}

/// A frame for several pipes, and how each of them gets it.
pub(crate) enum FrameSource<'a> {
    /// By reference to where it was encoded.
    Shared(&'a SharedFrame<'a>),
    /// By copying the body; the flags come first.
    Copied(u8, &'a [u8]),
    /// By one more reference to the body, which is large.
    Referred(&'a Message),
}

/// A peer at the end of a pipe: never the one that gets the pipe's key, or the pipe, after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PeerId {
    key: usize,
    number: u64,
}

/// All pipes of a socket. A key names a pipe until it is removed and may name another one later: news
/// that come late are looked at again, so that they do no harm.
pub(crate) struct Pipes {
    all: Slab<Pipe>,
    /// Every pipe under its endpoint id, for those who know only that.
    endpoints: BTreeSet<(EndpointId, usize)>,
    /// Set while nobody is to be expected: the last connect there was has given up, and nothing is bound.
    /// What those get who would wait for room.
    pub(crate) deserted: Option<Error>,
    /// How many peers there were, and which of them the pipe of each key is to.
    peers: u64,
    numbers: Vec<u64>,
    /// Who is told of what happens to messages.
    pub(super) reporter: Option<Arc<Reporter>>,
    /// Messages that were taken and went to nobody; and those of them that were for a peer that is not there.
    pub(crate) to_nobody: u64,
    pub(super) unroutable: Drops,
}

impl Pipes {
    pub(crate) fn new(reporter: Option<Arc<Reporter>>) -> Self {
        Self {
            all: Slab::new(),
            endpoints: BTreeSet::new(),
            deserted: None,
            peers: 0,
            numbers: Vec::new(),
            reporter,
            to_nobody: 0,
            unroutable: Drops::NONE,
        }
    }

    pub(crate) fn insert(&mut self, pipe: Pipe) -> usize {
        let endpoint_id = pipe.endpoint_id;
        let key = self.all.insert(pipe);
        self.endpoints.insert((endpoint_id, key));
        self.numbers.resize(self.numbers.len().max(key + 1), 0);
        self.renew(key);
        key
    }

    /// The peer of a pipe is another one from now on.
    pub(crate) fn renew(&mut self, key: usize) {
        self.peers += 1;
        if let Some(number) = self.numbers.get_mut(key) {
            *number = self.peers;
        }
    }

    /// Who is at the end of a pipe.
    pub(crate) fn peer(&self, key: usize) -> Option<PeerId> {
        self.all.contains(key).then(|| PeerId { key, number: self.numbers[key] })
    }

    /// The pipe of a peer, if that is still there.
    pub(crate) fn of_peer(&self, peer: PeerId) -> Option<usize> {
        (self.peer(peer.key) == Some(peer)).then_some(peer.key)
    }

    pub(crate) fn get(&self, key: usize) -> Option<&Pipe> {
        self.all.get(key)
    }

    pub(crate) fn get_mut(&mut self, key: usize) -> Option<&mut Pipe> {
        self.all.get_mut(key)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (usize, &Pipe)> {
        self.all.iter()
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = (usize, &mut Pipe)> {
        self.all.iter_mut()
    }

    /// All keys as they are now, for who is about to change that.
    pub(crate) fn keys(&self) -> Vec<usize> {
        self.all.iter().map(|(key, _)| key).collect()
    }

    /// The pipe of a connect.
    pub(crate) fn of_endpoint(&self, endpoint_id: EndpointId) -> Option<usize> {
        self.endpoints
            .range((endpoint_id, 0)..=(endpoint_id, usize::MAX))
            .next()
            .map(|(_, key)| *key)
    }

    /// All pipes of a bind or connect.
    pub(crate) fn all_of_endpoint(&self, endpoint_id: EndpointId) -> Vec<usize> {
        self.endpoints
            .range((endpoint_id, 0)..=(endpoint_id, usize::MAX))
            .map(|(_, key)| *key)
            .collect()
    }

    /// Removes a pipe; what this end has written is sent for `linger` more. Gives its endpoint id.
    pub(crate) fn close(&mut self, key: usize, linger: Option<Duration>) -> Option<EndpointId> {
        let pipe = self.all.try_remove(key)?;
        self.endpoints.remove(&(pipe.endpoint_id, key));
        pipe.end.state.close(linger);
        Some(pipe.endpoint_id)
    }

    /// Has a pipe within the process, which has ended, bring `last` before it ends for good. `false` if there is
    /// none, or it has done so.
    pub(crate) fn bring_last(
        &mut self,
        key: usize,
        last: impl FnOnce() -> Option<Message>,
    ) -> bool {
        let Some(pipe) =
            self.all.get_mut(key).filter(|pipe| pipe.direct && pipe.received_before.is_none())
        else {
            return false;
        };
        let Some(last) = last() else { return false };
        let capacity = Capacity::Messages(pipe.end.rx.hwm());
        let (here, mut there) = ringmq_pipe::pipe::<()>(capacity, capacity);
        there.tx.write_uncounted(0, last);
        pipe.received_before = Some(pipe.end.rx.taken());
        pipe.end.rx = here.rx;
        true
    }

    /// Ends a pipe within the process from this side. What its peer has sent can still be received; what
    /// it is sent from now on goes nowhere, and when it has noticed the pipe has ended.
    pub(crate) fn hang_up(&mut self, key: usize) {
        if let Some(pipe) = self.all.get_mut(key) {
            // One without a reader.
            let (nobody, _) = ringmq_pipe::pipe::<()>(Capacity::Messages(1), Capacity::Messages(1));
            let former = std::mem::replace(&mut pipe.end.tx, nobody.tx);
            pipe.sent_before += former.written();
        }
    }

    /// Writes a frame to a pipe; a pipe that is not there counts as closed.
    #[inline(always)]
    pub(crate) fn write(&mut self, key: usize, frame: &mut Outgoing<'_>) -> Result<(), WriteError> {
        let Some(pipe) = self.all.get_mut(key) else { return Err(WriteError::Closed) };
        match frame {
            Outgoing::Copied(body) => pipe.end.tx.write_body(0, body),
            Outgoing::Owned(message) => pipe.end.tx.write(message),
        }
    }

    /// What a pipe's messages are written to, if that pipe is there and takes all of them.
    #[inline(always)]
    pub(crate) fn outgoing_log(&mut self, key: usize) -> Option<&mut LogWriter> {
        self.all.get_mut(key)?.end.tx.as_log_mut()
    }

    /// What a pipe's messages are read from, if that pipe is there and brings all of them.
    #[inline(always)]
    pub(crate) fn incoming_log(&mut self, key: usize) -> Option<&mut LogReader> {
        self.all.get_mut(key)?.end.rx.as_log_mut()
    }

    /// Writes a frame that others get too; a pipe that is not there counts as closed.
    pub(crate) fn write_shared(
        &mut self,
        key: usize,
        share: &FrameSource<'_>,
    ) -> Result<(), WriteError> {
        let Some(pipe) = self.all.get_mut(key) else { return Err(WriteError::Closed) };
        let tx = &mut pipe.end.tx;
        match share {
            FrameSource::Shared(frame) => tx.write_shared(frame),
            FrameSource::Copied(flags, body) => tx.write_body(*flags, body),
            FrameSource::Referred(message) => tx.write(&mut (*message).clone()),
        }
    }

    /// Takes a frame from a pipe; `false` if there is none.
    #[inline(always)]
    pub(crate) fn read_into(&mut self, key: usize, into: &mut Message) -> bool {
        self.all.get_mut(key).is_some_and(|pipe| pipe.end.rx.read_into(into))
    }

    /// Whether the frame taken last from a pipe was the first of its message.
    pub(crate) fn began(&self, key: usize) -> bool {
        self.all.get(key).is_none_or(|pipe| pipe.end.rx.began())
    }

    /// Whether a pipe has nothing to read now, and never will.
    pub(crate) fn ended(&mut self, key: usize) -> bool {
        self.all.get_mut(key).is_none_or(|pipe| pipe.end.rx.ended())
    }

    /// Puts a pipe to sleep, so that it tells when there is something to read or when it ends; `false`
    /// if that is so already.
    pub(crate) fn sleep(&mut self, key: usize) -> bool {
        self.all.get_mut(key).is_none_or(|pipe| pipe.end.rx.fall_asleep() == Sleep::Asleep)
    }

    /// First half of putting pipes to sleep, several at a time: call this for each, then
    /// [`settle`](ringmq_pipe::settle) once, then [`check`](Self::check) for each.
    pub(crate) fn doze(&mut self, key: usize) {
        if let Some(pipe) = self.all.get_mut(key) {
            pipe.end.rx.doze();
        }
    }

    /// Last half: whether the pipe sleeps now. One that is not there counts as asleep.
    pub(crate) fn check(&mut self, key: usize) -> Sleep {
        self.all.get_mut(key).map_or(Sleep::Asleep, |pipe| pipe.end.rx.check())
    }

    /// How many messages a pipe has brought; those of a pipe that is not there are nobody's.
    pub(crate) fn taken(&self, key: usize) -> u64 {
        self.all.get(key).map_or(u64::MAX, Pipe::received)
    }

    /// How many it will have brought once all is read that is there now.
    pub(crate) fn end(&self, key: usize) -> u64 {
        self.all.get(key).map_or(0, |pipe| pipe.received_before.unwrap_or(0) + pipe.end.rx.end())
    }

    /// Whether nothing more comes into a pipe. There may be something to read.
    pub(crate) fn is_closed(&self, key: usize) -> bool {
        self.all.get(key).is_none_or(|pipe| pipe.end.rx.is_deserted())
    }

    /// Moves into a pipe what the kernel has for it, if threads of the application are reading that.
    pub(crate) fn fetch(&mut self, key: usize) {
        /// So many reads hold what a connection's receive buffer does. A peer that is faster than them
        /// is not waited for.
        const READS: usize = 64;
        let Some(direct) = self.all.get(key).and_then(|pipe| pipe.end.state.direct()) else {
            return;
        };
        if let Some(mut reader) = direct.reader() {
            (0..READS).any(|_| reader.is_blocked() || reader.fetch() != Fetch::Received);
        }
    }

    /// Throws away the messages up to the one with this number, and counts them as dropped.
    pub(crate) fn discard(&mut self, key: usize, until: u64) {
        let mut unwanted = Message::new();
        while self.taken(key) < until && self.read_into(key, &mut unwanted) {
            if !unwanted.more() {
                self.count_drop(key, DropReason::Unwanted);
            }
        }
    }

    /// Throws away a portion of what there is to read. If that is all, the pipe is put to sleep, for its end to
    /// be told.
    pub(crate) fn discard_input(&mut self, key: usize) -> Discarded {
        let (mut unwanted, mut portion) = (Message::new(), Portion::WHOLE);
        while !self.sleep(key) {
            if self.ended(key) {
                return Discarded::Ended;
            }
            while self.read_into(key, &mut unwanted) {
                portion.take(unwanted.len());
                if portion.is_used_up() {
                    return Discarded::SomeOfIt;
                }
            }
        }
        Discarded::AllOfIt
    }

    /// Ends the connection of a pipe, whose peer has reached a limit. A pipe that outlives its connections
    /// waits for the next one.
    pub(crate) fn refuse(&self, key: usize, limit: PeerLimit) {
        if let Some(direct) = self.all.get(key).and_then(|pipe| pipe.end.state.direct()) {
            direct.refuse(limit);
        }
    }

    /// Takes back the frames of a message that will not be completed.
    pub(crate) fn rollback(&mut self, key: usize) {
        if let Some(pipe) = self.all.get_mut(key) {
            pipe.end.tx.rollback();
        }
    }

    /// What to say where no pipe takes a message: wait, unless that would be for ever.
    #[cold]
    pub(crate) fn no_room(&self) -> Error {
        self.deserted.clone().unwrap_or(Error::WouldBlock)
    }
}
