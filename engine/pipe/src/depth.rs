//! How much of a pipe waits to be sent after its writer has gone: a figure for others to look at.

use crate::conflate::ConflatedSlot;
use crate::log::LogState;
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
