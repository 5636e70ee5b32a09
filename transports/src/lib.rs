//! Endpoint text to descriptors: tcp, ipc, inproc, WebSockets over tcp, and udp.
//!
//! Knows endpoints, addresses and the options of descriptors; never socket types. A [`bind`]
//! becomes a [listener](BoundListener::listen), a [`connect`] a connecter, both on an I/O thread of
//! the engine; within a process the two meet in [`inproc::Inproc`]. All of them report to the
//! socket as their [`SessionOwner`](ringmq_engine::SessionOwner).

pub mod address;
pub mod backoff;
mod datagram;
pub mod endpoint;
pub mod error;
pub mod inproc;
pub mod ipc;
pub mod network;
pub mod options;
mod owner;
mod pgm;
pub mod resolver;
mod stream;
pub mod tcp;
mod transport;
mod udp;
mod ws;

pub use datagram::{BoundDatagrams, DatagramRole, bind_datagrams, connect_datagrams};
pub use owner::{LinkOptions, Offer, Settings, Taken};
pub use stream::connecter::{connect, disconnect};
pub use stream::listener::{BoundListener, adopt, bind};
