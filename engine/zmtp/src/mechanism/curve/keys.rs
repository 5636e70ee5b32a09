//! Keys of X25519, as bytes and as text.

use std::fmt;
use std::str::FromStr;

use zeroize::{Zeroize, Zeroizing};

use super::boxes;
use crate::mechanism::{NoRandomness, Random};
use crate::{Z85Error, z85_decode, z85_encode};

/// Bytes of a key.
pub(super) const KEY: usize = 32;
/// Characters of a key in Z85.
const TEXT: usize = 40;

/// What is no key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// A key is 32 bytes, or 40 characters of Z85.
    #[error("a key has 32 bytes, or 40 characters of Z85, not {length}")]
    Length {
        /// Bytes that there are.
        length: usize,
    },
    /// The characters are not those of Z85.
    #[error(transparent)]
    Z85(#[from] Z85Error),
    /// The system gave no random bytes to make a key of.
    #[error(transparent)]
    NoRandomness(#[from] NoRandomness),
}

/// A key that others may know: 32 bytes.
///
/// # Examples
/// ```
/// use ringmq_zmtp::CurvePublicKey;
/// let key: CurvePublicKey = "clgZ-e%xUjbVPRmFBC3.xni{%HKPKMCq)ULs9%EC".parse()?;
/// assert_eq!(key.as_bytes()[..2], [0x26, 0x1c]);
/// assert_eq!(key.to_string(), "clgZ-e%xUjbVPRmFBC3.xni{%HKPKMCq)ULs9%EC");
/// # Ok::<(), ringmq_zmtp::KeyError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CurvePublicKey([u8; KEY]);

impl CurvePublicKey {
    /// From its bytes.
    ///
    /// # Examples
    /// ```
    /// let key = ringmq_zmtp::CurvePublicKey::new([0; 32]);
    /// assert_eq!(key.to_string(), "0".repeat(40));
    /// ```
    pub const fn new(bytes: [u8; KEY]) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    ///
    /// # Examples
    /// ```
    /// assert_eq!(ringmq_zmtp::CurvePublicKey::new([1; 32]).as_bytes(), &[1; 32]);
    /// ```
    pub const fn as_bytes(&self) -> &[u8; KEY] {
        &self.0
    }
}

/// In Z85.
impl fmt::Display for CurvePublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&z85_encode(&self.0).map_err(|_| fmt::Error)?)
    }
}

impl fmt::Debug for CurvePublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CurvePublicKey({self})")
    }
}

/// From its 32 bytes, or from 40 characters of Z85.
impl TryFrom<&[u8]> for CurvePublicKey {
    type Error = KeyError;

    fn try_from(bytes: &[u8]) -> Result<Self, KeyError> {
        read(bytes).map(|key| Self(*key))
    }
}

/// From 40 characters of Z85.
impl FromStr for CurvePublicKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        read_text(text).map(|key| Self(*key))
    }
}

/// A key that nobody else may know: 32 bytes, wiped when it is dropped, and never shown.
///
/// # Examples
/// ```
/// use ringmq_zmtp::CurveSecretKey;
/// let key: CurveSecretKey = "q=uQ[q=uQ[q=uQ[q=uQ[q=uQ[q=uQ[q=uQ[q=uQ[".parse()?;
/// assert_eq!(key.public_key().to_string(), "clgZ-e%xUjbVPRmFBC3.xni{%HKPKMCq)ULs9%EC");
/// assert_eq!(format!("{key:?}"), "CurveSecretKey(..)");
/// # Ok::<(), ringmq_zmtp::KeyError>(())
/// ```
#[derive(Clone)]
pub struct CurveSecretKey(Zeroizing<[u8; KEY]>);

