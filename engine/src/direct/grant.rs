//! How a session lends the halves of its connection, and gets them back.

use super::{Attended, Direct, ReadHalf, WriteHalf};
use crate::backend::Stream;
use ringmq_pipe::{LeaseCheck, LeaseOwner};
use std::time::Duration;

/// How long a reading half that is lent may be left alone before it is taken back: long for a
/// thread that turns from one message to the next, short for a peer that waits for an answer to its
/// PING.
const TAKE_OVER: Duration = Duration::from_millis(2);
/// The same for one that was in use at every look for a while: a look takes the processor from
/// whoever is using it, and with one every 2 ms on either side every hundredth round trip would
/// meet one.
const TAKE_OVER_LATE: Duration = Duration::from_millis(16);

/// How long tasks that wait are relied on without a look, at first and later.
const TASKS_AT_FIRST: Duration = Duration::from_millis(64);
const TASKS_LATE: Duration = Duration::from_secs(1);

/// Whether threads of the application want to read the connection themselves.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Demand {
    /// None does, or those that did have given it up.
    None,
    /// One waits for the half, which is busy.
    Waiting,
    /// One has asked for the half, and got it if that could be.
    Answered,
}

/// The reading half, as its session has it.
pub(crate) struct ReadGrant<H = ReadHalf> {
    half: LeaseOwner<H>,
    demand: Demand,
    /// It was lent because the pipe had no room for what it would read.
    starved: bool,
    /// The next look at it is arranged.
    watched: bool,
    /// How long it may be left alone from now on.
    take_over: Duration,
    /// How often it had been borrowed at the last look.
    uses: u32,
    /// How often its attendant had come by then.
    turns: u32,
}

impl<H> ReadGrant<H> {
    pub(crate) fn new(half: LeaseOwner<H>) -> Self {
        Self {
            half,
            demand: Demand::None,
            starved: false,
            watched: false,
            take_over: TAKE_OVER,
            uses: 0,
            turns: 0,
        }
    }

    /// The half, if it is here.
    pub(crate) fn get(&mut self) -> Option<&mut H> {
        self.half.get()
    }

    pub(crate) fn is_with_owner(&self) -> bool {
        self.half.is_with_owner()
    }

    /// Wants the half back; `false` if it is in use, and then the session is told.
    pub(crate) fn revoke(&mut self) -> bool {
        self.half.revoke()
    }

    /// The half, which is wanted back; `None` if it is in use, and then the session is told.
    pub(crate) fn reclaim(&mut self) -> Option<&mut H> {
        if self.half.revoke() { self.half.get() } else { None }
    }

    /// Whether a thread waits for the half.
    pub(crate) fn is_waited_for(&self) -> bool {
        self.demand == Demand::Waiting
    }

    /// A thread asks for the half; `false` if it is lent already.
    pub(crate) fn ask(&mut self) -> bool {
        let is_here = self.half.is_with_owner();
        if is_here {
            self.demand = Demand::Waiting;
        } else if self.demand == Demand::None {
            self.demand = Demand::Answered;
        }
        is_here
    }

    /// Threads leave the reading to the session from now on; `false` if the half is in use, and
    /// then the session is told.
    pub(crate) fn give_up(&mut self) -> bool {
        self.demand = Demand::None;
        self.half.revoke()
    }

    /// Lends the half.
    pub(crate) fn lend(&mut self) {
        if self.demand == Demand::Waiting {
            self.demand = Demand::Answered;
        }
        self.half.lend();
    }

    /// The pipe is full: the application is slower than the peer. Lends the half if there are
    /// threads that borrow it: whoever empties the pipe reads on by itself, which is less work than
    /// to be read for.
    pub(crate) fn lend_starved(&mut self) -> bool {
        let lends = self.demand != Demand::None;
        if lends {
            self.starved = true;
            self.lend();
        }
        lends
    }

    /// There may be room in the pipe again.
    pub(crate) fn fed(&mut self) {
        self.starved = false;
    }

    /// When to look at the half next, if that is not arranged yet.
    pub(crate) fn watch(&mut self) -> Option<Duration> {
        (!std::mem::replace(&mut self.watched, true)).then_some(self.take_over)
    }

    /// Takes the half back if it was left alone since the last look.
    pub(crate) fn check(&mut self) -> LeaseCheck {
        self.watched = false;
        let check = self.half.check(&mut self.uses);
        match check {
            LeaseCheck::Owned => self.take_over = TAKE_OVER,
            LeaseCheck::InUse => self.take_over = (2 * self.take_over).min(TAKE_OVER_LATE),
            LeaseCheck::Watched => {}
        }
        check
    }
}

