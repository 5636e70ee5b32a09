//! Futures that are ready over and over let others have a turn.
//!
//! A task that drains a full pipe never waits, so an executor that runs tasks in turn would run no other
//! until the pipe is empty. So after polls that were ready for a while, futures wake their own task and are
//! pending; what they would have given is there at the next poll. Tokio's own budget is not asked: a task that
//! it stops has a runtime of several threads wake another one.
//!
//! When the task has had its turn nobody says. But a future that has yielded is polled again only then, and
//! until one is, others that are polled yield as well: they may be in one `select` with it, and one that is
//! ready would take the turn away.

use super::task_spin::Turns;
use std::cell::Cell;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
#[cfg(all(unix, feature = "tokio"))]
use std::{future::Future, pin::pin};

/// A turn is over after about as long as it takes to wake a thread.
const TURN: Duration = Duration::from_micros(50);
/// Ready polls between two looks at the clock, and of how many such stretches a turn is at the most.
const STRETCH: u32 = 32;
const STRETCHES: u32 = 16;
/// Of so many turns on a runtime of several threads one is given up as tokio's own tasks do.
const PLAIN_TURNS: u32 = 8;
/// So many futures yield, at most, none of which is polled again: they were asked only once, for what there
/// is now.
const YIELDS: u32 = 8;

/// What the futures of the calling thread have left, all of them together: in which task a future is polled
/// it cannot know.
#[derive(Clone, Copy)]
struct Budget {
    ready_polls: u32,
    stretches: u32,
    yields: u32,
    /// The turns that were.
    turns: u32,
    /// When the turn began, as far as is known.
    since: Option<Instant>,
}

impl Budget {
    const FULL: Self =
        Self { ready_polls: STRETCH, stretches: STRETCHES, yields: YIELDS, turns: 0, since: None };

    /// The next stretch of the same turn, unless that is over.
    fn go_on(self) -> Option<Self> {
        let now = Instant::now();
        let since = self.since.unwrap_or(now);
        let goes_on = self.yields == YIELDS && self.stretches > 1 && now - since < TURN;
        goes_on.then_some(Self {
            ready_polls: STRETCH,
            stretches: self.stretches - 1,
            since: Some(since),
            ..self
        })
    }
}

thread_local! {
    static BUDGET: Cell<Budget> = const { Cell::new(Budget::FULL) };
}

/// The part of a future that yields.
#[derive(Default)]
pub(crate) struct Yielding {
    /// It has, and was not polled since.
    yielded: bool,
}

impl Yielding {
    /// To be asked before a future does what may make it ready; pending is what the future then is too.
    #[inline]
    pub(crate) fn poll_turn(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let yielded = std::mem::take(&mut self.yielded);
        // A thread that is ending has no budget, and not many polls left.
        let budget = BUDGET.try_with(Cell::get).unwrap_or(Budget::FULL);
        if budget.ready_polls > 0 { Poll::Ready(()) } else { self.poll_spent(cx, yielded, budget) }
    }

    #[cold]
    fn poll_spent(&mut self, cx: &mut Context<'_>, yielded: bool, budget: Budget) -> Poll<()> {
        let next = if yielded || budget.yields == 0 {
            let turns = budget.turns.wrapping_add(1);
            Some(Budget { turns, since: Some(Instant::now()), ..Budget::FULL })
        } else {
            budget.go_on()
        };
        let left = next.unwrap_or(Budget { yields: budget.yields.saturating_sub(1), ..budget });
        let _ = BUDGET.try_with(|budget| budget.set(left));
        if next.is_some() {
            return Poll::Ready(());
        }
        self.yielded = true;
        give_way(cx, left.turns);
        Poll::Pending
    }
}

/// The task is polled again when others have had a turn.
///
/// Tokio looks at its reactor, and at tasks that have yielded as its own do, when there is no other task left,
/// and now and then. So there this one yields like those. But on a runtime of several threads that has another
/// one look for work, which takes the task away from where its socket is: there it does so now and then.
fn give_way(cx: &mut Context<'_>, turns: u32) {
    let as_tokio_does = match Turns::here() {
        Turns::Cheap => true,
        Turns::Dear => turns.is_multiple_of(PLAIN_TURNS),
        Turns::Unknown => false,
    };
    #[cfg(all(unix, feature = "tokio"))]
    if as_tokio_does {
        let _ = pin!(tokio::task::yield_now()).poll(cx);
        return;
    }
    let _ = as_tokio_does;
    cx.waker().wake_by_ref();
}

/// A future is ready.
#[inline]
pub(crate) fn note_ready() {
    let spend = |left: &Cell<Budget>| {
        let budget = left.get();
        left.set(Budget { ready_polls: budget.ready_polls.saturating_sub(1), ..budget });
    };
    let _ = BUDGET.try_with(spend);
}
