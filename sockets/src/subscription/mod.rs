//! Which messages a subscription lets through: topics in a prefix trie, looked up by message.
//!
//! [`Counted`] is what a subscriber wants (SUB, XSUB), [`ByPipe`] is who wants it (PUB, XPUB). A
//! topic is any run of octets, the empty one included, and matches every message it is a prefix of.
//!
//! Each socket owns its own and uses it on the thread that works on the socket: nothing here is
//! shared, locked, or waits. Topics come from peers, so no length or number of them overflows the
//! stack, and what an operation costs grows with the length of the topics in it and the number of
//! pipes that have them, not with the number or length of the other topics.

mod arena;
mod by_pipe;
mod children;
mod counted;
mod node;
mod subscribers;
#[cfg(test)]
mod tests;
mod trie;

pub(crate) use by_pipe::{Added, ByPipe, Removed};
pub(crate) use counted::{Counted, Removal};
