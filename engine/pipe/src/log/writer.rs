//! The writing end of a log. One thread at a time.
#![allow(unsafe_code)]

use super::segment::{Mark, Segment, next_capacity};
use super::shared::{ASLEEP, AWAKE, GONE, Shared};
use super::{ATTACH, BATCH};
use crate::barrier;
use crate::frame::{self, LONG_HEADER, MORE};
use crate::message::Message;
use crate::sync::{Arc, Ordering, fence};
use crate::wake::Notify;

/// Least room worth a further segment in the same block, after a frame with an attached body.
const WORTH_SHARING: usize = 256;

/// Why a message was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// The high-water mark is reached; the writer's notifier is told when half is drained.
    Full,
    /// The reader is gone for good.
    Closed,
}

/// The writing end of a [`log`](super::log()).
pub struct LogWriter {
    shared: Arc<Shared>,
    /// The segment being filled, how far, and how many messages end in it.
    segment: *mut Segment,
    octets: usize,
    messages: u32,
    /// Between the first frame of a message and its last.
    open: bool,
    /// Where the open message starts, in `head` if that is set, else in `segment`.
    start: usize,
    /// The first segment of the open message, once that has outgrown it: sealed, but the seal is
    /// held back until the message is complete.
    head: Option<(*mut Segment, Mark)>,
    /// Messages written since the log was made; wraps.
    written: u64,
    /// The credits as last seen.
    credited: u64,
    /// Messages that the word an awake reader polls does not show yet.
    unpublished: u32,
}

// SAFETY: an end is used by one thread at a time (`&mut self`) and owns what it points to.
unsafe impl Send for LogWriter {}

