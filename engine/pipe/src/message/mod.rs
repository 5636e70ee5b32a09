//! The message: one frame's body, 64 bytes wide, small bodies inside it.
//!
//! A body is held in one of three ways, which the user never sees: inline, as a counted slice of the
//! block it was received in, or as shared [`Bytes`] (a vector of the user's, a static slice, or a
//! foreign buffer with its free function). Cloning never copies more than 64 bytes.

pub(crate) mod block;
pub(crate) mod inline;
pub(crate) mod slice;

pub use inline::INLINE;

use crate::frame::{COMMAND, MORE};
use crate::sync::foreign::ForeignBytes;
use bytes::Bytes;
use inline::{Flags, Small, WINDOW};
use slice::Slice;
use std::fmt;
use std::ops::Deref;

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
pub struct Message(Opaque);

#[derive(Clone)]
enum Repr {
    Inline(Small),
    Slice { flags: Flags, slice: Slice },
    Shared { flags: Flags, bytes: ForeignBytes },
}

impl Message {
    /// An empty message.
    ///
    /// # Examples
    /// ```
    /// use ringmq_pipe::Message;
    /// assert!(Message::new().is_empty());
    /// ```
    pub const fn new() -> Self {
        Self(Opaque::new(Repr::Inline(Small::EMPTY)))
    }

    /// Copies `body` into a message of its own.
    ///
    /// # Examples
    /// ```
    /// use ringmq_pipe::Message;
    /// assert_eq!(Message::copy_from(&[1, 2, 3]), [1, 2, 3]);
    /// ```
    #[inline]
    pub fn copy_from(body: &[u8]) -> Self {
        match Small::copy_from(body) {
            Some(small) => Self(Opaque::new(Repr::Inline(small))),
            None => Self::from(Bytes::copy_from_slice(body)),
        }
    }

    /// Wraps a buffer of foreign memory without copying it; `owner` is dropped with the last
    /// reference, on whichever thread that happens: its `Drop` is the free function.
    ///
    /// It may be an I/O thread, so `Drop` should be quick; it may use any socket. If it panics, that ends
    /// nothing but itself.
    ///
    /// # Examples
    /// ```
    /// let message = ringmq_pipe::Message::from_owner(vec![7u8; 100_000]);
    /// assert_eq!(message.len(), 100_000);
    /// ```
    pub fn from_owner(owner: impl AsRef<[u8]> + Send + 'static) -> Self {
        Self::from(Bytes::from_owner(owner))
    }

    #[inline(always)]
    pub(crate) fn from_small(small: &Small) -> Self {
        Self(Opaque::new(Repr::Inline(*small)))
    }

    /// The message as a frame, with something behind it up to the window's size, if it is small.
    #[inline(always)]
    pub(crate) fn as_frame(&self) -> Option<&[u8; WINDOW]> {
        match self.0.get() {
            Repr::Inline(small) => Some(small.as_frame()),
            _ => None,
        }
    }

    /// Makes the message empty, as a new one.
    #[inline(always)]
    pub(crate) fn clear(&mut self) {
        match self.0.get_mut() {
            Repr::Inline(small) => small.clear(),
            _ => *self = Self::new(),
        }
    }

    #[inline(always)]
    pub(crate) fn from_slice(flags: u8, slice: Slice) -> Self {
        Self(Opaque::new(Repr::Slice { flags: Flags::of(flags), slice }))
    }

    /// The body.
    ///
    /// # Examples
    /// ```
    /// use ringmq_pipe::Message;
    /// assert_eq!(Message::from("body").as_slice(), b"body");
    /// ```
    #[inline]
    pub fn as_slice(&self) -> &[u8] {
        match self.0.get() {
            Repr::Inline(small) => small.body(),
            Repr::Slice { slice, .. } => slice,
            Repr::Shared { bytes, .. } => bytes.as_slice(),
        }
    }

    /// The body as [`Bytes`]: without a copy when it is shared already.
    ///
    /// # Examples
    /// ```
    /// use ringmq_pipe::Message;
    /// let large = Message::from(vec![7; 100_000]);
    /// assert_eq!(large.into_bytes().len(), 100_000); // not copied
    /// ```
    pub fn into_bytes(self) -> Bytes {
        match self.0.into_inner() {
            Repr::Shared { bytes, .. } => bytes.into_bytes(),
            Repr::Slice { slice, .. } => Bytes::from_owner(slice),
            Repr::Inline(small) => Bytes::copy_from_slice(small.body()),
        }
    }

