//! Options that have no effect: what is set is kept and can be read. Those of batches
//! and of Windows; CONFLATE and INVERT_MATCHING of the types that do
//! neither.

use std::ffi::c_int;
use std::sync::{Mutex, MutexGuard, PoisonError};

use ringmq::SocketType;

use crate::errors::system::EINVAL;
use crate::errors::{Errno, Result};

struct Kept {
    number: c_int,
    default: c_int,
    least: c_int,
    most: c_int,
}

const fn kept(number: c_int, default: c_int, least: c_int, most: c_int) -> Kept {
    Kept { number, default, least, most }
}

/// Of the types that do not conflate.
const CONFLATE: Kept = kept(54, 0, 0, 1);
/// Of the types that match nothing.
const INVERT_MATCHING: Kept = kept(74, 0, 0, 1);

const OPTIONS: [Kept; 3] = [
    // IN_BATCH_SIZE and OUT_BATCH_SIZE: batches are as large as what there is.
    kept(101, 8192, 1, c_int::MAX),
    kept(102, 8192, 1, c_int::MAX),
    // Of Windows: LOOPBACK_FASTPATH.
    kept(94, 0, 0, 1),
];

fn find(socket_type: SocketType, number: c_int) -> Option<&'static Kept> {
    use SocketType::{Dealer, Pub, Pull, Push, Sub, XPub, XSub};
    if number == CONFLATE.number && !matches!(socket_type, Dealer | Pub | Pull | Push | Sub) {
        return Some(&CONFLATE);
    }
    if number == INVERT_MATCHING.number && !matches!(socket_type, Pub | Sub | XPub | XSub) {
        return Some(&INVERT_MATCHING);
    }
    OPTIONS.iter().find(|option| option.number == number)
}

/// What a program has set of them.
#[derive(Default)]
pub(crate) struct KeptOptions(Mutex<Vec<(c_int, c_int)>>);

impl KeptOptions {
    fn lock(&self) -> MutexGuard<'_, Vec<(c_int, c_int)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Its value, if it is one of them.
    pub(crate) fn get(&self, socket_type: SocketType, number: c_int) -> Option<c_int> {
        let option = find(socket_type, number)?;
        let set = self.lock();
        let value = set.iter().find(|(known, _)| *known == number);
        Some(value.map_or(option.default, |(_, value)| *value))
    }

    /// Keeps a value; `false` if it is none of them.
    pub(crate) fn set(&self, socket_type: SocketType, number: c_int, value: &[u8]) -> Result<bool> {
        let Some(option) = find(socket_type, number) else {
            return Ok(false);
        };
        let value = c_int::from_ne_bytes(value.try_into().map_err(|_| Errno(EINVAL))?);
        if !(option.least..=option.most).contains(&value) {
            return Err(Errno(EINVAL));
        }
        let mut set = self.lock();
        set.retain(|(known, _)| *known != number);
        set.push((number, value));
        Ok(true)
    }
}
