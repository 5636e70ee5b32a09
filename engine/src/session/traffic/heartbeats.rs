//! The PINGs and PONGs of a connection in traffic, and when a peer is given up that sends none.

use super::Traffic;
use crate::backend::Stream;
use crate::io_thread::handler::Cx;
use crate::monitor::DisconnectReason;
use crate::session::inbound::{PeerSign, PingContext};
use crate::session::outbound::Outbound;
use crate::session::state::Next;
use crate::session::{Common, HEARTBEAT};
use ringmq_zmtp::{Action, Heartbeat};
use std::time::{Duration, Instant};

/// Answers and probes that wait for a peer that does not read; more would be of no use to it.
const WAITING: usize = 64;

/// A timer set for so much later is due after events have been waited for: the time stands still
/// before.
const NEXT_ROUND: Duration = Duration::from_nanos(1);

/// See the [module's documentation](self).
pub(super) struct Heartbeats {
    heartbeat: Heartbeat,
    /// When its timer is due.
    at: Option<Instant>,
    /// The time limit that was over when the last look was taken at it. A second one is taken after
    /// events have been waited for: this thread may be late, and not the peer.
    overdue: Option<Instant>,
    /// To be sent.
    beats: Vec<Beat>,
}

enum Beat {
    Ping(u16),
    Pong(PingContext),
}

impl Heartbeats {
    pub(super) fn new(heartbeat: Heartbeat) -> Self {
        Self { heartbeat, at: None, overdue: None, beats: Vec::new() }
    }

    pub(super) fn on_input(&mut self) {
        self.heartbeat.on_input();
    }

    /// Puts what is to be sent before everything else.
    pub(super) fn hand_over(&mut self, outbound: &mut Outbound) {
        for beat in self.beats.drain(..) {
            match beat {
                Beat::Ping(ttl) => outbound.ping(ttl),
                Beat::Pong(context) => outbound.pong(context.as_slice()),
            }
        }
    }

    /// Arranges the timer.
    pub(super) fn arrange(&mut self, cx: &mut Cx<'_>) {
        let at = self.heartbeat.poll_timeout();
        if at != self.at {
            self.at = at;
            cx.arrange_timer(HEARTBEAT, at);
        }
    }

    /// Asks the kernel for signs of life if the peer is not expected to give them.
    fn watch_line(&mut self, stream: &Stream, now: Instant) {
        if self.heartbeat.watches_line() {
            self.heartbeat.on_line(stream.line(), now);
        }
    }
}

impl Traffic {
    pub(super) fn heed(&mut self, now: Instant, signs: Vec<PeerSign>) {
        for sign in signs {
            match sign {
                PeerSign::Ping { ttl, context } => {
                    self.heartbeats.heartbeat.on_ping(ttl, now);
                    self.write.want();
                    if self.heartbeats.beats.len() < WAITING {
                        self.heartbeats.beats.push(Beat::Pong(context));
                    }
                }
                PeerSign::Pong => self.heartbeats.heartbeat.on_pong(),
            }
        }
    }

    /// Bytes of the batch under way were sent: notes whether there was a PING among them.
    pub(super) fn note_ping(&mut self, stream: &Stream, now: Instant) {
        let sent = self.write.get().and_then(|writing| writing.outbound.ping_sent());
        if let Some(behind_messages) = sent {
            self.heartbeats.heartbeat.on_ping_sent(behind_messages, now);
            self.heartbeats.watch_line(stream, now);
        }
    }

    /// Whether the peer may have said something that has not been heard. Looks into the stream only
    /// if that decides about the connection.
    fn is_deaf(&mut self, stream: &Stream) -> bool {
        self.read.is_starved() || self.heartbeats.overdue.is_some() && stream.has_unread()
    }

    pub(in crate::session) fn heartbeat_due(
        &mut self,
        common: &mut Common,
        cx: &mut Cx<'_>,
    ) -> Next {
        self.heartbeats.at = None;
        self.catch_up(cx.now);
        if self.is_deaf(&common.stream) {
            // Not a silent peer: one that we do not listen to at the moment.
            self.heartbeats.on_input();
        }
        self.heartbeats.watch_line(&common.stream, cx.now);
        let at = self.heartbeats.heartbeat.poll_timeout();
        let overdue = self.heartbeats.overdue.take();
        match self.heartbeats.heartbeat.handle_timeout(cx.now) {
            Action::None => {}
            Action::SendPing { ttl } => {
                self.write.want();
                self.heartbeats.beats.push(Beat::Ping(ttl));
                self.heartbeats.watch_line(&common.stream, cx.now);
            }
            // Whoever reads may have heard something just now. This session is told when it lets
            // go.
            Action::Expired if !self.read.revoke() => {
                common.owner.look_again();
                return Next::Stay;
            }
            Action::Expired if overdue == at => {
                return Next::Leave(DisconnectReason::HeartbeatExpired);
            }
            Action::Expired => {
                self.heartbeats.overdue = at;
                self.heartbeats.at = at;
                cx.set_timer(HEARTBEAT, cx.now + NEXT_ROUND);
            }
        }
        self.advance(common, cx)
    }
}
