//! The reading end of a log. One thread at a time.
//!
//! It is read in one of two ways: message by message ([`LogReader::read`]), which is what a socket
//! does, or as spans of memory that go to the kernel as they are ([`LogReader::gather`]), which is
//! what a session does.
#![allow(unsafe_code)]

use super::segment::{Mark, Segment};
use super::shared::{ASLEEP, AWAKE, GONE, Shared};
use crate::barrier;
use crate::block;
use crate::frame::{self, MORE};
use crate::log::ATTACH;
use crate::message::{INLINE, Message, Slice};
use crate::sync::{Arc, Ordering};
use crate::wake::Notify;

/// References to a block taken at once for the messages cut out of it: an atomic operation for
/// each costs as much as all the rest of a small receive.
const STOCK: usize = 4096;

/// What came of an attempt to go to sleep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sleep {
    /// Asleep: the notifier is told when there is something.
    Asleep,
    /// There is something: stay awake.
    Ready,
}

/// A stretch of memory that a log holds, kept alive by itself.
#[derive(Clone)]
pub struct Piece {
    memory: Memory,
    /// Messages that end with this piece; credited when it has been sent.
    pub messages: u32,
    /// The last message in this piece goes on in the next one.
    pub open: bool,
}

#[derive(Clone)]
enum Memory {
    Frames(Slice),
    Body(Message),
}

impl Piece {
    /// The octets.
    pub fn bytes(&self) -> &[u8] {
        match &self.memory {
            Memory::Frames(slice) => slice,
            Memory::Body(message) => message,
        }
    }

    /// Whether this is the body of the frame whose header ends the piece before.
    pub fn is_body(&self) -> bool {
        matches!(self.memory, Memory::Body(_))
    }
}

/// The reading end of a [`log`](super::log()).
pub struct LogReader {
    shared: Arc<Shared>,
    /// The segment being read, how far, and what is known of it.
    segment: *mut Segment,
    octets: usize,
    known: Mark,
    /// Messages of this segment handed out by [`gather`](Self::gather).
    gathered: u32,
    /// References to the current segment's block that are not handed out yet.
    stock: usize,
    /// Messages done with, and how many of them were credited; both wrap.
    done: u64,
    credited: u64,
}

// SAFETY: an end is used by one thread at a time (`&mut self`) and owns what it points to.
unsafe impl Send for LogReader {}

