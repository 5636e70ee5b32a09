//! The message: one frame's body, 64 octets wide, small bodies inside it.
//!
//! A body is held in one of three ways, which the user never sees: inline, as a counted slice of the
//! block it was received in, or as shared [`Bytes`] (a vector of the user's, a static slice, or a
//! foreign buffer with its free function). Cloning never copies more than 64 octets.

use crate::block::BlockRef;
use crate::frame::{COMMAND, MORE};
use bytes::Bytes;
use std::fmt;
use std::ops::Deref;

/// The longest body that lives inside the [`Message`] itself.
pub const INLINE: usize = 60;

const _: () = assert!(std::mem::size_of::<Message>() == 64);

/// One frame: its body and whether more frames of the same message follow.
///
/// # Examples
/// ```
/// use ringmq_pipe::Message;
/// let message = Message::from("hello");
/// assert_eq!(&message[..], b"hello");
/// assert!(!message.more());
/// ```
#[derive(Clone)]
pub struct Message(Repr);

#[derive(Clone)]
enum Repr {
    Inline { flags: u8, len: u8, body: [u8; INLINE] },
    Slice { flags: u8, slice: Slice },
    Shared { flags: u8, bytes: Bytes },
}

impl Message {
    /// An empty message.
    pub const fn new() -> Self {
        Self(Repr::Inline { flags: 0, len: 0, body: [0; INLINE] })
    }

    /// Copies `body` into a message of its own.
    #[inline]
    pub fn copy_from(body: &[u8]) -> Self {
        if body.len() > INLINE {
            return Self(Repr::Shared { flags: 0, bytes: Bytes::copy_from_slice(body) });
        }
        let mut inline = [0; INLINE];
        copy_small(&mut inline, body);
        Self(Repr::Inline { flags: 0, len: body.len() as u8, body: inline })
    }

    /// Wraps a buffer of foreign memory without copying it; `owner` is dropped with the last
    /// reference, on whichever thread that happens: its `Drop` is the free function.
    ///
    /// # Examples
    /// ```
    /// let message = ringmq_pipe::Message::from_owner(vec![7u8; 100_000]);
    /// assert_eq!(message.len(), 100_000);
    /// ```
    pub fn from_owner(owner: impl AsRef<[u8]> + Send + 'static) -> Self {
        Self::from(Bytes::from_owner(owner))
    }

    /// The first `len` octets of `window`, at most [`INLINE`]. The rest is copied too, and hidden:
    /// a move of a fixed width is several times quicker than one that stops where the body does.
    #[inline(always)]
    pub(crate) fn from_window(flags: u8, len: u8, window: &[u8; INLINE]) -> Self {
        debug_assert!(usize::from(len) <= INLINE);
        Self(Repr::Inline { flags, len, body: *window })
    }

    /// Makes the message empty, as a new one.
    #[inline(always)]
    pub(crate) fn clear(&mut self) {
        if let Repr::Inline { flags, len, .. } = &mut self.0 {
            (*flags, *len) = (0, 0);
        } else {
            *self = Self::new();
        }
    }

    pub(crate) fn from_slice(slice: Slice) -> Self {
        Self(Repr::Slice { flags: 0, slice })
    }

    /// The body.
    #[inline]
    pub fn as_slice(&self) -> &[u8] {
        match &self.0 {
            Repr::Inline { len, body, .. } => &body[..usize::from(*len)],
            Repr::Slice { slice, .. } => slice,
            Repr::Shared { bytes, .. } => bytes,
        }
    }

    /// The body as [`Bytes`]: without a copy when it is shared already.
    pub fn into_bytes(self) -> Bytes {
        match self.0 {
            Repr::Shared { bytes, .. } => bytes,
            Repr::Slice { slice, .. } => Bytes::from_owner(slice),
            Repr::Inline { len, body, .. } => Bytes::copy_from_slice(&body[..usize::from(len)]),
        }
    }

    /// Whether more frames of the same message follow this one.
    #[inline]
    pub fn more(&self) -> bool {
        self.flags() & MORE != 0
    }

    /// Marks whether more frames of the same message follow this one.
    #[inline]
    pub fn set_more(&mut self, more: bool) {
        let flags = self.flags() & !MORE;
        self.set_flags(if more { flags | MORE } else { flags });
    }

    /// Whether this is a protocol command, which an application never sees.
    #[inline]
    pub fn is_command(&self) -> bool {
        self.flags() & COMMAND != 0
    }

    /// The frame flags: [`MORE`] and [`COMMAND`].
    #[inline]
    pub fn flags(&self) -> u8 {
        match &self.0 {
            Repr::Inline { flags, .. } | Repr::Slice { flags, .. } | Repr::Shared { flags, .. } => {
                *flags
            }
        }
    }

