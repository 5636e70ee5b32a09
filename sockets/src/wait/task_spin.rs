//! A future that waits looks a few times more before it waits to be told, in turn with the other tasks of
//! its runtime.
//!
//! To be told costs a task two wake-ups: of the thread that its runtime runs on, and of the task. An answer
//! that is on its way is met sooner by one that is polled again at once, as [a thread](super::spin) meets it.
//! On a runtime of one thread another turn is cheap: that looks at its reactor and at its other tasks before
//! it polls this one again. A runtime of many threads would wake another one each time; there the future
//! itself looks for a moment, while the other threads run the other tasks.

use super::spin::{SpinPace, budget, spin};
use super::{Deadline, DirectConnections, Wants};
use crate::error::Error;
use crate::inner::Core;
use crate::socket::Inner;
use std::task::Context;
use std::time::{Duration, Instant};

/// Turns that are waited for room: a peer that reads has made some by then.
const ROOM_TURNS: u32 = 16;

/// How long a future keeps a thread of many, at the most: the answer of a peer that is woken for it takes most of
/// that, and who gives up sooner has its peer sleep as well. Tasks keep threads for as long anyway.
const STAY: Duration = Duration::from_micros(50);

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
    pub(super) fn is_spinning(&self) -> bool {
        matches!(self, Self::Spinning(_))
    }

    /// The operation would block: whether the task has been woken for another turn, rather than to wait.
    pub(super) fn turns(&mut self, inner: &Inner, wants: Wants, task: &Context<'_>) -> bool {
        if matches!(self, Self::Fresh) {
            *self = Self::begin(inner, wants);
        }
        let Self::Spinning(spinning) = self else { return false };
        let goes_on = match wants {
            Wants::Messages => {
                spinning.pace.step(&inner.shared.spin_estimate, true);
                spinning.since.elapsed() < spinning.limit
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

    /// The operation would block: where another turn is not cheap, tries it again and again for a moment, if
    /// that has been worth it lately.
    pub(super) fn stay<T>(
        &mut self,
        inner: &Inner,
        wants: Wants,
        operation: &mut impl FnMut(&mut Core) -> Result<T, Error>,
    ) -> Option<Result<T, Error>> {
        if !matches!(self, Self::Fresh) || Turns::here() != Turns::Dear {
            return None;
        }
        *self = Self::Over;
        let mut core = inner.lock().ok()?;
        let how = core.options.spin;
        let connections = match wants {
            Wants::Messages => core.direct_connections(),
            Wants::Room => DirectConnections::default(),
        };
        drop(core);
        let mut readers = connections.readers_of_streams();
        let budget = budget(inner, how).min(STAY);
        match spin(inner, Instant::now(), budget, &mut readers, Deadline(None), operation) {
            Err(Error::WouldBlock) => None,
            result => {
                drop(readers);
                if wants == Wants::Messages {
                    // There may be more for others, or nobody left who reads for them.
                    inner.shared.waiters.wake();
                }
                Some(result)
            }
        }
    }

    fn begin(inner: &Inner, wants: Wants) -> Self {
        if Turns::here() != Turns::Cheap {
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

/// What it takes to be polled again.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Turns {
    /// The runtime has one thread, which comes back.
    Cheap,
    /// The runtime has several, and wakes another one for it.
    Dear,
    /// Nobody knows.
    Unknown,
}

impl Turns {
    /// On the calling thread.
    pub(super) fn here() -> Self {
        #[cfg(all(unix, feature = "tokio"))]
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            return match runtime.runtime_flavor() {
                tokio::runtime::RuntimeFlavor::CurrentThread => Self::Cheap,
                _ => Self::Dear,
            };
        }
        Self::Unknown
    }
}
