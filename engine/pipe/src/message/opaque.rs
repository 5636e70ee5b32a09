//! The memory of a message: 64 bytes that the compiler does not look into.
//!
//! A type that cannot have some value in its first byte lends that value to the `None` or `Err` of
//! what it is wrapped in. The compiler then takes a message apart at that byte each time it is
//! passed on, and every move waits for the stores of the one before: about 10 ns each. As bytes of
//! any value it is moved whole.
#![allow(unsafe_code)]

use super::Repr;
use super::inline::{Flags, INLINE, Small, WINDOW};
use super::properties::{KnownPeer, NUMBER};
use crate::cpu::join;
use std::mem::{ManuallyDrop, MaybeUninit, align_of, offset_of, size_of, transmute};

/// Bytes of a message.
pub(super) const SIZE: usize = 64;

/// The numbers that go with a body.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
#[repr(C)]
pub(crate) struct Ids {
    /// Whom a SERVER has it from or sends it to; 0 is nobody.
    pub(crate) routing_id: u32,
    /// Who has sent it: the [number](super::properties) of a peer, or 0; with bits, [`KEPT`](super::properties::KEPT)
    /// and [`SHARED`](super::properties::SHARED).
    pub(crate) peer: u32,
}

impl Ids {
    pub(crate) const NONE: Self = Self { routing_id: 0, peer: 0 };

    /// What a message has that was received from a peer, known or not.
    pub(crate) fn from_peer(peer: Option<&KnownPeer>) -> Self {
        Self { routing_id: 0, peer: peer.map_or(0, KnownPeer::number) }
    }
}

#[repr(C)]
struct Parts {
    repr: Repr,
    ids: Ids,
}

const _: () = {
    assert!(size_of::<Parts>() == SIZE && size_of::<Repr>() == WINDOW);
    assert!(offset_of!(Parts, ids) == WINDOW && size_of::<Ids>() == join::BEHIND);
    // A C program's `zmq_msg_t` is aligned as a pointer is.
    assert!(align_of::<Parts>() <= align_of::<*const ()>());
    // There are first bytes that no message has.
    assert!(size_of::<Option<Repr>>() == size_of::<Repr>());
};

const _: () = {
    let mut body = [0; INLINE];
    body[0] = 7;
    body[INLINE - 1] = 9;
    let small = Small { flags: Flags::More, len: 5, body };
    // SAFETY: the sizes are the same, and an inline message has no padding.
    let bytes: [u8; WINDOW] = unsafe { transmute(Repr::Inline(small)) };
    assert!(bytes[0] == Flags::More as u8 && bytes[1] == 5, "an inline message is a frame");
    assert!(bytes[2] == 7 && bytes[WINDOW - 1] == 9, "an inline message is a frame");
    // SAFETY: as above.
    let empty: [u8; SIZE] = unsafe { transmute(Opaque::new(Repr::Inline(Small::EMPTY))) };
    let mut at = 0;
    while at < SIZE {
        assert!(empty[at] == 0, "zeros are an empty message");
        at += 1;
    }
};

pub(super) struct Opaque(MaybeUninit<Parts>);

impl Opaque {
    #[inline(always)]
    pub(super) const fn new(repr: Repr) -> Self {
        Self::with_ids(repr, Ids::NONE)
    }

    #[inline(always)]
    pub(super) const fn with_ids(repr: Repr, ids: Ids) -> Self {
        Self(MaybeUninit::new(Parts { repr, ids }))
    }

    /// As [`with_ids`](Self::with_ids), in moves of the widths in which a message is moved on.
    #[inline(always)]
    pub(super) fn inline(small: &Small, ids: Ids) -> Self {
        let mut parts = MaybeUninit::<Parts>::uninit();
        // SAFETY: `Ids` has the size of a `u64`, and no value is barred to that.
        let behind: u64 = unsafe { transmute(ids) };
        // SAFETY: so many bytes, and by the assertions above those of an inline message and its
        // ids.
        unsafe { join::write(parts.as_mut_ptr().cast(), small.as_frame(), behind) };
        Self(parts)
    }

    #[inline(always)]
    fn parts(&self) -> &Parts {
        // SAFETY: initialised by what made it, and never taken out but by `into_inner` and `drop`.
        unsafe { self.0.assume_init_ref() }
    }

    #[inline(always)]
    fn parts_mut(&mut self) -> &mut Parts {
        // SAFETY: as in `parts`.
        unsafe { self.0.assume_init_mut() }
    }

    #[inline(always)]
    pub(super) fn get(&self) -> &Repr {
        &self.parts().repr
    }

    #[inline(always)]
    pub(super) fn get_mut(&mut self) -> &mut Repr {
        &mut self.parts_mut().repr
    }

    #[inline(always)]
    pub(super) fn ids(&self) -> Ids {
        self.parts().ids
    }

    #[inline(always)]
    pub(super) fn ids_mut(&mut self) -> &mut Ids {
        &mut self.parts_mut().ids
    }

    pub(super) fn into_inner(self) -> Repr {
        let this = ManuallyDrop::new(self);
        // SAFETY: as in `parts`; `self` is not dropped, so this is the only copy.
        unsafe { this.0.assume_init_read() }.repr
    }

    #[inline]
    fn drop_owned(&mut self) {
        if let Repr::Slice { slice, .. } = self.get_mut() {
            // SAFETY: called once, from `drop`; the rest of such a message has nothing to be
            // dropped.
            unsafe { std::ptr::drop_in_place(slice) };
        } else {
            self.drop_other();
        }
    }

    /// Not inlined: too much code for each place where a message ends.
    #[inline(never)]
    fn drop_other(&mut self) {
        // SAFETY: as in `parts`; called once, from `drop_owned`.
        unsafe { self.0.assume_init_drop() };
    }
}

impl Clone for Opaque {
    #[inline]
    fn clone(&self) -> Self {
        let Parts { repr, ids } = self.parts();
        // What is kept is kept for one message.
        let ids = Ids { peer: ids.peer & NUMBER, ..*ids };
        Self::with_ids(repr.clone(), ids)
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
