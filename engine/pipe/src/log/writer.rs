//! The writing end of a log. One thread at a time.
#![allow(unsafe_code)]

use super::attached::{Place, SLOTS};
use super::segment::{Chain, Segment, WriteMark};
use super::shared::{ASLEEP, LogState};
use super::shared_frame::BlockShare;
use super::{APART, ATTACH, BATCH, FULL, HAND_OVER};
use crate::cpu::copy;
use crate::frame::{self, LONG_HEADER, MORE, SHORT_BODY, SHORT_HEADER};
use crate::message::Message;
use crate::message::block::Block;
use crate::message::inline::WINDOW;
use crate::message::properties::KnownPeer;
use crate::sync::notify::Notify;
use crate::sync::{Arc, Ordering, asymmetric_fence, fence};

/// Why a message was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WriteError {
    /// The high-water mark is reached; the writer's notifier is told when half is drained.
    Full,
    /// The reader is gone for good.
    Closed,
}

/// The writing end of a [`log`](super::log()).
pub struct LogWriter {
    pub(super) shared: Arc<LogState>,
    /// The segment being filled.
    segment: *mut Segment,
    /// Its memory and how much of that there is: what the segment says, at hand. Of a borrowed segment
    /// there is never more than is filled.
    pub(super) data: *mut u8,
    pub(super) capacity: usize,
    /// How far it is filled, and how many messages end in it: what its seal is going to say. The marks
    /// before the seal, which say what is whole, are made by `commit` and repeated by
    /// [`publish`](Self::publish).
    pub(super) bytes: usize,
    messages: u32,
    /// How many bodies the segment refers to.
    attached: usize,
    /// Between the first frame of a message and its last.
    pub(super) open: bool,
    /// Where the open message starts, in `head` if that is set, else in `segment`.
    start: usize,
    /// The first segment of the open message, once that has outgrown it: sealed, but the seal is
    /// held back until the message is complete.
    head: Option<(*mut Segment, WriteMark)>,
    /// Bytes that are still missing of a body that arrives in pieces.
    pub(super) missing: Option<usize>,
    /// Messages written since the log was made; wraps.
    pub(super) written: u64,
    /// The credits as last seen.
    pub(super) credited: u64,
    /// Messages that the word an awake reader polls does not show yet.
    unpublished: u32,
    /// Would rather wait a moment than have much pile up.
    yield_when_full: bool,
    /// Bytes written since the reader was last told that it may take them.
    bulk: usize,
    /// Bodies of so many bytes and more are referred to.
    attach_from: usize,
    /// Bytes behind what is written that were received there and are not messages yet.
    pub(super) uncommitted: usize,
    /// What is left of the log's own block while the current segment is borrowed: the block, and from
    /// where.
    pub(super) rest: Option<(Block, usize)>,
    pub(super) share: BlockShare,
    /// Who sends what is written.
    peer: Option<KnownPeer>,
}

// SAFETY: an end is used by one thread at a time (`&mut self`) and owns what it points to.
unsafe impl Send for LogWriter {}

impl LogWriter {
    pub(super) fn new(shared: Arc<LogState>) -> Self {
        let segment = shared.chain.load(Ordering::Relaxed);
        let mut this = Self {
            shared,
            segment,
            data: std::ptr::null_mut(),
            capacity: 0,
            bytes: 0,
            messages: 0,
            attached: 0,
            open: false,
            start: 0,
            head: None,
            missing: None,
            written: 0,
            credited: 0,
            unpublished: 0,
            yield_when_full: false,
            bulk: 0,
            attach_from: ATTACH,
            uncommitted: 0,
            rest: None,
            share: BlockShare::default(),
            peer: None,
        };
        this.enter(segment);
        this
    }

    #[cfg(not(loom))]
    pub(crate) fn shared(&self) -> &Arc<LogState> {
        &self.shared
    }

    /// Says who is told when there is room again. Ask [`ready`](Self::ready) once afterwards.
    pub fn install(&mut self, notify: std::sync::Arc<dyn Notify>, key: usize) {
        self.shared.wake_writer.install(notify, key);
    }