    /// Whether more frames of the same message follow this one.
    ///
    /// # Examples
    /// ```
    /// use ringmq_pipe::Message;
    /// assert!(!Message::from("the only frame").more());
    /// ```
    #[inline]
    pub fn more(&self) -> bool {
        self.flags() & MORE != 0
    }

    /// Marks whether more frames of the same message follow this one.
    ///
    /// # Examples
    /// ```
    /// use ringmq_pipe::Message;
    /// let mut frame = Message::from("head");
    /// frame.set_more(true);
    /// assert!(frame.more());
    /// ```
    #[inline]
    pub fn set_more(&mut self, more: bool) {
        let flags = self.flags() & !MORE;
        self.set_flags(if more { flags | MORE } else { flags });
    }

    /// Whether this is a protocol command, which an application never sees.
    ///
    /// # Examples
    /// ```
    /// use ringmq_pipe::Message;
    /// assert!(!Message::from("body").is_command());
    /// ```
    #[inline]
    pub fn is_command(&self) -> bool {
        self.flags() & COMMAND != 0
    }

    /// The frame flags: [`MORE`] and [`COMMAND`].
    ///
    /// # Examples
    /// ```
    /// use ringmq_pipe::Message;
    /// use ringmq_pipe::frame::MORE;
    /// let mut frame = Message::from("head");
    /// frame.set_more(true);
    /// assert_eq!(frame.flags(), MORE);
    /// ```
    #[inline]
    pub fn flags(&self) -> u8 {
        match self.0.get() {
            Repr::Inline(small) => small.flags() as u8,
            Repr::Slice { flags, .. } | Repr::Shared { flags, .. } => *flags as u8,
        }
    }

    /// Replaces the frame flags; bits other than [`MORE`] and [`COMMAND`] are ignored.
    ///
    /// # Examples
    /// ```
    /// use ringmq_pipe::Message;
    /// use ringmq_pipe::frame::COMMAND;
    /// let mut frame = Message::from("body");
    /// frame.set_flags(COMMAND);
    /// assert!(frame.is_command());
    /// ```
    #[inline]
    pub fn set_flags(&mut self, new: u8) {
        let new = Flags::of(new);
        match self.0.get_mut() {
            Repr::Inline(small) => small.set_flags(new),
            Repr::Slice { flags, .. } | Repr::Shared { flags, .. } => *flags = new,
        }
    }
}

use opaque::Opaque;

/// The representation as 64 bytes that the compiler does not look into.
///
/// A type that cannot have some value in its first byte lends that value to the `None` or `Err` of what
/// it is wrapped in. The compiler then takes a message apart at that byte each time it is passed on,
/// and every move waits for the stores of the one before: about 10 ns each. As bytes of any value it is
/// moved whole.
#[allow(unsafe_code)]
mod opaque {
    use super::Repr;
    use std::mem::{ManuallyDrop, MaybeUninit};

    pub(super) struct Opaque(MaybeUninit<Repr>);

    impl Opaque {
        #[inline(always)]
        pub(super) const fn new(repr: Repr) -> Self {
            Self(MaybeUninit::new(repr))
        }

        #[inline(always)]
        pub(super) fn get(&self) -> &Repr {
            // SAFETY: initialised by `new`, and never taken out but by `into_inner` and `drop`.
            unsafe { self.0.assume_init_ref() }
        }

        #[inline(always)]
        pub(super) fn get_mut(&mut self) -> &mut Repr {
            // SAFETY: as in `get`.
            unsafe { self.0.assume_init_mut() }
        }

        pub(super) fn into_inner(self) -> Repr {
            let this = ManuallyDrop::new(self);
            // SAFETY: as in `get`; `self` is not dropped, so this is the only copy.
            unsafe { this.0.assume_init_read() }
        }

        #[inline]
        fn drop_owned(&mut self) {
            // SAFETY: as in `get`; called once, from `drop`.
            unsafe { self.0.assume_init_drop() };
        }
    }

    impl Clone for Opaque {
        #[inline]
        fn clone(&self) -> Self {
            Self::new(self.get().clone())
        }
    }

    impl Drop for Opaque {
        #[inline(always)]
        fn drop(&mut self) {
            if !matches!(self.get(), Repr::Inline(_)) {
                self.drop_owned();
            }
        }
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
        Self(Opaque::new(Repr::Shared { flags: Flags::None, bytes: ForeignBytes::new(bytes) }))
    }
}

impl From<&Message> for Message {
    fn from(message: &Message) -> Self {
        message.clone()
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
