//! A link whose socket is open.

use super::link::{LEASE, RETRY, WORK};
use super::multicast::Membership;
use super::{DatagramRole, OpenedDatagrams};
use ringmq_engine::{
    Cx, DatagramBatch, DatagramGrant, DatagramHalf, DatagramReceive, PipeState, SessionOwner,
};
use ringmq_pipe::{Piece, PipeWriter};
use socket2::Socket;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long to wait at the least while something is under way.
const SOON: Duration = Duration::from_millis(1);

/// How long after a receive has failed, with nothing received since the last failure, it is tried again.
const PAUSE: Duration = Duration::from_millis(100);

/// A link whose socket is open.
pub(super) struct OpenLink {
    pub(super) socket: Arc<Socket>,
    pub(super) membership: Option<Membership>,
    /// What takes messages out of datagrams and puts them in, and where those go.
    pub(super) half: DatagramGrant,
    receives: Option<DatagramReceive>,
    /// What is to go out next; with the backend while that is under way.
    pub(super) batch: DatagramBatch,
    pub(super) sending: bool,
    /// Messages in there, to be credited when all of them are out.
    pub(super) under_way: u32,
    pub(super) receiving: bool,
    /// A receive has failed, and nothing was received since.
    pub(super) failing: bool,
    /// It has failed again: the next one waits for a moment.
    pub(super) pausing: bool,
    /// What has failed where it was lent to.
    pub(super) failure: Option<io::Error>,
    /// The time for which [`WORK`] is set.
    pub(super) work_at: Option<Instant>,
}

impl OpenLink {
    pub(super) fn new(
        cx: &Cx<'_>,
        opened: OpenedDatagrams,
        pipe: (PipeWriter, Arc<PipeState>),
        owner: &Arc<dyn SessionOwner>,
        role: DatagramRole,
    ) -> Self {
        let OpenedDatagrams { socket, membership, carriage, receives, .. } = opened;
        let socket = Arc::new(socket);
        let half = DatagramHalf::new(socket.clone(), carriage, pipe, receives);
        Self {
            half: DatagramGrant::new(cx, owner.clone(), half, role.is_read_only(), LEASE),
            socket,
            membership,
            receives,
            batch: DatagramBatch::default(),
            sending: false,
            under_way: 0,
            receiving: false,
            failing: false,
            pausing: false,
            failure: None,
            work_at: None,
        }
    }

    /// Receives if there is room for it, here.
    pub(super) fn receive_on(&mut self, cx: &mut Cx<'_>) {
        let (Some(how), Some(half)) = (self.receives, self.half.get()) else { return };
        let reads_on = half.resume(cx.now);
        match self.receiving {
            true if !reads_on => cx.backend.pause(cx.token),
            false if reads_on && !self.pausing => {
                self.receiving = true;
                cx.backend.receive_datagrams(cx.token, &self.socket, how);
            }
            _ => {}
        }
    }

    /// A receive has failed.
    pub(super) fn failed(&mut self, cx: &mut Cx<'_>) {
        if std::mem::replace(&mut self.failing, true) {
            self.pausing = true;
            cx.set_timer(RETRY, cx.now + PAUSE);
        }
    }

    /// A thread that waits for messages wants to receive by itself: gets to as soon as nothing is under way here.
    pub(super) fn asked(&mut self, cx: &mut Cx<'_>) {
        if self.pausing {
            return self.half.refuse();
        }
        if !self.half.ask() {
            return;
        }
        match self.receiving {
            true => cx.backend.pause(cx.token),
            false => self.lend(cx),
        }
    }

    /// Lends what was asked for: nothing is received here.
    pub(super) fn lend(&mut self, cx: &mut Cx<'_>) {
        if self.pausing {
            return self.half.refuse();
        }
        self.half.lend(cx);
        self.arrange_work(cx);
    }

    /// Sets the timer for what the carriage has to do, if it is another time than before. Whoever it is lent to sees to
    /// that by itself.
    pub(super) fn arrange_work(&mut self, cx: &mut Cx<'_>) {
        // What is to be sent has its turn when what is under way has gone.
        let least = if self.sending { cx.now + SOON } else { cx.now };
        let at = self.half.get().and_then(|half| half.carriage().timeout(cx.now));
        let at = at.map(|at| at.max(least));
        if at != self.work_at {
            self.work_at = at;
            cx.arrange_timer(WORK, at);
        }
    }
}

/// How many messages end in these pieces.
pub(super) fn count(pieces: &[Piece]) -> u32 {
    pieces.iter().map(|piece| piece.messages).sum()
}