impl LogReader {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        let segment = shared.chain.swap(std::ptr::null_mut(), Ordering::Relaxed);
        Self {
            shared,
            segment,
            octets: 0,
            known: Mark::default(),
            gathered: 0,
            stock: 0,
            done: 0,
            credited: 0,
        }
    }

    /// Says who is told when there is something to read. Look once afterwards.
    pub fn install(&mut self, notify: std::sync::Arc<dyn Notify>, key: usize) {
        self.shared.wake_reader.install(notify, key);
    }

    /// Takes one frame. Once the first frame of a message is there, all of them are.
    ///
    /// `None` does not arm the notifier: see [`fall_asleep`](Self::fall_asleep).
    #[inline]
    pub fn read(&mut self) -> Option<Message> {
        if !self.ready() {
            return None;
        }
        Some(self.cut())
    }

    /// Takes one frame, with the body borrowed from the log: no copy, no reference counted.
    #[inline]
    pub fn read_with<R>(&mut self, f: impl FnOnce(u8, &[u8]) -> R) -> Option<R> {
        if !self.ready() {
            return None;
        }
        let (header, body) = self.next_header();
        if header.body as usize >= ATTACH {
            let message = self.take_attached();
            self.frame_done(header.flags);
            return Some(f(header.flags, &message));
        }
        // SAFETY: `next_header` checked that the body lies within what was published; the segment is
        // not freed before the next refill.
        let bytes = unsafe { std::slice::from_raw_parts(body, header.body as usize) };
        let result = f(header.flags, bytes);
        self.octets += header.body as usize;
        self.frame_done(header.flags);
        Some(result)
    }

    /// Whether there is a frame to read. `false` does not arm the notifier.
    #[inline]
    pub fn ready(&mut self) -> bool {
        self.poll() || self.refill(Segment::load_written)
    }

    /// As [`ready`](Self::ready), for a reader that asks over and over: learns of messages only when
    /// the writer has a batch of them together, and so leaves the writer's cache line alone. Every so
    /// often it must ask [`ready`](Self::ready), or go to sleep.
    #[inline]
    pub fn poll(&mut self) -> bool {
        self.octets < self.known.octets() as usize || self.refill(Segment::load_published)
    }

    /// Takes spans of whole messages, about `most` octets but at least one message, appends them to
    /// `pieces` and returns how many octets they are. Credit them with [`done`](Self::done) when sent.
    pub fn gather(&mut self, most: usize, pieces: &mut Vec<Piece>) -> usize {
        let mut total = 0;
        let mut open = false;
        while total < most || open {
            if !self.ready() {
                break;
            }
            total += self.take_span(pieces);
            open = pieces.last().is_some_and(|piece| piece.open);
        }
        total
    }

    /// Counts `messages` as done with, and credits the writer when enough have come together.
    pub fn done(&mut self, messages: u32) {
        self.done = self.done.wrapping_add(u64::from(messages));
        self.credit();
    }

    /// Goes to sleep unless there is something to read. Asleep, nothing may be read until the
    /// notifier was told and [`awake`](Self::awake) was called.
    pub fn fall_asleep(&mut self) -> Sleep {
        self.doze();
        barrier::heavy();
        self.check()
    }

    /// First half of [`fall_asleep`](Self::fall_asleep), for many logs at once: call this for each,
    /// then [`settle`] once, then [`check`](Self::check) for each.
    pub fn doze(&mut self) {
        self.shared.reader.store(ASLEEP, Ordering::Relaxed);
    }

    /// Last half of [`fall_asleep`](Self::fall_asleep).
    pub fn check(&mut self) -> Sleep {
        let something = self.ready() || self.shared.ended.load(Ordering::Acquire);
        if !something {
            return Sleep::Asleep;
        }
        // AcqRel: a writer may be waking us at this moment; then its notice is one too many, which
        // is harmless.
        let _ =
            self.shared
                .reader
                .compare_exchange(ASLEEP, AWAKE, Ordering::AcqRel, Ordering::Acquire);
        Sleep::Ready
    }

    /// Whether the writer is gone and everything it wrote has been read.
    pub fn ended(&mut self) -> bool {
        // Acquire: pairs with the Release in the writer's drop; the marks are looked at after it.
        self.shared.ended.load(Ordering::Acquire) && !self.ready()
    }

    /// The high-water mark in messages; 0 is no limit.
    pub fn hwm(&self) -> u32 {
        self.shared.hwm.load(Ordering::Relaxed)
    }

    /// Changes the high-water mark for what is written from now on; 0 is no limit.
    pub fn set_hwm(&self, hwm: u32) {
        self.shared.hwm.store(hwm, Ordering::Relaxed);
    }

    fn current(&self) -> &Segment {
        // SAFETY: the current segment is alive until this reader moves past it.
        unsafe { &*self.segment }
    }

    /// Learns of more frames, moving to the next segment when this one is used up.
    #[cold]
    fn refill(&mut self, load: fn(&Segment) -> Mark) -> bool {
        loop {
            let mark = load(self.current());
            // The polled word may lag behind what `written` has told already.
            if mark.octets() > self.known.octets() || mark.is_sealed() {
                self.known = mark;
            }
            if self.octets < self.known.octets() as usize {
                return true;
            }
            if !self.known.is_sealed() {
                return false;
            }
            self.advance();
        }
    }

    /// Moves past a sealed segment that is used up, and frees it.
    fn advance(&mut self) {
        let old = self.segment;
        // Relaxed: stored before the seal, which was loaded with Acquire.
        let next = self.current().next.load(Ordering::Relaxed);
        debug_assert!(!next.is_null(), "a sealed segment has a successor");
        self.return_stock();
        self.segment = next;
        self.octets = 0;
        self.gathered = 0;
        self.known = Mark::default();
        // SAFETY: the writer does not touch a segment after it has sealed it.
        unsafe { Segment::free(old) };
    }

    fn return_stock(&mut self) {
        if self.stock > 0 {
            self.current().block.return_stock(self.stock);
            self.stock = 0;
        }
    }

    #[inline(always)]
    fn next_header(&mut self) -> (frame::Header, *const u8) {
        let data = self.current().data();
        let known = self.known.octets() as usize;
        // SAFETY: up to `known` the segment is written, published to us and never written again.
        let rest =
            unsafe { std::slice::from_raw_parts(data.add(self.octets), known - self.octets) };
        let header = frame::parse(rest).expect("a log holds whole frames");
        let body = &rest[header.size..];
        assert!(
            header.body as usize <= body.len() || header.body as usize >= ATTACH,
            "a log holds whole frames"
        );
        self.octets += header.size;
        (header, body.as_ptr())
    }

    #[inline]
    fn cut(&mut self) -> Message {
        let (header, body) = self.next_header();
        let len = header.body as usize;
        let mut message = if len >= ATTACH {
            self.take_attached()
        } else {
            self.octets += len;
            // SAFETY: `next_header` checked that the body lies within what was published.
            let bytes = unsafe { std::slice::from_raw_parts(body, len) };
            if len <= INLINE || block::scarce() {
                Message::copy_from(bytes)
            } else {
                self.slice(bytes)
            }
        };
        message.set_flags(header.flags);
        self.frame_done(header.flags);
        message
    }

    /// A message that refers to `bytes`, which lie in the current block.
    fn slice(&mut self, bytes: &[u8]) -> Message {
        if self.stock == 0 {
            self.stock = STOCK;
            self.current().block.stock(STOCK);
        }
        self.stock -= 1;
        // SAFETY: one of the references stocked above, accounted for by `stock`.
        let block = unsafe { self.current().block.stocked() };
        // SAFETY: published octets of this block: never written again while it is referred to.
        Message::from_slice(unsafe { Slice::new(bytes.as_ptr(), bytes.len(), block) })
    }

    fn take_attached(&mut self) -> Message {
        self.attached().expect("a long frame has its body attached")
    }

    /// The body attached to the last frame of the current segment, which must be sealed.
    fn attached(&mut self) -> Option<Message> {
        let slot = &self.current().attached;
        // SAFETY: the writer does not look at a segment that it has sealed.
        slot.with_mut(|slot| unsafe { (*slot).take() })
    }

    #[inline(always)]
    fn frame_done(&mut self, flags: u8) {
        if flags & MORE == 0 {
            self.done = self.done.wrapping_add(1);
            self.credit();
        }
    }

    /// What is left of the current segment as a piece, with the attached body as one more.
    fn take_span(&mut self, pieces: &mut Vec<Piece>) -> usize {
        let end = self.known.octets() as usize;
        let len = end - self.octets;
        let segment = self.current();
        // SAFETY: published octets of this block: never written again while it is referred to.
        let slice =
            unsafe { Slice::new(segment.data().add(self.octets), len, segment.block.clone()) };
        let messages = self.known.messages() - self.gathered;
        let open = self.known.is_sealed() && self.known.is_open();
        self.octets = end;
        self.gathered += messages;
        let body = if self.known.is_sealed() {
            self.attached()
        } else {
            None
        };
        let Some(body) = body else {
            pieces.push(Piece {
                memory: Memory::Frames(slice),
                messages,
                open,
            });
            return len;
        };
        // The message of the attached frame, if it ends here, is done with its body.
        let last = u32::from(!body.more());
        let body_len = body.len();
        pieces.push(Piece {
            memory: Memory::Frames(slice),
            messages: messages - last,
            open: true,
        });
        pieces.push(Piece {
            memory: Memory::Body(body),
            messages: last,
            open,
        });
        len + body_len
    }

    #[inline(always)]
    fn credit(&mut self) {
        if self.done.wrapping_sub(self.credited) >= self.shared.lwm() {
            self.credit_now();
        }
    }

    #[cold]
    fn credit_now(&mut self) {
        self.credited = self.done;
        // Release: the messages were read before; pairs with the Acquire in `out_of_credit`.
        self.shared.credited.store(self.done, Ordering::Release);
        self.shared.rouse_writer();
    }
}

/// Middle of [`LogReader::fall_asleep`], for many logs at once.
pub fn settle() {
    barrier::heavy();
}

impl Drop for LogReader {
    fn drop(&mut self) {
        self.return_stock();
        self.shared.wake_reader.clear();
        // Relaxed: the chain is only looked at by whoever drops the last reference, after both ends.
        self.shared.chain.store(self.segment, Ordering::Relaxed);
        // AcqRel: the writer sees GONE and stops; a waker's swap cannot come after it.
        self.shared.reader.swap(GONE, Ordering::AcqRel);
        self.shared.rouse_writer();
    }
}
