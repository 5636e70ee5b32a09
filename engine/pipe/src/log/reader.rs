//! The reading end of a log. One thread at a time.
//!
//! It is read in one of two ways: message by message ([`LogReader::read`]), which is what a socket
//! does, or as spans of memory that go to the kernel as they are ([`LogReader::gather`]), which is
//! what a session does.
#![allow(unsafe_code)]

use super::segment::{Segment, WriteMark};
use super::shared::{ASLEEP, GONE, LogState};
use crate::cpu::prefetch;
use crate::frame::{self, LONG, LONG_HEADER, MORE, SHORT_HEADER};
use crate::message::block;
use crate::message::inline::{Small, WINDOW};
use crate::message::slice::Slice;
use crate::message::{INLINE, Message};
use crate::sync::notify::{InlineReader, Notify};
use crate::sync::{Arc, Ordering};

/// References to a block taken at once for the messages cut out of it: an atomic operation for
/// each costs as much as all the rest of a small receive.
const STOCK: usize = 4096;

/// Messages between two close looks from which on a batching reader takes the writer to be
/// streaming.
const STREAM: u64 = 8;
/// How often a batching reader looks for a published batch before it looks closely, with a pause of
/// the processor (some 40 ns) in between: as long as a stream takes to publish one.
const PATIENCE: u32 = if cfg!(loom) { 1 } else { 40 };

/// The reading end of a [`log`](super::log()).
pub struct LogReader {
    pub(super) shared: Arc<LogState>,
    /// The segment being read.
    segment: *mut Segment,
    /// Its memory: what the segment says, at hand.
    data: *const u8,
    /// How far it is read, and what is known of it. Never beyond what is known.
    pub(super) bytes: usize,
    pub(super) known: WriteMark,
    /// Which of the bodies that it refers to is next.
    pub(super) attached: usize,
    /// References to its block that are not handed out yet.
    stock: usize,
    /// Messages taken out, all in all and before this segment; both wrap.
    pub(super) taken: u64,
    pub(super) before: u64,
    /// Messages of `taken` that the next credit does not cover: they are credited, or were handed
    /// out in pieces and will be when those are sent. Wraps.
    pub(super) settled: u64,
    /// Messages credited to the writer, and those of them that it was told of if it slept. Both wrap.
    pub(super) credited: u64,
    told: u64,
    /// See [`set_batch_reads`](Self::set_batch_reads).
    batch_reads: bool,
    /// The frame taken last was the first of its message; and more frames of that message follow it.
    began: bool,
    within: bool,
    /// Messages taken out up to the last close look; wraps.
    looked: u64,
    /// Between [`doze`](Self::doze) and [`check`](Self::check), unless it slept before.
    pub(super) dozing: bool,
}

// SAFETY: an end is used by one thread at a time (`&mut self`) and owns what it points to.
unsafe impl Send for LogReader {}

impl LogReader {
    pub(super) fn new(shared: Arc<LogState>) -> Self {
        let segment = shared.chain.swap(std::ptr::null_mut(), Ordering::Relaxed);
        let mut this = Self {
            shared,
            segment,
            data: std::ptr::null(),
            bytes: 0,
            known: WriteMark::default(),
            attached: 0,
            stock: 0,
            taken: 0,
            before: 0,
            settled: 0,
            credited: 0,
            told: 0,
            batch_reads: false,
            began: false,
            within: false,
            looked: 0,
            dozing: false,
        };
        this.enter(segment);
        this
    }

    /// Says who is told when there is something to read. Look once afterwards.
    pub fn install(&mut self, notify: std::sync::Arc<dyn Notify>, key: usize) {
        self.shared.wake_reader.install(notify, key);
    }

    /// Says who reads the log on the thread that writes it. Look once afterwards.
    pub fn install_inline(&mut self, reader: std::sync::Arc<dyn InlineReader>, key: usize) {
        self.shared.wake_reader.install_inline(reader, key);
    }

    /// Says whether another thread is writing, so that in the midst of a stream it is better to wait a
    /// moment for a batch of messages than to take the writer's cache line away from it for a few.
    pub fn set_batch_reads(&mut self, batch_reads: bool) {
        self.batch_reads = batch_reads;
    }

