//! How much of a pipe waits to be sent after its writer has gone: a figure for others to look at.

use crate::conflate::ConflatedSlot;
use crate::log::{LogState, LogWriter};
use crate::pipe::PipeWriter;
use crate::sync::Ordering;
use std::sync::{Arc, Weak};

/// What is left of what one direction of a pipe was given to carry. It outlives the writer, keeps nothing
/// alive, and may be asked from any thread.
pub struct PipeDepth(DepthOf);

enum DepthOf {
    /// A log, and how many messages were written to it in all.
    Log(Weak<LogState>, u64),
    Conflated(Weak<ConflatedSlot>),
}

impl PipeDepth {
    /// Messages that the reader is not done with yet; none once the reader has gone.
    pub fn left(&self) -> u64 {
        match &self.0 {
            DepthOf::Log(log, written) => log.upgrade().map_or(0, |log| log.uncredited(*written)),
            DepthOf::Conflated(slot) => slot.upgrade().map_or(0, |slot| u64::from(slot.is_full())),
        }
    }

    /// Whether the reader has gone.
    pub fn is_over(&self) -> bool {
        match &self.0 {
            DepthOf::Log(log, _) => log.strong_count() == 0,
            DepthOf::Conflated(slot) => slot.strong_count() == 0,
        }
    }
}

impl PipeWriter {
    /// What is left to carry, for one who closes the pipe and goes on looking. From here on the reader
    /// credits each message, so that the figure is exact.
    pub fn last_depth(&self) -> PipeDepth {
        PipeDepth(match self {
            Self::Log(log) => {
                log.shared().credit_each();
                DepthOf::Log(Arc::downgrade(log.shared()), log.written())
            }
            Self::Conflated(slot) => DepthOf::Conflated(Arc::downgrade(slot.shared())),
        })
    }
}

/// How far the reader of a log has come, for others than its writer. It keeps nothing alive, and may be asked from
/// any thread.
pub struct CreditGauge(Weak<LogState>);

impl CreditGauge {
    /// Messages the reader is done with, as far as it has said; wraps. `None` once nothing is left of the log.
    pub fn credited(&self) -> Option<u64> {
        // Acquire: what the reader has let go of is free by then.
        self.0.upgrade().map(|log| log.credited.load(Ordering::Acquire))
    }
}

impl LogWriter {
    /// How far the reader has come, for others.
    pub fn credit_gauge(&self) -> CreditGauge {
        CreditGauge(Arc::downgrade(self.shared()))
    }
}

impl LogState {
    /// How many of the first `written` messages are not credited yet.
    pub(crate) fn uncredited(&self, written: u64) -> u64 {
        // Relaxed: a figure to look at. Negative where later messages were credited too.
        let left = written.wrapping_sub(self.credited.load(Ordering::Relaxed));
        if left > u64::MAX / 2 { 0 } else { left }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Message;
    use crate::pipe::{Capacity, PipeReader, pipe};
    use crate::sync::notify::Notify;
    use std::sync::atomic::AtomicUsize;

    fn write(writer: &mut PipeWriter, messages: u32) {
        (0..messages).for_each(|_| writer.write(&mut Message::from("x")).expect("room"));
    }

    fn read(reader: &mut PipeReader, messages: u32) {
        (0..messages).for_each(|_| assert!(reader.read().is_some()));
    }

    #[test]
    fn what_is_left_is_told_message_by_message() {
        let (mut near, mut far) = pipe::<()>(Capacity::Messages(1000), Capacity::Messages(1));
        write(&mut near.tx, 10);
        read(&mut far.rx, 2); // Not credited: that comes in steps of half the mark.
        let depth = near.tx.last_depth();
        drop(near);
        assert_eq!((depth.left(), depth.is_over()), (10, false));
        for taken in 3..=10 {
            read(&mut far.rx, 1);
            assert_eq!(depth.left(), 10 - taken);
        }
        drop(far);
        assert_eq!((depth.left(), depth.is_over()), (0, true));
    }

    /// How often the writer was told.
    #[derive(Default)]
    struct Told(AtomicUsize);

    impl Notify for Told {
        fn readable(&self, _: usize) {}

        fn writable(&self, _: usize) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn who_is_in_no_hurry_is_told_once_all_is_taken() {
        let (mut near, mut far) = pipe::<()>(Capacity::Messages(1000), Capacity::Messages(1));
        let told = Arc::new(Told::default());
        let notify: Arc<dyn Notify> = told.clone();
        near.tx.install(&notify, 0);
        write(&mut near.tx, 10);
        let mark = near.tx.flush_mark();
        write(&mut near.tx, 1);
        assert_eq!(near.tx.left(mark), 10);
        read(&mut far.rx, 11); // Not credited yet: it may go on reading.
        assert_eq!((told.0.load(Ordering::Relaxed), near.tx.left(mark)), (0, 10));
        assert!(far.rx.read().is_none());
        assert_eq!((told.0.load(Ordering::Relaxed), near.tx.left(mark)), (1, 0));
        // Nor is anybody told who does not wait.
        write(&mut near.tx, 1);
        read(&mut far.rx, 1);
        assert!(far.rx.read().is_none());
        assert_eq!(told.0.load(Ordering::Relaxed), 1);
    }

    #[test]
    fn of_a_reader_that_has_gone_nothing_is_left() {
        for capacity in [Capacity::Messages(0), Capacity::Conflated] {
            let (mut near, far) = pipe::<()>(capacity, Capacity::Messages(1));
            write(&mut near.tx, 3);
            let depth = near.tx.last_depth();
            drop(near);
            let expected = if capacity == Capacity::Conflated { 1 } else { 3 };
            assert_eq!((depth.left(), depth.is_over()), (expected, false));
            drop(far);
            assert_eq!((depth.left(), depth.is_over()), (0, true));
        }
    }
}
