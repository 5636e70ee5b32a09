//! The receiving half of a link of datagrams: from the socket into the pipe. One thread at a time works on it: the
//! I/O thread, or a thread of the application that has it on lease.

use crate::PipeState;
use crate::backend::{
    Datagram, DatagramBatch, DatagramReceive, DatagramSlot, Segmentation, SendTally, receive, send,
    set_runs,
};
use crate::carriage::{Carriage, Unpacked};
use crate::monitor::MonitorEvent;
use ringmq_pipe::PipeWriter;
use socket2::Socket;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// Datagrams, or runs of them, that a borrower receives with one call.
const SLOTS: usize = 4;
/// Bytes that come between two waits, from which on a thread had better receive them itself: with fewer it is the I/O
/// thread, awake to receive, that sends the answer sooner.
const MUCH: usize = 4 * 1024;
/// Receives of less than that, one after the other, after which a borrower gives the half back.
const LULL: u8 = 16;
/// How long the I/O thread does not hear at the most of messages that got lost.
const REPORT_INTERVAL: Duration = Duration::from_secs(1);

/// What a thread works on that receives datagrams: the socket, what takes messages out of them, and where those go.
pub struct DatagramHalf {
    socket: Arc<Socket>,
    carriage: Box<dyn Carriage>,
    tx: PipeWriter,
    state: Arc<PipeState>,
    how: Option<DatagramReceive>,
    /// What a borrower receives into; none as long as there is none.
    slots: Vec<DatagramSlot>,
    /// Of those, what was received and not looked at yet.
    unread: std::ops::Range<usize>,
    /// What a borrower sends in between, as NAKs.
    outgoing: DatagramBatch,
    runs: Segmentation,
    report: DatagramReport,
    /// When a borrower has brought the last report.
    reported_at: Option<Instant>,
    /// The carriage has something to do then.
    due: Option<Instant>,
    /// Bytes that have come since a thread asked for the half.
    since_asked: usize,
    /// Receives of a borrower that brought little, since one brought much.
    lull: u8,
}

/// What was found out while datagrams were received, for the I/O thread to tell.
#[derive(Default)]
pub struct DatagramReport {
    /// What became of messages. Counted already where both ends of the pipe see it.
    pub unpacked: Unpacked,
    /// Datagrams that the system refused to send.
    pub refused: u64,
    /// What the application may want to know.
    pub news: Vec<MonitorEvent>,
    /// Something has been received.
    pub received: bool,
    /// The receive has failed.
    pub failure: Option<io::Error>,
}

impl DatagramHalf {
    /// Of `socket`, which receives as `how` says if it does; messages go to `tx`, of the pipe of that `state`.
    pub fn new(
        socket: Arc<Socket>,
        carriage: Box<dyn Carriage>,
        (tx, state): (PipeWriter, Arc<PipeState>),
        how: Option<DatagramReceive>,
    ) -> Self {
        Self {
            socket,
            carriage,
            tx,
            state,
            how,
            slots: Vec::new(),
            unread: 0..0,
            outgoing: DatagramBatch::default(),
            runs: Segmentation::default(),
            report: DatagramReport::default(),
            reported_at: None,
            due: None,
            since_asked: 0,
            lull: 0,
        }
    }

    /// What both ends of the pipe see.
    pub(super) fn state(&self) -> &Arc<PipeState> {
        &self.state
    }

    /// The socket.
    pub(super) fn socket(&self) -> &Arc<Socket> {
        &self.socket
    }

    /// What takes messages out of datagrams, and puts them in.
    pub fn carriage(&mut self) -> &mut dyn Carriage {
        &mut *self.carriage
    }

    /// Takes messages out of a datagram, or of a run of them.
    pub fn unpack(&mut self, now: Instant, datagram: &Datagram<'_>) {
        self.report.received = true;
        self.since_asked = self.since_asked.saturating_add(datagram.bytes.len());
        let unpacked = self.carriage.unpack(now, datagram, &mut self.tx);
        self.count(unpacked);
    }

    /// Does what the carriage has to do at this time.
    pub fn on_timeout(&mut self, now: Instant) {
        let unpacked = self.carriage.on_timeout(now, &mut self.tx);
        self.count(unpacked);
    }

    /// Goes on with what is here already, and has what is in the pipe be seen. Returns whether more is to be received:
    /// there is room for it, or it is kept until there is.
    pub fn resume(&mut self, now: Instant) -> bool {
        // Zero has the pipe tell of room.
        let mut has_room = self.tx.credit() > 0;
        if has_room && self.carriage.is_blocked() {
            let unpacked = self.carriage.resume(&mut self.tx);
            has_room = !self.carriage.is_blocked();
            self.count(unpacked);
        }
        let mut reads_on = has_room || self.carriage.reads_on();
        while reads_on && let Some(index) = self.unread.next() {
            if let Some(datagram) = self.slots.get(index).and_then(DatagramSlot::datagram) {
                let unpacked = self.carriage.unpack(now, &datagram, &mut self.tx);
                self.report.received = true;
                count(&self.state, &mut self.report, unpacked);
            }
            reads_on =
                self.tx.credit() > 0 && !self.carriage.is_blocked() || self.carriage.reads_on();
        }
        if let Some(log) = self.tx.as_log_mut() {
            log.publish();
        }
        reads_on && self.unread.is_empty()
    }

