//! What peers have sent and the application has not taken, of all connections of a context, in bytes.
//!
//! A connection of which much waits has a [`ByteLedger`]: which bytes belong to which messages, in steps. The
//! bytes of a message leave it when the reader of the pipe is found to be done with that message: by the
//! connection itself when it looks, or by whoever finds the context full or asks for the figure. So nobody has to
//! be told of every message that is taken, and what a connection leaves behind in its pipe stays counted.

use ringmq_pipe::CreditGauge;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Bytes that a connection may have wait though the context is full, at the most: who sends little gets through.
const SHARE: u64 = 1024 * 1024;
/// The same, as a part of the context's limit, where that is low.
const SHARE_PART: u64 = 16;
/// By how much of its limit a context may be over it before nobody new is let in.
const MARGIN: u64 = 8;

/// What waits in a context, and how much may.
pub(crate) struct ContextBytes {
    limit: u64,
    /// The sum of all ledgers. A figure to go by: relaxed throughout.
    counted: AtomicU64,
    ledgers: Mutex<Vec<Arc<ByteLedger>>>,
}

/// What waits of one pipe.
#[derive(Default)]
pub(crate) struct ByteLedger(Mutex<Marks>);

#[derive(Default)]
struct Marks {
    /// How far the reader has come; `None` of a pipe that keeps no whole message but the latest.
    gauge: Option<CreditGauge>,
    /// In the order of the messages.
    marks: VecDeque<Mark>,
    /// The sum of them.
    waiting: u64,
}

/// Bytes that go together, when the reader is done with a message.
#[derive(Clone, Copy)]
pub(crate) struct Mark {
    /// Its number: the messages up to and with it; wraps.
    pub(crate) message: u64,
    /// How many messages they are of.
    pub(crate) messages: u64,
    pub(crate) bytes: u64,
}

/// What a ledger holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct LedgerSum {
    pub(crate) bytes: u64,
    /// Those that go with the last message.
    pub(crate) last: u64,
    /// The fewest messages whose bytes go together.
    pub(crate) step: u64,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing that can panic runs with the lock held.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether a message is among the first `credited` ones.
fn is_taken(message: u64, credited: u64) -> bool {
    credited.wrapping_sub(message) <= u64::MAX / 2
}

impl Marks {
    /// Lets go of what is taken; how many bytes that was. `None` where nothing is left of the pipe.
    fn settle(&mut self, credited: Option<u64>) -> u64 {
        let mut gone = 0;
        while let Some(mark) = self.marks.front()
            && credited.is_none_or(|credited| is_taken(mark.message, credited))
        {
            gone += mark.bytes;
            self.marks.pop_front();
        }
        self.waiting -= gone;
        gone
    }

    fn waiting(&self) -> LedgerSum {
        let step = self.marks.iter().map(|mark| mark.messages).min().unwrap_or(u64::MAX).max(1);
        let last = self.marks.back().map_or(0, |mark| mark.bytes);
        LedgerSum { bytes: self.waiting, last, step }
    }
}

impl ContextBytes {
    /// `None` is no limit.
    pub(crate) fn new(limit: Option<u64>) -> Self {
        let limit = limit.unwrap_or(u64::MAX);
        Self { limit, counted: AtomicU64::new(0), ledgers: Mutex::default() }
    }

    /// Bytes up to which a connection is let be, however full the context is.
    pub(crate) fn share(&self) -> u64 {
        SHARE.min(self.limit / SHARE_PART)
    }

    /// A ledger of the pipe that `gauge` is of.
    pub(crate) fn open(&self, gauge: Option<CreditGauge>) -> Arc<ByteLedger> {
        let marks = Marks { gauge, ..Marks::default() };
        let ledger = Arc::new(ByteLedger(Mutex::new(marks)));
        let mut ledgers = lock(&self.ledgers);
        if ledgers.len() == ledgers.capacity() {
            // Only before it grows, so that thousands are not looked at for each new one.
            self.settle_all(&mut ledgers);
        }
        ledgers.push(ledger.clone());
        ledger
    }

    /// Counts more bytes, which go with none of the messages before those that were counted.
    pub(crate) fn add(&self, ledger: &ByteLedger, mark: Mark) {
        let mut marks = lock(&ledger.0);
        match marks.marks.back_mut().filter(|last| last.message == mark.message) {
            Some(last) => last.bytes += mark.bytes,
            None => marks.marks.push_back(mark),
        }
        marks.waiting += mark.bytes;
        self.counted.fetch_add(mark.bytes, Ordering::Relaxed);
    }

    /// Lets go of the first `credited` messages; what is left.
    pub(crate) fn settle(&self, ledger: &ByteLedger, credited: u64) -> LedgerSum {
        let mut marks = lock(&ledger.0);
        let gone = marks.settle(Some(credited));
        if gone > 0 {
            self.counted.fetch_sub(gone, Ordering::Relaxed);
        }
        marks.waiting()
    }

