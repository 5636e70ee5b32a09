//! ZeroMQ's stream of octets in the packets of a session: `offset | octets`.
//!
//! The octets are frames of ZMTP 1.0, one after another, wherever packets end. The offset, of 16 bits, is
//! where the first frame begins in the octets of this packet that begins a message; FFFF if none does. libzmq lets it be the end of
//! the octets, where it knows of no message yet.

mod joiner;
mod packer;

pub use joiner::{Joined, Joiner};
pub use packer::Packer;

/// Octets of the offset.
pub const OFFSET: usize = 2;
/// No message begins in this packet.
const NONE_BEGINS: u16 = 0xFFFF;
