//! The types of sockets, as types: what a kind of socket cannot do, it has no method for.

use crate::types::{socket_types, traits};
use ringmq_zmtp::SocketType;

mod sealed {
    pub trait Sealed {}
}

/// A kind of socket.
pub trait Kind: sealed::Sealed + Send + Sync + 'static {
    /// Messages may go past the pattern while there is one peer; to others it is not worth a look.
    #[doc(hidden)]
    const HAS_FAST_PATH: bool;
    /// It [sends](Sends), for those who may do without. Of [any](AnyKind) kind it is not known, so it may.
    #[doc(hidden)]
    const SENDS: bool;
    /// It [receives](Receives), likewise.
    #[doc(hidden)]
    const RECEIVES: bool;
}

/// A kind of socket that sends messages.
pub trait Sends: Kind {}

/// A kind of socket that receives messages.
pub trait Receives: Kind {}

/// A kind of socket that subscribes by prefix.
pub trait Subscribes: Kind {}

/// A kind of socket that tells its subscribers' wishes to the application.
pub trait HearsSubscriptions: Kind {}

/// A kind of socket whose sends may be refused for a slow subscriber.
pub trait Publishes: Kind {}

/// A kind of socket that passes messages on by what they start with.
pub trait Filters: Kind {}

/// A kind of socket that addresses peers by routing id.
pub trait Routes: Kind {}

/// A kind of socket that may be told what to call the peer of its next connect.
pub trait NamesPeers: Kind {}

/// A kind of socket that makes requests in lock-step.
pub trait Requests: Kind {}

/// A kind of socket that can announce itself to a ROUTER with an empty message.
pub trait Probes: Kind {}

/// A kind of socket that may send each new peer a message of its own first.
pub trait Greets: Kind {}

/// A kind of socket that may receive a message in the place of a peer that has gone.
pub trait MissesPeers: Kind {}

/// A kind of socket that may receive a message in the place of a peer that it has lost and connects to again.
pub trait Reconnects: Kind {}

/// A kind of socket that joins groups.
pub trait Joins: Kind {}

/// A kind of socket that exchanges bytes with peers that speak no ZMTP.
pub trait ExchangesBytes: Kind {}

/// A kind of socket that has a number for each peer, which messages carry.
pub trait NumbersPeers: Kind {}

/// A kind of socket that knows the number of a peer as soon as it connects to it.
pub trait ConnectsPeers: Kind {}

macro_rules! is_sends {
    (Sends) => {
        true
    };
    ($other:ident) => {
        false
    };
}

macro_rules! is_receives {
    (Receives) => {
        true
    };
    ($other:ident) => {
        false
    };
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident: $kind:ident, $constructor:ident, $makes:literal,
        $($capability:ident)*, $traits:expr, $make:expr;)*) => {
        $(
        $(#[$doc])*
        #[derive(Debug)]
        pub enum $kind {}
        impl sealed::Sealed for $kind {}
        impl Kind for $kind {
            const HAS_FAST_PATH: bool = traits(SocketType::$name).fast_path;
            const SENDS: bool = $(is_sends!($capability) ||)* false;
            const RECEIVES: bool = $(is_receives!($capability) ||)* false;
        }
        $(impl $capability for $kind {})*
        )*

        /// Whether a type of socket sends, and whether it receives.
        pub(crate) const fn sends_and_receives(socket_type: SocketType) -> (bool, bool) {
            match socket_type {
                $(SocketType::$name => ($kind::SENDS, $kind::RECEIVES),)*
            }
        }
    };
}

socket_types!(kinds);

/// Any type, chosen at run time: has all methods, and those that do not apply are errors.
#[derive(Debug)]
pub enum AnyKind {}

macro_rules! all_capabilities {
    ($($capability:ident)*) => {$(impl $capability for AnyKind {})*};
}

impl sealed::Sealed for AnyKind {}
impl Kind for AnyKind {
    const HAS_FAST_PATH: bool = true;
    const SENDS: bool = true;
    const RECEIVES: bool = true;
}
all_capabilities!(Sends Receives Subscribes HearsSubscriptions Publishes Filters Routes Requests Probes Joins NamesPeers ExchangesBytes NumbersPeers ConnectsPeers Greets MissesPeers Reconnects);
