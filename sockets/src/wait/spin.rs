//! The first stage of a wait: looking over and over, for a bounded time.
//!
//! To block costs the waiting thread a wake-up, tens of microseconds on a virtual machine, and whoever
//! wakes it some more. An answer that is on its way is met sooner by a thread that looks for it.
//! Looking for one that is not is a waste, so the time is adapted to how often it was worth it.

use super::Deadline;
use crate::error::Error;
use crate::inner::Core;
use crate::socket::Inner;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU16, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// How long a thread that waits looks again and again before it blocks. See
/// [`ContextBuilder::spin`](crate::ContextBuilder::spin) and
/// [`Socket::set_spin`](crate::Socket::set_spin).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Spin {
    /// Up to 50 us, or 200 us where messages keep coming that late and a core is free, and not at all while
    /// that keeps being in vain. The default.
    #[default]
    Adaptive,
    /// So long, every time.
    Fixed(Duration),
    /// Not at all: blocks at once.
    Off,
}

/// About twice what waking a thread costs: who spins longer than that has lost.
const LIMIT: Duration = Duration::from_micros(50);
/// As long as that is worth it where messages keep coming just so late: 5,000 of them a second.
const FAR: Duration = Duration::from_micros(200);
/// Looks between two offers of the processor to others.
const LOOKS: u32 = 8;
/// Nobody else wanted the processor if offering it took no longer than this.
const UNCONTENDED: Duration = Duration::from_micros(3);
/// Others compute here, rather than to answer, if it took longer than this.
const CROWDED: Duration = Duration::from_micros(200);
/// Unless what came meanwhile keeps the thread busy for so many microseconds.
const MUCH: u64 = 50;
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
    /// When the processor came back after it was away for long, in microseconds of the process; zero if it
    /// was not, or what that meant is known.
    returned: AtomicU64,
    /// Waits lately that ended within [`FAR`], less the others, within bounds.
    near: AtomicU8,
    /// How often it was away for long, and in vain, up to [`SpinEstimate::MOST_CROWDED`]; forgotten as it
    /// comes back soon.
    crowded: AtomicU8,
}

/// From when the microseconds of the process count.
static START: LazyLock<Instant> = LazyLock::new(Instant::now);

/// Never zero.
fn micros(at: Instant) -> u64 {
    at.saturating_duration_since(*START).as_micros() as u64 + 1
}

