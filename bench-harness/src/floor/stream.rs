//! What the floors over TCP and over Unix sockets have in common: both are streams of bytes.
//!
//! Throughput: frames with ZMTP's header of two or nine bytes are put together in batches of 64 KiB,
//! one write each; the reader walks them in a large buffer. Latency: the bare bytes go there and back,
//! without any header. A spinning wire is non-blocking and asks again until it is served; a blocking
//! one sleeps in the kernel, bounded by the socket's own timeout. Whoever asks on a schedule never
//! sleeps; then only the side that answers does.

use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};

use super::curve;
use crate::case::{Backend, Kind, Side};
use crate::end::{Answerer, Answering, Asker, Asking, End, Receiving, Sending, Sink, Source};
use crate::job::Job;
use crate::patience::Patience;
use crate::payload::{Checker, Stamper};

/// Bytes a write carries; larger batches gain nothing measurable over loopback, smaller ones lose.
pub(super) const BATCH: usize = 64 << 10;
/// The same for [`LARGE`] bodies: room for four of 64 KiB. One at a time would leave the bytes that do
/// not fit a full segment in a segment of their own.
pub(super) const LARGE_BATCH: usize = (256 << 10) + 4 * MAX_HEADER;
/// Bytes of body from which on a batch is a large one.
pub(super) const LARGE: usize = 32 << 10;
/// Bytes the reader has room for: several batches, so that one read can take what has piled up.
pub(super) const READ_BUFFER: usize = 512 << 10;
/// Largest header: a flags byte and eight bytes of length.
pub(super) const MAX_HEADER: usize = 9;
/// The flag of ZMTP 3 that announces eight bytes of length instead of one.
const LONG: u8 = 2;

/// A connected socket that knows how to be set up for a floor.
pub(super) trait Stream: Read + Write + Send + 'static {
    /// Chooses between spinning and blocking (for at most `limit`).
    fn prepare(&self, blocking: bool, limit: Duration) -> io::Result<()>;

    /// Does without what the system's settings would hold back within one machine, as the subject does.
    fn unhindered(&self) {}
}

/// Makes the end of `job` on `side` out of its socket.
pub(super) fn end<S: Stream>(stream: S, job: &Job, side: Side) -> Result<Box<dyn End>> {
    let blocking = job.case.backend == Backend::FloorBlocking;
    let patience = Patience::new(job.patience());
    stream.prepare(blocking, job.patience()).context("setting the options of a bare socket")?;
    let wire = Wire { stream, blocking, patience };
    let size = job.case.size;
    if job.case.is_of_curve() {
        return Ok(curve::end(wire, job, side));
    }
    Ok(match (job.case.kind, side) {
        (Kind::Throughput, Side::Connect) => {
            Box::new(Sending::new(BatchWriter::new(wire, size), size))
        }
        (Kind::Throughput, Side::Bind) => {
            Box::new(Receiving::new(FrameReader::new(wire, size), size))
        }
        (Kind::Latency, Side::Connect) => {
            let bounce = Bounce::new(wire, size, job.patience());
            Box::new(Asking::new(bounce, size, super::patience(job)))
        }
        (Kind::Latency, Side::Bind) => Box::new(Answering(Bounce::new(wire, size, job.patience()))),
    })
}

/// A socket together with its way of waiting.
pub(super) struct Wire<S> {
    stream: S,
    blocking: bool,
    patience: Patience,
}

impl<S: Stream> Wire<S> {
    /// Goes round after an error that only means "not now".
    #[inline]
    fn wait(&mut self, error: io::Error) -> Result<()> {
        match error.kind() {
            ErrorKind::WouldBlock if !self.blocking => self.patience.again(),
            ErrorKind::WouldBlock | ErrorKind::TimedOut => {
                bail!("the other side did nothing for {:?}", self.patience.limit())
            }
            ErrorKind::Interrupted => Ok(()),
            _ => Err(error).context("on a bare socket"),
        }
    }

    /// See [`Stream::unhindered`].
    pub(super) fn unhindered(&self) {
        self.stream.unhindered();
    }

    /// Writes all of `slices`, in one system call if the kernel takes that much.
    pub(super) fn write_all_vectored(&mut self, mut slices: &mut [IoSlice<'_>]) -> Result<()> {
        while !slices.is_empty() {
            match self.stream.write_vectored(slices) {
                Ok(written) => {
                    IoSlice::advance_slices(&mut slices, written);
                    self.patience.progress();
                }
                Err(error) => self.wait(error)?,
            }
        }
        Ok(())
    }

    #[inline]
    fn write_all(&mut self, mut bytes: &[u8]) -> Result<()> {
        while !bytes.is_empty() {
            match self.stream.write(bytes) {
                Ok(written) => {
                    bytes = &bytes[written..];
                    self.patience.progress();
                }
                Err(error) => self.wait(error)?,
            }
        }
        Ok(())
    }

    #[inline]
    pub(super) fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        loop {
            match self.stream.read(buffer) {
                Ok(0) => bail!("the other side closed the connection too early"),
                Ok(read) => {
                    self.patience.progress();
                    return Ok(read);
                }
                Err(error) => self.wait(error)?,
            }
        }
    }
}

/// Writes the header of a frame with a body of `size` bytes to the end of `batch`.
#[inline]
pub(super) fn put_header(batch: &mut Vec<u8>, size: usize) {
    match u8::try_from(size) {
        Ok(short) => batch.extend_from_slice(&[0, short]),
        Err(_) => {
            batch.push(LONG);
            batch.extend_from_slice(&(size as u64).to_be_bytes());
        }
    }
}