    /// Takes one frame. Once the first frame of a message is there, all of them are.
    ///
    /// `None` does not arm the notifier: see [`fall_asleep`](Self::fall_asleep).
    // Neither this nor `read_into` is inlined, so that the message is stored whole, where the caller
    // wants it. Inlined, the compiler takes it apart each time it is passed on, and each time waits for
    // the stores before: 28 ns a message instead of 10.
    #[inline(never)]
    pub fn read(&mut self) -> Option<Message> {
        self.read_to(|message| message)
    }

    /// As [`read`](Self::read), into a message that is there already, so that the frame is moved once
    /// only; `false` if there is none, and then `into` is left alone.
    #[inline(never)]
    pub fn read_into(&mut self, into: &mut Message) -> bool {
        self.read_to(|message| *into = message).is_some()
    }

    #[inline(always)]
    fn read_to<R>(&mut self, put: impl FnOnce(Message) -> R) -> Option<R> {
        if !self.ready() {
            return None;
        }
        // SAFETY: as in `next_frame`.
        let rest = unsafe { &*self.rest() };
        prefetch::ahead(rest);
        // A frame with a whole window to move and a short header, which is the usual case.
        if let Some(window) = rest.first_chunk::<WINDOW>() {
            if let Some(small) = Small::at(window) {
                self.bytes += SHORT_HEADER + small.len();
                self.frame_done(small.flags() as u8);
                return Some(put(Message::from_small(small, self.current().ids())));
            }
            let [flags, len, ..] = *window;
            let end = SHORT_HEADER + usize::from(len);
            if flags & LONG == 0 && end <= rest.len() && self.stock > 0 && !block::scarce(end) {
                self.bytes += end;
                self.frame_done(flags);
                return Some(put(self.slice(flags, &raw const rest[SHORT_HEADER..end])));
            }
        }
        Some(put(self.cut()))
    }

    /// Takes one frame, with the body borrowed from the log: no copy, no reference counted.
    #[inline]
    pub fn read_with<R>(&mut self, f: impl FnOnce(u8, &[u8]) -> R) -> Option<R> {
        if !self.ready() {
            return None;
        }
        // SAFETY: as in `next_frame`.
        let rest = unsafe { &*self.rest() };
        prefetch::ahead(rest);
        let (flags, body) = self.next_frame();
        let Some(body) = body else {
            let message = self.take_attached();
            self.frame_done(flags);
            return Some(f(flags, &message));
        };
        // Counted before `f` runs, so that a panic in there leaves the reader behind the frame.
        self.frame_done(flags);
        // SAFETY: published bytes stay as they are while the segment lives, and this reader, which
        // alone frees it, is borrowed until `f` returns.
        Some(f(flags, unsafe { &*body }))
    }

    /// Whether the frame taken last was the first of its message.
    pub fn began(&self) -> bool {
        self.began
    }

    /// Whether there is a frame to read. `false` does not arm the notifier.
    #[inline]
    pub fn ready(&mut self) -> bool {
        self.poll() || self.look_closely()
    }

    /// As [`ready`](Self::ready), for a reader that asks over and over: learns of messages only when
    /// the writer has a batch of them together, and so leaves the writer's cache line alone. Every so
    /// often it must ask [`ready`](Self::ready), or go to sleep.
    #[inline]
    pub fn poll(&mut self) -> bool {
        self.bytes < self.known.bytes() as usize || self.refill(Segment::load_published)
    }

    /// Whether the writer is gone. There may be something left to read.
    pub fn is_deserted(&self) -> bool {
        // Acquire: pairs with the Release in the writer's drop; the marks are looked at after it.
        self.shared.ended.load(Ordering::Acquire)
    }

    /// Whether the writer is gone and everything it wrote has been read.
    pub fn ended(&mut self) -> bool {
        self.is_deserted() && !self.ready()
    }

    /// Whether the writer is gone. There may be something left to read.
    pub fn is_closed(&self) -> bool {
        // Acquire: as in `ended`.
        self.shared.ended.load(Ordering::Acquire)
    }

    /// Whether the writer waits for credit. A figure to go by.
    pub fn is_writer_waiting(&self) -> bool {
        self.shared.writer.load(Ordering::Relaxed) == ASLEEP
    }

