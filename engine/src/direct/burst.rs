//! A pipe that is filled fast: it stays awake, and the session looks at it every few microseconds,
//! so that whoever fills it does not pay for a system call, or a wake-up, with each message.

use super::{Flush, WriteGrant};
use crate::io_thread::handler::Cx;
use crate::session::BURST;
use std::time::Duration;

/// Whoever fills the pipe and sends what is in it is left alone for so long: an I/O thread that stays awake
/// for it wants the very processors that the two ends run on. It is also how long the last messages of such a
/// burst may wait, or a millisecond where the backend's clock is as coarse as that.
const LEFT_ALONE: Duration = Duration::from_micros(100);

/// What a look at a burst has found.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Burst {
    /// It goes on; the next look is arranged.
    GoesOn,
    /// No more comes, or the kernel takes no more: the rest is the session's.
    Over,
}

impl WriteGrant {
    /// What the kernel would not take is sent. If the pipe has been filled fast meanwhile, and still is, lends
    /// the half to whoever fills it: what this thread sends is what has waited longest, and has left the
    /// processor's caches.
    pub(crate) fn resume_burst(&mut self, cx: &mut Cx<'_>) -> bool {
        let Some(writing) = self.get() else { return false };
        if !writing.is_filled_fast() {
            return false;
        }
        writing.leave_to_writer();
        self.lend();
        self.look_soon(cx);
        true
    }

    fn look_soon(&mut self, cx: &mut Cx<'_>) {
        if self.wants_tick() {
            cx.request_tick();
        }
    }

    /// Looks at a pipe that is filled fast: sends what is in it when there is enough of it, or no
    /// more comes. Whoever fills it may do so too, and before.
    pub(crate) fn look_at_burst(&mut self, cx: &mut Cx<'_>) -> Burst {
        let wanted = self.is_wanted();
        if self.revoke()
            && let Some(writing) = self.get()
        {
            writing.watched = true;
            let pending = writing.look();
            if writing.was_helped() && !wanted {
                self.lend();
                cx.set_timer(BURST, cx.now + LEFT_ALONE);
                return Burst::GoesOn;
            }
            let stuck = writing.is_due(cx.now) && writing.flush() == Flush::Blocked;
            if stuck || pending == 0 || wanted {
                if let Some(writing) = self.get() {
                    writing.watched = false;
                }
                return Burst::Over;
            }
            self.lend();
        }
        self.look_soon(cx);
        Burst::GoesOn
    }
}
