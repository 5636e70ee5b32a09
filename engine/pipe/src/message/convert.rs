//! What a message is made of and compared with, and how it is shown.

use super::inline::{Flags, INLINE};
use super::opaque::Opaque;
use super::{Message, Repr};
use crate::sync::foreign::ForeignBytes;
use bytes::Bytes;
use std::fmt;
use std::ops::Deref;

impl Default for Message {
    fn default() -> Self {
        Self::new()
    }
}

impl Deref for Message {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        self.as_slice()
    }
}

impl AsRef<[u8]> for Message {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        /// Bytes shown of a long body.
        const SHOWN: usize = 32;
        let shown = &self[..self.len().min(SHOWN)];
        write!(f, "Message({} bytes", self.len())?;
        if self.more() {
            f.write_str(", more")?;
        }
        let dots = if shown.len() < self.len() { ".." } else { "" };
        write!(f, ": \"{}{dots}\")", shown.escape_ascii())
    }
}

impl PartialEq for Message {
    /// Equal bodies; whether more follows is not compared.
    fn eq(&self, other: &Self) -> bool {
        self.as_slice() == other.as_slice()
    }
}

impl Eq for Message {}

impl PartialEq<[u8]> for Message {
    fn eq(&self, other: &[u8]) -> bool {
        self.as_slice() == other
    }
}

impl<const N: usize> PartialEq<[u8; N]> for Message {
    fn eq(&self, other: &[u8; N]) -> bool {
        self.as_slice() == other
    }
}

impl<const N: usize> PartialEq<&[u8; N]> for Message {
    fn eq(&self, other: &&[u8; N]) -> bool {
        self.as_slice() == *other
    }
}

impl PartialEq<&[u8]> for Message {
    fn eq(&self, other: &&[u8]) -> bool {
        self.as_slice() == *other
    }
}

impl PartialEq<&str> for Message {
    fn eq(&self, other: &&str) -> bool {
        self.as_slice() == other.as_bytes()
    }
}

impl PartialEq<str> for Message {
    fn eq(&self, other: &str) -> bool {
        self.as_slice() == other.as_bytes()
    }
}

impl From<&[u8]> for Message {
    #[inline]
    fn from(body: &[u8]) -> Self {
        Self::copy_from(body)
    }
}

impl<const N: usize> From<&[u8; N]> for Message {
    fn from(body: &[u8; N]) -> Self {
        Self::copy_from(body)
    }
}

impl<const N: usize> From<[u8; N]> for Message {
    fn from(body: [u8; N]) -> Self {
        Self::copy_from(&body)
    }
}

impl From<&str> for Message {
    fn from(body: &str) -> Self {
        Self::copy_from(body.as_bytes())
    }
}

impl From<String> for Message {
    fn from(body: String) -> Self {
        Self::from(body.into_bytes())
    }
}

impl From<&String> for Message {
    fn from(body: &String) -> Self {
        Self::copy_from(body.as_bytes())
    }
}

impl From<Vec<u8>> for Message {
    fn from(body: Vec<u8>) -> Self {
        if body.len() <= INLINE {
            return Self::copy_from(&body);
        }
        Self::from(Bytes::from(body))
    }
}

impl From<Bytes> for Message {
    fn from(bytes: Bytes) -> Self {
        let bytes = ForeignBytes::new(bytes);
        Self(Opaque::new(Repr::Shared { flags: Flags::None, bytes, group: None }))
    }
}

impl From<&Message> for Message {
    fn from(message: &Message) -> Self {
        message.clone()
    }
}
