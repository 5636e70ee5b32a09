//! Futures that are ready over and over let others have a turn.
//!
//! A task that drains a full pipe never waits, so an executor that runs tasks in turn would run no other
//! until the pipe is empty. So after many polls that were ready, futures wake their own task and are pending;
//! what they would have given is there at the next poll.
//!
//! When the task has had its turn nobody says. But a future that has yielded is polled again only then, and
//! until one is, others that are polled yield as well: they may be in one `select` with it, and one that is
//! ready would take the turn away.
//!
//! A task of tokio's has a budget that all it asks of that runtime is taken from: with the feature `tokio`
//! futures take from it, too, and need none of their own there.

use std::cell::Cell;
use std::task::{Context, Poll, ready};

/// Ready polls between two turns: together they take about as long as it takes to wake a thread.
const READY_POLLS: u32 = 128;
/// So many futures yield, at most, none of which is polled again: they were asked only once, for what there
/// is now.
const YIELDS: u32 = 8;

/// What the futures of the calling thread have left, all of them together: in which task a future is polled
/// it cannot know.
#[derive(Clone, Copy)]
struct Budget {
    ready_polls: u32,
    yields: u32,
}

const FULL: Budget = Budget { ready_polls: READY_POLLS, yields: YIELDS };

thread_local! {
    static BUDGET: Cell<Budget> = const { Cell::new(FULL) };
}

/// The part of a future that yields.
#[derive(Default)]
pub(crate) struct Yielding {
    /// It has, and was not polled since.
    yielded: bool,
}

/// The turn of a future: what it may do now.
pub(crate) struct PollTurn {
    /// Gives back what was taken of tokio's budget, unless it was of use.
    #[cfg(feature = "tokio")]
    coop: tokio::task::coop::RestoreOnPending,
}

impl Yielding {
    /// To be asked before a future does what may make it ready; pending is what the future then is too.
    #[inline]
    pub(crate) fn poll_turn(&mut self, cx: &mut Context<'_>) -> Poll<PollTurn> {
        #[cfg(feature = "tokio")]
        {
            let coop = ready!(tokio::task::coop::poll_proceed(cx));
            // What a runtime blocks on is no task; it has a budget all the same, and two do no harm.
            if tokio::task::try_id().is_none() {
                ready!(self.poll_budget(cx));
            }
            Poll::Ready(PollTurn { coop })
        }
        #[cfg(not(feature = "tokio"))]
        {
            ready!(self.poll_budget(cx));
            Poll::Ready(PollTurn {})
        }
    }

    fn poll_budget(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let yielded = std::mem::take(&mut self.yielded);
        // A thread that is ending has no budget, and not many polls left.
        let budget = BUDGET.try_with(Cell::get).unwrap_or(FULL);
        if budget.ready_polls > 0 { Poll::Ready(()) } else { self.poll_spent(cx, yielded, budget) }
    }

    #[cold]
    fn poll_spent(&mut self, cx: &mut Context<'_>, yielded: bool, budget: Budget) -> Poll<()> {
        if yielded || budget.yields == 0 {
            let _ = BUDGET.try_with(|left| left.set(FULL));
            return Poll::Ready(());
        }
        let _ = BUDGET.try_with(|left| left.set(Budget { yields: budget.yields - 1, ..budget }));
        self.yielded = true;
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

impl PollTurn {
    /// The future is ready.
    #[inline]
    pub(crate) fn note_ready(self) {
        #[cfg(feature = "tokio")]
        self.coop.made_progress();
        let spend = |left: &Cell<Budget>| {
            let budget = left.get();
            left.set(Budget { ready_polls: budget.ready_polls.saturating_sub(1), ..budget });
        };
        let _ = BUDGET.try_with(spend);
    }
}
