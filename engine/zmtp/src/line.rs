//! Whether the peer's system still answers: what the kernel knows of a connection whose peer does not
//! speak for itself, because it is busy with what it was sent.

use std::time::{Duration, Instant};

/// Silence of the peer's system that proves nothing: it may hold an acknowledgement back for half a
/// second (RFC 1122, 4.2.3.2), and one that was lost is asked for again after a fifth of one.
const MIN_SILENCE: Duration = Duration::from_millis(500);

/// What the kernel knows of a connection at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Line {
    /// Segments that have come from the peer's system, acknowledgements without data among them. A
    /// count to compare, which wraps.
    pub heard: u32,
    /// Something that the peer's system has to answer went out after the last segment that came from it.
    pub asked: bool,
    /// How often the kernel has repeated what was not acknowledged; zero if nothing is on its way.
    pub repeats: u32,
    /// The last repetition came so long after what was before it that it has to be answered: a system
    /// may leave out answers to repetitions that come in quick succession.
    pub spaced: bool,
}

/// Tells a system that is silent though asked from one that nobody asks.
#[derive(Clone, Debug, Default)]
pub(crate) struct Watch {
    /// What was seen when it was last heard from.
    last: Option<Line>,
    /// When it was found for the first time that it was asked, and it has not been heard from since.
    since: Option<Instant>,
}

impl Watch {
    /// Looks at the line; `None` where nothing is known of it, or nothing can happen to it.
    pub(crate) fn look(&mut self, line: Option<Line>, now: Instant) {
        let Some(line) = line else {
            *self = Self::default();
            return;
        };
        let heard = self.last.is_none_or(|last| last.heard != line.heard);
        if heard {
            self.last = Some(line);
            self.since = None;
        }
        let seen = self.last.map_or(0, |last| last.repeats);
        // A host without a route to the peer repeats in vain: nothing goes out, but it is counted.
        let asked = line.asked || line.repeats > seen;
        // If it was heard from while things were repeated, it has seen them, and has no room.
        let owes = seen == 0 || line.spaced;
        self.since = (asked && owes).then(|| self.since.unwrap_or(now));
    }

    /// When the peer's system has been silent for `patience`, if it is not heard from before.
    pub(crate) fn deadline(&self, patience: Duration) -> Option<Instant> {
        self.since?.checked_add(patience.max(MIN_SILENCE))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);
    const PATIENCE: Duration = Duration::from_millis(600);

    fn line(heard: u32, asked: bool, repeats: u32) -> Option<Line> {
        Some(Line { heard, asked, repeats, spaced: false })
    }

    #[test]
    fn an_answer_starts_the_wait_anew() {
        let (mut watch, start) = (Watch::default(), Instant::now());
        for beat in 0..100 {
            watch.look(line(beat, true, 0), start + MS * 300 * beat);
            assert_eq!(watch.deadline(PATIENCE), Some(start + MS * (300 * beat + 600)));
        }
        // Nothing comes any more, looked at as often as one likes.
        watch.look(line(99, true, 0), start + MS * 30_000);
        watch.look(line(99, true, 1), start + MS * 30_100);
        assert_eq!(watch.deadline(PATIENCE), Some(start + MS * (29_700 + 600)));
    }

    #[test]
    fn who_is_not_asked_may_be_silent() {
        let (mut watch, start) = (Watch::default(), Instant::now());
        watch.look(line(7, false, 0), start);
        watch.look(line(7, false, 0), start + MS * 60_000);
        assert_eq!(watch.deadline(PATIENCE), None);
        // A probe of the closed window, on its way at the moment.
        watch.look(line(7, true, 0), start + MS * 60_000);
        assert!(watch.deadline(PATIENCE).is_some());
        watch.look(line(8, false, 0), start + MS * 60_300);
        assert_eq!(watch.deadline(PATIENCE), None);
    }

    #[test]
    fn a_segment_repeated_in_vain_is_a_question_and_one_that_was_answered_is_none() {
        let (mut watch, start) = (Watch::default(), Instant::now());
        // The peer has no memory for what is repeated, and says so each time.
        for repeat in 0..5 {
            watch.look(line(repeat, false, repeat), start + MS * repeat);
            assert_eq!(watch.deadline(PATIENCE), None);
        }
        // The next answer may be left out, if it is asked for so soon.
        watch.look(line(4, true, 5), start + MS * 10);
        assert_eq!(watch.deadline(PATIENCE), None);
        let late = Line { heard: 4, repeats: 6, spaced: true, ..Line::default() };
        watch.look(Some(late), start + MS * 20);
        assert_eq!(watch.deadline(PATIENCE), Some(start + MS * 620));
    }

    #[test]
    fn what_is_repeated_and_was_never_answered_has_been_asked_for_long() {
        let (mut watch, start) = (Watch::default(), Instant::now());
        watch.look(line(3, true, 0), start);
        for repeat in 1..5 {
            watch.look(line(3, true, repeat), start + MS * 100 * repeat);
            assert_eq!(watch.deadline(PATIENCE), Some(start + PATIENCE));
        }
        // Nothing goes out without a route, but one would be needed.
        let mut watch = Watch::default();
        watch.look(line(3, false, 0), start);
        watch.look(line(3, false, 1), start + MS);
        assert_eq!(watch.deadline(PATIENCE), Some(start + MS + PATIENCE));
    }

    #[test]
    fn no_time_out_is_shorter_than_an_acknowledgement_may_take() {
        let (mut watch, start) = (Watch::default(), Instant::now());
        watch.look(line(0, true, 0), start);
        assert_eq!(watch.deadline(MS), Some(start + MIN_SILENCE));
        assert_eq!(watch.deadline(Duration::MAX), None);
        watch.look(None, start);
        assert_eq!(watch.deadline(MS), None);
    }
}
