//! The types of sockets, as types: what a kind of socket cannot do, it has no method for.

use crate::inner::fast_path::has_fast_path;
use ringmq_zmtp::SocketType::{Dealer, Pair, Pub, Pull, Push, Rep, Req, Router, Sub, XPub, XSub};

mod sealed {
    pub trait Sealed {}
}

/// A kind of socket.
pub trait Kind: sealed::Sealed + Send + Sync + 'static {
    /// Messages may go past the pattern while there is one peer; to others it is not worth a look.
    #[doc(hidden)]
    const HAS_FAST_PATH: bool;
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

/// A kind of socket that makes requests in lock-step.
pub trait Requests: Kind {}

/// A kind of socket that can announce itself to a ROUTER with an empty message.
pub trait Probes: Kind {}

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident $socket_type:expr, $($trait:ident)*;)*) => {$(
        $(#[$doc])*
        #[derive(Debug)]
        pub enum $name {}
        impl sealed::Sealed for $name {}
        impl Kind for $name {
            const HAS_FAST_PATH: bool = has_fast_path($socket_type);
        }
        $(impl $trait for $name {})*
    )*};
}

kinds! {
    /// Exclusive pair: one peer, both ways.
    PairKind Some(Pair), Sends Receives;
    /// Publishes to all subscribers.
    PubKind Some(Pub), Sends Publishes Filters;
    /// Receives what it subscribed to.
    SubKind Some(Sub), Receives Subscribes Filters;
    /// Publishes, and hears of subscriptions.
    XPubKind Some(XPub), Sends Receives HearsSubscriptions Publishes Filters;
    /// Receives, with subscriptions as messages.
    XSubKind Some(XSub), Sends Receives Subscribes;
    /// Requests, one at a time.
    ReqKind Some(Req), Sends Receives Requests Probes;
    /// Replies.
    RepKind Some(Rep), Sends Receives;
    /// Sends to all peers in turn, receives from all.
    DealerKind Some(Dealer), Sends Receives Probes;
    /// Addresses each peer by its routing id.
    RouterKind Some(Router), Sends Receives Routes Probes;
    /// Sends down a pipeline.
    PushKind Some(Push), Sends;
    /// Receives from a pipeline.
    PullKind Some(Pull), Receives;
    /// Any type, chosen at run time: has all methods, and those that do not apply are errors.
    AnyKind None, Sends Receives Subscribes HearsSubscriptions Publishes Filters Routes Requests Probes;
}