    /// Says whether this end would rather wait a moment than have much pile up: messages that wait
    /// leave the processor's caches, and are read from memory when their turn comes.
    pub fn set_yield_when_full(&mut self, yield_when_full: bool) {
        self.yield_when_full = yield_when_full;
    }

    /// Says that the reader takes messages, rather than bytes for the wire: then shorter ones are
    /// [handed over](HAND_OVER) as they are.
    pub fn set_reader_in_process(&mut self) {
        self.attach_from = HAND_OVER;
    }

    /// Writes one frame; on success the message is left empty. A frame whose `more()` is false ends
    /// the message, which becomes visible to the reader.
    ///
    /// # Errors
    /// Only the first frame of a message can be refused for want of room. The message stays as it was.
    #[inline]
    pub fn write(&mut self, message: &mut Message) -> Result<(), WriteError> {
        self.ready()?;
        if let Some(frame) = message.as_frame()
            && self.room() >= WINDOW
        {
            self.append_small(frame, message.flags(), message.len());
            message.clear();
        } else if message.len() < self.attach_from && !message.is_lent() {
            self.append(message.flags(), message.as_slice());
            message.clear();
        } else {
            self.attach(std::mem::take(message));
        }
        Ok(())
    }

    /// Writes one frame by copying `body`; otherwise as [`write`](Self::write).
    ///
    /// # Errors
    /// As there.
    #[inline(always)]
    pub fn write_body(&mut self, flags: u8, body: &[u8]) -> Result<(), WriteError> {
        self.ready()?;
        if body.len() < APART {
            self.append(flags, body);
        } else {
            let mut message = Message::copy_from(body);
            message.set_flags(flags);
            self.attach(message);
        }
        Ok(())
    }

    /// Writes one frame whatever the high-water mark says: for what must not be refused, such as
    /// subscriptions, and what a peer has sent within its credit.
    pub fn write_uncounted(&mut self, flags: u8, mut message: Message) {
        if message.len() < self.attach_from && !message.is_lent() {
            self.append(flags, &message);
        } else {
            message.set_flags(flags);
            self.attach(message);
        }
    }

    /// Says who sends what is written from now on; a message that is not complete is taken back.
    pub fn set_peer(&mut self, peer: Option<KnownPeer>) {
        self.rollback();
        if self.bytes == 0 {
            // SAFETY: it is the current one, and nothing is in it.
            unsafe { self.current().set_sender(peer.clone()) };
            self.peer = peer;
        } else {
            // What is there is the other's.
            self.peer = peer;
            let next = self.following_segment();
            self.link(next, false);
        }
    }

    /// Takes back the frames of a message that will not be completed.
    pub fn rollback(&mut self) {
        drop(self.take_back());
    }

    /// As [`rollback`](Self::rollback), and gives what was taken back, to be dropped when the log is in
    /// order again: bodies in there may be foreign, and their Drop may do anything, such as panic.
    #[must_use]
    fn take_back(&mut self) -> Option<(Vec<Message>, Option<Chain>)> {
        self.missing = None;
        self.uncommitted = 0;
        if !self.open {
            return None;
        }
        self.open = false;
        let chain = self.head.take().map(|(head, mark)| {
            // SAFETY: nothing behind the head's held-back seal was ever visible to the reader.
            let chain =
                unsafe { Chain::new((*head).next.swap(std::ptr::null_mut(), Ordering::Relaxed)) };
            self.enter(head);
            self.messages = mark.messages();
            chain
        });
        // SAFETY: the open message was never visible.
        let (bodies, left) = unsafe { self.current().attached.take_back(self.start) };
        self.attached = left;
        self.bytes = self.start;
        // A segment without room for this writer is full wherever it ends.
        self.capacity = self.current().capacity.max(self.start);
        Some((bodies, chain))
    }

    /// Shows the reader everything at once, without waiting for a batch to fill.
    pub fn publish(&mut self) {
        if self.unpublished > 0 {
            self.unpublished = 0;
            self.current().publish();
        }
    }

    #[inline(always)]
    pub(super) fn current(&self) -> &Segment {
        // SAFETY: the current segment is alive: the reader frees none that is not sealed.
        unsafe { &*self.segment }
    }

