//! What server and clients say to each other.

use ringmq::{Message, Multipart};
use std::collections::BTreeMap;

/// Keys and values.
pub(crate) type Store = BTreeMap<Vec<u8>, Vec<u8>>;

/// How far a store has come: the server under whose hands, and the number of its last change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Position {
    /// Drawn by each server when it starts.
    pub(crate) epoch: u64,
    pub(crate) sequence: u64,
}

impl Position {
    fn to_frame(self) -> Message {
        let mut frame = [0; 16];
        frame[..8].copy_from_slice(&self.epoch.to_be_bytes());
        frame[8..].copy_from_slice(&self.sequence.to_be_bytes());
        frame.into()
    }

    fn from_frame(frame: &[u8]) -> Option<Self> {
        let number = |bytes: &[u8]| bytes.try_into().ok().map(u64::from_be_bytes);
        let (epoch, sequence) = frame.split_at_checked(8)?;
        Some(Self { epoch: number(epoch)?, sequence: number(sequence)? })
    }

    /// The position after the next change.
    pub(crate) fn next(self) -> Self {
        Self { sequence: self.sequence + 1, ..self }
    }
}

/// Sets a key, or deletes it if there is no value.
pub(crate) fn apply(store: &mut Store, key: &[u8], value: &[u8]) {
    if value.is_empty() {
        store.remove(key);
    } else {
        store.insert(key.to_vec(), value.to_vec());
    }
}

/// A change as it is published: where it brings the store, key, value. With no key, it says where the store
/// is.
pub(crate) fn change(position: Position, key: &[u8], value: &[u8]) -> Multipart {
    Multipart::from([position.to_frame(), key.into(), value.into()])
}

/// What [`change`] has made.
pub(crate) fn read_change(message: &Multipart) -> Option<(Position, &[u8], &[u8])> {
    let position = Position::from_frame(message.get(0)?)?;
    Some((position, message.get(1)?, message.get(2)?))
}

/// All of the store in one message, which arrives whole or not at all: position, key, value, key, value...
pub(crate) fn snapshot(position: Position, store: &Store) -> Multipart {
    let mut message = Multipart::from(position.to_frame());
    message.extend(store.iter().flat_map(|(key, value)| [&key[..], value]));
    message
}

/// What [`snapshot`] has made.
pub(crate) fn read_snapshot(message: &Multipart) -> Option<(Position, Store)> {
    let position = Position::from_frame(message.get(0)?)?;
    let mut store = Store::new();
    let mut frames = message.iter().skip(1);
    while let (Some(key), Some(value)) = (frames.next(), frames.next()) {
        store.insert(key.to_vec(), value.to_vec());
    }
    Some((position, store))
}
