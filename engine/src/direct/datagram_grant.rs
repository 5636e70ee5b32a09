//! How a link of datagrams lends its receiving half to threads that wait for messages, and gets it back.

use super::{DatagramHalf, Direct, ReadGrant};
use crate::PipeState;
use crate::io_thread::handler::Cx;
use crate::io_thread::timers::TimerKind;
use crate::owner::SessionOwner;
use ringmq_pipe::{LeaseCheck, lease};
use std::sync::Arc;

/// The receiving half of a link of datagrams, as its handler has it: here, or lent to a thread that waits for
/// messages. Dropping it takes it off the pipe.
///
/// The handler is [notified](crate::Notice): `Lend` and `Reclaim` are for [`lend`](Self::lend) and
/// [`give_up`](Self::give_up), and with `Writable` the half may be back, or asked for. It is to look at what a half
/// that is back has to [report](DatagramHalf::take_report).
pub struct DatagramGrant {
    grant: ReadGrant<DatagramHalf>,
    direct: Arc<Direct>,
    state: Arc<PipeState>,
    owner: Arc<dyn SessionOwner>,
    timer: TimerKind,
}

impl DatagramGrant {
    /// Of a half that is here. Threads learn of it if it `may_be_lent`; `timer` is the handler's for
    /// [`check`](Self::check).
    pub fn new(
        cx: &Cx<'_>,
        owner: Arc<dyn SessionOwner>,
        half: DatagramHalf,
        may_be_lent: bool,
        timer: TimerKind,
    ) -> Self {
        let state = half.state().clone();
        let half = lease(half, cx.io.notifier(), cx.token.key(), |io, key| io.writable(key));
        let direct = Direct::of_datagrams(cx.io.clone(), cx.token, owner.clone(), half.share());
        let direct = Arc::new(direct);
        if may_be_lent {
            state.set_direct(Some(direct.clone()));
            owner.look_again();
        }
        let grant = ReadGrant::new(half);
        Self { grant, direct, state, owner, timer }
    }

    /// The half, if it is here.
    pub fn get(&mut self) -> Option<&mut DatagramHalf> {
        self.grant.get()
    }

    /// The half, which is wanted back; `None` if it is in use, and then the handler is told.
    pub fn reclaim(&mut self) -> Option<&mut DatagramHalf> {
        if !self.grant.revoke() {
            // Who holds it may sleep.
            self.owner.look_again();
        }
        self.get()
    }

    /// A thread asks for the half. Returns whether that is to be lent as soon as nothing is received here any more:
    /// if it is here, and so much comes that it is worth it.
    pub fn ask(&mut self) -> bool {
        if self.grant.get().is_some_and(|half| !half.is_worth_lending()) {
            self.refuse();
            return false;
        }
        let is_here = self.grant.ask();
        if !is_here {
            self.direct.answered();
            // It was lent after that thread had looked.
            self.owner.look_again();
        }
        is_here
    }

    /// The half cannot be lent now.
    pub fn refuse(&mut self) {
        self.direct.answered();
        self.grant.give_up();
    }

    /// Whether a thread waits for the half.
    pub fn is_waited_for(&self) -> bool {
        self.grant.is_waited_for()
    }

    /// Lends the half.
    pub fn lend(&mut self, cx: &mut Cx<'_>) {
        self.grant.lend();
        self.direct.answered();
        self.watch(cx);
        self.owner.look_again();
    }

    /// Threads leave the reading to the handler from now on; `false` if the half is in use, and then the handler is
    /// told.
    pub fn give_up(&mut self) -> bool {
        self.direct.answered();
        self.grant.give_up()
    }

    /// Looks after the half that is lent.
    pub fn watch(&mut self, cx: &mut Cx<'_>) {
        if let Some(take_over) = self.grant.watch() {
            cx.set_timer(self.timer, cx.now + take_over);
        }
    }

    /// Takes the half back if it was left alone; whether it is here.
    pub fn check(&mut self, cx: &mut Cx<'_>) -> bool {
        match self.grant.check() {
            LeaseCheck::Owned => return true,
            LeaseCheck::InUse => self.watch(cx),
            // Whoever waits may wait for long, and does what is to be done meanwhile: this thread is told.
            LeaseCheck::Watched => {}
        }
        false
    }
}

impl Drop for DatagramGrant {
    fn drop(&mut self) {
        self.state.set_direct(None);
        self.direct.close();
        self.owner.look_again();
    }
}
