//! The floor of the curve: bodies are made as the subject's are, and what becomes of them is the same.
//!
//! Small bodies are copied into a batch, as those of the other floor are; larger ones lie where their
//! maker put them, and one vectored write takes headers and bodies together. A receiver that keeps the
//! last messages has as many buffers, which it fills in turn; one that does not reads bodies where they
//! came to lie. Where the system would pace a connection within the machine, it does not.

use std::io::IoSlice;

use anyhow::Result;
use bytes::Bytes;

use super::stream::{
    BATCH, FrameReader, LARGE, LARGE_BATCH, MAX_HEADER, READ_BUFFER, Stream, Wire, header,
    put_header,
};
use crate::case::{Bodies, Handling, KEPT, Side};
use crate::end::{End, Receiving, Sending, Sink, Source};
use crate::job::Job;
use crate::payload::{Checker, Stamper};
use crate::pool::Pool;

/// Bytes of body below which a copy costs less than a slice of its own in a vectored write.
const BY_REFERENCE: usize = 4 << 10;
/// Bodies of a vectored write: as many as the batch has room for of the smallest ones.
const MOST: usize = BATCH / BY_REFERENCE;
/// Most buffers of a sender that go round: those of one write, and some.
const POOL: usize = 4 * MOST;

/// Makes the end of `job` on `side`.
pub(super) fn end<S: Stream>(wire: Wire<S>, job: &Job, side: Side) -> Box<dyn End> {
    wire.unhindered();
    match (side, job.case.handling) {
        (Side::Connect, _) => Box::new(Sending::of(Writer::new(wire, job), job.stamper())),
        (Side::Bind, Handling::Keep) => {
            Box::new(Receiving::of(Keeper::new(wire, job.case.size), job.checker()))
        }
        (Side::Bind, _) => {
            Box::new(Receiving::of(FrameReader::new(wire, job.case.size), job.checker()))
        }
    }
}

/// Makes bodies and writes several at a time.
struct Writer<S> {
    wire: Wire<S>,
    /// Whose buffers come back; none where each body has a fresh one.
    pool: Option<Pool>,
    header: Vec<u8>,
    /// Frames that were copied.
    batch: Vec<u8>,
    /// Bodies that are to be written from where they are.
    bodies: Vec<Bytes>,
    /// Of how many bytes a write is.
    most: usize,
}

impl<S: Stream> Writer<S> {
    fn new(wire: Wire<S>, job: &Job) -> Self {
        let size = job.case.size;
        let mut header = Vec::with_capacity(MAX_HEADER);
        put_header(&mut header, size);
        let pool = match job.case.bodies {
            Bodies::Fresh => None,
            Bodies::Usual | Bodies::Same | Bodies::Clone => Some(Pool::new(&job.stamper(), POOL)),
        };
        let most = if size < LARGE { BATCH } else { LARGE_BATCH };
        Self {
            wire,
            pool,
            header,
            batch: Vec::with_capacity(BATCH),
            bodies: Vec::with_capacity(MOST),
            most,
        }
    }

    fn next(&mut self, stamper: &mut Stamper) -> Bytes {
        match &mut self.pool {
            Some(pool) => pool.next(stamper),
            None => Bytes::from(stamper.next_body().to_vec()),
        }
    }
}

impl<S: Stream> Source for Writer<S> {
    #[inline]
    fn send(&mut self, stamper: &mut Stamper) -> Result<()> {
        let body = self.next(stamper);
        let frame = self.header.len() + body.len();
        if body.len() < BY_REFERENCE {
            if self.batch.len() + frame > self.batch.capacity() {
                self.flush()?;
            }
            self.batch.extend_from_slice(&self.header);
            self.batch.extend_from_slice(&body);
        } else {
            self.bodies.push(body);
            if self.bodies.len() == MOST || (self.bodies.len() + 1) * frame > self.most {
                self.flush()?;
            }
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<()> {
        let (mut slices, mut count) = ([IoSlice::new(&[]); 2 * MOST + 1], 0);
        let copied = (!self.batch.is_empty()).then_some(&self.batch[..]);
        let framed = self.bodies.iter().flat_map(|body| [&self.header[..], &body[..]]);
        for slice in copied.into_iter().chain(framed) {
            slices[count] = IoSlice::new(slice);
            count += 1;
        }
        self.wire.write_all_vectored(&mut slices[..count])?;
        self.batch.clear();
        self.bodies.clear();
        Ok(())
    }
}

/// Reads bodies into buffers of their own, the last of which it keeps.
struct Keeper<S> {
    wire: Wire<S>,
    /// What was read beyond the body before.
    buffer: Box<[u8]>,
    start: usize,
    end: usize,
    kept: Vec<Box<[u8]>>,
    turn: usize,
}

impl<S: Stream> Keeper<S> {
    fn new(wire: Wire<S>, size: usize) -> Self {
        // Of large bodies most bytes are read to where they stay.
        let buffer = if size < LARGE { READ_BUFFER } else { BATCH };
        Self {
            wire,
            buffer: vec![0; buffer].into(),
            start: 0,
            end: 0,
            kept: vec![vec![0; size].into(); KEPT],
            turn: 0,
        }
    }

    /// The length of the next body, once its header has been read.
    fn header(&mut self, limit: usize) -> Result<usize> {
        loop {
            if let Some((header, length)) = header(&self.buffer[self.start..self.end], limit)? {
                self.start += header;
                return Ok(length);
            }
            self.buffer.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
            self.end += self.wire.read(&mut self.buffer[self.end..])?;
        }
    }
}

impl<S: Stream> Sink for Keeper<S> {
    fn recv(&mut self, checker: &mut Checker) -> Result<()> {
        let length = self.header(checker.size())?;
        let slot = &mut self.kept[self.turn][..length];
        let mut filled = length.min(self.end - self.start);
        slot[..filled].copy_from_slice(&self.buffer[self.start..self.start + filled]);
        self.start += filled;
        while filled < length {
            filled += self.wire.read(&mut slot[filled..])?;
        }
        self.turn = (self.turn + 1) % KEPT;
        Ok(checker.check(slot)?)
    }
}