    fn count(&mut self, unpacked: Unpacked) {
        count(&self.state, &mut self.report, unpacked);
    }

    /// What was found out since this was asked last. Gives back what a borrower had for receiving, but for what it has not
    /// looked at.
    pub fn take_report(&mut self) -> DatagramReport {
        if self.unread.is_empty() {
            self.slots = Vec::new();
        }
        self.report.news.append(&mut self.carriage.news());
        std::mem::take(&mut self.report)
    }

    /// Whether it is worth it to lend the half to a thread that asks: much has come since one has asked before.
    pub(super) fn is_worth_lending(&mut self) -> bool {
        self.lull = 0;
        std::mem::take(&mut self.since_asked) >= MUCH
    }
}

fn count(state: &PipeState, report: &mut DatagramReport, unpacked: Unpacked) {
    if unpacked != Unpacked::default() {
        state.dropped.fetch_add(unpacked.total(), Ordering::Relaxed);
        report.unpacked.add(unpacked);
    }
}

/// What a borrower does with it.
impl DatagramHalf {
    /// When it is to be looked at, whatever comes.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.due
    }

    /// Whether something is here for which there was no room.
    pub(super) fn is_blocked(&self) -> bool {
        self.carriage.is_blocked() || !self.unread.is_empty()
    }

    /// Moves what the socket has into the pipe, without blocking.
    ///
    /// # Errors
    /// [`io::ErrorKind::WouldBlock`] when there was nothing.
    pub(super) fn receive(&mut self) -> io::Result<()> {
        let now = Instant::now();
        if self.due.is_some_and(|due| due <= now) {
            self.on_timeout(now);
        }
        let written = self.tx.written();
        let is_blocked = self.is_blocked();
        let mut result = if is_blocked { Ok(()) } else { Err(io::ErrorKind::WouldBlock.into()) };
        if self.resume(now) {
            result = self.receive_more().map(|()| {
                self.resume(now);
            });
        }
        if self.tx.written() != written {
            result = Ok(());
        }
        self.send_on(now);
        self.due = self.carriage.timeout(now);
        result
    }

    fn receive_more(&mut self) -> io::Result<()> {
        let Some(how) = self.how else { return Err(io::ErrorKind::WouldBlock.into()) };
        if self.slots.is_empty() {
            set_runs(&self.socket, how.runs);
            self.slots.extend((0..SLOTS).map(|_| DatagramSlot::new(how)));
        }
        let received = receive(&self.socket, &mut self.slots)?;
        let datagrams = self.slots[..received].iter().filter_map(DatagramSlot::datagram);
        let bytes: usize = datagrams.map(|datagram| datagram.bytes.len()).sum();
        self.lull = if bytes >= MUCH { 0 } else { self.lull.saturating_add(1) };
        self.unread = 0..received;
        Ok(())
    }

    /// Sends what the carriage has to say, as far as the system takes it.
    fn send_on(&mut self, now: Instant) {
        loop {
            if self.outgoing.is_empty() {
                self.carriage.next(now, &mut self.outgoing);
            }
            if self.outgoing.is_empty() {
                return;
            }
            let tally = match send(&self.socket, &self.outgoing, &mut self.runs) {
                Ok(tally) => tally,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                // It is as if it had got lost.
                Err(_) => SendTally { refused: self.outgoing.len() as u32, ..Default::default() },
            };
            self.report.refused += u64::from(tally.refused);
            self.outgoing.advance(tally.tried());
        }
    }

    /// Whether the I/O thread is to hear of something now.
    pub(super) fn is_report_due(&mut self) -> bool {
        self.report.news.append(&mut self.carriage.news());
        let DatagramReport { unpacked, refused, news, failure, .. } = &self.report;
        if !news.is_empty() || failure.is_some() || self.lull >= LULL {
            return true;
        }
        if *unpacked == Unpacked::default() && *refused == 0 {
            return false;
        }
        let now = Instant::now();
        let due = self.reported_at.is_none_or(|at| now.duration_since(at) >= REPORT_INTERVAL);
        if due {
            self.reported_at = Some(now);
        }
        due
    }

    /// The receive has failed.
    pub(super) fn fail(&mut self, error: io::Error) {
        self.report.failure = Some(error);
    }
}

#[cfg(test)]
mod tests;
