//! Which messages a subscription lets through: topics in a prefix trie, looked up by message.
//!
//! [`Wanted`] is what a subscriber wants (SUB, XSUB), [`ByPipe`] is who wants it (PUB, XPUB). A
//! topic is any run of bytes, the empty one included, and matches every message it is a prefix of. The groups of
//! RADIO and DISH are kept in the same way, and looked up as a whole.
//!
//! Each socket owns its own: nothing here is locked or waits. Topics come from peers, so no length
//! or number of them overflows the stack, and what an operation costs grows with the length of the
//! topics in it and the number of pipes that have them, not with the number or length of the other
//! topics.

mod arena;
mod by_pipe;
mod children;
mod counted;
mod node;
mod subscribers;
#[cfg(test)]
mod tests;
mod trie;
mod vocabulary;
mod wanted;

pub(crate) use by_pipe::{Added, ByPipe, MostTopics, Removed};
use counted::{Counted, Removal};
pub(crate) use vocabulary::{Vocabulary, notification};
pub(crate) use wanted::{Change, Coming, TOLD_WITH, Wanted};
