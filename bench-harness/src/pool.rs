//! Large messages that are sent without being copied and still differ from one another.
//!
//! A few buffers go round: of those that nobody else refers to any more, the one that came back last,
//! which is still in the processor's caches, gets the next number stamped into it and is sent again. If
//! all are still on their way, a fresh copy joins them, up to a number; beyond that, copies are lost
//! again when they have been sent.

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};

use crate::payload::Stamper;

/// Memory to keep in circulation, in bytes: the default high-water mark of 1,000 messages of 64 KiB,
/// since copies would otherwise be measured as soon as a queue fills.
const KEEP: usize = 64 << 20;

/// Messages of one size whose buffers are used again.
pub struct Pool {
    /// On their way, as far as known: the oldest first, which comes back first.
    out: VecDeque<Bytes>,
    /// Come back: the last one last.
    back: Vec<BytesMut>,
    most: usize,
    /// What is sent where one body is sent again and again.
    one: Option<Bytes>,
}

impl Pool {
    /// A pool for the messages of `stamper`, at most `most` of them.
    pub fn new(stamper: &Stamper, most: usize) -> Self {
        let one = stamper.has_one_body().then(|| fresh(stamper.first_body()));
        let most = (KEEP / stamper.size().max(1)).clamp(2, most);
        Self { out: VecDeque::with_capacity(most), back: Vec::with_capacity(most), most, one }
    }

    /// How many messages can be on their way without one of them being copied.
    pub(crate) fn len(&self) -> usize {
        self.most
    }

    /// The next message.
    #[inline]
    pub fn next(&mut self, stamper: &mut Stamper) -> Bytes {
        if let Some(one) = &self.one {
            return one.clone();
        }
        self.take_back(stamper.size());
        let message = match self.back.pop() {
            Some(mut body) => {
                stamper.renew(&mut body);
                body.freeze()
            }
            None => fresh(stamper.next_body()),
        };
        if self.out.len() < self.most {
            self.out.push_back(message.clone());
        }
        message
    }

    /// Collects what has come back. A buffer that does not come back, or was cut, is let go of when it
    /// has held up the others for a whole round.
    fn take_back(&mut self, size: usize) {
        let full = self.out.len() == self.most;
        let mut held_up = false;
        while let Some(oldest) = self.out.pop_front() {
            match oldest.try_into_mut() {
                Ok(body) if body.len() == size => self.back.push(body),
                Ok(_) => {}
                Err(_) if full && !held_up => held_up = true,
                Err(kept) => return self.out.push_front(kept),
            }
        }
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
    fn the_buffer_that_came_back_last_goes_out_next_and_kept_ones_stay_as_they_are() {
        let (mut stamper, mut checker) = (Stamper::new(9000), Checker::new(9000));
        let mut pool = Pool::new(&stamper, 8);
        let (first, second) = (pool.next(&mut stamper), pool.next(&mut stamper));
        let last = second.as_ptr();
        drop(first.clone());
        let kept = first;
        drop(second);
        assert_ne!(pool.next(&mut stamper).as_ptr(), last, "behind one that is kept");
        for _ in 0..20 {
            pool.next(&mut stamper);
        }
        checker.check(&kept).unwrap();
        let next = pool.next(&mut stamper).as_ptr();
        assert_eq!(pool.next(&mut stamper).as_ptr(), next, "it came back, and was the last");
    }
}