    /// How many messages have been taken since the log was made; wraps.
    pub fn taken(&self) -> u64 {
        self.taken
    }

    /// How many messages will have been taken once all that are there now are; wraps. Goes through the
    /// whole chain, so not for every message.
    pub fn end(&self) -> u64 {
        let mut segment = self.current();
        let mut mark = segment.load_written();
        let mut end = self.before.wrapping_add(u64::from(mark.messages()));
        while mark.is_sealed() {
            segment = self.following(segment);
            mark = segment.load_written();
            end = end.wrapping_add(u64::from(mark.messages()));
        }
        end
    }

    /// What comes after a segment of this log whose seal this reader has seen.
    pub(super) fn following<'a>(&'a self, sealed: &'a Segment) -> &'a Segment {
        // Relaxed: as in `advance`.
        let next = sealed.next.load(Ordering::Relaxed);
        // SAFETY: the seal was loaded with Acquire, so its successor is there, and alive: only this
        // reader frees segments, when it moves past them.
        unsafe { &*next }
    }

    /// How many messages there are to be taken. As [`end`](Self::end), not for every message.
    pub fn waiting(&self) -> u64 {
        self.end().wrapping_sub(self.taken)
    }

    /// The high-water mark in messages; 0 is no limit.
    pub fn hwm(&self) -> u32 {
        self.shared.hwm.load(Ordering::Relaxed)
    }

    /// Changes the high-water mark for what is written from now on; 0 is no limit.
    pub fn set_hwm(&self, hwm: u32) {
        self.shared.set_hwm(hwm);
    }

    #[inline(always)]
    pub(super) fn current(&self) -> &Segment {
        // SAFETY: the current segment is alive until this reader moves past it.
        unsafe { &*self.segment }
    }

    /// Makes `segment` the current one.
    fn enter(&mut self, segment: *mut Segment) {
        self.segment = segment;
        self.data = self.current().data();
        self.bytes = 0;
        self.attached = 0;
        self.known = WriteMark::default();
        self.before = self.taken;
    }

    /// Learns of what is written but not published.
    #[cold]
    fn look_closely(&mut self) -> bool {
        let run = self.taken.wrapping_sub(self.looked);
        self.looked = self.taken;
        if self.batch_reads && run >= STREAM && self.wait_for_batch() {
            return true;
        }
        let something = self.refill(Segment::load_written);
        if !something && (self.taken != self.settled || self.credited != self.told) {
            // Everything is drained, so half of it is: the writer may go on with the full mark.
            self.store_credit();
            self.told = self.credited;
            self.shared.rouse_writer();
        }
        something
    }

    fn wait_for_batch(&mut self) -> bool {
        (0..PATIENCE).any(|_| {
            std::hint::spin_loop();
            self.poll()
        })
    }