/// Puts frames together and writes them 64 KiB at a time.
struct BatchWriter<S> {
    wire: Wire<S>,
    batch: Vec<u8>,
}

impl<S: Stream> BatchWriter<S> {
    fn new(wire: Wire<S>, size: usize) -> Self {
        let batch = if size < LARGE { BATCH } else { LARGE_BATCH.max(size + MAX_HEADER) };
        Self { wire, batch: Vec::with_capacity(batch) }
    }
}

impl<S: Stream> Source for BatchWriter<S> {
    #[inline]
    fn send(&mut self, stamper: &mut Stamper) -> Result<()> {
        if self.batch.len() + MAX_HEADER + stamper.size() > self.batch.capacity() {
            self.flush()?;
        }
        let body = stamper.next_body();
        put_header(&mut self.batch, body.len());
        self.batch.extend_from_slice(body);
        Ok(())
    }

    fn flush(&mut self) -> Result<()> {
        self.wire.write_all(&self.batch)?;
        self.batch.clear();
        Ok(())
    }
}

/// Reads the header of the frame that `bytes` begin with, of at most `limit` bytes: its length and that
/// of the body; nothing if it is not whole.
#[inline]
pub(super) fn header(bytes: &[u8], limit: usize) -> Result<Option<(usize, usize)>> {
    let (header, length) = match bytes {
        [0, short, ..] => (2, usize::from(*short)),
        [LONG, long @ ..] => match long.first_chunk::<8>() {
            Some(long) => (MAX_HEADER, u64::from_be_bytes(*long) as usize),
            None => return Ok(None),
        },
        [] | [0] => return Ok(None),
        [flags, ..] => bail!("a frame begins with the byte {flags:#04x}: the stream is torn"),
    };
    ensure!(length <= limit, "a frame of {length} bytes was announced, over the {limit} sent");
    Ok(Some((header, length)))
}

/// Reads as much as there is and cuts it into frames in place.
pub(super) struct FrameReader<S> {
    wire: Wire<S>,
    buffer: Box<[u8]>,
    start: usize,
    end: usize,
}

impl<S: Stream> FrameReader<S> {
    pub(super) fn new(wire: Wire<S>, size: usize) -> Self {
        let buffer = vec![0; READ_BUFFER.max(2 * (size + MAX_HEADER))].into_boxed_slice();
        Self { wire, buffer, start: 0, end: 0 }
    }

    /// Finds the next whole frame: where its body begins and ends.
    #[inline]
    fn frame(&self, limit: usize) -> Result<Option<(usize, usize)>> {
        let bytes = &self.buffer[self.start..self.end];
        let Some((header, length)) = header(bytes, limit)? else {
            return Ok(None);
        };
        let body = self.start + header;
        Ok((bytes.len() >= header + length).then_some((body, body + length)))
    }

    /// Reads more; moves what is left to the front once less than a batch of room remains.
    fn fill(&mut self) -> Result<()> {
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
        } else if self.buffer.len() - self.end < BATCH.max(self.buffer.len() / 4) {
            self.buffer.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
        self.end += self.wire.read(&mut self.buffer[self.end..])?;
        Ok(())
    }
}

impl<S: Stream> Sink for FrameReader<S> {
    #[inline]
    fn recv(&mut self, checker: &mut Checker) -> Result<()> {
        loop {
            if let Some((body, end)) = self.frame(checker.size())? {
                checker.check(&self.buffer[body..end])?;
                self.start = end;
                return Ok(());
            }
            self.fill()?;
        }
    }
}

/// Sends bare bytes there and back. An empty message cannot be seen in a stream, so one byte stands
/// for it.
struct Bounce<S> {
    wire: Wire<S>,
    buffer: Vec<u8>,
    /// How much of the next message the buffer holds.
    filled: usize,
    limit: Duration,
}

impl<S: Stream> Bounce<S> {
    fn new(wire: Wire<S>, size: usize, limit: Duration) -> Self {
        Self { wire, buffer: vec![0; size.max(1)], filled: 0, limit }
    }

    #[inline]
    fn read_whole(&mut self) -> Result<()> {
        while self.filled < self.buffer.len() {
            self.filled += self.wire.read(&mut self.buffer[self.filled..])?;
        }
        self.filled = 0;
        Ok(())
    }
}

impl<S: Stream> Asker for Bounce<S> {
    #[inline]
    fn ask(&mut self, stamper: &mut Stamper, checker: &mut Checker) -> Result<()> {
        self.question(stamper)?;
        self.read_whole()?;
        Ok(checker.check(&self.buffer[..stamper.size()])?)
    }

    fn stop_waiting(&mut self) -> Result<()> {
        self.wire.blocking = false;
        self.wire.stream.prepare(false, self.limit).context("making a bare socket non-blocking")
    }

    #[inline]
    fn question(&mut self, stamper: &mut Stamper) -> Result<()> {
        let body = stamper.next_body();
        self.wire.write_all(if body.is_empty() { &[0] } else { body })
    }

    #[inline]
    fn try_answer(&mut self, checker: &mut Checker) -> Result<bool> {
        match self.wire.stream.read(&mut self.buffer[self.filled..]) {
            Ok(0) => bail!("the other side closed the connection too early"),
            Ok(read) => self.filled += read,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
            Err(error) => self.wire.wait(error)?,
        }
        if self.filled < self.buffer.len() {
            return Ok(false);
        }
        self.filled = 0;
        checker.check(&self.buffer[..checker.size()])?;
        Ok(true)
    }
}

impl<S: Stream> Answerer for Bounce<S> {
    #[inline]
    fn answer(&mut self) -> Result<()> {
        self.read_whole()?;
        self.wire.write_all(&self.buffer)
    }
}
