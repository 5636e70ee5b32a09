//! libzmq's C interface, so that programs in any language run on ringmq as they are.
//!
//! Each `zmq_*` function is a thin shell about the public crate: `boundary` keeps panics in and puts errors
//! into `errno`, `handles` tells what stands for a context or a socket from what does not, and
//! [`message`] is a [`Message`](ringmq::Message) in the program's own `zmq_msg_t`.
//!
//! Events of the second form name the local address of what was bound, not of what was
//! connected.
//!
//! What a program may hand in: any handle, valid or not, is answered with an error. Memory is the program's
//! word: where libzmq's manual asks for a pointer to so many bytes, it has to be one, or NULL.
#![allow(missing_docs, reason = "the manual of libzmq is the documentation of each function")]
#![allow(
    clippy::missing_safety_doc,
    reason = "the manual of libzmq is the documentation of each function"
)]
#![allow(unsafe_code, reason = "this is the boundary to C")]

mod boundary;
pub mod context;
pub mod errors;
pub mod groups;
mod handles;
mod kept;
mod lent_listener;
pub mod message;
pub mod monitor;
pub mod options;
mod patience;
pub mod peers;
pub mod poll;
pub mod poller;
pub mod proxy;
pub mod socket;
pub mod threads;
pub mod timers;
pub mod transfer;
pub mod utilities;
mod writable;
pub mod z85;
