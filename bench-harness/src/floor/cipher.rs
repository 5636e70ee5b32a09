//! The floor under CURVE: the bare cipher, with nothing that carries what it seals.
//!
//! For each message CURVE asks it for one box with a byte of flags and the body in it, under a nonce that
//! counts and a key that was agreed before; here are as many boxes, made and opened by the library that
//! ringmq uses, and nothing else. One thread seals and another one opens, each on its core, and batches of
//! boxes go to and fro between them over two rings; or (where the floor is to be the one that blocks) one
//! thread does both in turn. A round trip is two boxes, sealed and opened by one thread.

use std::hint;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow};
use dryoc::classic::crypto_box;
use rtrb::{Consumer, Producer, RingBuffer};

use crate::case::{Backend, Kind};
use crate::end::{Asker, Asking, End, Receiving, Sending, Sink, Source};
use crate::job::{Job, Outcome, Phase};
use crate::patience::Patience;
use crate::payload::{Checker, Stamper};

/// Bytes by which a box is longer than what is in it.
const MAC: usize = 16;
/// The byte of flags in front of each body.
const FLAGS: usize = 1;
/// Bytes of boxes that are handed over at once, if more than one box fits.
const BATCH: usize = 32 << 10;
/// Batches that go round: of small boxes they stay in the caches of either core.
const BATCHES: usize = 8;

/// Both ends of `job`, the one that seals first.
pub(super) fn ends(job: &Job) -> [Box<dyn End>; 2] {
    let (stamper, checker) = (job.stamper(), job.checker());
    let alone = Alone::new(job.stamper());
    match (job.case.kind, job.case.backend) {
        (Kind::Latency, _) => {
            [Box::new(Asking::new(alone, job.case.size, super::patience(job))), Box::new(Idle)]
        }
        (Kind::Throughput, Backend::FloorBlocking) => {
            [Box::new(Idle), Box::new(Receiving::of(alone, checker))]
        }
        (Kind::Throughput, _) => {
            let (sealing, opening) = rings(job.case.size, job.patience());
            [Box::new(Sending::of(sealing, stamper)), Box::new(Receiving::of(opening, checker))]
        }
    }
}

/// In words, what `job` measures.
pub(super) fn subject(job: &Job) -> &'static str {
    match (job.case.kind, job.case.backend) {
        (Kind::Latency, _) => "bare cipher (dryoc), two boxes sealed and opened by one thread",
        (_, Backend::FloorBlocking) => "bare cipher (dryoc), one thread that seals and opens",
        _ => "bare cipher (dryoc), one thread that seals and one that opens",
    }
}

/// Seals or opens boxes, one number after the other.
struct Cipher {
    nonce: crypto_box::Nonce,
    number: u64,
}

/// How long the cipher takes does not depend on the key.
const KEY: [u8; 32] = [0x5a; 32];
/// How the nonces of a client's messages begin.
const NAME: &[u8; 16] = b"CurveZMQMESSAGEC";

impl Cipher {
    fn new() -> Self {
        let mut nonce = [0; NAME.len() + size_of::<u64>()];
        nonce[..NAME.len()].copy_from_slice(NAME);
        Self { nonce, number: 0 }
    }

    #[inline]
    fn count(&mut self) {
        self.number += 1;
        self.nonce[NAME.len()..].copy_from_slice(&self.number.to_be_bytes());
    }

    /// Makes a box of what lies behind the first [`MAC`] bytes.
    #[inline]
    fn seal(&mut self, sealed: &mut [u8]) -> Result<()> {
        self.count();
        let (mac, content) = sealed.split_first_chunk_mut::<MAC>().context("no room for a box")?;
        crypto_box::crypto_box_detached_afternm_inplace(content, mac, &self.nonce, &KEY);
        Ok(())
    }

    /// The body in a box.
    #[inline]
    fn open<'a>(&mut self, sealed: &'a mut [u8]) -> Result<&'a [u8]> {
        self.count();
        let (mac, content) = sealed.split_first_chunk_mut::<MAC>().context("no whole box")?;
        crypto_box::crypto_box_open_detached_afternm_inplace(content, mac, &self.nonce, &KEY)
            .map_err(|_| anyhow!("box {} does not open", self.number))?;
        Ok(&content[FLAGS..])
    }
}

/// Appends room for a box with `body` in it.
#[inline]
fn put(body: &[u8], batch: &mut Vec<u8>) {
    batch.extend_from_slice(&[0; MAC + FLAGS]);
    batch.extend_from_slice(body);
}

/// Bytes of a box with a body of `size` bytes.
fn box_of(size: usize) -> usize {
    MAC + FLAGS + size
}

/// Both ends of a way for messages of `size` bytes, on which nobody waits longer than `limit`.
fn rings(size: usize, limit: Duration) -> (Sealing, Opening) {
    let room = BATCH.max(box_of(size));
    let (to_open, sealed) = RingBuffer::new(BATCHES);
    let (mut to_seal, opened) = RingBuffer::new(BATCHES);
    for _ in 1..BATCHES {
        // There is room: as many as the ring has, but one, which the sealing thread begins with.
        let _ = to_seal.push(Vec::with_capacity(room));
    }
    let end = |give, take| Way { give, take, patience: Patience::new(limit) };
    let batch = Vec::with_capacity(room);
    let sealing = Sealing { cipher: Cipher::new(), batch, way: end(to_open, opened) };
    let way = end(to_seal, sealed);
    let opening = Opening { cipher: Cipher::new(), batch: None, at: 0, size: box_of(size), way };
    (sealing, opening)
}

