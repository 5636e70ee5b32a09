//! A pipe between two connections, with what the last one left behind.

use super::outbound::gather_latest;
use super::stale;
use super::waiting_bytes::WaitingBytes;
use crate::owner::SessionOwner;
use crate::{PipeEnd, PipeState};
use ringmq_pipe::{Notify, Piece, PipeReader, PipeWriter, Sleep, frame};
use ringmq_zmtp::parse_subscription;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

/// A pipe on its way from one connection to the next. Dropping it counts what it still holds as
/// dropped: messages that were accepted for a peer that is gone and that nobody else gets.
pub struct DetachedPipe {
    pub(crate) tx: PipeWriter,
    /// What the last connection has left that the application has not taken.
    pub(crate) waiting: Option<WaitingBytes>,
    pub(crate) source: OutputSource,
    /// When to give up on sending, once the socket has closed the pipe.
    pub linger_until: Option<Instant>,
}

/// The half of a [`DetachedPipe`] that messages to the peer come from. Dropping it counts what it still holds as
/// dropped.
pub struct OutputSource {
    pub(crate) rx: PipeReader,
    /// What the last connection had taken from the pipe and not sent.
    pub(crate) unsent: Vec<Piece>,
    pub(crate) state: Arc<PipeState>,
}

impl DetachedPipe {
    /// A pipe that has not been used.
    pub fn new(pipe: PipeEnd) -> Self {
        let source = OutputSource { rx: pipe.rx, unsent: Vec::new(), state: pipe.state };
        Self { tx: pipe.tx, waiting: None, source, linger_until: None }
    }

    /// Says who is told about both directions; see [`PipeEnd::install`].
    pub fn install(&mut self, notify: &Arc<dyn Notify>, key: usize) {
        self.tx.install(notify, key);
        self.source.install(notify, key);
    }

    /// What both ends of the pipe see.
    pub fn state(&self) -> &Arc<PipeState> {
        &self.source.state
    }

    /// Whether the last connection has left something to be sent.
    pub fn has_unsent(&self) -> bool {
        !self.source.unsent.is_empty()
    }

    /// Drops it and counts as dropped what it still held. Returns how many messages those were if nobody has
    /// been told yet: of what lingers, whoever waits for that was.
    pub fn discard(mut self) -> u64 {
        self.source.lose(0)
    }

    /// Its two directions apart: what peers send, and what is sent to them.
    pub fn split(self) -> (PipeWriter, OutputSource) {
        (self.tx, self.source)
    }

    /// Whether everything that the socket wrote, before it closed the pipe, has been sent.
    pub fn is_spent(&mut self) -> bool {
        self.source.is_spent()
    }
}

impl OutputSource {
    /// What both ends of the pipe see.
    pub fn state(&self) -> &Arc<PipeState> {
        &self.state
    }

    /// Whether everything that the socket wrote, before it closed the pipe, has been sent.
    pub fn is_spent(&mut self) -> bool {
        self.unsent.is_empty() && self.rx.ended()
    }

    /// Says who is told of what is written.
    pub fn install(&mut self, notify: &Arc<dyn Notify>, key: usize) {
        self.rx.install(notify, key);
    }

    /// Counts what it holds as dropped, beside `more` messages that were gathered and not sent. Returns
    /// how many that was if nobody has been told yet.
    pub fn lose(&mut self, more: u64) -> u64 {
        let lost = self.discard() + more;
        if self.state.over(lost) { 0 } else { lost }
    }

    /// Takes what the socket has written for the wire, in whole messages: about `most` bytes, or the latest message
    /// where only that is kept. Without a connection that would give back what it has not sent.
    pub fn gather(&mut self, most: usize, pieces: &mut Vec<Piece>) {
        if let Some(log) = self.rx.as_log_mut() {
            log.gather(most, pieces);
        } else if let Some(slot) = self.rx.as_conflated_mut() {
            gather_latest(slot, pieces);
        }
    }

    /// Credits `messages` of what was [gathered](Self::gather).
    pub fn done(&mut self, messages: u32) {
        if let Some(log) = self.rx.as_log_mut() {
            log.done(messages);
        }
    }

    /// Whether whoever it was [installed](Self::install) for is told of what is written from now on: there is
    /// nothing to gather.
    pub fn fall_asleep(&mut self) -> bool {
        self.rx.fall_asleep() == Sleep::Asleep
    }
}

impl OutputSource {
    /// A connection begins: appends to `frames` what it tells first, and returns what follows of
    /// what the connection before has left.
    pub(crate) fn begin(&mut self, owner: &dyn SessionOwner, frames: &mut Vec<u8>) -> Vec<Piece> {
        let mut told = self.state.told();
        // From here on a change is written to the pipe, unless the preamble tells of it.
        self.state.connected.store(true, Ordering::SeqCst);
        let hello = owner.hello();
        if !hello.is_empty() {
            let mut header = [0; frame::LONG_HEADER];
            let size = frame::write(&mut header, 0, hello.len());
            frames.extend_from_slice(&header[..size]);
            frames.extend_from_slice(&hello);
        }
        let Some(latest) = owner.preamble(frames) else { return std::mem::take(&mut self.unsent) };
        *told = latest;
        let mut unsent = std::mem::take(&mut self.unsent);
        let Some(log) = self.rx.as_log_mut() else { return unsent };
        log.gather_written(&mut unsent);
        drop(told);
        let stale =
            stale::remove(&mut unsent, |flags, body| parse_subscription(flags, body).is_some());
        log.done(stale);
        unsent
    }
}

impl OutputSource {
    /// Throws away what is still to be sent; how many messages that was.
    fn discard(&mut self) -> u64 {
        let mut pieces = std::mem::take(&mut self.unsent);
        let mut lost = 0;
        if let Some(log) = self.rx.as_log_mut() {
            // Whoever writes at this moment is refused, so that the counting comes to an end.
            log.set_hwm(1);
            while log.gather(usize::MAX, &mut pieces) > 0 {}
        }
        while let Some(frame) = self.rx.read() {
            lost += u64::from(!frame.more());
        }
        lost += pieces.iter().map(|piece| u64::from(piece.messages)).sum::<u64>();
        lost
    }
}

impl Drop for OutputSource {
    fn drop(&mut self) {
        let lost = self.discard();
        self.state.over(lost);
    }
}
