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
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU16, Ordering};
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
/// Nobody else wanted the processor if offering it took no longer than this.
const UNCONTENDED: Duration = Duration::from_micros(3);
/// Others compute here, rather than to answer, if it took longer than this.
const CROWDED: Duration = Duration::from_micros(200);
/// Pauses of the processor between two looks at memory.
const PAUSES: u32 = 8;

/// What spinning was worth lately. Kept for each socket. An estimate: relaxed throughout, and whoever
/// overwrites somebody else's note does no harm.
pub(crate) struct SpinEstimate {
    /// Successes and failures, added up within bounds.
    worth: AtomicU8,
    /// Waits that are not to spin before it is tried again.
    pause: AtomicU16,
    /// Somebody else wanted this processor the last time it was offered: maybe the very one whose answer is
    /// waited for.
    contended: AtomicBool,
    /// How often the processor was away for long, up to [`SpinEstimate::MOST_CROWDED`]; forgotten as it comes
    /// back soon.
    crowded: AtomicU8,
}

impl Default for SpinEstimate {
    fn default() -> Self {
        Self {
            worth: AtomicU8::new(Self::BEST),
            pause: AtomicU16::new(0),
            contended: AtomicBool::new(false),
            crowded: AtomicU8::new(0),
        }
    }
}

impl SpinEstimate {
    const BEST: u8 = 16;
    /// What a success is worth, in failures.
    const SUCCESS: u8 = 4;
    /// Waits between two tries of one who is out of luck.
    const PAUSE: u16 = 16;
    /// Each time that the processor was away for long doubles the pause, so often at the most.
    const MOST_CROWDED: u8 = 9;

    /// How long to spin this time.
    fn budget(&self) -> Duration {
        let pause = self.pause.load(Ordering::Relaxed);
        if pause == 0 {
            return LIMIT;
        }
        self.pause.store(pause - 1, Ordering::Relaxed);
        Duration::ZERO
    }

    /// Somebody who spun had success, or none.
    pub(super) fn note(&self, success: bool) {
        let crowded = self.crowded.load(Ordering::Relaxed) > 0;
        if crowded && self.pause.load(Ordering::Relaxed) > 0 {
            // There is more to say against it: see `note_offer`.
            return;
        }
        let worth = self.worth.load(Ordering::Relaxed);
        let next = match success {
            true => (worth + Self::SUCCESS).min(Self::BEST),
            false => worth.saturating_sub(1),
        };
        self.worth.store(next, Ordering::Relaxed);
        let pause = if next == 0 { Self::PAUSE } else { 0 };
        self.pause.store(pause, Ordering::Relaxed);
    }

    /// Offers the processor to others.
    fn offer_processor(&self) {
        let before = Instant::now();
        std::thread::yield_now();
        self.note_offer(before.elapsed());
    }

    /// The processor was offered to others, and was away for so long.
    fn note_offer(&self, away: Duration) {
        self.contended.store(away > UNCONTENDED, Ordering::Relaxed);
        let crowded = self.crowded.load(Ordering::Relaxed);
        if away > CROWDED {
            // One that blocks comes before those who compute, as soon as there is something for it.
            self.crowded.store((crowded + 1).min(Self::MOST_CROWDED), Ordering::Relaxed);
            self.pause.store(Self::PAUSE << crowded, Ordering::Relaxed);
        } else if crowded > 0 {
            self.crowded.store(crowded - 1, Ordering::Relaxed);
        }
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
        pace.step(spin_estimate, !readers.is_empty());
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
}

impl SpinPace {
    /// Offers the processor to others: now and then, or each time while somebody else wants it, as that may be
    /// the very one whose answer is waited for.
    pub(super) fn step(&mut self, estimate: &SpinEstimate, reading: bool) {
        self.looks += 1;
        if self.is_offer_due(estimate) {
            estimate.offer_processor();
        } else if !reading {
            (0..PAUSES).for_each(|_| std::hint::spin_loop());
        }
    }

    fn is_offer_due(&self, estimate: &SpinEstimate) -> bool {
        self.looks.is_multiple_of(LOOKS) || estimate.contended.load(Ordering::Relaxed)
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
    fn whoever_shares_a_processor_with_another_offers_it_at_each_look() {
        let spin_estimate = SpinEstimate::default();
        let mut pace = SpinPace::default();
        let is_next_an_offer = |pace: &SpinPace| pace.is_offer_due(&spin_estimate);
        pace.looks = 1;
        assert!(!is_next_an_offer(&pace));
        pace.looks = LOOKS;
        assert!(is_next_an_offer(&pace), "now and then");
        spin_estimate.note_offer(UNCONTENDED * 2);
        assert!(is_next_an_offer(&SpinPace::default()), "also the first of the next wait");
        spin_estimate.note_offer(UNCONTENDED / 2);
        assert!(!is_next_an_offer(&SpinPace { looks: 1 }));
    }

    #[test]
    fn a_processor_that_others_compute_on_is_left_to_them_for_ever_longer() {
        let spin_estimate = SpinEstimate::default();
        let mut waits_without = Vec::new();
        for _ in 0..14 {
            spin_estimate.note_offer(CROWDED * 2);
            spin_estimate.note(true);
            let waits = (0..).take_while(|_| spin_estimate.budget() == Duration::ZERO).count();
            waits_without.push(waits);
        }
        assert_eq!(waits_without[..4], [16, 32, 64, 128]);
        assert_eq!(waits_without[10..], [8192; 4]);
        (0..10).for_each(|_| spin_estimate.note_offer(UNCONTENDED));
        spin_estimate.note_offer(CROWDED * 2);
        assert_eq!((0..).take_while(|_| spin_estimate.budget() == Duration::ZERO).count(), 16);
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
