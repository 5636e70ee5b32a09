//! A small message as a frame: its memory is that of a ZMTP 3 frame with room behind the body.
//!
//! So a small message goes into a log and comes out of it as one move of a fixed width. Nothing is put
//! together from parts: a part just stored makes the next move of the whole message wait until that
//! store has left the core (a load forwards from one store only), which costs more than all the rest.
#![allow(unsafe_code)]

use crate::cpu::{copy, join};
use crate::frame::{COMMAND, MORE, SHORT_HEADER};

/// The longest body that lives inside a [`Message`](crate::Message) itself.
pub const INLINE: usize = 54;
/// Bytes of a small message as a frame: what a message has besides its ids.
pub(crate) const WINDOW: usize = SHORT_HEADER + INLINE;
const _: () = assert!(WINDOW == join::FRONT);

/// The flags byte of a message's frame. All other values tell that a message is not small.
#[derive(Clone, Copy)]
#[repr(u8)]
pub(crate) enum Flags {
    None = 0,
    More = MORE,
    Command = COMMAND,
    CommandMore = COMMAND | MORE,
}

impl Flags {
    /// The flags in `byte`, whatever else is.
    #[inline(always)]
    pub(crate) fn of(byte: u8) -> Self {
        const BOTH: u8 = COMMAND | MORE;
        match byte & BOTH {
            BOTH => Self::CommandMore,
            COMMAND => Self::Command,
            MORE => Self::More,
            _ => Self::None,
        }
    }
}

/// A frame whose body has at most [`INLINE`] bytes; what is behind the body is of no consequence.
#[derive(Clone, Copy)]
#[repr(C)]
pub(crate) struct Small {
    pub(super) flags: Flags,
    /// At most [`INLINE`].
    pub(super) len: u8,
    pub(super) body: [u8; INLINE],
}

const _: () = assert!(std::mem::size_of::<Small>() == WINDOW && std::mem::align_of::<Small>() == 1);

impl Small {
    pub(crate) const EMPTY: Self = Self { flags: Flags::None, len: 0, body: [0; INLINE] };

    /// A frame around a copy of `body`, if that is small.
    #[inline(always)]
    pub(crate) fn copy_from(body: &[u8]) -> Option<Self> {
        if body.len() > INLINE {
            return None;
        }
        let mut small = Self::EMPTY;
        small.len = body.len() as u8;
        // SAFETY: checked to fit; a new array does not overlap what the caller has borrowed.
        unsafe { copy::short(small.body.as_mut_ptr(), body) };
        Some(small)
    }

    /// The frame at the start of `window`, if its body is small and it has no flags but a message's.
    #[inline(always)]
    pub(crate) fn at(window: &[u8; WINDOW]) -> Option<&Self> {
        let [flags, len, ..] = *window;
        if flags & !(MORE | COMMAND) != 0 || usize::from(len) > INLINE {
            return None;
        }
        // SAFETY: the size is the same, there is no alignment, and the flags byte, which alone may
        // not have every value, is one of the four.
        Some(unsafe { &*std::ptr::from_ref(window).cast() })
    }

    #[inline(always)]
    pub(crate) fn as_frame(&self) -> &[u8; WINDOW] {
        // SAFETY: the size is the same and there is no padding: see the assertion above.
        unsafe { &*std::ptr::from_ref(self).cast() }
    }

    #[inline(always)]
    pub(crate) fn body(&self) -> &[u8] {
        &self.body[..usize::from(self.len)]
    }

    #[inline(always)]
    pub(crate) fn len(&self) -> usize {
        usize::from(self.len)
    }

    #[inline(always)]
    pub(crate) fn clear(&mut self) {
        (self.flags, self.len) = (Flags::None, 0);
    }

    #[inline(always)]
    pub(crate) fn flags(&self) -> Flags {
        self.flags
    }

    #[inline(always)]
    pub(crate) fn set_flags(&mut self, flags: Flags) {
        self.flags = flags;
    }
}
