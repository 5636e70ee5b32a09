//! The way to one host.

use std::time::{Duration, Instant};

use crate::plan::Plan;

/// Loses packets, one by one or in bursts, and delays others.
#[derive(Debug)]
pub(crate) struct Link {
    loss: f64,
    burst: f64,
    /// A burst, and when it is over at the latest: those who send seldom do not have all of it.
    bad: Option<Instant>,
    doubled: u8,
    delay: Duration,
    jitter: Duration,
}

impl Link {
    pub(crate) fn new(plan: &Plan) -> Self {
        Link {
            loss: f64::from(plan.loss) / 100.0,
            burst: f64::from(plan.burst),
            bad: None,
            doubled: plan.doubled,
            delay: plan.delay,
            jitter: plan.jitter,
        }
    }

    /// After which times a packet arrives: none if it is lost, two if it is doubled.
    pub(crate) fn pass(
        &mut self,
        now: Instant,
        rng: &mut fastrand::Rng,
    ) -> impl Iterator<Item = Duration> {
        // The chance to get into a burst is such that the part of bad packets is the loss.
        self.bad = self.bad.filter(|until| now < *until);
        let turn = match self.bad {
            Some(_) => 1.0 / self.burst,
            None => self.loss / ((1.0 - self.loss) * self.burst),
        };
        if rng.f64() < turn {
            let until = now + Duration::from_millis(100);
            self.bad = if self.bad.is_some() { None } else { Some(until) };
        }
        let copies = match self.bad {
            Some(_) => 0,
            None => 1 + usize::from(rng.u8(..100) < self.doubled),
        };
        let jitter = self.jitter.as_micros() as u64;
        let mut times = [Duration::ZERO; 2];
        times.fill_with(|| self.delay + Duration::from_micros(rng.u64(0..=jitter)));
        times.into_iter().take(copies)
    }
}
