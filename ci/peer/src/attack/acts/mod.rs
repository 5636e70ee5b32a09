//! What attackers do, one function each. Each does at least as much as makes it an attack, however long that
//! takes, goes on until enough has been seen, and ends by itself.

pub(crate) mod connections;
pub(crate) mod curve;
pub(crate) mod deaf;
pub(crate) mod frames;
pub(crate) mod greetings;
pub(crate) mod guards;
pub(crate) mod subscriptions;

use super::AttackError;
use super::field::Field;

/// Done to a server.
pub(crate) type Act = fn(&Field) -> Result<(), AttackError>;

/// Bytes that mean nothing: the same ones in every run.
pub(crate) struct Noise(u64);

impl Noise {
    pub(crate) fn new(seed: usize) -> Self {
        Self(seed as u64)
    }

    pub(crate) fn bytes(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(count + 8);
        while bytes.len() < count {
            self.0 = crate::pattern::mix(self.0);
            bytes.extend_from_slice(&self.0.to_le_bytes());
        }
        bytes.truncate(count);
        bytes
    }
}
