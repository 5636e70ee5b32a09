//! What C programs are told of a body, or tell: whether others have it too, and whether its owner waits for it.

use super::properties::SHARED;
use super::{Message, Repr};

impl Message {
    /// A clone of which both know that there is the other one, unless each has a body of its own: for a C program
    /// that asks by `ZMQ_SHARED`.
    #[doc(hidden)]
    pub fn copy_shared(&mut self) -> Self {
        let mut copy = self.clone();
        if !matches!(self.0.get(), Repr::Inline(_)) {
            self.set_shared();
            copy.set_shared();
        }
        copy
    }

    /// Says that the owner of the body waits for the moment when nobody uses it any more: it is copied
    /// nowhere to give it back sooner, however short it is. For a body of [`from_owner`](Self::from_owner).
    #[doc(hidden)]
    pub fn set_lent(&mut self) {
        if let Repr::Shared { lent, bytes, .. } = self.0.get_mut() {
            *lent = !bytes.as_slice().is_empty();
        }
    }

    /// Whether the body is [lent](Self::set_lent).
    #[doc(hidden)]
    #[inline]
    pub fn is_lent(&self) -> bool {
        matches!(self.0.get(), Repr::Shared { lent: true, .. })
    }

    /// Says that others may have the same body.
    #[doc(hidden)]
    pub fn set_shared(&mut self) {
        self.0.ids_mut().peer |= SHARED;
    }

    /// Whether it was said that others may have the same body. A clone does not tell.
    #[doc(hidden)]
    pub fn is_shared(&self) -> bool {
        self.0.ids().peer & SHARED != 0
    }
}
