//! Sending while messages flow: by the session as long as there is something to send, by whoever
//! writes to the pipe when there is nothing.

use super::Traffic;
use crate::backend::Stream;
use crate::batch::Batch;
use crate::direct::{Burst, WriteHalf};
use crate::io_thread::handler::Cx;
use crate::monitor::DisconnectReason;
use crate::session::Common;
use crate::session::state::{Gone, Next};
use ringmq_pipe::Section;
use std::io;
use std::time::Instant;

impl Traffic {
    pub(super) fn advance_output(&mut self, common: &mut Common, cx: &mut Cx<'_>) -> Next {
        if common.sending {
            return Next::Stay;
        }
        loop {
            let Some(writing) = self.writing() else { return Next::Stay };
            if let Some(error) = writing.failed.take() {
                return Next::Drain(Gone::send_failed(error));
            }
            if writing.batch.is_empty() {
                writing.next();
            }
            if !writing.batch.is_empty() {
                let batch = std::mem::take(&mut writing.batch);
                common.send(cx, batch);
                return Next::Stay;
            }
            if writing.ended() {
                return self.half_close(common);
            }
            if writing.fall_asleep() {
                if writing.source.is_some() {
                    self.write.lend();
                }
                return Next::Stay;
            }
            // Whoever has written meanwhile found the half here, and has told.
        }
    }

    /// The writing half, with what is to be sent next in its batch, if it is needed and can be had.
    fn writing(&mut self) -> Option<&mut WriteHalf> {
        let writing = self.write.claim()?;
        self.heartbeats.hand_over(&mut writing.outbound);
        Some(writing)
    }

    /// Credits what was sent, if somebody wants to know.
    pub(in crate::session) fn credit(&mut self) {
        let source = self.write.get().and_then(|writing| writing.source.as_mut());
        if let Some(log) = source.and_then(|source| source.rx.as_log_mut()) {
            log.done(0);
        }
    }

    /// The socket has closed the pipe and everything it wrote is sent. Comes here again when what
    /// is lent is back.
    fn half_close(&mut self, common: &Common) -> Next {
        if self.revoke() {
            self.say_last_words(common);
            return Next::HalfClose;
        }
        common.owner.look_again();
        Next::Stay
    }

    /// Tells the peer that nothing more comes, where there are words for that. As much as goes out at once: nobody
    /// waits for the peer to read them.
    fn say_last_words(&mut self, common: &Common) {
        let Some(writing) = self.write.get().filter(|writing| writing.batch.is_empty()) else {
            return;
        };
        let words = writing.outbound.last_words();
        if !words.is_empty()
            && let Err(error) = common.stream.send(&words)
        {
            Section::run_after(
                move || tracing::debug!(%error, "a peer does not hear the last words"),
            );
        }
    }

    /// The peer has said that nothing more comes, and is told the same.
    pub(super) fn close_too(&mut self, common: &Common) -> Next {
        if !self.revoke() {
            // Comes here again when what is lent is back.
            self.failure = Some(DisconnectReason::PeerClosed);
            common.owner.look_again();
            return Next::Stay;
        }
        if !common.sending {
            self.say_last_words(common);
        }
        Next::Leave(DisconnectReason::PeerClosed)
    }

    pub(in crate::session) fn watch_burst(&mut self, common: &mut Common, cx: &mut Cx<'_>) -> Next {
        if common.sending {
            return Next::Stay;
        }
        match self.write.look_at_burst(cx) {
            Burst::GoesOn => Next::Stay,
            Burst::Over => self.advance(common, cx),
        }
    }

    /// Notes that the kernel has taken `bytes` more of the batch under way.
    pub(in crate::session) fn note_sent(
        &mut self,
        stream: &Stream,
        now: Instant,
        batch: &mut Batch,
        bytes: usize,
    ) {
        if let Some(writing) = self.write.get() {
            writing.sent(batch, bytes);
            self.direct.moved(bytes);
            if batch.is_empty() {
                // Its memory is for the next one.
                writing.batch = std::mem::take(batch);
            }
        }
        self.note_ping(stream, now);
    }

    /// A send is over: sends what is left of it, or what is next.
    pub(in crate::session) fn sent(
        &mut self,
        common: &mut Common,
        cx: &mut Cx<'_>,
        batch: Batch,
        failure: Option<io::Error>,
    ) -> Next {
        if let Some(error) = failure {
            return Next::Drain(Gone::send_failed(error));
        }
        if !batch.is_empty() {
            common.send(cx, batch);
            return Next::Stay;
        }
        if self.write.resume_burst(cx) {
            self.direct.note_burst();
            self.heartbeats.arrange(cx);
            return Next::Stay;
        }
        self.advance(common, cx)
    }
}
