//! What a message is made of, and what is made of it. What is owned is not copied, unless it is so short that
//! it goes inside the message.

use super::inline::{Flags, INLINE};
use super::opaque::Opaque;
use super::{Message, Repr};
use crate::sync::foreign::ForeignBytes;
use bytes::Bytes;
use std::borrow::Cow;
use std::ops::Deref;
use std::str::Utf8Error;
use std::string::FromUtf8Error;

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

impl From<Box<str>> for Message {
    fn from(body: Box<str>) -> Self {
        Self::from(body.into_boxed_bytes())
    }
}

impl From<Cow<'_, str>> for Message {
    fn from(body: Cow<'_, str>) -> Self {
        match body {
            Cow::Borrowed(body) => Self::from(body),
            Cow::Owned(body) => Self::from(body),
        }
    }
}

impl From<Cow<'_, [u8]>> for Message {
    fn from(body: Cow<'_, [u8]>) -> Self {
        match body {
            Cow::Borrowed(body) => Self::from(body),
            Cow::Owned(body) => Self::from(body),
        }
    }
}

impl From<&Vec<u8>> for Message {
    fn from(body: &Vec<u8>) -> Self {
        Self::copy_from(body)
    }
}

impl From<Box<[u8]>> for Message {
    fn from(body: Box<[u8]>) -> Self {
        if body.len() <= INLINE {
            return Self::copy_from(&body);
        }
        Self::from(Bytes::from(body))
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
        Self(Opaque::new(Repr::Shared { flags: Flags::None, lent: false, bytes, group: None }))
    }
}

/// Refers to the same bytes.
impl From<&Bytes> for Message {
    fn from(bytes: &Bytes) -> Self {
        Self::from(bytes.clone())
    }
}

/// A clone, which refers to the same bytes.
impl From<&Message> for Message {
    fn from(message: &Message) -> Self {
        message.clone()
    }
}

/// As [`into_bytes`](Message::into_bytes).
impl From<Message> for Bytes {
    fn from(message: Message) -> Self {
        message.into_bytes()
    }
}

/// Without a copy if the body is a vector that was sent within the process, and nobody else refers to it.
impl From<Message> for Vec<u8> {
    fn from(message: Message) -> Self {
        match message.0.get() {
            Repr::Shared { .. } => message.into_bytes().into(),
            _ => message.to_vec(),
        }
    }
}

/// The error has the bytes.
impl TryFrom<Message> for String {
    type Error = FromUtf8Error;

    fn try_from(message: Message) -> Result<Self, FromUtf8Error> {
        Self::from_utf8(message.into())
    }
}

impl<'a> TryFrom<&'a Message> for &'a str {
    type Error = Utf8Error;

    fn try_from(message: &'a Message) -> Result<Self, Utf8Error> {
        std::str::from_utf8(message)
    }
}