    /// Lets go of what is after the first `written` messages: it will not be one.
    pub(crate) fn cut(&self, ledger: &ByteLedger, written: u64) {
        let mut marks = lock(&ledger.0);
        let last = marks.marks.back().copied();
        if let Some(last) = last.filter(|last| !is_taken(last.message, written)) {
            marks.marks.pop_back();
            marks.waiting -= last.bytes;
            self.counted.fetch_sub(last.bytes, Ordering::Relaxed);
        }
    }

    /// Whether as much waits as may. Looks closely before it says so.
    pub(crate) fn is_full(&self) -> bool {
        self.is_over(self.limit)
    }

    /// Whether so much waits that nobody new is let in.
    pub(crate) fn is_overfull(&self) -> bool {
        self.is_over(self.limit.saturating_add(self.limit / MARGIN))
    }

    fn is_over(&self, limit: u64) -> bool {
        self.counted.load(Ordering::Relaxed) >= limit && self.counted() >= limit
    }

    /// How much waits, after a look at all connections.
    pub(crate) fn counted(&self) -> u64 {
        self.settle_all(&mut lock(&self.ledgers));
        self.counted.load(Ordering::Relaxed)
    }

    fn settle_all(&self, ledgers: &mut Vec<Arc<ByteLedger>>) {
        ledgers.retain(|ledger| {
            let mut marks = lock(&ledger.0);
            // Of a pipe that keeps the latest message its connection alone knows.
            let gone = match marks.gauge.as_ref().map(CreditGauge::credited) {
                Some(credited) => marks.settle(credited),
                None => 0,
            };
            if gone > 0 {
                self.counted.fetch_sub(gone, Ordering::Relaxed);
            }
            // Its connection is there, or something that this has left behind.
            marks.waiting > 0 || Arc::strong_count(ledger) > 1
        });
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use ringmq_pipe::{LogReader, LogWriter, Message, log};

    fn write(writer: &mut LogWriter, messages: u32) {
        (0..messages).for_each(|_| writer.write(&mut Message::from("x")).unwrap());
    }

    fn mark(message: u64, bytes: u64) -> Mark {
        Mark { message, messages: 1, bytes }
    }

    fn read(reader: &mut LogReader, messages: u32) {
        (0..messages).for_each(|_| assert!(reader.read().is_some()));
    }

    #[test]
    fn what_is_taken_is_let_go_of_by_whoever_looks() {
        let context = ContextBytes::new(Some(1000));
        let (mut writer, mut reader) = log(4);
        let ledger = context.open(Some(writer.credit_gauge()));
        write(&mut writer, 4);
        for (message, bytes) in [(2, 300), (3, 300), (4, 300), (5, 50), (5, 50)] {
            context.add(&ledger, mark(message, bytes));
        }
        let waiting = context.settle(&ledger, 0);
        assert_eq!(waiting, LedgerSum { bytes: 1000, last: 100, step: 1 });
        assert!(context.is_full() && !context.is_overfull());
        read(&mut reader, 2);
        assert!(!context.is_full(), "two of four are credited together");
        assert_eq!(context.counted(), 700);
        context.cut(&ledger, 4);
        context.cut(&ledger, 4);
        assert_eq!(context.counted(), 600, "what will not be a message goes, and nothing else");
        read(&mut reader, 2);
        assert_eq!(context.counted(), 0);
    }

    #[test]
    fn what_a_connection_leaves_behind_stays_counted_until_it_is_taken() {
        let context = ContextBytes::new(None);
        let (mut writer, mut reader) = log(2);
        let ledger = context.open(Some(writer.credit_gauge()));
        write(&mut writer, 2);
        context.add(&ledger, mark(1, 10));
        context.add(&ledger, mark(2, 10));
        drop((ledger, writer));
        assert_eq!((context.counted(), lock(&context.ledgers).len()), (20, 1));
        read(&mut reader, 1);
        assert_eq!(context.counted(), 10);
        drop(reader);
        assert_eq!((context.counted(), lock(&context.ledgers).len()), (0, 0));
        assert!(!context.is_full());
    }

    #[test]
    fn numbers_of_messages_wrap() {
        let context = ContextBytes::new(None);
        let ledger = context.open(None);
        context.add(&ledger, mark(u64::MAX, 1));
        context.add(&ledger, mark(1, 2));
        assert_eq!(context.settle(&ledger, u64::MAX - 1), LedgerSum { bytes: 3, last: 2, step: 1 });
        assert_eq!(context.settle(&ledger, 0).bytes, 2);
        context.cut(&ledger, 0);
        assert_eq!(context.counted(), 0);
    }
}