    /// Makes `segment` the current one, as if it were empty.
    fn enter(&mut self, segment: *mut Segment) {
        debug_assert_eq!(self.uncommitted, 0, "what was received in place is taken out first");
        self.segment = segment;
        self.data = self.current().data();
        self.capacity = self.current().capacity;
        self.bytes = 0;
        self.messages = 0;
        self.attached = 0;
        self.unpublished = 0;
    }

    #[inline(always)]
    pub(super) fn room(&self) -> usize {
        self.capacity - self.bytes
    }

    /// Copies bytes of one message, or of several whose last [`frames_done`](Self::frames_done)
    /// sorts out.
    pub(super) fn copy_in(&mut self, bytes: &[u8]) {
        assert!(bytes.len() <= self.room(), "the caller has made room");
        debug_assert_eq!(self.uncommitted, 0, "what was received in place is in the way");
        self.current().writing(self.bytes, bytes.len());
        // SAFETY: the destination lies behind every mark, so the reader does not look at it, and
        // within the segment's stretch, which no other segment shares.
        unsafe {
            let to = self.data.add(self.bytes);
            std::ptr::copy_nonoverlapping(bytes.as_ptr(), to, bytes.len());
        }
        self.extend_open(bytes.len());
    }

    /// Counts `bytes` more as part of the open message.
    pub(super) fn extend_open(&mut self, bytes: usize) {
        if !self.open {
            self.open = true;
            self.start = self.bytes;
        }
        self.bytes += bytes;
    }

    /// Writes a frame that is at the start of `window`, with a body of `len` bytes, all of the
    /// window at once: what is too much of it is behind every mark, and the next frame overwrites
    /// it.
    #[inline(always)]
    fn append_small(&mut self, window: &[u8; WINDOW], flags: u8, len: usize) {
        let start = self.bytes;
        self.current().writing(start, WINDOW);
        // SAFETY: as in `copy_in`; the caller has found room for a window.
        unsafe { self.data.add(start).cast::<[u8; WINDOW]>().write(*window) };
        self.bytes = start + SHORT_HEADER + len;
        self.frame_written(flags, start);
    }

    /// Writes a frame with a body shorter than [`APART`].
    #[inline(always)]
    pub(super) fn append(&mut self, flags: u8, body: &[u8]) {
        let needed = LONG_HEADER + body.len();
        if self.room() < needed {
            self.grow(needed);
        }
        let start = self.bytes;
        self.current().writing(start, needed);
        // SAFETY: as in `copy_in`: `needed` bytes are free.
        let to = unsafe { self.data.add(start) };
        let header = if body.len() <= SHORT_BODY {
            // SAFETY: as above.
            unsafe { to.cast::<[u8; 2]>().write([flags, body.len() as u8]) };
            SHORT_HEADER
        } else {
            let mut header = [0; LONG_HEADER];
            frame::write(&mut header, flags, body.len());
            // SAFETY: as above.
            unsafe { to.cast::<[u8; LONG_HEADER]>().write(header) };
            LONG_HEADER
        };
        // SAFETY: as above; nobody else can have a slice of memory that is not written yet.
        unsafe { copy::short(to.add(header), body) };
        self.bytes = start + header + body.len();
        self.frame_written(flags, start);
    }

    /// A frame was written that starts at `start`.
    #[inline(always)]
    pub(super) fn frame_written(&mut self, flags: u8, start: usize) {
        if flags & MORE == 0 {
            self.messages += 1;
            self.commit(1, 0);
        } else if !self.open {
            self.open = true;
            self.start = start;
        }
    }

    #[inline(never)]
    fn attach(&mut self, message: Message) {
        if self.attached == SLOTS {
            let (next, open) = (self.following_segment(), self.open);
            self.link(next, open);
        }
        if self.room() < LONG_HEADER {
            self.grow(LONG_HEADER);
        }
        let (flags, body) = (message.flags(), message.len());
        let mut header = [0; LONG_HEADER];
        // By the long form the reader knows that it has to look for the body elsewhere.
        let size = frame::write_long(&mut header, flags, body);
        let start = self.bytes;
        self.current().writing(start, size);
        // SAFETY: as in `copy_in`: there is room for a header.
        unsafe { self.data.add(start).cast::<[u8; LONG_HEADER]>().write(header) };
        self.bytes = start + size;
        let place = Place { at: self.bytes, messages: self.messages };
        // SAFETY: the frame is behind every mark, and `attached` counts those of this segment.
        unsafe { self.current().attached.put(self.attached, place, message.into_frame()) };
        self.attached += 1;
        self.frame_written(flags, start);
        // What goes on a wire is read in batches of so many bytes; who takes messages looks by itself.
        if !self.open && self.attach_from != HAND_OVER {
            self.offer(body);
        }
    }

