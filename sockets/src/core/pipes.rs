//! The pipes of a socket: the ends it holds, by key.

use ringmq_pipe::{PipeEnd, Refused, Sleep};
use ringmq_transports::Route;
use ringmq_zmtp::Peer;
use slab::Slab;
use std::sync::Arc;
use std::time::Duration;

use crate::Message;
use crate::payload::Outgoing;

/// The socket's end of one pipe.
pub(crate) struct Pipe {
    pub(crate) end: PipeEnd,
    /// Which bind or connect it came from.
    pub(crate) route: Route,
    /// Who is at the other end, once that is known.
    pub(crate) peer: Option<Arc<Peer>>,
    /// The far end is another socket of this process; no session stands between.
    pub(crate) direct: bool,
}

/// All pipes of a socket. A key names a pipe until it is removed and may name another one later: news
/// that come late are looked at again, so that they do no harm.
#[derive(Default)]
pub(crate) struct Pipes(Slab<Pipe>);

impl Pipes {
    pub(crate) fn insert(&mut self, pipe: Pipe) -> usize {
        self.0.insert(pipe)
    }

    pub(crate) fn get(&self, key: usize) -> Option<&Pipe> {
        self.0.get(key)
    }

    pub(crate) fn get_mut(&mut self, key: usize) -> Option<&mut Pipe> {
        self.0.get_mut(key)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (usize, &Pipe)> {
        self.0.iter()
    }

    pub(crate) fn keys(&self) -> Vec<usize> {
        self.0.iter().map(|(key, _)| key).collect()
    }

    /// The pipe of a connect.
    pub(crate) fn of_route(&self, route: Route) -> Option<usize> {
        self.0.iter().find(|(_, pipe)| pipe.route == route).map(|(key, _)| key)
    }

    /// Removes a pipe; what this end has written is sent for `linger` more.
    pub(crate) fn close(&mut self, key: usize, linger: Option<Duration>) {
        if let Some(pipe) = self.0.try_remove(key) {
            pipe.end.state.close(linger);
        }
    }

    /// Writes a frame to a pipe; a pipe that is not there counts as closed.
    #[inline(always)]
    pub(crate) fn write(&mut self, key: usize, frame: &mut Outgoing<'_>) -> Result<(), Refused> {
        let Some(pipe) = self.0.get_mut(key) else { return Err(Refused::Closed) };
        match frame {
            Outgoing::Copied(body) => pipe.end.tx.write_body(0, body),
            Outgoing::Owned(message) => pipe.end.tx.write(message),
        }
    }

    /// Takes a frame from a pipe; `false` if there is none.
    #[inline(always)]
    pub(crate) fn read_into(&mut self, key: usize, into: &mut Message) -> bool {
        self.0.get_mut(key).is_some_and(|pipe| pipe.end.rx.read_into(into))
    }

    /// Whether a pipe has nothing to read now, and never will.
    pub(crate) fn ended(&mut self, key: usize) -> bool {
        self.0.get_mut(key).is_none_or(|pipe| pipe.end.rx.ended())
    }

    /// Puts a pipe to sleep, so that it tells when there is something to read or when it ends; `false`
    /// if that is so already.
    pub(crate) fn sleep(&mut self, key: usize) -> bool {
        self.0.get_mut(key).is_none_or(|pipe| pipe.end.rx.fall_asleep() == Sleep::Asleep)
    }

    /// Throws away what there is to read and puts the pipe to sleep, for its end to be told; `false` if
    /// it has ended.
    pub(crate) fn mute(&mut self, key: usize) -> bool {
        let mut unwanted = Message::new();
        while !self.sleep(key) {
            if self.ended(key) {
                return false;
            }
            while self.read_into(key, &mut unwanted) {}
        }
        true
    }

    /// Takes back the frames of a message that will not be completed.
    pub(crate) fn rollback(&mut self, key: usize) {
        if let Some(pipe) = self.0.get_mut(key) {
            pipe.end.tx.rollback();
        }
    }

    /// Counts a message that was dropped because the pipe was full.
    pub(crate) fn count_drop(&self, key: usize) {
        if let Some(pipe) = self.0.get(key) {
            pipe.end.state.count_drop();
        }
    }
}
