//! The patterns: which pipe a message takes, and what a socket may do when.
//!
//! One file a family. A pattern is called with the socket's lock held; it never blocks. What peers send for it
//! to heed or to throw away is looked at a [`Portion`] at a time, and by a publisher for as long as its
//! [`Allowance`](allowance::Allowance) lasts: for that alone a pattern looks at the clock.

mod allowance;
mod channel;
mod client;
mod dealer;
mod dgram;
mod gather;
mod pair;
mod pipeline;
mod portion;
mod publish;
mod rep;
mod req;
mod router;

mod server;
mod stream;
mod subscribe;
mod table;

pub(crate) use portion::Portion;
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
    ManualLastValue(bool),
    NoDrop(bool),
    MaxSubscriptions(Option<u32>),
    MaxSubscriptionBytes(Option<u64>),
    Invert(bool),
    Welcome(&'a [u8]),
    Subscribe(&'a [u8]),
    Unsubscribe(&'a [u8]),
    Join(&'a [u8]),
    Leave(&'a [u8]),
    StreamNotify(bool),
    /// The id that a STREAM has given last; can only be read.
    LatestId(&'a [u8]),
}

/// How messages name a peer.
#[derive(Clone, Copy, Debug)]
pub(crate) enum PeerName<'a> {
    /// Those of a SERVER or PEER.
    Number(u32),
    /// Those of a ROUTER.
    RoutingId(&'a [u8]),
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

    /// Whether there is something to receive, as far as that can be seen within a [`Portion`].
    fn can_recv(&mut self, _pipes: &mut Pipes) -> bool {
        false
    }

    /// Somebody is about to wait: pipes without messages go to sleep. `true` if there is something, or if there
    /// may be: not all that there is to be thrown away has been. `false` lets the caller sleep, until a pipe tells.
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

    /// A pipe whose connection the application has ended by what it sent, which is [refused](Error::WouldBlock)
    /// until the socket has closed the pipe.
    fn take_closing(&mut self) -> Option<usize> {
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

    /// The number by which messages name the peer of a pipe; 0 where they do not.
    fn number_of(&self, _key: usize) -> u32 {
        0
    }

    /// The pipe of the peer that messages name so: by a number, or by a routing id.
    fn pipe_of(&self, _name: PeerName<'_>) -> Option<usize> {
        None
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

/// A type of socket whose messages have one frame is to send no more.
fn one_frame(socket: SocketType, frame: &Outgoing<'_>) -> Result<(), Error> {
    if frame.more() { Err(Error::OneFrameOnly { socket: socket.name() }) } else { Ok(()) }
}

/// Writes an empty message to a new pipe, so that a ROUTER at its far end learns of this socket.
fn probe(pipes: &mut Pipes, key: usize) {
    // A pipe without room is not new, one without a reader needs no probe.
    let _ = pipes.write(key, &mut Outgoing::Copied(&[]));
}