    /// Lets the reader take what there is on the spot, whenever that is about as much as a send takes.
    pub(super) fn offer(&mut self, bytes: usize) {
        self.bulk += bytes;
        if self.bulk >= FULL && !self.open {
            self.bulk = 0;
            self.publish();
            self.shared.wake_reader.full(self.yield_when_full);
        }
    }

    /// Counts `messages` that end in what was just copied in: `copied` bytes, of which the last
    /// `tail` belong to a message that goes on.
    ///
    /// # Panics
    /// If there cannot be so many: nothing may be claimed to be in the log that is not.
    pub(super) fn frames_done(&mut self, messages: u32, tail: usize, copied: usize) {
        if messages == 0 {
            return;
        }
        assert!(
            tail <= copied && messages as usize <= copied / SHORT_HEADER,
            "the caller has miscounted the frames it writes"
        );
        self.messages += messages;
        self.commit(messages, tail);
    }

    /// Seals the current segment and makes `next` the current one. While a message is open, the seal
    /// of its first segment is held back: that hides all the others. `goes_on` says whether the
    /// message continues in `next`.
    pub(super) fn link(&mut self, next: *mut Segment, goes_on: bool) {
        if self.peer.is_some() {
            // SAFETY: it is this writer's, and new.
            unsafe { (*next).set_sender(self.peer.clone()) };
        }
        // Relaxed: covered by the mark that seals this segment.
        self.current().next.store(next, Ordering::Relaxed);
        let sealed = WriteMark::new(self.bytes as u32, self.messages).sealed(goes_on);
        if self.open && self.head.is_none() {
            // What is before the open message is not held back with it.
            self.publish();
            self.head = Some((self.segment, sealed));
        } else {
            // Either it holds whole messages only, or it is hidden behind the head.
            // SAFETY: `enter` leaves it for good.
            unsafe { Segment::seal(self.segment, sealed) };
        }
        self.enter(next);
    }

    /// Makes `messages` visible that end before the last `tail` bytes.
    #[inline(always)]
    fn commit(&mut self, messages: u32, tail: usize) {
        let whole = self.bytes - tail;
        self.open = tail > 0;
        if self.open {
            self.start = whole;
        }
        self.written = self.written.wrapping_add(u64::from(messages));
        self.unpublished += messages;
        let mark = WriteMark::new(whole as u32, self.messages);
        self.current().write(mark);
        if self.unpublished >= BATCH {
            self.publish();
        }
        if self.head.is_some() {
            self.reveal();
        }
        // The marks are stored, now look whether the reader sleeps: pairs with the heavy barrier in
        // `LogReader::fall_asleep`: either we see it asleep, or it sees the mark.
        asymmetric_fence::light();
        if self.shared.reader.load(Ordering::Relaxed) == ASLEEP {
            self.wake_reader();
        }
    }

    /// Shows the reader a message that takes several segments, now that it is complete.
    #[cold]
    fn reveal(&mut self) {
        self.publish();
        if let Some((head, sealed)) = self.head.take() {
            // SAFETY: alive: the reader cannot pass it before it is sealed, and nobody writes it
            // afterwards.
            unsafe { Segment::seal(head, sealed) };
        }
    }

    #[cold]
    fn wake_reader(&mut self) {
        self.publish();
        self.shared.tell_written(self.yield_when_full);
    }
}

impl Drop for LogWriter {
    fn drop(&mut self) {
        let taken_back = self.take_back();
        self.publish();
        self.shared.wake_writer.clear();
        // Release: the last marks happen before; pairs with the Acquire in `LogReader::ended`.
        self.shared.ended.store(true, Ordering::Release);
        // As in `commit`, but rare: a full fence.
        fence(Ordering::SeqCst);
        self.shared.tell_of_end();
        drop(taken_back);
    }
}
