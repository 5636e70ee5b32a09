//! Endpoint text to descriptors: tcp, ipc and inproc.
//!
//! Knows endpoints, addresses and the options of descriptors; never socket types. A [`bind`] becomes a
//! [listener](Bound::listen), a [`connect`] a connecter, both on an I/O thread of the engine; within a
//! process the two meet in [`inproc::Inproc`]. All of them report to the socket as their [`Owner`].

pub mod address;
pub mod backoff;
mod connecter;
mod dial;
pub mod endpoint;
pub mod error;
pub mod inproc;
pub mod ipc;
mod listener;
pub mod options;
mod owner;
pub mod resolve;
pub mod tcp;

pub use connecter::{connect, disconnect};
pub use listener::{Bound, bind};
pub use owner::{Connection, LinkOptions, Offer, Owner, Route, Settings, Taken, TransportEvent};
