//! What the sockets of one side receive in a phase, all together.

use anyhow::{Result, ensure};
use ringmq_bench::job::Outcome;

use super::credit::Giver;
use super::outcome;
use crate::consume::{Subscriber, Tally};
use crate::job::Job;
use crate::measurement::Measurement;

/// What has come, and whether that is all.
pub(super) struct Reception {
    measurement: Measurement,
    tally: Tally,
    /// The numbers of all messages so far, added up.
    sum: u128,
    /// Messages of the phases before.
    before: u64,
    count: u64,
    credit: Option<Giver>,
}

impl Reception {
    /// Of the sockets of `job`.
    pub(super) fn new(job: &Job) -> Result<Self> {
        let gives = job.measurement == Measurement::Publish;
        let credit = gives.then(|| Giver::connect(&job.credit, job.peers(), job.size));
        Ok(Self {
            measurement: job.measurement,
            tally: Tally::new(0),
            sum: 0,
            before: 0,
            count: 0,
            credit: credit.transpose()?,
        })
    }

    /// What checks the messages of each socket.
    pub(super) fn consumers(job: &Job) -> Vec<Subscriber> {
        let consumer = match job.measurement {
            Measurement::Publish => Subscriber::of_everything,
            _ => Subscriber::new,
        };
        (0..job.peers()).map(|_| consumer(job.size)).collect()
    }

    /// A phase of `count` messages begins.
    pub(super) fn begin(&mut self, count: u64) {
        self.before += self.count;
        self.count = count;
        self.tally = Tally::new(count * self.measurement.copies());
        if let Some(credit) = &mut self.credit {
            credit.begin();
        }
    }

    /// Socket `at` has received message `number`.
    #[inline]
    pub(super) fn note(&mut self, at: usize, number: u64) -> Result<()> {
        self.tally.note();
        self.sum += u128::from(number);
        match &mut self.credit {
            Some(credit) => credit.note(at),
            None => Ok(()),
        }
    }

    /// Messages so far in this phase.
    pub(super) fn received(&self) -> u64 {
        self.tally.received
    }

    /// Whether all are there.
    pub(super) fn complete(&self) -> bool {
        self.tally.complete()
    }

    /// Whether those that are missing may have been dropped.
    pub(super) fn may_miss(&self) -> bool {
        self.measurement.publishes()
    }

    /// What the phase brought.
    pub(super) fn end(&self) -> Result<Outcome> {
        if self.measurement == Measurement::FanOut {
            let all = u128::from(self.before + self.count);
            let numbers = all * all.saturating_sub(1) / 2;
            ensure!(self.sum == numbers, "some message came twice, and another one never");
        }
        Ok(outcome(self.tally.received, self.tally.elapsed_ns()))
    }
}