impl Default for SpinEstimate {
    fn default() -> Self {
        Self {
            worth: AtomicU8::new(Self::BEST),
            pause: AtomicU16::new(0),
            contended: AtomicBool::new(false),
            returned: AtomicU64::new(0),
            near: AtomicU8::new(0),
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
    /// Waits a little too long for who spins, from which on it spins for longer.
    const NEAR: u8 = 8;
    /// What a long look in vain is worth in those.
    const FAR_IN_VAIN: u8 = 2;
    /// Each time that the processor was away for long doubles the pause, so often at the most.
    const MOST_CROWDED: u8 = 9;

    /// How long to spin this time.
    fn budget(&self) -> Duration {
        if self.returned.load(Ordering::Relaxed) != 0 {
            self.judge(Instant::now());
        }
        if self.reaches_far() {
            return FAR;
        }
        let pause = self.pause.load(Ordering::Relaxed);
        if pause == 0 {
            return LIMIT;
        }
        self.pause.store(pause - 1, Ordering::Relaxed);
        Duration::ZERO
    }

    /// Whether messages come as on a schedule, each a little later than who spins has looked for so far, and
    /// nobody else wants the processor meanwhile.
    fn reaches_far(&self) -> bool {
        self.near.load(Ordering::Relaxed) >= Self::NEAR
            && !self.contended.load(Ordering::Relaxed)
            && self.crowded.load(Ordering::Relaxed) == 0
    }

    /// A wait that ended in the kernel, with success, has taken so long.
    pub(super) fn note_blocked(&self, waited: Duration) {
        let near = self.near.load(Ordering::Relaxed);
        let next = match waited <= FAR {
            true => (near + 1).min(Self::BEST),
            false => near.saturating_sub(Self::NEAR),
        };
        self.near.store(next, Ordering::Relaxed);
    }

    /// Somebody who spun had success, or none.
    pub(super) fn note(&self, success: bool) {
        let worth = self.worth.load(Ordering::Relaxed);
        let next = match success {
            true => (worth + Self::SUCCESS).min(Self::BEST),
            false => worth.saturating_sub(1),
        };
        self.worth.store(next, Ordering::Relaxed);
        let pause = if next == 0 { Self::PAUSE } else { 0 };
        self.pause.store(pause, Ordering::Relaxed);
        let near = self.near.load(Ordering::Relaxed);
        if !success && near >= Self::NEAR {
            // It has looked for as long as that, and nothing came.
            self.near.store(near - Self::FAR_IN_VAIN, Ordering::Relaxed);
        }
    }

    /// Offers the processor to others.
    fn offer_processor(&self) {
        let before = Instant::now();
        std::thread::yield_now();
        let after = Instant::now();
        self.note_offer(after - before, after);
    }

    /// The processor was offered to others, and was away for so long until `now`.
    fn note_offer(&self, away: Duration, now: Instant) {
        self.contended.store(away > UNCONTENDED, Ordering::Relaxed);
        let crowded = self.crowded.load(Ordering::Relaxed);
        if away > CROWDED {
            self.returned.store(micros(now), Ordering::Relaxed);
        } else if crowded > 0 {
            self.crowded.store(crowded - 1, Ordering::Relaxed);
        }
    }

    /// The processor was away for long before the last wait ended, and now another one begins: either what
    /// came meanwhile was much, or those that had it compute. One that blocks comes before those, as soon as
    /// there is something for it, and one that only offers the processor comes after them.
    #[cold]
    fn judge(&self, now: Instant) {
        let returned = self.returned.swap(0, Ordering::Relaxed);
        if micros(now).saturating_sub(returned) > MUCH {
            return;
        }
        let crowded = self.crowded.load(Ordering::Relaxed);
        self.crowded.store((crowded + 1).min(Self::MOST_CROWDED), Ordering::Relaxed);
        self.pause.store(Self::PAUSE << crowded, Ordering::Relaxed);
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

/// What a thread reads by while it spins.
pub(super) trait Reads {
    /// Reads what there is; `true` if that was something.
    fn fetch(&mut self) -> bool;

    /// Whether there is anything that it may read.
    fn reads(&self) -> bool;
}

/// Tries `operation` again and again from `start` on, fetching what there is for it, until it does not want to block or it
/// is time to do so.
pub(super) fn spin<T>(
    inner: &Inner,
    start: Instant,
    budget: Duration,
    reads: &mut impl Reads,
    deadline: Deadline,
    operation: &mut impl FnMut(&mut Core) -> Result<T, Error>,
) -> Result<T, Error> {
    let spin_estimate = &inner.shared.spin_estimate;
    let mut pace = SpinPace::default();
    loop {
        if reads.fetch() || budget > Duration::ZERO {
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
        pace.step(spin_estimate, reads.reads());
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
        let (spin_estimate, now) = (SpinEstimate::default(), Instant::now());
        let is_next_an_offer = |pace: &SpinPace| pace.is_offer_due(&spin_estimate);
        assert!(!is_next_an_offer(&SpinPace { looks: 1 }));
        assert!(is_next_an_offer(&SpinPace { looks: LOOKS }), "now and then");
        spin_estimate.note_offer(UNCONTENDED * 2, now);
        assert!(is_next_an_offer(&SpinPace::default()), "also the first of the next wait");
        spin_estimate.note_offer(UNCONTENDED / 2, now);
        assert!(!is_next_an_offer(&SpinPace { looks: 1 }));
    }

    /// Waits until it spins again.
    fn waits_without(spin_estimate: &SpinEstimate) -> usize {
        (0..).take_while(|_| spin_estimate.budget() == Duration::ZERO).count()
    }

    #[test]
    fn a_processor_that_others_compute_on_is_left_to_them_for_ever_longer() {
        let (spin_estimate, now) = (SpinEstimate::default(), Instant::now());
        let mut waits = Vec::new();
        for _ in 0..14 {
            spin_estimate.note_offer(CROWDED * 2, now);
            spin_estimate.note(true);
            spin_estimate.judge(now);
            waits.push(waits_without(&spin_estimate));
        }
        assert_eq!(waits[..4], [16, 32, 64, 128]);
        assert_eq!(waits[10..], [8192; 4]);
        (0..10).for_each(|_| spin_estimate.note_offer(UNCONTENDED, now));
        spin_estimate.note_offer(CROWDED * 2, now);
        spin_estimate.judge(now);
        assert_eq!(waits_without(&spin_estimate), 16);
    }

    #[test]
    fn a_processor_that_was_away_for_much_that_came_is_offered_again() {
        let (spin_estimate, now) = (SpinEstimate::default(), Instant::now());
        spin_estimate.note_offer(CROWDED * 2, now);
        spin_estimate.note(true);
        spin_estimate.judge(now + Duration::from_micros(2 * MUCH));
        assert_eq!(waits_without(&spin_estimate), 0);
    }

    #[test]
    fn messages_on_a_schedule_are_waited_for_as_long_as_they_keep_it() {
        let spin_estimate = SpinEstimate::default();
        let (near, late, now) = (FAR * 2 / 3, FAR * 2, Instant::now());
        for _ in 0..8 {
            assert!(spin_estimate.budget() < FAR);
            spin_estimate.note(false);
            spin_estimate.note_blocked(near);
        }
        assert_eq!(spin_estimate.budget(), FAR);
        spin_estimate.note_offer(UNCONTENDED * 2, now);
        assert!(spin_estimate.budget() < FAR, "somebody else wants the processor");
        spin_estimate.note_offer(UNCONTENDED, now);
        (0..8).for_each(|_| spin_estimate.note_blocked(near));
        spin_estimate.note_blocked(late);
        assert_eq!(spin_estimate.budget(), FAR, "one may be late");
        spin_estimate.note_blocked(late);
        assert!(spin_estimate.budget() < FAR);
        (0..20).for_each(|_| spin_estimate.note_blocked(near));
        let in_vain = (0..).take_while(|_| spin_estimate.budget() == FAR);
        let in_vain = in_vain.inspect(|_| spin_estimate.note(false)).count();
        assert_eq!(in_vain, 5, "as nothing comes any more");
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
