//! Boxes of NaCl.

use dryoc::classic::{crypto_box, crypto_core};
use zeroize::Zeroizing;

use super::keys::{CurvePublicKey, CurveSecretKey, KEY};
use super::{LONG_NONCE, SHORT_NONCE};
use crate::ProtocolError;

/// By how much a box is longer than what is in it: the authentication in front.
pub(super) const MAC: usize = 16;
/// Bytes of a whole nonce.
const NONCE: usize = 24;

type Nonce = [u8; NONCE];

/// The nonce of that name and number.
pub(super) fn counted(name: &[u8; NONCE - SHORT_NONCE], number: u64) -> Nonce {
    let mut nonce = [0; NONCE];
    nonce[..name.len()].copy_from_slice(name);
    nonce[name.len()..].copy_from_slice(&number.to_be_bytes());
    nonce
}

/// The nonce of that name and those random bytes.
pub(super) fn random(name: &[u8; NONCE - LONG_NONCE], bytes: &[u8; LONG_NONCE]) -> Nonce {
    let mut nonce = [0; NONCE];
    nonce[..name.len()].copy_from_slice(name);
    nonce[name.len()..].copy_from_slice(bytes);
    nonce
}

/// The public key of a secret one.
pub(super) fn public_key(secret: &[u8; KEY]) -> [u8; KEY] {
    let mut public = [0; KEY];
    crypto_core::crypto_scalarmult_base(&mut public, secret);
    public
}

/// Appends all `parts`, with room for the authentication before them.
pub(super) fn lay_out(parts: &[&[u8]], out: &mut Vec<u8>) {
    out.resize(out.len() + MAC, 0);
    parts.iter().for_each(|part| out.extend_from_slice(part));
}

/// What two ends share that have each other's public key.
pub(super) struct SharedKey(Zeroizing<[u8; KEY]>);

impl SharedKey {
    /// Of this end's secret key and the other's public one.
    ///
    /// # Errors
    /// [`ProtocolError::BrokenSeal`] for a public key that gives everybody the same shared one.
    pub(super) fn agree(
        public: &CurvePublicKey,
        secret: &CurveSecretKey,
    ) -> Result<Self, ProtocolError> {
        crypto_box::crypto_box_beforenm(public.as_bytes(), secret.as_bytes())
            .map(|key| Self(Zeroizing::new(key)))
            .map_err(|_| ProtocolError::BrokenSeal)
    }

    /// One that is random, of who keeps something secret from everybody else.
    pub(super) fn of(bytes: Zeroizing<[u8; KEY]>) -> Self {
        Self(bytes)
    }

    pub(super) fn bytes(&self) -> &[u8; KEY] {
        &self.0
    }

    /// Turns what `out` has from `at` on into a box: for the authentication there are [`MAC`] bytes
    /// before the content.
    pub(super) fn close(&self, nonce: &Nonce, out: &mut [u8]) {
        // There is no box without its first bytes, and no caller makes one.
        if let Some((mac, content)) = out.split_first_chunk_mut::<MAC>() {
            crypto_box::crypto_box_detached_afternm_inplace(content, mac, nonce, &self.0);
        }
    }

    /// Turns a box into what is in it, which is what comes after its first [`MAC`] bytes.
    ///
    /// # Errors
    /// [`ProtocolError::BrokenSeal`] if it is not what was put into it with this key and this nonce.
    pub(super) fn open<'a>(
        &self,
        nonce: &Nonce,
        sealed: &'a mut [u8],
    ) -> Result<&'a mut [u8], ProtocolError> {
        let (mac, content) =
            sealed.split_first_chunk_mut::<MAC>().ok_or(ProtocolError::BrokenSeal)?;
        crypto_box::crypto_box_open_detached_afternm_inplace(content, mac, nonce, &self.0)
            .map_err(|_| ProtocolError::BrokenSeal)?;
        Ok(content)
    }

    /// Appends a box with all `parts` in it.
    pub(super) fn append(&self, nonce: &Nonce, parts: &[&[u8]], out: &mut Vec<u8>) {
        let at = out.len();
        lay_out(parts, out);
        self.close(nonce, &mut out[at..]);
    }
}

impl std::fmt::Debug for SharedKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SharedKey(..)")
    }
}
