//! The patterns: which pipe a message takes, and what a socket may do when.
//!
//! One file a family. A pattern is called with the socket's lock held; it never blocks and never looks
//! at the clock.

mod dealer;
mod pair;
mod pipeline;
mod publish;
mod rep;
mod req;
mod router;
mod subscribe;
mod table;

pub(crate) use table::{Traits, make, socket_types, traits};

use crate::Message;
use crate::error::Error;
use crate::inner::pipes::Pipes;
use crate::socket::payload::Outgoing;
use crate::subscription::Wanted;
use crate::wait::Wants;
use ringmq_zmtp::SocketType;
use std::sync::{Arc, Mutex};

/// The subscriptions of a SUB or XSUB: read by its sessions too, which send them to new peers.
pub(crate) type Subscriptions = Arc<Mutex<Wanted>>;

/// A setting that only some patterns have.
#[derive(Debug)]
pub(crate) enum Setting<'a> {
    Mandatory(bool),
    Handover(bool),
    ConnectRoutingId(&'a [u8]),
    ProbeRouter(bool),
    Correlate(bool),
    Relaxed(bool),
    Verbose(bool),
    Verboser(bool),
    Manual(bool),
    NoDrop(bool),
    Invert(bool),
    Welcome(&'a [u8]),
    Subscribe(&'a [u8]),
    Unsubscribe(&'a [u8]),
}

/// The routing and the state machine of one type of socket.
pub(crate) trait Pattern: Send {
    /// A pipe is new. Its peer may not be known yet.
    fn attach(&mut self, pipes: &mut Pipes, key: usize);

    /// The peer of a pipe has become known, for the first time or, after a reconnect, again. So many of the
    /// messages that the pipe has ever brought are of `earlier` peers.
    fn peer_known(&mut self, _pipes: &mut Pipes, _key: usize, _earlier: u64) {}

    /// A pipe is about to be removed.
    fn detach(&mut self, pipes: &mut Pipes, key: usize);

    /// A pipe has something to read.
    fn readable(&mut self, _pipes: &mut Pipes, _key: usize) {}

    /// A pipe has room.
    fn writable(&mut self, _pipes: &mut Pipes, _key: usize) {}

    /// Sends a frame; taken if the result is good, untouched if it is not.
    fn send(&mut self, pipes: &mut Pipes, frame: &mut Outgoing<'_>) -> Result<(), Error>;

    /// Receives a frame into `into`, which is left alone or empty if there is none.
    fn recv(&mut self, pipes: &mut Pipes, into: &mut Message) -> Result<(), Error>;

    /// The pipe that the next whole message goes to, if it can be no other one and nothing else is to be
    /// done about it.
    fn sole_output(&self) -> Option<usize> {
        None
    }

    /// The pipe that the next frame comes from, if it can be no other one and nothing else is to be done
    /// about it.
    fn sole_input(&self, _pipes: &Pipes) -> Option<usize> {
        None
    }

    /// Whether a send would be taken, of whatever kind. If not, the waiters are woken when that changes.
    fn can_send(&mut self, _pipes: &mut Pipes) -> bool {
        false
    }

    /// Whether there is something to receive.
    fn can_recv(&mut self, _pipes: &mut Pipes) -> bool {
        false
    }

    /// Somebody is about to wait: pipes without messages go to sleep. `true` if there is something, as
    /// [`can_recv`](Self::can_recv) would say too.
    fn settle(&mut self, _pipes: &mut Pipes) -> bool {
        false
    }

    /// Whether nothing of what peers may do makes a send or a receive possible, but only what the
    /// application does.
    fn is_out_of_turn(&self, _wants: Wants) -> bool {
        false
    }

    /// A pipe that was found to have ended, to be removed.
    fn take_ended(&mut self) -> Option<usize> {
        None
    }

    /// Changes a setting; `false` if the pattern has none such.
    fn set(&mut self, _pipes: &mut Pipes, _setting: Setting<'_>) -> Result<bool, Error> {
        Ok(false)
    }

    /// All settings that [`set`](Self::set) takes and that can be read, as they are.
    fn settings(&self) -> Vec<Setting<'_>> {
        Vec::new()
    }

    /// How many messages are kept for the application outside of the pipes.
    fn kept(&self) -> u64 {
        0
    }

    /// How many distinct subscriptions there are.
    fn topics(&mut self, _pipes: &mut Pipes) -> usize {
        0
    }
}

/// The error of a socket type that does not send or receive.
fn not_supported<T>(socket: SocketType, action: &'static str) -> Result<T, Error> {
    Err(Error::NotSupported { socket: socket.name(), action })
}

/// Writes an empty message to a new pipe, so that a ROUTER at its far end learns of this socket.
fn probe(pipes: &mut Pipes, key: usize) {
    // A pipe without room is not new, one without a reader needs no probe.
    let _ = pipes.write(key, &mut Outgoing::Copied(&[]));
}
