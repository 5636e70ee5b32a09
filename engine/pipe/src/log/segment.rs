//! One link of the chain: a stretch of a block, and what its writer says is in it.
#![allow(unsafe_code)]

use super::attached::Attached;
use super::pool::Pool;
use crate::message::block::{BLOCK, Block};
use crate::message::opaque::Ids;
use crate::message::properties::KnownPeer;
use crate::sync::{AtomicPtr, AtomicU64, Ordering, UnsafeCell, Watched};
use std::mem::MaybeUninit;
use std::ops::Deref;

/// Bytes of the first segment of a log: an idle connection should hold next to nothing. In models
/// small enough that a few messages need a second one.
pub(super) const FIRST: usize = if cfg!(loom) { 32 } else { 64 };
/// Each segment is so many times as large as the one before, up to [`BLOCK`].
pub(super) const GROWTH: usize = if cfg!(loom) { 2 } else { 8 };

/// How far a segment is filled, in one word so that it is read and written in one piece:
/// bytes in bits 0..32, messages that end here in bits 32..62, two flags on top.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct WriteMark(pub(super) u64);

impl WriteMark {
    /// Nothing follows in this segment: go to the next.
    const SEALED: u64 = 1 << 63;
    /// The last message in this segment goes on in the next.
    const OPEN: u64 = 1 << 62;

    /// # Panics
    /// In debug builds, if the messages overlap the flags: a message takes two bytes or more, so
    /// there are never so many in a segment.
    #[inline(always)]
    pub(super) fn new(bytes: u32, messages: u32) -> Self {
        debug_assert!(messages <= u32::MAX >> 2);
        Self(u64::from(bytes) | u64::from(messages) << 32)
    }

    pub(super) fn sealed(self, open: bool) -> Self {
        Self(self.0 | Self::SEALED | if open { Self::OPEN } else { 0 })
    }

    #[inline(always)]
    pub(super) fn bytes(self) -> u32 {
        self.0 as u32
    }

    pub(super) fn messages(self) -> u32 {
        (self.0 >> 32) as u32 & (u32::MAX >> 2)
    }

    pub(super) fn is_sealed(self) -> bool {
        self.0 & Self::SEALED != 0
    }

    pub(super) fn is_open(self) -> bool {
        self.0 & Self::OPEN != 0
    }
}

/// Who sends the messages of a segment, as they are going to say.
#[derive(Default)]
struct Sender {
    ids: Ids,
    /// Keeps the peer's number good.
    _held: Option<KnownPeer>,
}

/// A cache line of its own.
#[repr(align(64))]
pub(super) struct Lined<T>(T);

impl<T> Deref for Lined<T> {
    type Target = T;

    #[inline(always)]
    fn deref(&self) -> &T {
        &self.0
    }
}

/// The writer stores `written` after each message, and an awake reader polls `published`.
/// Processors fetch cache lines in pairs, so if the two words were neighbours, each poll would take
/// the writer's line away. Therefore one stands first and one last, with the two lines in between
/// that hardly change.
#[repr(C)]
pub(super) struct Segment {
    /// Every message that is here. Stored by the writer (Release) after each message; loaded by the
    /// reader (Acquire) when `published` has no more, so that this line stays with the writer.
    ///
    /// A seal stored here is the writer's last access to the segment: the reader frees it then.
    pub(super) written: Lined<AtomicU64>,
    /// Null until the writer needs more room. Stored before the mark that seals this segment and read
    /// after it, so the mark's Release/Acquire covers it.
    pub(super) next: AtomicPtr<Segment>,
    /// Who sends what is here. Written before the first message, and read with each: not in the
    /// cache line of `published`, which changes with every batch.
    sender: UnsafeCell<Sender>,
    /// The bodies that are too large to be copied in.
    pub(super) attached: Attached,
    pub(super) block: Block,
    /// Where in the block this segment starts.
    pub(super) offset: usize,
    /// Bytes from there that the log's writer may write; zero for a [borrowed](Self::borrowed) one.
    pub(super) capacity: usize,
    /// What an awake reader polls: follows `written` once a batch. Release/Acquire likewise. A seal
    /// here only says that `written` is sealed, or about to be.
    pub(super) published: AtomicU64,
    /// The bytes and the segment itself, for models to see who uses them and when they are freed.
    watched: Watched,
    alive: Watched,
}

/// A stream takes a segment for each block.
static POOL: Pool<Segment> = Pool::new();

impl Segment {
    /// A segment over the whole of a new block.
    pub(super) fn with_capacity(capacity: usize) -> *mut Self {
        Self::over(Block::new(capacity), 0, capacity)
    }

    /// A segment over a stretch of `block` that no other segment uses.
    pub(super) fn over(block: Block, offset: usize, capacity: usize) -> *mut Self {
        Self::boxed(block, offset, capacity, capacity)
    }

    /// A segment over bytes of `block` that somebody else has written or will write, `left` at
    /// most: to a writer it has no room.
    pub(super) fn borrowed(block: Block, offset: usize, left: usize) -> *mut Self {
        Self::boxed(block, offset, 0, left)
    }

    fn boxed(block: Block, offset: usize, capacity: usize, watched: usize) -> *mut Self {
        let segment = Self {
            written: Lined(AtomicU64::new(0)),
            published: AtomicU64::new(0),
            next: AtomicPtr::new(std::ptr::null_mut()),
            attached: Attached::none(),
            block,
            offset,
            capacity,
            sender: UnsafeCell::new(Sender::default()),
            watched: Watched::new(watched),
            alive: Watched::new(1),
        };
        Box::into_raw(Box::write(POOL.take(), segment))
    }

