//! Waiting without sleeping, and without waiting for ever.
//!
//! Every loop of the floors that waits for the other side goes round through a [`Patience`], so a
//! peer that died ends a run with an error instead of hanging it.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

/// Spins between two looks at the clock; a look costs about as much as ten spins.
const LOOK_EVERY: u32 = 1 << 12;

/// A bounded spin.
pub struct Patience {
    limit: Duration,
    spins: u32,
    since: Option<Instant>,
    /// Whether whoever this one waits for cannot move while it spins.
    gives_way: bool,
}

impl Patience {
    /// Waits at most `limit` for each step of progress.
    pub fn new(limit: Duration) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self { limit, spins: 0, since: None, gives_way: cores == 1 }
    }

    /// The same, for a thread that shares its core with one that it waits for, if `shares_core`.
    pub(crate) fn on_a_core(self, shares_core: bool) -> Self {
        Self { gives_way: self.gives_way || shares_core, ..self }
    }

    /// The longest wait for one step.
    pub(crate) fn limit(&self) -> Duration {
        self.limit
    }

    /// Something happened: the wait starts again.
    #[inline]
    pub(crate) fn progress(&mut self) {
        self.spins = 0;
        self.since = None;
    }

    /// Goes round once more, or gives up. There is no pause in it: a loop that asks the kernel has
    /// one already, and a loop on memory adds `spin_loop` itself.
    #[inline]
    pub(crate) fn again(&mut self) -> Result<()> {
        if self.gives_way {
            std::thread::yield_now();
        }
        self.spins = self.spins.wrapping_add(1);
        if self.spins.is_multiple_of(LOOK_EVERY) { self.look() } else { Ok(()) }
    }

    #[cold]
    fn look(&mut self) -> Result<()> {
        let since = *self.since.get_or_insert_with(Instant::now);
        if since.elapsed() > self.limit {
            bail!("the other side did nothing for {:?}", self.limit);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_gives_up_and_says_so() {
        let mut patience = Patience::new(Duration::ZERO);
        let error = loop {
            if let Err(error) = patience.again() {
                break error;
            }
        };
        assert!(error.to_string().contains("did nothing"));
    }
}
