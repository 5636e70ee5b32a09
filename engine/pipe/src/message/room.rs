//! Room for bodies that are written in place: cut from a block of the thread's, one after the other, so that a
//! message is made without an allocation or an atomic operation, but for the first of a block.
#![allow(unsafe_code)]

use crate::message::block::{self, Block};
use crate::message::slice::Slice;
use std::cell::{Cell, RefCell};

/// What allocators give, and what programs that write numbers there count on.
const ALIGN: usize = 16;
/// Bytes of a block. Not those of logs: each thread that has made a message keeps one, and these should not keep
/// what logs have done with from going back to the system.
const ROOM: usize = 32 * 1024;
/// The longest body that is cut: a block has room for sixteen of them.
const LONGEST: usize = ROOM / 16;
/// References that are counted at once, ahead of the messages that have them: one for each body of the shortest
/// kind that a block has room for.
const STOCK: usize = ROOM / ALIGN;

struct Room {
    block: RefCell<Option<Block>>,
    used: Cell<usize>,
    /// References in stock that no message has had.
    stock: Cell<usize>,
}

thread_local! {
    static HERE: Room = const {
        Room { block: RefCell::new(None), used: Cell::new(ROOM), stock: Cell::new(0) }
    };
}

/// Room for `len` bytes, all zero, in `fill`'s hands until it returns. If bodies of that length are to have memory of
/// their own now, `fill` comes back.
#[inline]
pub(super) fn cut<F: FnOnce(&mut [u8])>(len: usize, fill: F) -> Result<Slice, F> {
    // Models follow no thread's own memory.
    if cfg!(loom) || len > LONGEST || block::scarce(len) {
        return Err(fill);
    }
    // `fill` may make messages of its own: it runs when the room is as it is to be.
    match HERE.try_with(|room| room.cut(len)) {
        Ok(Some((data, slice))) => {
            // SAFETY: these bytes of a block are initialised and were cut for this body alone; the slice that
            // holds the block is not looked at until this is over.
            fill(unsafe { std::slice::from_raw_parts_mut(data, len) });
            Ok(slice)
        }
        // `renew` has made one, or the thread ends.
        Ok(None) | Err(_) => Err(fill),
    }
}

impl Room {
    #[inline]
    fn cut(&self, len: usize) -> Option<(*mut u8, Slice)> {
        let step = len.next_multiple_of(ALIGN);
        if self.used.get() + step > ROOM {
            self.renew();
        }
        let block = self.block.borrow();
        let block = block.as_ref()?;
        let at = self.used.replace(self.used.get() + step);
        self.stock.set(self.stock.get() - 1);
        // SAFETY: `at` is within the block, as is all of the body.
        let data = unsafe { block.data().add(at) };
        // SAFETY: there are as many references in stock as bodies fit into a block, and this is one that was not
        // taken before.
        let reference = unsafe { block.stocked() };
        // SAFETY: the bytes lie in the block, which is initialised; nobody else has them, and after `cut` has
        // returned nobody writes them but who has the message for himself.
        Some((data, unsafe { Slice::new(data, len, reference) }))
    }

    /// Goes on in a new block.
    #[cold]
    fn renew(&self) {
        self.let_go();
        let block = Block::new(ROOM);
        block.stock(STOCK);
        self.stock.set(STOCK);
        self.used.set(0);
        *self.block.borrow_mut() = Some(block);
    }

    fn let_go(&self) {
        self.used.set(ROOM);
        if let Some(block) = self.block.borrow_mut().take() {
            block.return_stock(self.stock.replace(0));
        }
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        self.let_go();
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    #![allow(clippy::unwrap_used)]
    use crate::{INLINE, Message};

    fn numbered(number: u64, len: usize) -> Message {
        Message::build(len, |body| body.fill(number as u8))
    }

    #[test]
    fn bodies_of_all_lengths_keep_what_was_written() {
        let lengths = [0, 1, 15, 16, 17, 48, 49, 64, 1000, 2047, 2048, 2049, 70_000];
        let all: Vec<_> = (0..2000u64)
            .map(|number| (number, lengths[number as usize % lengths.len()]))
            .map(|(number, len)| (number, len, numbered(number, len)))
            .collect();
        for (number, len, message) in &all {
            assert_eq!(message.len(), *len);
            assert!(message.iter().all(|byte| *byte == *number as u8), "{number}");
            if *len > INLINE {
                assert_eq!(message.as_slice().as_ptr().addr() % 16, 0);
            }
        }
    }

    #[test]
    fn messages_outlive_their_thread_and_die_on_another() {
        let make = || (0..5000).map(|number| numbered(number, 100)).collect::<Vec<_>>();
        let all = std::thread::spawn(make).join().unwrap();
        for (number, message) in all.iter().enumerate() {
            assert_eq!(message[..], [number as u8; 100]);
        }
    }

    #[test]
    fn a_body_can_be_made_of_others_while_it_is_filled() {
        let outer = Message::build(100, |body| {
            let inner = numbered(7, 100);
            body.copy_from_slice(&inner);
        });
        assert_eq!(outer[..], [7; 100]);
    }

    #[test]
    fn a_fill_that_panics_harms_nobody() {
        let filling = || Message::build(100, |_| panic!("on purpose"));
        assert!(std::panic::catch_unwind(filling).is_err());
        assert_eq!(numbered(3, 100)[..], [3; 100]);
    }
}