impl CurveSecretKey {
    /// From its bytes.
    ///
    /// # Examples
    /// ```
    /// let key = ringmq_zmtp::CurveSecretKey::new([1; 32]);
    /// assert_eq!(format!("{key:?}"), "CurveSecretKey(..)");
    /// ```
    pub fn new(bytes: [u8; KEY]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// Its bytes.
    ///
    /// # Examples
    /// ```
    /// assert_eq!(ringmq_zmtp::CurveSecretKey::new([1; 32]).as_bytes(), &[1; 32]);
    /// ```
    pub fn as_bytes(&self) -> &[u8; KEY] {
        &self.0
    }

    /// The public key that belongs to it: libzmq's `zmq_curve_public`.
    ///
    /// # Examples
    /// ```
    /// use ringmq_zmtp::{CurveKeyPair, CurveSecretKey};
    /// let keys = CurveKeyPair::from(CurveSecretKey::new([1; 32]));
    /// assert_eq!(keys.secret.public_key(), keys.public);
    /// ```
    pub fn public_key(&self) -> CurvePublicKey {
        CurvePublicKey(boxes::public_key(&self.0))
    }

    /// In Z85, to be written to where nobody else reads it.
    ///
    /// # Examples
    /// ```
    /// assert_eq!(*ringmq_zmtp::CurveSecretKey::new([0; 32]).to_z85(), "0".repeat(40));
    /// ```
    pub fn to_z85(&self) -> Zeroizing<String> {
        // Never fails: 32 is a multiple of four.
        Zeroizing::new(z85_encode(&self.0[..]).unwrap_or_default())
    }
}

impl fmt::Debug for CurveSecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CurveSecretKey(..)")
    }
}

/// From its 32 bytes, or from 40 characters of Z85.
impl TryFrom<&[u8]> for CurveSecretKey {
    type Error = KeyError;

    fn try_from(bytes: &[u8]) -> Result<Self, KeyError> {
        read(bytes).map(Self)
    }
}

/// From 40 characters of Z85.
impl FromStr for CurveSecretKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        read_text(text).map(Self)
    }
}

/// Two keys that belong together.
#[derive(Clone, Debug)]
pub struct CurveKeyPair {
    /// For others.
    pub public: CurvePublicKey,
    /// For nobody else.
    pub secret: CurveSecretKey,
}

impl CurveKeyPair {
    /// Makes a new pair out of random bytes.
    ///
    /// # Errors
    /// [`NoRandomness`], if `random` has none.
    ///
    /// # Examples
    /// ```
    /// use ringmq_zmtp::{CurveKeyPair, NoRandomness};
    /// let mut random = |bytes: &mut [u8]| Ok::<(), NoRandomness>(bytes.fill(7)); // not so random
    /// let keys = CurveKeyPair::generate(&mut random)?;
    /// assert_eq!(keys.secret.as_bytes(), &[7; 32]);
    /// # Ok::<(), NoRandomness>(())
    /// ```
    pub fn generate(random: &mut Random<'_>) -> Result<Self, NoRandomness> {
        let mut secret = CurveSecretKey(Zeroizing::new([0; KEY]));
        random(&mut secret.0[..])?;
        Ok(Self::from(secret))
    }
}

impl From<CurveSecretKey> for CurveKeyPair {
    fn from(secret: CurveSecretKey) -> Self {
        Self { public: secret.public_key(), secret }
    }
}

fn read(bytes: &[u8]) -> Result<Zeroizing<[u8; KEY]>, KeyError> {
    if let Ok(key) = <[u8; KEY]>::try_from(bytes) {
        return Ok(Zeroizing::new(key));
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => read_text(text),
        Err(_) => Err(KeyError::Length { length: bytes.len() }),
    }
}

fn read_text(text: &str) -> Result<Zeroizing<[u8; KEY]>, KeyError> {
    if text.len() != TEXT {
        return Err(KeyError::Length { length: text.len() });
    }
    let mut bytes = z85_decode(text)?;
    let mut key = Zeroizing::new([0; KEY]);
    key.copy_from_slice(&bytes);
    bytes.zeroize();
    Ok(key)
}