    /// Replaces the frame flags.
    #[inline]
    pub fn set_flags(&mut self, new: u8) {
        match &mut self.0 {
            Repr::Inline { flags, .. } | Repr::Slice { flags, .. } | Repr::Shared { flags, .. } => {
                *flags = new;
            }
        }
    }
}

/// Copies up to [`INLINE`] octets by two overlapping moves of a fixed size, which is several times
/// quicker than a call of `memcpy` with a length that the compiler does not know.
#[inline(always)]
fn copy_small(to: &mut [u8; INLINE], from: &[u8]) {
    let len = from.len();
    macro_rules! overlapping {
        ($width:literal) => {{
            to[..$width].copy_from_slice(&from[..$width]);
            to[len - $width..len].copy_from_slice(&from[len - $width..]);
        }};
    }
    match len {
        32..=INLINE => overlapping!(32),
        16..=31 => overlapping!(16),
        8..=15 => overlapping!(8),
        4..=7 => overlapping!(4),
        _ => to[..len].copy_from_slice(from),
    }
}

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
        /// Octets shown of a long body.
        const SHOWN: usize = 32;
        let shown = &self[..self.len().min(SHOWN)];
        write!(f, "Message({} octets", self.len())?;
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
        Self(Repr::Shared { flags: 0, bytes: Bytes::from(body) })
    }
}

impl From<Bytes> for Message {
    fn from(bytes: Bytes) -> Self {
        Self(Repr::Shared { flags: 0, bytes })
    }
}

impl From<&Message> for Message {
    fn from(message: &Message) -> Self {
        message.clone()
    }
}

pub(crate) use slice::Slice;

#[allow(unsafe_code)]
mod slice {
    use super::BlockRef;
    use std::ops::Deref;

    /// A run of octets of a block that nobody writes any more.
    #[derive(Clone)]
    pub(crate) struct Slice {
        data: *const u8,
        len: usize,
        /// Keeps `data` alive.
        _block: BlockRef,
    }

    // SAFETY: immutable memory kept alive by an atomic count.
    unsafe impl Send for Slice {}
    // SAFETY: as above.
    unsafe impl Sync for Slice {}

    impl Slice {
        /// # Safety
        /// `data..data + len` lies in `block`, is initialised, and is never written again while the
        /// block is referred to.
        pub(crate) unsafe fn new(data: *const u8, len: usize, block: BlockRef) -> Self {
            Self { data, len, _block: block }
        }

        /// Drops the first `octets` octets.
        ///
        /// # Panics
        /// If there are not so many.
        pub(crate) fn advance(&mut self, octets: usize) {
            let rest = &self[octets..];
            (self.data, self.len) = (rest.as_ptr(), rest.len());
        }
    }

    impl Deref for Slice {
        type Target = [u8];

        #[inline]
        fn deref(&self) -> &[u8] {
            // SAFETY: promised to `new`, and the block is held.
            unsafe { std::slice::from_raw_parts(self.data, self.len) }
        }
    }

    impl AsRef<[u8]> for Slice {
        fn as_ref(&self) -> &[u8] {
            self
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_bodies_are_copied_whole_at_every_length() {
        let body: Vec<u8> = (0..=255).collect();
        for len in 0..=255 {
            let message = Message::copy_from(&body[..len]);
            assert_eq!(message.as_slice(), &body[..len]);
            assert_eq!(message.clone().into_bytes(), &body[..len]);
        }
    }

    #[test]
    fn a_foreign_buffer_is_freed_with_its_last_reference() {
        use std::sync::Arc;
        struct Foreign(#[expect(dead_code, reason = "counts")] Arc<()>, [u8; 100]);
        impl AsRef<[u8]> for Foreign {
            fn as_ref(&self) -> &[u8] {
                &self.1
            }
        }
        let alive = Arc::new(());
        let message = Message::from_owner(Foreign(alive.clone(), [1; 100]));
        let copy = message.clone();
        drop(message);
        assert_eq!(Arc::strong_count(&alive), 2);
        drop(copy);
        assert_eq!(Arc::strong_count(&alive), 1);
    }

    #[test]
    fn flags_survive_a_move_and_do_not_touch_the_body() {
        for body in [vec![1; 3], vec![2; 300]] {
            let mut message = Message::from(body.clone());
            message.set_more(true);
            assert!(message.more() && !message.is_command());
            message.set_more(false);
            assert!(!message.more());
            assert_eq!(message.as_slice(), &body[..]);
        }
    }
}
