//! Wakes tasks at times, for waits that have no thread of their own: one thread for a context that has any.

use super::lock;
use ringmq_engine::spawn_in_background;
use ringmq_pipe::Section;
use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::{Duration, Instant};

/// How long the thread stays when there is nothing for it to do.
const IDLE: Duration = Duration::from_secs(10);

/// The times of a context at which tasks are to be woken.
#[derive(Default)]
pub(crate) struct Alarms {
    state: Mutex<Timetable>,
    changed: Condvar,
}

#[derive(Default)]
struct Timetable {
    /// By when they are due, and a number that tells those of one time apart.
    wakers: BTreeMap<(Instant, u64), Waker>,
    next_number: u64,
    has_thread: bool,
    /// No more come.
    ended: bool,
}

/// A time at which a task is to be woken, unless this is dropped before.
pub(crate) struct Alarm {
    alarms: Arc<Alarms>,
    key: (Instant, u64),
}

impl Alarms {
    /// Has a task woken at a time.
    pub(crate) fn set(self: &Arc<Self>, at: Instant, waker: &Waker) -> Alarm {
        // Foreign code is cloned with it: not under the lock.
        let waker = waker.clone();
        let mut state = lock(&self.state);
        let key = (at, state.next_number);
        state.next_number += 1;
        state.wakers.insert(key, waker);
        if !state.has_thread {
            let this = self.clone();
            // Where there is none to be had, nobody is woken: what a task waits for still wakes it.
            state.has_thread = spawn_in_background("ringmq-alarm", move || this.run()).is_ok();
        } else if state.wakers.first_key_value().is_some_and(|(first, _)| *first == key) {
            self.changed.notify_one();
        }
        drop(state);
        Alarm { alarms: self.clone(), key }
    }

    /// There will be none any more.
    pub(super) fn end(&self) {
        lock(&self.state).ended = true;
        self.changed.notify_one();
    }

    fn run(&self) {
        let mut state = lock(&self.state);
        loop {
            let now = Instant::now();
            match state
                .wakers
                .first_key_value()
                .map(|((at, _), _)| at.saturating_duration_since(now))
            {
                Some(Duration::ZERO) => {
                    let due = state.wakers.pop_first();
                    drop(state);
                    // It is the application's code: a panic or a wait in it costs nobody else his alarm.
                    Section::run_after(move || due.into_iter().for_each(|(_, waker)| waker.wake()));
                    state = lock(&self.state);
                }
                Some(left) => state = self.wait(state, left),
                None if !state.ended => {
                    state = self.wait(state, IDLE);
                    let idle = now.elapsed() >= IDLE && state.wakers.is_empty();
                    state.ended |= idle;
                }
                None => {
                    state.ended = false;
                    state.has_thread = false;
                    return;
                }
            }
        }
    }

    fn wait<'a>(
        &self,
        state: MutexGuard<'a, Timetable>,
        time: Duration,
    ) -> MutexGuard<'a, Timetable> {
        let waited = self.changed.wait_timeout(state, time);
        waited.unwrap_or_else(PoisonError::into_inner).0
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        // Foreign code is dropped with it: not under the lock, nor another one of ours.
        let waker = lock(&self.alarms.state).wakers.remove(&self.key);
        if let Some(waker) = waker {
            Section::run_after(move || drop(waker));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;

    struct Count(AtomicUsize, bool);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            assert!(Section::runs_foreign_code(), "or else it might wait");
            self.0.fetch_add(1, Ordering::SeqCst);
            assert!(!self.1, "on purpose");
        }
    }

    fn count(panics: bool) -> (Arc<Count>, Waker) {
        let count = Arc::new(Count(AtomicUsize::new(0), panics));
        (count.clone(), Waker::from(count))
    }

    fn is_woken(count: &Count) {
        while count.0.load(Ordering::SeqCst) == 0 {
            std::thread::yield_now();
        }
    }

    #[test]
    fn whose_time_has_come_is_woken_and_who_has_gone_is_not() {
        let alarms = Arc::<Alarms>::default();
        let now = Instant::now();
        let ((late, late_waker), (gone, gone_waker)) = (count(false), count(false));
        let ((bad, bad_waker), (soon, soon_waker)) = (count(true), count(false));
        let _late = alarms.set(now + Duration::from_secs(1000), &late_waker);
        drop(alarms.set(now, &gone_waker));
        let _bad = alarms.set(now, &bad_waker);
        let _soon = alarms.set(now, &soon_waker);
        is_woken(&bad);
        is_woken(&soon);
        assert_eq!(late.0.load(Ordering::SeqCst), 0);
        assert!(gone.0.load(Ordering::SeqCst) <= 1);
    }

    #[test]
    fn its_thread_ends_with_the_context_and_another_one_begins() {
        let alarms = Arc::<Alarms>::default();
        for _ in 0..2 {
            let (soon, waker) = count(false);
            let alarm = alarms.set(Instant::now(), &waker);
            is_woken(&soon);
            drop(alarm);
            alarms.end();
            while lock(&alarms.state).has_thread {
                std::thread::yield_now();
            }
        }
        assert_eq!(Arc::strong_count(&alarms), 1);
    }
}