/// A thread's hold on the two rings.
struct Way {
    give: Producer<Vec<u8>>,
    take: Consumer<Vec<u8>>,
    patience: Patience,
}

impl Way {
    fn give(&mut self, batch: Vec<u8>) -> Result<()> {
        // Each ring has room for all batches that there are.
        self.give.push(batch).map_err(|_| anyhow!("a ring has more batches than were made"))
    }

    fn take(&mut self) -> Result<Vec<u8>> {
        loop {
            if let Ok(batch) = self.take.pop() {
                self.patience.progress();
                return Ok(batch);
            }
            hint::spin_loop();
            self.patience.again().context("the other thread hands no batch over")?;
        }
    }
}

/// The thread that seals.
struct Sealing {
    cipher: Cipher,
    batch: Vec<u8>,
    way: Way,
}

impl Source for Sealing {
    #[inline]
    fn send(&mut self, stamper: &mut Stamper) -> Result<()> {
        let body = stamper.next_body();
        if self.batch.len() + box_of(body.len()) > self.batch.capacity() {
            let empty = self.way.take()?;
            self.way.give(std::mem::replace(&mut self.batch, empty))?;
        }
        let at = self.batch.len();
        put(body, &mut self.batch);
        self.cipher.seal(&mut self.batch[at..])
    }

    fn flush(&mut self) -> Result<()> {
        if self.batch.is_empty() {
            return Ok(());
        }
        let empty = self.way.take()?;
        self.way.give(std::mem::replace(&mut self.batch, empty))
    }
}

/// The thread that opens.
struct Opening {
    cipher: Cipher,
    batch: Option<Vec<u8>>,
    /// Where its next box begins.
    at: usize,
    /// Bytes of each box.
    size: usize,
    way: Way,
}

impl Sink for Opening {
    #[inline]
    fn recv(&mut self, checker: &mut Checker) -> Result<()> {
        let batch = match &mut self.batch {
            Some(batch) => batch,
            none => none.insert(self.way.take()?),
        };
        let end = self.at + self.size;
        let sealed = batch.get_mut(self.at..end).context("a batch ends within a box")?;
        checker.check(self.cipher.open(sealed)?)?;
        self.at = end;
        if end == batch.len()
            && let Some(mut batch) = self.batch.take()
        {
            self.at = 0;
            batch.clear();
            self.way.give(batch)?;
        }
        Ok(())
    }
}

/// One thread that seals and opens.
struct Alone {
    sealing: Cipher,
    opening: Cipher,
    /// Of what [`Sink::recv`] seals before it opens it.
    stamper: Stamper,
    sealed: Vec<u8>,
}

impl Alone {
    fn new(stamper: Stamper) -> Self {
        let sealed = Vec::with_capacity(box_of(stamper.size()));
        Self { sealing: Cipher::new(), opening: Cipher::new(), stamper, sealed }
    }
}

impl Sink for Alone {
    #[inline]
    fn recv(&mut self, checker: &mut Checker) -> Result<()> {
        self.sealed.clear();
        put(self.stamper.next_body(), &mut self.sealed);
        self.sealing.seal(&mut self.sealed)?;
        Ok(checker.check(self.opening.open(&mut self.sealed)?)?)
    }
}

impl Asker for Alone {
    #[inline]
    fn ask(&mut self, stamper: &mut Stamper, checker: &mut Checker) -> Result<()> {
        self.sealed.clear();
        put(stamper.next_body(), &mut self.sealed);
        self.sealing.seal(&mut self.sealed)?;
        self.opening.open(&mut self.sealed)?;
        // What was opened is sealed where it lies: the answer is the question.
        self.sealing.seal(&mut self.sealed)?;
        Ok(checker.check(self.opening.open(&mut self.sealed)?)?)
    }
}

/// The end that has nothing to do, since the other one does everything.
struct Idle;

impl End for Idle {
    fn run(&mut self, Phase { count, .. }: Phase) -> Result<Outcome> {
        Ok(Outcome { messages: count, ..Outcome::default() })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_box_opens_once_and_only_untouched() {
        let mut sealed = Vec::new();
        put(b"body", &mut sealed);
        Cipher::new().seal(&mut sealed).unwrap();
        assert_ne!(&sealed[MAC + FLAGS..], b"body");
        assert_eq!(Cipher::new().open(&mut sealed.clone()).unwrap(), b"body");
        let mut late = Cipher::new();
        late.count();
        assert!(late.open(&mut sealed.clone()).is_err(), "the number is part of it");
        sealed[0] ^= 1;
        let error = Cipher::new().open(&mut sealed).unwrap_err().to_string();
        assert_eq!(error, "box 1 does not open");
    }
}
