//! How long a source takes to answer.

use std::time::Duration;

/// What takes longer says nothing of the next one: the machine slept, or a clock was set.
const LONGEST: Duration = Duration::from_secs(10);

/// What answers took on the average, and how far from that they were, as TCP keeps it (RFC 6298): who receives as much as
/// he can has much before an answer in the buffers of his sockets, and asks for nothing earlier by asking twice.
#[derive(Debug, Default)]
pub(super) struct AnswerTime {
    mean: Option<Duration>,
    deviation: Duration,
}

impl AnswerTime {
    /// An answer took so long.
    pub(super) fn note(&mut self, took: Duration) {
        let took = took.min(LONGEST);
        let Some(mean) = self.mean else {
            (self.mean, self.deviation) = (Some(took), took / 2);
            return;
        };
        self.deviation = (self.deviation * 3 + took.abs_diff(mean)) / 4;
        self.mean = Some((mean * 7 + took) / 8);
    }

    /// How long to wait for the next one: `first` as long as none has come, and then what is to be expected, within
    /// bounds.
    pub(super) fn patience(
        &self,
        first: Duration,
        (least, most): (Duration, Duration),
    ) -> Duration {
        let Some(mean) = self.mean else { return first };
        (mean + self.deviation * 4).min(most).max(least)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn it_waits_as_long_as_answers_take_within_its_bounds() {
        let mut answers = AnswerTime::default();
        let patience = |answers: &AnswerTime| answers.patience(10 * MS, (2 * MS, 300 * MS));
        assert_eq!(patience(&answers), 10 * MS, "before the first");
        answers.note(40 * MS);
        assert_eq!(patience(&answers), 120 * MS);
        for _ in 0..50 {
            answers.note(40 * MS);
        }
        assert!((40 * MS..41 * MS).contains(&patience(&answers)), "{:?}", patience(&answers));
        (0..50).for_each(|at| answers.note(if at % 2 == 0 { 20 * MS } else { 40 * MS }));
        assert!((60 * MS..80 * MS).contains(&patience(&answers)), "{:?}", patience(&answers));
        answers.note(Duration::MAX);
        assert_eq!(patience(&answers), 300 * MS);
        (0..100).for_each(|_| answers.note(MS));
        assert_eq!(patience(&answers), 2 * MS);
    }
}
