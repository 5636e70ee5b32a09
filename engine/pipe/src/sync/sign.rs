//! A sign that one thread waits for and many give, beside a flag that saves them from giving it twice.
//!
//! The sign is something dear that outlives its giver, such as a byte in a descriptor. While the flag is set there is
//! one, or one is about to be given; and the flag is cleared only by who has really taken the sign. So at most one is
//! there, and none stays behind: it would end every wait at once.

use crate::sync::{AtomicBool, Ordering};

/// Whether a sign is there that one thread waits for and many give, by something dear: given once, however many
/// raise it, and taken once.
#[derive(Debug)]
pub struct Sign(AtomicBool);

impl Sign {
    /// No sign.
    #[cfg(not(loom))]
    pub const fn new() -> Self {
        Self(AtomicBool::new(false))
    }

    /// No sign.
    #[cfg(loom)]
    pub fn new() -> Self {
        Self(AtomicBool::new(false))
    }

    /// By `give`, unless it is there or on its way. Whoever takes it away afterwards sees what the caller did
    /// before. If `give` says that it could not give it, the next one tries again.
    pub fn raise(&self, give: impl FnOnce() -> bool) {
        // AcqRel: pairs with the swap in `lower`. A change even where nothing changes, or else what was done before it
        // may not be seen by whoever lowers it later.
        if !self.0.swap(true, Ordering::AcqRel) && !give() {
            self.0.swap(false, Ordering::AcqRel);
        }
    }

    /// Takes the sign away by `take`, which tells whether there was one; what it was given for is to be looked at
    /// after this. One that is on its way stays so, and is found later.
    pub fn lower(&self, take: impl FnOnce() -> bool) {
        // Relaxed: whoever is told of the sign by other means comes here after that; the others have nothing to lose.
        if self.0.load(Ordering::Relaxed) && take() {
            // AcqRel: see `raise`. Those who raise it before this have their reasons looked at by our caller;
            // those who raise it after this give a sign again.
            self.0.swap(false, Ordering::AcqRel);
        }
    }
}

impl Default for Sign {
    fn default() -> Self {
        Self::new()
    }
}
