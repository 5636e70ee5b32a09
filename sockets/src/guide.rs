//! A guide for those who build with ZeroMQ's patterns, and for those who come from another library.
//! Documentation only; all of its code is tested.
//!
//! | page | answers |
//! |---|---|
//! | [`framing`] | what a message is made of, which frames REQ and ROUTER add, how a reply finds its way back |
//! | [`when_options_count`] | why an option that was set seems to do nothing |
//! | [`slow_joiners`] | why the first messages are missing, and what to do instead of sleeping |
//! | [`high_water_marks`] | how much is queued where, and what each type of socket does when that is full |
//! | [`ending`] | how a program ends without losing what it has sent, or hanging |
//! | [`threads`] | what may be shared, what that costs, and what is moved rather than shared |
//! | [`tasks`] | which calls may stand in a task, and what happens while one waits |
//! | [`web_sockets`] | how programs in browsers speak with a socket, and who may |
//! | [`multicast`] | to groups: udp, PGM, what gets lost, and the settings that matter |
//! | [`performance`] | which backend, spinning, cores, and how to measure |
//! | [`from_libzmq`] | libzmq call by call, option by option |
//! | [`from_pyzmq`] | the same for pyzmq |
//! | [`from_zmq_crate`] | the same for the crate `zmq` (rust-zmq) |
//!
//! # Which pattern
//! | you want | take | and know |
//! |---|---|---|
//! | to ask and be answered, one at a time | [`Req`](crate::Req), [`Rep`](crate::Rep) | in lock-step; a peer that dies leaves a REQ waiting, unless it has [a time-out](crate::Socket::set_recv_timeout) and is [relaxed](crate::Socket::set_relaxed) |
//! | to ask many at once, and be answered in any order | [`Dealer`](crate::Dealer), [`Router`](crate::Router) | [`framing`] |
//! | to hand out work | [`Push`](crate::Push), [`Pull`](crate::Pull) | in turn to all that are there: [`slow_joiners`] |
//! | to tell all who want to know | [`Pub`](crate::Pub), [`Sub`](crate::Sub) | who is slow misses messages: [`high_water_marks`] |
//! | to stand between publishers and subscribers | [`XSub`](crate::XSub), [`XPub`](crate::XPub), [`proxy`](crate::proxy()) | |
//! | to ask, from sockets that several threads share | [`Client`](crate::Client), [`Server`](crate::Server) | messages have one frame; a SERVER answers by [number](crate::Message::routing_id) |
//! | to tell groups of listeners, by exact name | [`Radio`](crate::Radio), [`Dish`](crate::Dish) | messages have one frame and a [group](crate::Message::set_group) |
//! | to tell everybody in a network at once | [`Pub`](crate::Pub), [`Sub`](crate::Sub) over `epgm://`; [`Radio`](crate::Radio), [`Dish`](crate::Dish) over `udp://` | [`multicast`] |
//! | to exchange datagrams with other programs | [`Dgram`](crate::Dgram) | [`multicast`] |
//! | to hand out work from sockets that several threads share | [`Scatter`](crate::Scatter), [`Gather`](crate::Gather) | messages have one frame |
//! | peers that all ask and answer | [`PeerSocket`](crate::PeerSocket) | [`connect_peer`](crate::Socket::connect_peer) says the number of each |
//! | to join two threads | [`Pair`](crate::Pair) over `inproc://` | [`threads`] |
//!
//! # What ZeroMQ promises
//! A message arrives whole or not at all, at most once, and after those that were sent before it over the
//! same connection. Nothing is acknowledged: what a peer or the network had when it died is gone, without a
//! word. Whoever must know that a message arrived has the other side say so, and asks again if it does not.
//! The examples show the usual ways, each in a few dozen lines: `lazy_pirate_client` (asks again),
//! `paranoid_pirate` (heartbeats), `majordomo` (a broker of services), `clone` (a store that all have a copy
//! of), `last_value_cache`, `file_transfer` (credit instead of high-water marks). They are in
//! `sockets/examples` of the source.

pub mod framing {
    #![doc = include_str!("guide/framing.md")]
}

pub mod when_options_count {
    #![doc = include_str!("guide/when_options_count.md")]
}

pub mod slow_joiners {
    #![doc = include_str!("guide/slow_joiners.md")]
}

pub mod high_water_marks {
    #![doc = include_str!("guide/high_water_marks.md")]
}

pub mod ending {
    #![doc = include_str!("guide/ending.md")]
}

pub mod threads {
    #![doc = include_str!("guide/threads.md")]
}

pub mod tasks {
    #![doc = include_str!("guide/tasks.md")]
}

pub mod web_sockets {
    #![doc = include_str!("guide/web_sockets.md")]
}

pub mod multicast {
    #![doc = include_str!("guide/multicast.md")]
}

pub mod performance {
    #![doc = include_str!("guide/performance.md")]
}

pub mod from_libzmq {
    #![doc = include_str!("guide/from_libzmq.md")]
}

pub mod from_pyzmq {
    #![doc = include_str!("guide/from_pyzmq.md")]
}

pub mod from_zmq_crate {
    #![doc = include_str!("guide/from_zmq_crate.md")]
}
