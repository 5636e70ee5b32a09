//! The floor of round trips between two threads: two counters, each raised by one of them and awaited
//! by the other.
//!
//! The counters lie on cache lines of their own and the threads spin on them; or they are guarded by
//! condition variables and the threads sleep. A round trip carries the number of the message and no
//! body.

use std::hint;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use anyhow::{Result, bail};
use crossbeam_utils::CachePadded;

use crate::case::Backend;
use crate::end::{Answerer, Answering, Asker, Asking, End};
use crate::job::Job;
use crate::patience::Patience;
use crate::payload::{Checker, Stamper};

/// Both ends of `job`, the one that asks first.
pub(super) fn ends(job: &Job) -> [Box<dyn End>; 2] {
    let limit = job.patience();
    if job.case.backend == Backend::FloorBlocking {
        round_trip(job, || SleepingLine::new(limit))
    } else {
        round_trip(job, || SpinningLine::new(limit))
    }
}

/// A counter that one thread raises and the other one waits for.
trait Line: Send + Sync + 'static {
    fn raise(&self, to: u64) -> Result<()>;
    /// Where it is; never goes back.
    fn height(&self) -> Result<u64>;
    /// Waits until it has come to `at`; further, if questions go on before they are answered.
    fn wait_for(&self, at: u64, patience: &mut Patience) -> Result<()>;
    fn patience(&self) -> Patience;
}

fn round_trip<L: Line>(job: &Job, line: impl Fn() -> L) -> [Box<dyn End>; 2] {
    let (there, back) = (Arc::new(line()), Arc::new(line()));
    let end = |mine: &Arc<L>, theirs: &Arc<L>| Bounce {
        mine: Arc::clone(mine),
        theirs: Arc::clone(theirs),
        raised: 0,
        seen: 0,
        patience: mine.patience(),
    };
    let asking = Asking::new(end(&there, &back), job.case.size, super::patience(job));
    [Box::new(asking), Box::new(Answering(end(&back, &there)))]
}

/// One end of a round trip: the line it raises and the line it waits for.
struct Bounce<L> {
    mine: Arc<L>,
    theirs: Arc<L>,
    /// Where this end's own line is.
    raised: u64,
    /// How far this end has gone along with the other one.
    seen: u64,
    patience: Patience,
}

impl<L: Line> Bounce<L> {
    #[inline]
    fn raise(&mut self) -> Result<()> {
        self.raised += 1;
        self.mine.raise(self.raised)
    }

    #[inline]
    fn wait(&mut self) -> Result<()> {
        self.seen += 1;
        self.theirs.wait_for(self.seen, &mut self.patience)
    }
}

impl<L: Line> Asker for Bounce<L> {
    #[inline]
    fn ask(&mut self, _stamper: &mut Stamper, _checker: &mut Checker) -> Result<()> {
        self.raise()?;
        self.wait()
    }

    #[inline]
    fn question(&mut self, _stamper: &mut Stamper) -> Result<()> {
        self.raise()
    }

    #[inline]
    fn try_answer(&mut self, _checker: &mut Checker) -> Result<bool> {
        let there = self.theirs.height()? > self.seen;
        self.seen += u64::from(there);
        Ok(there)
    }
}

impl<L: Line> Answerer for Bounce<L> {
    #[inline]
    fn answer(&mut self) -> Result<()> {
        self.wait()?;
        self.raise()
    }
}

struct SpinningLine {
    at: CachePadded<AtomicU64>,
    limit: Duration,
}

impl SpinningLine {
    fn new(limit: Duration) -> Self {
        Self { at: CachePadded::default(), limit }
    }
}

impl Line for SpinningLine {
    #[inline]
    fn raise(&self, to: u64) -> Result<()> {
        // Release, with the acquire below: what the message stands for is visible with it.
        self.at.store(to, Ordering::Release);
        Ok(())
    }

    #[inline]
    fn height(&self) -> Result<u64> {
        // Acquire, with the release above.
        Ok(self.at.load(Ordering::Acquire))
    }

    #[inline]
    fn wait_for(&self, at: u64, patience: &mut Patience) -> Result<()> {
        while self.height()? < at {
            hint::spin_loop();
            patience.again()?;
        }
        patience.progress();
        Ok(())
    }

    fn patience(&self) -> Patience {
        Patience::new(self.limit)
    }
}

struct SleepingLine {
    at: Mutex<u64>,
    raised: Condvar,
    limit: Duration,
}

impl SleepingLine {
    fn new(limit: Duration) -> Self {
        Self { at: Mutex::new(0), raised: Condvar::new(), limit }
    }
}

impl Line for SleepingLine {
    fn raise(&self, to: u64) -> Result<()> {
        let Ok(mut at) = self.at.lock() else { bail!("the other thread panicked") };
        *at = to;
        drop(at);
        self.raised.notify_one();
        Ok(())
    }

    fn height(&self) -> Result<u64> {
        let Ok(at) = self.at.lock() else { bail!("the other thread panicked") };
        Ok(*at)
    }

    fn wait_for(&self, at: u64, _patience: &mut Patience) -> Result<()> {
        let Ok(found) = self.at.lock() else { bail!("the other thread panicked") };
        match self.raised.wait_timeout_while(found, self.limit, |found| *found < at) {
            Ok((found, _)) if *found >= at => Ok(()),
            Ok((found, _)) => bail!("message {at} was expected, the last one to come was {found}"),
            Err(_) => bail!("the other thread panicked"),
        }
    }

    fn patience(&self) -> Patience {
        Patience::new(self.limit)
    }
}
