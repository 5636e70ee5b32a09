//! The first stage of a wait: looking over and over, for a bounded time.
//!
//! To block costs the waiting thread a wake-up, tens of microseconds on a virtual machine, and whoever
//! wakes it some more. An answer that is on its way is met sooner by a thread that looks for it.
//! Looking for one that is not is a waste, so the time is adapted to how often it was worth it.

use super::Deadline;
use super::direct_connections::Readers;
use crate::error::Error;
use crate::inner::Core;
use crate::socket::Inner;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, Instant};

/// How long a thread that waits looks again and again before it blocks. See
/// [`ContextBuilder::spin`](crate::ContextBuilder::spin) and
/// [`Socket::set_spin`](crate::Socket::set_spin).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Spin {
    /// Up to 50 us, and not at all while that keeps being in vain. The default.
    #[default]
    Adaptive,
    /// So long, every time.
    Fixed(Duration),
    /// Not at all: blocks at once.
    Off,
}

/// About twice what waking a thread costs: who spins longer than that has lost.
const LIMIT: Duration = Duration::from_micros(50);
/// Looks between two offers of the processor to others.
const LOOKS: u32 = 8;
/// Nobody else wanted the processor if offering it took less than this.
const UNCONTENDED: Duration = Duration::from_micros(3);
/// Pauses of the processor between two looks at memory.
const PAUSES: u32 = 8;

/// What spinning was worth lately. Kept for each socket. An estimate: relaxed throughout, and whoever
/// overwrites somebody else's note does no harm.
pub(crate) struct SpinEstimate {
    /// Successes and failures, added up within bounds.
    worth: AtomicU8,
    /// Waits that are not to spin before it is tried again.
    pause: AtomicU8,
}

impl Default for SpinEstimate {
    fn default() -> Self {
        Self { worth: AtomicU8::new(Self::BEST), pause: AtomicU8::new(0) }
    }
}

impl SpinEstimate {
    const BEST: u8 = 16;
    /// What a success is worth, in failures.
    const SUCCESS: u8 = 4;
    /// Waits between two tries of one who is out of luck.
    const PAUSE: u8 = 16;

    /// How long to spin this time.
    fn budget(&self) -> Duration {
        let pause = self.pause.load(Ordering::Relaxed);
        if pause == 0 {
            return LIMIT;
        }
        self.pause.store(pause - 1, Ordering::Relaxed);
        Duration::ZERO
    }

    pub(super) fn note(&self, success: bool) {
        let worth = self.worth.load(Ordering::Relaxed);
        let next = match success {
            true => (worth + Self::SUCCESS).min(Self::BEST),
            false => worth.saturating_sub(1),
        };
        self.worth.store(next, Ordering::Relaxed);
        let pause = if next == 0 { Self::PAUSE } else { 0 };
        self.pause.store(pause, Ordering::Relaxed);
    }
}

/// How long to spin this time.
pub(super) fn budget(inner: &Inner, how: Spin) -> Duration {
    match how {
        Spin::Adaptive => inner.shared.spin_estimate.budget(),
        Spin::Fixed(budget) => budget,
        Spin::Off => Duration::ZERO,
    }
}

/// Tries `operation` again and again, reading for it, until it does not want to block or it is time to
/// do so.
pub(super) fn spin<T>(
    inner: &Inner,
    budget: Duration,
    readers: &mut Readers<'_>,
    deadline: Deadline,
    operation: &mut impl FnMut(&mut Core) -> Result<T, Error>,
) -> Result<T, Error> {
    let spin_estimate = &inner.shared.spin_estimate;
    let start = Instant::now();
    let mut pace = SpinPace::default();
    loop {
        if readers.fetch() || budget > Duration::ZERO {
            match inner.attempt(operation) {
                Err(Error::WouldBlock) => {}
                result => {
                    if budget > Duration::ZERO {
                        spin_estimate.note(true);
                    }
                    return result;
                }
            }
        }
        let now = Instant::now();
        if now.duration_since(start) >= budget || deadline.has_passed(now) {
            break;
        }
        pace.step(!readers.is_empty());
    }
    if budget > Duration::ZERO {
        spin_estimate.note(false);
    }
    Err(Error::WouldBlock)
}

/// How a thread spends the time between two looks.
#[derive(Default)]
pub(super) struct SpinPace {
    looks: u32,
    /// Somebody else wants this processor.
    contended: bool,
}

impl SpinPace {
    /// Now and then offers the processor to others; `false` if somebody else wants it.
    pub(super) fn offer_processor(&mut self) -> bool {
        self.looks += 1;
        if self.looks.is_multiple_of(LOOKS) {
            let before = Instant::now();
            std::thread::yield_now();
            self.contended = before.elapsed() > UNCONTENDED;
        }
        !self.contended
    }

    fn step(&mut self, reading: bool) {
        self.looks += 1;
        if !self.contended && !self.looks.is_multiple_of(LOOKS) {
            if !reading {
                (0..PAUSES).for_each(|_| std::hint::spin_loop());
            }
            return;
        }
        let before = Instant::now();
        std::thread::yield_now();
        self.contended = before.elapsed() > UNCONTENDED;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_that_spins_in_vain_stops_but_for_a_try_now_and_then() {
        let spin_estimate = SpinEstimate::default();
        let mut spun = 0;
        for _ in 0..1000 {
            if spin_estimate.budget() > Duration::ZERO {
                spin_estimate.note(false);
                spun += 1;
            }
        }
        assert!((16..100).contains(&spun), "{spun}");
        spin_estimate.note(true);
        assert!(spin_estimate.budget() > Duration::ZERO, "one success and it is worth it again");
    }

    #[test]
    fn a_success_in_five_keeps_it_spinning() {
        let spin_estimate = SpinEstimate::default();
        for round in 0..1000 {
            assert!(spin_estimate.budget() > Duration::ZERO, "round {round}");
            spin_estimate.note(round % 5 == 0);
        }
    }
}