impl LogWriter {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        let segment = shared.chain.load(Ordering::Relaxed);
        Self {
            shared,
            segment,
            octets: 0,
            messages: 0,
            open: false,
            start: 0,
            head: None,
            written: 0,
            credited: 0,
            unpublished: 0,
        }
    }

    /// Says who is told when there is room again. Ask [`ready`](Self::ready) once afterwards.
    pub fn install(&mut self, notify: std::sync::Arc<dyn Notify>, key: usize) {
        self.shared.wake_writer.install(notify, key);
    }

    /// Whether the next message would be taken.
    ///
    /// # Errors
    /// [`Refused::Full`] arms the notifier.
    #[inline]
    pub fn ready(&mut self) -> Result<(), Refused> {
        if self.shared.reader.load(Ordering::Relaxed) == GONE {
            return Err(Refused::Closed);
        }
        if self.open {
            return Ok(());
        }
        if self.written.wrapping_sub(self.credited) >= self.shared.hwm() && self.out_of_credit() {
            return Err(Refused::Full);
        }
        Ok(())
    }

    /// Writes one frame; on success the message is left empty. A frame whose `more()` is false ends
    /// the message, which becomes visible to the reader.
    ///
    /// # Errors
    /// Only the first frame of a message can be refused for want of room. The message stays as it was.
    #[inline]
    pub fn write(&mut self, message: &mut Message) -> Result<(), Refused> {
        self.ready()?;
        if message.len() < ATTACH {
            self.append(message.flags(), message.as_slice());
            *message = Message::new();
        } else {
            let message = std::mem::take(message);
            self.attach(message.flags(), message);
        }
        Ok(())
    }

    /// Writes one frame whatever the high-water mark says: for what must not be refused, such as
    /// subscriptions, and what a peer has sent within its credit.
    pub fn write_uncounted(&mut self, flags: u8, message: Message) {
        if message.len() < ATTACH {
            self.append(flags, &message);
        } else {
            self.attach(flags, message);
        }
    }

    /// Copies a run of whole frames, exactly as they came off the wire: `messages` of them end a
    /// message, and the last `tail` octets belong to a message that goes on.
    ///
    /// Every body in it must be shorter than [`ATTACH`].
    pub fn write_span(&mut self, mut frames: &[u8], mut messages: u32, tail: usize) {
        while frames.len() > self.room() {
            let part = whole_frames(frames, self.room());
            if part.octets == 0 {
                let first = frame::parse(frames).map_or(LONG_HEADER, |h| h.size + h.body as usize);
                self.grow(first);
                continue;
            }
            self.copy_in(&frames[..part.octets]);
            self.frames_done(part.messages, part.tail);
            frames = &frames[part.octets..];
            messages -= part.messages;
        }
        self.copy_in(frames);
        self.frames_done(messages, tail);
    }

    /// Starts a frame whose body of `body` octets, shorter than [`ATTACH`], arrives in pieces: follow
    /// with [`body`](Self::body) until it is whole, then [`end`](Self::end), and nothing in between.
    pub fn begin(&mut self, flags: u8, body: usize) {
        let mut header = [0; LONG_HEADER];
        let size = frame::write(&mut header, flags, body);
        if self.room() < size + body {
            self.grow(size + body);
        }
        self.open_message();
        self.copy_in(&header[..size]);
    }

    /// A piece of the body that [`begin`](Self::begin) announced.
    ///
    /// # Panics
    /// If there is more of it than was announced.
    pub fn body(&mut self, bytes: &[u8]) {
        assert!(
            bytes.len() <= self.room(),
            "more of a body than its header announced"
        );
        self.copy_in(bytes);
    }

    /// The body that [`begin`](Self::begin) announced is whole; `flags` as there.
    pub fn end(&mut self, flags: u8) {
        self.frames_done(u32::from(flags & MORE == 0), 0);
    }

    /// Takes back the frames of a message that will not be completed.
    pub fn rollback(&mut self) {
        if !self.open {
            return;
        }
        self.open = false;
        if let Some((head, mark)) = self.head.take() {
            // SAFETY: nothing behind the head's held-back seal was ever visible to the reader.
            unsafe {
                let mut later = (*head).next.swap(std::ptr::null_mut(), Ordering::Relaxed);
                (*head).attached.with_mut(|slot| *slot = None);
                while !later.is_null() {
                    let next = (*later).next.load(Ordering::Relaxed);
                    Segment::free(later);
                    later = next;
                }
            }
            self.segment = head;
            self.messages = mark.messages();
        }
        self.octets = self.start;
    }

    /// Shows the reader everything at once, without waiting for a batch to fill.
    pub fn publish(&mut self) {
        if self.unpublished > 0 {
            self.unpublished = 0;
            self.current()
                .publish(Mark::new(self.boundary(), self.messages));
        }
    }

    /// Messages written and not yet credited: an upper bound of what is in the log.
    pub fn depth(&self) -> u64 {
        // Relaxed: a figure to look at.
        self.written
            .wrapping_sub(self.shared.credited.load(Ordering::Relaxed))
    }

    /// Changes the high-water mark for what is written from now on; 0 is no limit.
    pub fn set_hwm(&self, hwm: u32) {
        self.shared.hwm.store(hwm, Ordering::Relaxed);
    }

    /// Ends the log: the reader gets what was written and then [`ended`](super::LogReader::ended).
    /// A message in progress is taken back. Dropping does the same.
    pub fn close(self) {}

    fn current(&self) -> &Segment {
        // SAFETY: the current segment is alive: the reader frees none that is not sealed.
        unsafe { &*self.segment }
    }

    /// Octets of the current segment that hold whole messages.
    fn boundary(&self) -> u32 {
        let octets = match (self.open, self.head) {
            (false, _) => self.octets,
            (true, None) => self.start,
            (true, Some(_)) => 0,
        };
        octets as u32
    }

    fn room(&self) -> usize {
        self.current().capacity - self.octets
    }

    #[inline(always)]
    fn open_message(&mut self) {
        if !self.open {
            self.open = true;
            self.start = self.octets;
        }
    }

    fn copy_in(&mut self, bytes: &[u8]) {
        debug_assert!(bytes.len() <= self.room());
        self.open_message();
        // SAFETY: the destination lies behind every mark, so the reader does not look at it, and
        // within the segment's stretch, which no other segment shares; callers checked the room.
        unsafe {
            let to = self.current().data().add(self.octets);
            std::ptr::copy_nonoverlapping(bytes.as_ptr(), to, bytes.len());
        }
        self.octets += bytes.len();
    }

    #[inline]
    fn append(&mut self, flags: u8, body: &[u8]) {
        let needed = LONG_HEADER + body.len();
        if self.room() < needed {
            self.grow(needed);
        }
        self.open_message();
        let mut header = [0; LONG_HEADER];
        let size = frame::write(&mut header, flags, body.len());
        // SAFETY: as in `copy_in`: `needed` octets are free. The header is stored at its greatest
        // size, which costs one move; what is too much of it the body overwrites.
        unsafe {
            let to = self.current().data().add(self.octets);
            std::ptr::copy_nonoverlapping(header.as_ptr(), to, LONG_HEADER);
            std::ptr::copy_nonoverlapping(body.as_ptr(), to.add(size), body.len());
        }
        self.octets += size + body.len();
        if flags & MORE == 0 {
            self.messages += 1;
            self.commit(1, 0);
        }
    }

    fn attach(&mut self, flags: u8, mut message: Message) {
        if self.room() < LONG_HEADER {
            self.grow(LONG_HEADER);
        }
        let mut header = [0; LONG_HEADER];
        let size = frame::write(&mut header, flags, message.len());
        self.copy_in(&header[..size]);
        message.set_flags(flags);
        // SAFETY: this segment is not sealed, so the reader does not look at `attached`.
        self.current()
            .attached
            .with_mut(|slot| unsafe { *slot = Some(message) });
        let ends = u32::from(flags & MORE == 0);
        self.messages += ends;
        let next = self.after_attached();
        self.link(next, ends == 0);
        if ends > 0 {
            self.commit(1, 0);
        }
    }

    /// Counts `messages` that end in what was just copied in, all but its last `tail` octets.
    fn frames_done(&mut self, messages: u32, tail: usize) {
        if messages > 0 {
            self.messages += messages;
            self.commit(messages, tail);
        }
    }

    /// A segment that follows one with an attached body: in the same block while that has room.
    fn after_attached(&self) -> *mut Segment {
        let left = self.room();
        let segment = self.current();
        if left >= WORTH_SHARING {
            return Segment::over(segment.block.clone(), segment.offset + self.octets, left);
        }
        Segment::with_capacity(next_capacity(segment.block.capacity(), 0))
    }

    #[cold]
    fn grow(&mut self, needed: usize) {
        let capacity = next_capacity(self.current().block.capacity(), needed);
        let open = self.open;
        self.link(Segment::with_capacity(capacity), open);
    }

    /// Seals the current segment and makes `next` the current one. While a message is open, the seal
    /// of its first segment is held back: that hides all the others. `goes_on` says whether the
    /// message continues in `next`.
    fn link(&mut self, next: *mut Segment, goes_on: bool) {
        // Relaxed: covered by the mark that seals this segment.
        self.current().next.store(next, Ordering::Relaxed);
        let sealed = Mark::new(self.octets as u32, self.messages).sealed(goes_on);
        if self.open && self.head.is_none() {
            self.head = Some((self.segment, sealed));
        } else {
            // Not open: whole messages only. Otherwise still hidden behind the head.
            self.current().write(sealed);
            self.current().publish(sealed);
        }
        self.segment = next;
        self.octets = 0;
        self.messages = 0;
        self.unpublished = 0;
        if !self.open {
            self.start = 0;
        }
    }

    /// Makes `messages` visible that end before the last `tail` octets.
    #[inline(always)]
    fn commit(&mut self, messages: u32, tail: usize) {
        self.open = tail > 0;
        self.start = self.octets - tail;
        self.written = self.written.wrapping_add(u64::from(messages));
        let mark = Mark::new(self.start as u32, self.messages);
        self.current().write(mark);
        self.unpublished += messages;
        if let Some((head, sealed)) = self.head.take() {
            self.current().publish(mark);
            self.unpublished = 0;
            // SAFETY: alive: the reader cannot pass it before it is sealed, which is the last access.
            let head = unsafe { &*head };
            head.write(sealed);
            head.publish(sealed);
        } else if self.unpublished >= BATCH {
            self.publish();
        }
        // The marks are stored, now look whether the reader sleeps: pairs with the heavy barrier in
        // `LogReader::fall_asleep`: either we see it asleep, or it sees the mark.
        barrier::light();
        if self.shared.reader.load(Ordering::Relaxed) == ASLEEP {
            self.publish();
            self.shared.rouse_reader();
        }
    }

    /// Looks for credits; `true` when there are none, and then the notifier is armed.
    #[cold]
    fn out_of_credit(&mut self) -> bool {
        let full = |this: &mut Self| {
            // Acquire: pairs with the Release of the reader's credit; nothing else depends on it.
            this.credited = this.shared.credited.load(Ordering::Acquire);
            this.written.wrapping_sub(this.credited) >= this.shared.hwm()
        };
        if !full(self) {
            return false;
        }
        self.publish();
        self.shared.writer.store(ASLEEP, Ordering::Relaxed);
        // Pairs with the fence in `Shared::rouse_writer`: either the reader sees ASLEEP, or we see
        // its credit.
        fence(Ordering::SeqCst);
        if full(self) {
            return self.shared.reader.load(Ordering::Relaxed) != GONE;
        }
        self.shared.writer.store(AWAKE, Ordering::Relaxed);
        false
    }
}

impl Drop for LogWriter {
    fn drop(&mut self) {
        self.rollback();
        self.publish();
        self.shared.wake_writer.clear();
        // Release: the last marks happen before; pairs with the Acquire in `LogReader::ended`.
        self.shared.ended.store(true, Ordering::Release);
        // As in `commit`, but rare: a full fence.
        fence(Ordering::SeqCst);
        self.shared.rouse_reader();
    }
}

/// How much of a run of frames fits somewhere.
struct Part {
    octets: usize,
    messages: u32,
    /// Octets after the last frame that ends a message.
    tail: usize,
}

/// The longest run of whole frames at the start of `frames` that takes at most `room` octets.
fn whole_frames(frames: &[u8], room: usize) -> Part {
    let mut part = Part {
        octets: 0,
        messages: 0,
        tail: 0,
    };
    while let Some(header) = frame::parse(&frames[part.octets..]) {
        let size = header.size + header.body as usize;
        if part.octets + size > room {
            break;
        }
        part.octets += size;
        if header.flags & MORE == 0 {
            part.messages += 1;
            part.tail = 0;
        } else {
            part.tail += size;
        }
    }
    part
}
