//! Large messages that are sent without being copied and still differ from one another.
//!
//! A few buffers go round: one that nobody else refers to any more gets the next number stamped into
//! it and is sent again; one that is still on its way is left alone and a fresh copy takes its place.

use std::mem;

use bytes::{Bytes, BytesMut};

use crate::payload::Stamper;

/// Memory to keep in circulation, in bytes: the default high-water mark of 1,000 messages of 64 KiB,
/// since copies would otherwise be measured as soon as a queue fills.
const KEEP: usize = 64 << 20;

/// Messages of one size whose buffers are used again.
pub(crate) struct Pool {
    slots: Vec<Bytes>,
    at: usize,
}

impl Pool {
    /// A pool for the messages of `stamper`, at most `most` of them.
    pub(crate) fn new(stamper: &Stamper, most: usize) -> Self {
        let len = (KEEP / stamper.size().max(1)).clamp(2, most);
        Self { slots: vec![Bytes::new(); len], at: 0 }
    }

    /// How many messages can be on their way without one of them being copied.
    pub(crate) fn len(&self) -> usize {
        self.slots.len()
    }

    /// The next message.
    #[inline]
    pub(crate) fn next(&mut self, stamper: &mut Stamper) -> Bytes {
        let next = (self.at + 1) % self.slots.len();
        let slot = &mut self.slots[mem::replace(&mut self.at, next)];
        let message = match mem::take(slot).try_into_mut() {
            Ok(mut body) if body.len() == stamper.size() => {
                stamper.renew(&mut body);
                body.freeze()
            }
            _ => fresh(stamper.next()),
        };
        slot.clone_from(&message);
        message
    }
}

/// A shareable copy. Splitting the spare byte off gives the buffer its reference count now; otherwise
/// every later clone would allocate one.
#[cold]
fn fresh(body: &[u8]) -> Bytes {
    let mut copy = BytesMut::with_capacity(body.len() + 1);
    copy.extend_from_slice(body);
    drop(copy.split_off(body.len()));
    copy.freeze()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::payload::Checker;

    #[test]
    fn buffers_come_round_again_and_kept_ones_stay_as_they_are() {
        let (mut stamper, mut checker) = (Stamper::new(9000), Checker::new(9000));
        let mut pool = Pool::new(&stamper, 8);
        let kept = pool.next(&mut stamper);
        let again = pool.next(&mut stamper).as_ptr();
        for _ in 2..9 {
            pool.next(&mut stamper);
        }
        assert_eq!(pool.next(&mut stamper).as_ptr(), again);
        checker.check(&kept).unwrap();
    }
}
