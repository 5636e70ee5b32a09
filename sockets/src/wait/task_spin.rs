//! A future that waits looks a few times more before it waits to be told, in turn with the other tasks of
//! its runtime.
//!
//! To be told costs a task two wake-ups: of the thread that its runtime runs on, and of the task. An answer
//! that is on its way is met sooner by one that is polled again at once, as [a thread](super::spin) meets it.
//! Only where another turn is cheap: on a runtime of one thread, which looks at its reactor and at its other
//! tasks before it polls this one again. A runtime of many threads would wake another one each time.

use super::Wants;
use super::spin::{SpinPace, budget};
use crate::socket::Inner;
use std::task::Context;
use std::time::{Duration, Instant};

/// Turns that are waited for room: a peer that reads has made some by then.
const ROOM_TURNS: u32 = 16;

/// The looks of one future.
#[derive(Default)]
pub(super) enum TaskSpin {
    /// It has not waited yet.
    #[default]
    Fresh,
    Spinning(Spinning),
    /// It waits to be told.
    Over,
}

pub(super) struct Spinning {
    since: Instant,
    limit: Duration,
    turns: u32,
    pace: SpinPace,
}

impl TaskSpin {
    /// The operation would block: whether the task has been woken for another turn, rather than to wait.
    pub(super) fn turns(&mut self, inner: &Inner, wants: Wants, task: &Context<'_>) -> bool {
        if matches!(self, Self::Fresh) {
            *self = Self::begin(inner, wants);
        }
        let Self::Spinning(spinning) = self else { return false };
        let goes_on = match wants {
            Wants::Messages => {
                spinning.pace.offer_processor() && spinning.since.elapsed() < spinning.limit
            }
            Wants::Room => spinning.turns < ROOM_TURNS,
        };
        spinning.turns += 1;
        if goes_on {
            task.waker().wake_by_ref();
            return true;
        }
        *self = Self::Over;
        if wants == Wants::Messages {
            inner.shared.spin_estimate.note(false);
        }
        false
    }

    fn begin(inner: &Inner, wants: Wants) -> Self {
        if !turns_are_cheap() {
            return Self::Over;
        }
        let limit = match wants {
            Wants::Messages => {
                inner.lock().map_or(Duration::ZERO, |core| budget(inner, core.options.spin))
            }
            Wants::Room => Duration::MAX,
        };
        if limit.is_zero() {
            return Self::Over;
        }
        let (since, pace) = (Instant::now(), SpinPace::default());
        Self::Spinning(Spinning { since, limit, turns: 0, pace })
    }

    /// The operation is done.
    #[inline]
    pub(super) fn rest(&mut self, inner: &Inner, wants: Wants) {
        if let Self::Spinning(_) = self
            && wants == Wants::Messages
        {
            inner.shared.spin_estimate.note(true);
        }
        *self = Self::Fresh;
    }
}

/// Whether the runtime polls a task that has woken itself without further ado.
fn turns_are_cheap() -> bool {
    #[cfg(all(unix, feature = "tokio"))]
    {
        use tokio::runtime::{Handle, RuntimeFlavor};
        Handle::try_current()
            .is_ok_and(|runtime| runtime.runtime_flavor() == RuntimeFlavor::CurrentThread)
    }
    #[cfg(not(all(unix, feature = "tokio")))]
    false
}
