//! What the tests of the log share: a notifier that counts, and bodies that say when they are dropped.
#![allow(dead_code, reason = "not every test needs all of it")]

use ringmq_pipe::{KnownPeer, Message, Notify, PropertySource};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Counts the news it gets.
#[derive(Default)]
pub(crate) struct Counter {
    readable: AtomicU64,
    writable: AtomicU64,
}

impl Counter {
    pub(crate) fn new() -> Arc<Self> {
        Arc::default()
    }

    /// Notices so far: readable, writable.
    pub(crate) fn told(&self) -> (u64, u64) {
        let load = |count: &AtomicU64| count.load(Ordering::Relaxed);
        (load(&self.readable), load(&self.writable))
    }
}

impl Notify for Counter {
    fn readable(&self, _: usize) {
        self.readable.fetch_add(1, Ordering::Relaxed);
    }

    fn writable(&self, _: usize) {
        self.writable.fetch_add(1, Ordering::Relaxed);
    }
}

/// A body of foreign memory that holds a token for as long as it lives.
pub(crate) struct Foreign {
    pub(crate) body: Vec<u8>,
    pub(crate) token: Arc<()>,
}

impl AsRef<[u8]> for Foreign {
    fn as_ref(&self) -> &[u8] {
        &self.body
    }
}

impl Foreign {
    pub(crate) fn message(body: Vec<u8>, token: &Arc<()>) -> Message {
        Message::from_owner(Self { body, token: token.clone() })
    }
}

/// A peer of which a name is known.
struct Named(String);

impl PropertySource for Named {
    fn get(&self, name: &str) -> Option<&[u8]> {
        (name == "Name").then_some(self.0.as_bytes())
    }

    fn size(&self) -> usize {
        self.0.len()
    }
}

/// A peer with the property `Name`.
pub(crate) fn named(name: impl ToString) -> KnownPeer {
    KnownPeer::new(Arc::new(Named(name.to_string())))
}

/// The `Name` of who has sent a message.
pub(crate) fn name(message: &Message) -> Option<String> {
    let properties = message.properties()?;
    Some(String::from_utf8_lossy(properties.get("Name")?).into_owned())
}

/// `len` bytes that depend on `seed`, so that a body in the wrong place shows.
pub(crate) fn body(len: usize, seed: u32) -> Vec<u8> {
    let mut state = u64::from(seed).wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    (0..len)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state as u8
        })
        .collect()
}