    /// Learns of more frames, moving to the next segment when this one is used up.
    #[cold]
    pub(super) fn refill(&mut self, load: fn(&Segment) -> WriteMark) -> bool {
        loop {
            let mut mark = load(self.current());
            if mark.is_sealed() {
                // Only when the seal is here has the writer left the segment.
                mark = self.current().load_written();
            }
            // The polled word may lag behind what `written` has told already.
            if mark.bytes() > self.known.bytes() || mark.is_sealed() {
                self.known = mark;
            }
            if self.bytes < self.known.bytes() as usize {
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
        debug_assert_eq!(
            self.taken.wrapping_sub(self.before),
            u64::from(self.known.messages()),
            "as many messages as the writer has counted"
        );
        self.return_stock();
        self.enter(next);
        // SAFETY: the writer does not touch a segment after it has sealed it.
        unsafe { Segment::free(old) };
    }

    fn return_stock(&mut self) {
        if self.stock > 0 {
            self.current().block.return_stock(self.stock);
            self.stock = 0;
        }
    }

    /// The bytes that are known of and not read yet.
    #[inline(always)]
    pub(super) fn rest(&self) -> *const [u8] {
        let len = self.known.bytes() as usize - self.bytes;
        self.current().reading(self.bytes, len);
        // SAFETY: `bytes` is within the segment's stretch.
        std::ptr::slice_from_raw_parts(unsafe { self.data.add(self.bytes) }, len)
    }

    /// Moves past a frame: its flags and its body, unless that is attached.
    ///
    /// # Panics
    /// If the writer was given something that is not whole frames.
    #[inline(always)]
    fn next_frame(&mut self) -> (u8, Option<*const [u8]>) {
        // SAFETY: up to `known` the segment is written, published to us and never written again.
        let rest = unsafe { &*self.rest() };
        let header = frame::parse(rest).expect("a log holds whole frames");
        let size = header.size;
        if size == LONG_HEADER && self.current().attached.is_at(self.attached, self.bytes + size) {
            self.bytes += size;
            return (header.flags, None);
        }
        let end = size + header.body as usize;
        let body: *const [u8] = &raw const rest[size..end];
        self.bytes += end;
        (header.flags, Some(body))
    }

    /// Takes a frame of any kind.
    #[inline(never)]
    fn cut(&mut self) -> Message {
        let (flags, body) = self.next_frame();
        let Some(body) = body else { return self.cut_attached(flags) };
        self.frame_done(flags);
        if body.len() <= INLINE || block::scarce(body.len()) || self.stock == 0 && block::crowded()
        {
            // SAFETY: as in `next_frame`.
            let mut message = Message::copy_from(unsafe { &*body });
            message.set_flags(flags);
            message.set_ids(self.current().ids());
            return message;
        }
        if self.stock == 0 {
            self.stock = STOCK;
            self.current().block.stock(STOCK);
        }
        self.slice(flags, body)
    }

    /// A message that refers to a body in the current segment. There is a reference in stock.
    #[inline(always)]
    fn slice(&mut self, flags: u8, body: *const [u8]) -> Message {
        self.stock -= 1;
        // SAFETY: one of the references in stock, and now accounted for.
        let block = unsafe { self.current().block.stocked() };
        // SAFETY: published bytes of this block: never written again while it is referred to.
        let slice = unsafe { Slice::new(body.cast(), body.len(), block) };
        Message::from_slice(flags, slice, self.current().ids())
    }

    #[cold]
    fn cut_attached(&mut self, flags: u8) -> Message {
        let mut message = self.take_attached();
        message.set_flags(flags);
        message.set_ids(self.current().ids());
        self.frame_done(flags);
        message
    }

    /// The body of the frame just passed, whose header says that it is attached.
    pub(super) fn take_attached(&mut self) -> Message {
        let index = self.attached;
        self.attached += 1;
        // SAFETY: its frame is among what is known.
        let body = unsafe { self.current().attached.take(index) };
        body.expect("a frame that refers to a body has one")
    }

    #[inline(always)]
    fn frame_done(&mut self, flags: u8) {
        self.began = !self.within;
        self.within = flags & MORE != 0;
        if !self.within {
            self.taken = self.taken.wrapping_add(1);
            self.credit();
        }
    }

    /// Credits the writer when enough messages have come together.
    #[inline(always)]
    pub(super) fn credit(&mut self) {
        if self.taken.wrapping_sub(self.settled) >= self.shared.step() {
            self.credit_now();
        }
    }

    #[cold]
    fn credit_now(&mut self) {
        self.store_credit();
        if self.shared.tell_credit(self.credited.wrapping_sub(self.told)) {
            self.told = self.credited;
        }
    }

    fn store_credit(&mut self) {
        let done = self.taken.wrapping_sub(self.settled);
        self.settled = self.taken;
        self.credited = self.credited.wrapping_add(done);
        // Release: the messages were read before; pairs with the Acquire in `has_credit`.
        self.shared.credited.store(self.credited, Ordering::Release);
    }
}

impl Drop for LogReader {
    fn drop(&mut self) {
        self.return_stock();
        // So that the writer can tell what was not read. Release: as in `store_credit`; whoever sees GONE sees
        // it.
        let read = self.credited.wrapping_add(self.taken.wrapping_sub(self.settled));
        self.shared.credited.store(read, Ordering::Release);
        self.shared.wake_reader.clear();
        // Relaxed: the chain is only looked at by whoever drops the last reference, after both ends.
        self.shared.chain.store(self.segment, Ordering::Relaxed);
        // AcqRel: the writer sees GONE and stops; a waker's swap cannot come after it.
        self.shared.reader.swap(GONE, Ordering::AcqRel);
        self.shared.rouse_writer();
    }
}
