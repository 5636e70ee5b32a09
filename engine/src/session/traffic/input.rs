//! Receiving while messages flow: by the session, or by a thread of the application that waits for
//! messages and would rather read the connection itself.

use super::Traffic;
use crate::direct::{Attended, ReadEnd};
use crate::io_thread::handler::Cx;
use crate::session::state::{Gone, Next};
use crate::session::{Common, LEASE};
use ringmq_pipe::LeaseCheck;
use std::time::Instant;

/// Credit below which a connection is read one buffer at a time, so that no more than that is read
/// ahead.
const SCARCE: u64 = 64;

impl Traffic {
    /// Decodes what arrived, and what waited for credit, if reading is done here.
    pub(in crate::session) fn take_in(&mut self, now: Instant, bytes: &[u8]) {
        if self.failure.is_some() {
            // It is over, and what has come behind is of no use.
            return;
        }
        // As long as bytes waited here, the peer was not listened to.
        if !bytes.is_empty() || self.read.is_blocked() {
            self.heartbeats.on_input();
        }
        let mut signs = Vec::new();
        let result = match self.read.get() {
            Some(reading) => reading.take(bytes, &mut signs),
            None => Ok(()),
        };
        self.heed(now, signs);
        if let Err(error) = result {
            self.failure = Some(error.into());
        }
    }

    /// Learns what borrowers have noticed.
    pub(in crate::session) fn catch_up(&mut self, now: Instant) {
        if self.direct.heard() {
            self.heartbeats.on_input();
        }
        let signs = self.direct.take_signs();
        self.heed(now, signs);
    }

    pub(super) fn advance_input(&mut self, common: &mut Common, cx: &mut Cx<'_>) {
        if !self.read.is_with_owner() || self.read.is_over() {
            return; // Who has brought back a half that is over has told, and that is looked at next.
        }
        if self.read.is_waited_for() {
            return self.lend_reading(common, cx);
        }
        let blocked = self.read.is_blocked();
        let near = self.read.is_near_limit();
        let discards = common.discard_inbound;
        if common.read_on(cx, blocked, near, || self.is_credit_scarce(discards))
            && self.read.lend_starved()
        {
            // Until the pipe tells of room there is nothing to do here.
            self.direct.answered();
        }
    }

    pub(in crate::session) fn is_credit_scarce(&mut self, discards: bool) -> bool {
        match self.read.get().and_then(|reading| reading.tx.as_mut()) {
            Some(pipe) if !discards => pipe.credit() < SCARCE,
            _ => false,
        }
    }

    /// A thread that waits for messages wants to read the connection itself: lends it the reading
    /// half as soon as nothing is under way here.
    pub(in crate::session) fn lend_reading(&mut self, common: &mut Common, cx: &mut Cx<'_>) {
        if self.failure.is_some() || self.read.is_over() {
            return self.direct.answered();
        }
        if !self.read.ask() {
            self.direct.answered();
            // It was lent after that thread had looked.
            return common.owner.look_again();
        }
        if common.receiving.is_some() {
            return cx.backend.pause(cx.token);
        }
        self.read.lend();
        self.direct.answered();
        self.watch(cx);
        common.owner.look_again();
    }

    /// Reads here from now on.
    pub(in crate::session) fn reclaim_reading(
        &mut self,
        common: &mut Common,
        cx: &mut Cx<'_>,
    ) -> Next {
        self.direct.answered();
        if self.read.give_up() { self.look_at_reading(common, cx) } else { Next::Stay }
    }

    /// Looks after the reading half that is lent.
    fn watch(&mut self, cx: &mut Cx<'_>) {
        if let Some(take_over) = self.read.watch() {
            cx.set_timer(LEASE, cx.now + take_over);
        }
    }

    /// Takes the reading half back if it was left alone.
    pub(in crate::session) fn check_lease(&mut self, common: &mut Common, cx: &mut Cx<'_>) -> Next {
        if self.read.is_left_to_tasks(&self.direct, &common.stream) {
            self.watch(cx);
            return Next::Stay;
        }
        match self.read.is_left_to_attendant(&self.direct) {
            // This thread can sleep until it is told.
            Attended::Now => return Next::Stay,
            Attended::Lately => {
                self.watch(cx);
                return Next::Stay;
            }
            Attended::No => {}
        }
        match self.read.check() {
            LeaseCheck::Owned => return self.look_at_reading(common, cx),
            LeaseCheck::InUse => self.watch(cx),
            // Whoever waits may wait for long: this thread can sleep until it is told.
            LeaseCheck::Watched => {}
        }
        Next::Stay
    }

    /// The reading half may have been returned or let go, the pipe may have room, and the peer may
    /// have said something to a borrower.
    pub(in crate::session) fn look_at_reading(
        &mut self,
        common: &mut Common,
        cx: &mut Cx<'_>,
    ) -> Next {
        self.catch_up(cx.now);
        self.read.fed();
        self.read.look_soon();
        let over = match self.read.get() {
            None => {
                self.watch(cx);
                return self.advance(common, cx);
            }
            Some(reading) => reading.over.take(),
        };
        match over {
            Some(ReadEnd::Ended(ended)) => {
                return match Gone::read_ended(ended) {
                    Some(gone) => self.input_over(gone),
                    None => self.advance(common, cx),
                };
            }
            Some(ReadEnd::Broken(misuse)) => self.failure = Some(misuse.into()),
            None => self.take_in(cx.now, &[]),
        }
        self.advance(common, cx)
    }
}