/// What there is to ask of a stream.
impl ReadGrant {
    /// Whether bytes wait here for room in the pipe.
    pub(crate) fn is_blocked(&mut self) -> bool {
        self.get().is_some_and(|reading| reading.is_blocked())
    }

    /// Whether what could come unasked is more than there may be room for.
    pub(crate) fn is_near_limit(&mut self) -> bool {
        self.get().is_some_and(|reading| reading.is_near_limit())
    }

    /// Whether bytes are here that were received and not decoded.
    pub(crate) fn has_backlog(&mut self) -> bool {
        self.get().is_some_and(|reading| reading.has_backlog())
    }

    /// Whether bytes may wait for room in the pipe, here or where the half was lent to for want of
    /// room.
    pub(crate) fn is_starved(&mut self) -> bool {
        self.starved || self.is_blocked()
    }

    /// Whether the half is here and was brought back because no more is to be read.
    pub(crate) fn is_over(&mut self) -> bool {
        self.get().is_some_and(|reading| reading.over.is_some())
    }

    /// Whether the half is left alone because there is nothing to read, and tasks wait for more. That is looked
    /// at less and less often: a task whose runtime does not turn may wait for ever.
    pub(crate) fn is_left_to_tasks(&mut self, direct: &Direct, stream: &Stream) -> bool {
        // What waits in the half for room no stream tells of.
        if self.starved
            || self.half.is_with_owner()
            || self.half.was_taken_since(self.uses)
            || !direct.rely_on_watchers()
        {
            return false;
        }
        // Not at the first look: they may just have been told.
        if self.take_over >= TASKS_AT_FIRST && stream.has_unread() {
            direct.distrust_watchers();
            return false;
        }
        self.take_over = (2 * self.take_over).clamp(TASKS_AT_FIRST, TASKS_LATE);
        self.watched = false;
        true
    }

    /// Whether the half is left to an [attendant](super::Attendant), and when to look again.
    pub(crate) fn is_left_to_attendant(&mut self, direct: &Direct) -> Attended {
        // What waits in the half for room no stream tells of.
        if self.starved || self.half.is_with_owner() {
            return Attended::No;
        }
        let attended = direct.attended(&mut self.turns);
        if attended != Attended::No {
            self.watched = false;
            self.take_over = (2 * self.take_over).min(TASKS_AT_FIRST);
        }
        attended
    }

    /// Nobody relies on tasks any more: the next look comes soon.
    pub(crate) fn look_soon(&mut self) {
        if self.take_over >= TASKS_AT_FIRST {
            self.take_over = TAKE_OVER;
            self.watched = false;
        }
    }

    pub(crate) fn into_inner(self) -> Option<ReadHalf> {
        self.half.into_inner()
    }
}

/// The writing half, as its session has it.
pub(crate) struct WriteGrant {
    half: LeaseOwner<WriteHalf>,
    /// Something is to be sent, so that the half is needed here.
    wanted: bool,
    /// A tick was asked for.
    ticking: bool,
}

impl WriteGrant {
    pub(crate) fn new(half: LeaseOwner<WriteHalf>) -> Self {
        Self { half, wanted: false, ticking: false }
    }

    /// The half, if it is here.
    pub(crate) fn get(&mut self) -> Option<&mut WriteHalf> {
        self.half.get()
    }

    /// Something is to be sent.
    pub(crate) fn want(&mut self) {
        self.wanted = true;
    }

    pub(crate) fn is_wanted(&self) -> bool {
        self.wanted
    }

    /// The half, to send what there is, if that is wanted or it is here anyway. `None` if there is
    /// nothing to do for it here, or it is in use: the session is told when it is back.
    pub(crate) fn claim(&mut self) -> Option<&mut WriteHalf> {
        if !(self.half.is_with_owner() || self.wanted && self.half.revoke()) {
            return None;
        }
        self.wanted = false;
        self.half.get()
    }

    /// Wants the half back; `false` if it is in use, and then the session is told.
    pub(crate) fn revoke(&mut self) -> bool {
        self.half.revoke()
    }

    /// Lends the half.
    pub(crate) fn lend(&mut self) {
        self.half.lend();
    }

    /// Whether a tick is to be asked for: not if one is on its way.
    pub(super) fn wants_tick(&mut self) -> bool {
        !std::mem::replace(&mut self.ticking, true)
    }

    /// The tick has come.
    pub(crate) fn ticked(&mut self) {
        self.ticking = false;
    }

    pub(crate) fn into_inner(self) -> Option<WriteHalf> {
        self.half.into_inner()
    }
}
