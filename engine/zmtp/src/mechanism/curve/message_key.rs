//! The key of the messages of one direction.
//!
//! XSalsa20 makes a key of the one that is shared and of the first 16 bytes of the nonce, and encrypts with it
//! under the other 8. Those 16 bytes are the same in all messages of a direction, so that what is made of them
//! is kept: making it again for each is a third of what a short box costs. The library that makes whole boxes
//! cannot be given it. Boxes of up to two blocks of Salsa20 are put together here, of Salsa20 (the crate
//! salsa20) and Poly1305 (dryoc); of longer ones dryoc computes several blocks at once, which saves more.

use std::sync::Arc;

use dryoc::classic::{crypto_core, crypto_onetimeauth};
use salsa20::Salsa20;
use salsa20::cipher::{KeyIvInit, StreamCipher};
use zeroize::Zeroizing;

use super::boxes::{self, MAC, SharedKey};
use super::keys::KEY;
use crate::ProtocolError;

/// Bytes of a block of Salsa20.
const BLOCK: usize = 64;
/// Of the first block Poly1305 has its key, and what is encrypted the rest.
const OF_POLY1305: usize = 32;
/// The content of a box for which two blocks suffice.
const SHORT: usize = 2 * BLOCK - OF_POLY1305;

/// How the nonces of one direction begin.
pub(super) type Name = [u8; 16];

pub(super) struct MessageKey {
    shared: Arc<SharedKey>,
    name: &'static Name,
    /// What comes of the shared key and the name.
    derived: Zeroizing<[u8; KEY]>,
}

impl MessageKey {
    pub(super) fn new(shared: Arc<SharedKey>, name: &'static Name) -> Self {
        let mut derived = Zeroizing::new([0; KEY]);
        crypto_core::crypto_core_hsalsa20(&mut derived, name, shared.bytes(), None);
        Self { shared, name, derived }
    }

    /// Appends the box of that number with all `parts` in it.
    pub(super) fn append(&self, number: u64, parts: &[&[u8]], out: &mut Vec<u8>) {
        let content: usize = parts.iter().map(|part| part.len()).sum();
        if content > SHORT {
            return self.shared.append(&boxes::counted(self.name, number), parts, out);
        }
        let at = out.len();
        boxes::lay_out(parts, out);
        if let Some((mac, content)) = out[at..].split_first_chunk_mut::<MAC>() {
            let stream = self.stream(number, content.len());
            stream.apply(content);
            crypto_onetimeauth::crypto_onetimeauth(mac, content, stream.of_poly1305());
        }
    }

    /// Turns the box of that number into what is in it, which is what comes after its first [`MAC`] bytes.
    ///
    /// # Errors
    /// [`ProtocolError::BrokenSeal`] if it is not what was put into it with this key and this number.
    pub(super) fn open<'a>(
        &self,
        number: u64,
        sealed: &'a mut [u8],
    ) -> Result<&'a mut [u8], ProtocolError> {
        if sealed.len() > MAC + SHORT {
            return self.shared.open(&boxes::counted(self.name, number), sealed);
        }
        let (mac, content) =
            sealed.split_first_chunk_mut::<MAC>().ok_or(ProtocolError::BrokenSeal)?;
        let stream = self.stream(number, content.len());
        crypto_onetimeauth::crypto_onetimeauth_verify(mac, content, stream.of_poly1305())
            .map_err(|_| ProtocolError::BrokenSeal)?;
        stream.apply(content);
        Ok(content)
    }

    /// What a short box is made with that has so much in it.
    fn stream(&self, number: u64, content: usize) -> Keystream {
        let mut bytes = Zeroizing::new([[0; OF_POLY1305]; 2 * BLOCK / OF_POLY1305]);
        let blocks = if content > BLOCK - OF_POLY1305 { 2 } else { 1 };
        Salsa20::new((&*self.derived).into(), &number.to_be_bytes().into())
            .apply_keystream(&mut bytes.as_flattened_mut()[..blocks * BLOCK]);
        Keystream(bytes)
    }
}

impl std::fmt::Debug for MessageKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MessageKey(..)")
    }
}

/// The first blocks of Salsa20 under one nonce.
struct Keystream(Zeroizing<[[u8; OF_POLY1305]; 2 * BLOCK / OF_POLY1305]>);

impl Keystream {
    fn of_poly1305(&self) -> &[u8; OF_POLY1305] {
        &self.0[0]
    }

    /// Encrypts or decrypts at most [`SHORT`] bytes.
    fn apply(&self, content: &mut [u8]) {
        for (byte, of_stream) in content.iter_mut().zip(self.0[1..].as_flattened()) {
            *byte ^= of_stream;
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const NAME: &Name = b"CurveZMQMESSAGEC";

    /// Every length about the blocks is what the library makes of it as a whole, and opens what that made.
    #[test]
    fn short_boxes_are_those_of_the_library() {
        let shared = Arc::new(SharedKey::of(Zeroizing::new([0x5a; KEY])));
        let key = MessageKey::new(shared.clone(), NAME);
        for length in 0..3 * BLOCK {
            let number = (u64::MAX / 777) * length as u64;
            let content: Vec<u8> = (0..length).map(|at| (at * 31 + length) as u8).collect();
            let (mut own, mut librarys) = (vec![1, 2], vec![1, 2]);
            let (front, back) = content.split_at(length / 3);
            key.append(number, &[front, back], &mut own);
            shared.append(&boxes::counted(NAME, number), &[&content], &mut librarys);
            assert_eq!(own, librarys, "{length}");
            assert_eq!(key.open(number, &mut librarys[2..]).unwrap(), content);
        }
    }

    /// One wrong bit anywhere, or the number of another box, and nothing of it is decrypted.
    #[test]
    fn broken_boxes_stay_closed() {
        let key = MessageKey::new(Arc::new(SharedKey::of(Zeroizing::new([7; KEY]))), NAME);
        for length in [0, 1, 32, 33, SHORT, SHORT + 1] {
            let mut sealed = Vec::new();
            key.append(5, &[&vec![3; length]], &mut sealed);
            for bit in 0..sealed.len() * 8 {
                let mut broken = sealed.clone();
                broken[bit / 8] ^= 1 << (bit % 8);
                let before = broken.clone();
                assert!(matches!(key.open(5, &mut broken), Err(ProtocolError::BrokenSeal)));
                assert_eq!(broken, before);
            }
            assert!(key.open(6, &mut sealed.clone()).is_err());
            assert!(key.open(5, &mut sealed[..MAC - 1]).is_err());
        }
    }
}