    /// # Safety
    /// `segment` came from this type, is not used afterwards, and neither end can reach it any more.
    // Once for many messages. Within `LogReader::read` it takes registers that each message has to save.
    #[inline(never)]
    pub(super) unsafe fn free(segment: *mut Self) {
        // SAFETY: promised by the caller.
        unsafe { (*segment).alive.write(0, 1) };
        // SAFETY: from a box, which has it back even if the Drop of an attached body panics.
        let mut memory = unsafe { Box::from_raw(segment.cast::<MaybeUninit<Self>>()) };
        // SAFETY: alive until here, as promised by the caller.
        unsafe { memory.assume_init_drop() };
        POOL.give(memory);
    }

    /// Seals the segment with its last mark.
    ///
    /// # Safety
    /// Only the writer calls this, on a segment it has not sealed yet, and does not use the segment
    /// afterwards: the reader may have freed it.
    pub(super) unsafe fn seal(segment: *const Self, sealed: WriteMark) {
        // SAFETY: not sealed yet, so the reader cannot have freed it; nor does the mark published
        // here allow that.
        let written: *const AtomicU64 = unsafe {
            (*segment).show(sealed);
            (*segment).alive.read(0, 1);
            &*(*segment).written
        };
        // Release: as in `write`. No reference but the atomic's own is alive, because the reader may
        // free the segment before the call returns.
        // SAFETY: as above.
        unsafe { (*written).store(sealed.0, Ordering::Release) };
    }

    /// What the messages in here have from their sender.
    #[inline(always)]
    pub(super) fn ids(&self) -> Ids {
        // SAFETY: the writer changes it only while the segment has no message that a reader could
        // see.
        self.sender.with_mut(|sender| unsafe { (*sender).ids })
    }

    /// Says who sends what is going to be here.
    ///
    /// # Safety
    /// Only the writer calls this, on a segment that it has not sealed and into which it has put no
    /// message yet.
    pub(super) unsafe fn set_sender(&self, peer: Option<KnownPeer>) {
        let sender = Sender { ids: Ids::from_peer(peer.as_ref()), _held: peer };
        // SAFETY: promised by the caller; see `ids`.
        self.sender.with_mut(|old| unsafe { *old = sender });
    }

    /// Whether its bytes are written by somebody else: by a shared encoder.
    pub(super) fn is_borrowed(&self) -> bool {
        self.capacity == 0
    }

    pub(super) fn data(&self) -> *mut u8 {
        // SAFETY: offset + capacity lie within the block (see `over`).
        unsafe { self.block.data().add(self.offset) }
    }

    /// The writer is about to write `len` bytes from `at`.
    #[inline(always)]
    pub(super) fn writing(&self, at: usize, len: usize) {
        self.watched.write(at, len);
    }

    /// The reader is about to look at `len` bytes from `at`.
    #[inline(always)]
    pub(super) fn reading(&self, at: usize, len: usize) {
        self.watched.read(at, len);
    }

    #[inline]
    pub(super) fn load_published(&self) -> WriteMark {
        // Acquire: pairs with the Release in `show`.
        WriteMark(self.published.load(Ordering::Acquire))
    }

    #[inline]
    pub(super) fn load_written(&self) -> WriteMark {
        // Acquire: pairs with the Release in `write`.
        WriteMark(self.written.load(Ordering::Acquire))
    }

    #[inline(always)]
    pub(super) fn write(&self, mark: WriteMark) {
        self.alive.read(0, 1);
        // Release: the frames, `attached` and `next` happen before whoever reads this mark.
        self.written.store(mark.0, Ordering::Release);
    }

    /// Shows an awake reader what the writer has [written](Self::write), and nothing else: the two words
    /// never disagree about how many messages end before a byte.
    #[inline]
    pub(super) fn publish(&self) {
        // Relaxed: the writer's own last store.
        self.show(WriteMark(self.written.load(Ordering::Relaxed)));
    }

    #[inline]
    fn show(&self, mark: WriteMark) {
        self.alive.read(0, 1);
        // Release: as in `write`.
        self.published.store(mark.0, Ordering::Release);
    }
}

/// Segments that no end of a log can reach any more, each linked to the next.
pub(super) struct Chain(*mut Segment);

impl Chain {
    /// # Safety
    /// `first` is null or came from [`Segment`], as do all that follow it; none of them is used or
    /// freed by anybody else from now on.
    pub(super) unsafe fn new(first: *mut Segment) -> Self {
        Self(first)
    }

    /// Frees the first one, if there is one.
    fn free_first(&mut self) -> bool {
        let first = self.0;
        if first.is_null() {
            return false;
        }
        // SAFETY: promised to `new`. Taken out before it is freed, as its body's Drop may panic.
        unsafe {
            self.0 = (*first).next.load(Ordering::Relaxed);
            Segment::free(first);
        }
        true
    }
}

impl Drop for Chain {
    fn drop(&mut self) {
        /// Frees the rest when a body's Drop has panicked.
        struct Rest<'a>(&'a mut Chain);

        impl Drop for Rest<'_> {
            fn drop(&mut self) {
                while self.0.free_first() {}
            }
        }

        let rest = Rest(self);
        while rest.0.free_first() {}
    }
}

/// Bytes of the segment after one of `capacity`, when `needed` must fit.
pub(super) fn next_capacity(capacity: usize, needed: usize) -> usize {
    (capacity * GROWTH).clamp(FIRST, BLOCK).max(needed)
}
