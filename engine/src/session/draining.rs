//! A session whose connection is of no more use for sending: what there is to read is read, what
//! waits for room in the pipe is delivered, and then it ends.

use super::state::{Gone, Next};
use super::{Common, Traffic};
use crate::direct::ReadEnd;
use crate::io_thread::handler::Cx;
use std::time::Instant;

/// See the [module's documentation](self).
pub(super) struct Draining {
    pub(super) traffic: Box<Traffic>,
    gone: Gone,
}

impl Draining {
    pub(super) fn new(traffic: Box<Traffic>, gone: Gone) -> Self {
        Self { traffic, gone }
    }

    pub(super) fn take_in(&mut self, now: Instant, bytes: &[u8]) {
        self.traffic.take_in(now, bytes);
    }

    pub(super) fn advance(&mut self, common: &mut Common, cx: &mut Cx<'_>) -> Next {
        let Some(reading) = self.traffic.read.reclaim() else {
            // Whoever reads is to let go, and then this session is told.
            common.owner.look_again();
            return Next::Stay;
        };
        match reading.over.take() {
            Some(ReadEnd::Ended(_)) => self.gone.input_over = true,
            Some(ReadEnd::Broken(misuse)) => return Next::Leave(misuse.into()),
            None => {}
        }
        // What a borrower had no room for is decoded here from now on, and asks for room.
        self.traffic.take_in(cx.now, &[]);
        if let Some(reason) = self.traffic.failure.take() {
            return Next::Leave(reason);
        }
        let blocked = self.traffic.read.is_blocked();
        if !self.gone.input_over {
            let discards = common.discard_inbound;
            let near = self.traffic.read.is_near_limit();
            common.read_on(cx, blocked, near, || self.traffic.is_credit_scarce(discards));
            return Next::Stay;
        }
        if self.traffic.read.has_backlog() {
            return Next::Stay;
        }
        Next::Leave(self.gone.reason.clone())
    }

    /// Nothing more comes, or is waited for.
    pub(super) fn last_read(&mut self, common: &mut Common, cx: &mut Cx<'_>) -> Next {
        self.gone.input_over = true;
        self.advance(common, cx)
    }

    /// A thread that waits for messages would rather read the connection itself: not any more.
    pub(super) fn refuse(&self) {
        self.traffic.direct.answered();
    }
}
