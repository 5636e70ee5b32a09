//! The side of ZAP that asks: a DEALER at the handler's endpoint, with any number of questions on their way.
//!
//! Nobody waits for the answers: whoever sends one, the handler's thread, also takes it in.

use super::gate::Gate;
use crate::context::Context;
use crate::error::Error;
use crate::socket::multipart::Multipart;
use crate::socket::recv::recv_frames;
use crate::wait::Wants;
use crate::{Dealer, Message};
use ringmq_engine::Applicant;
use ringmq_transports::endpoint::Endpoint;
use ringmq_zmtp::{AuthAnswer, Denial, ZapFault};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Wake, Waker};
use std::time::Duration;

/// Where a handler binds.
const ENDPOINT: &str = "inproc://zeromq.zap.01";

/// Whether there is a handler in a context.
pub(super) fn is_handled(context: &Context) -> bool {
    matches!(Endpoint::parse_connect(ENDPOINT), Ok(Endpoint::Inproc(name)) if context.is_bound(&name))
}

pub(super) struct ZapClient {
    dealer: Dealer,
    pending: Mutex<Questions>,
    /// For whom the handler is asked.
    gate: Weak<Gate>,
}

#[derive(Default)]
struct Questions {
    /// By the number of the question, so that the oldest comes first.
    applicants: BTreeMap<u64, Applicant>,
    next: u64,
    /// How many there are when those are looked for that are gone.
    look_at: usize,
}

/// Rings when an answer has come.
struct Bell(Weak<ZapClient>);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        if let Some(client) = self.0.upgrade() {
            client.take_answers();
        }
    }
}

impl ZapClient {
    pub(super) fn new(context: &Context, gate: Weak<Gate>) -> Result<Arc<Self>, Error> {
        let dealer = context.dealer()?;
        dealer.set_linger(Some(Duration::ZERO))?;
        dealer.connect(ENDPOINT)?;
        let client = Arc::new(Self { dealer, pending: Mutex::default(), gate });
        let bell = Waker::from(Arc::new(Bell(Arc::downgrade(&client))));
        client.dealer.inner.shared.waiters.add(bell);
        // Puts the pipe to sleep, so that what comes is told.
        client.take_answers();
        Ok(client)
    }

    fn pending(&self) -> MutexGuard<'_, Questions> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the handler to which it has connected is still there.
    pub(super) fn is_connected(&self) -> bool {
        // Not by its figures: what only the handler's socket knows is not to be waited for.
        let Ok(mut core) = self.dealer.inner.lock() else { return false };
        let open = core.enter().is_ok();
        core.sweep();
        open && core.pipes.iter().next().is_some()
    }

    /// Asks about a peer at that address. If the handler is too far behind, the peer is to come again.
    pub(super) fn ask(&self, applicant: Applicant, address: &str) {
        let mut pending = self.pending();
        let gone = pending.take_gone();
        let id = pending.next;
        pending.next += 1;
        let number = id.to_string();
        let frames = applicant.request().zap_frames(&number, address);
        let question: Multipart = frames.into_iter().map(Message::from).collect();
        pending.applicants.insert(id, applicant);
        drop(pending);
        drop(gone);
        if self.dealer.try_send_multipart(question).is_err() {
            let unasked = self.pending().applicants.remove(&id);
            unasked.into_iter().for_each(super::gate::deny);
        }
    }

    /// Gives all answers on that have come.
    fn take_answers(&self) {
        let inner = &self.dealer.inner;
        let mut receive = |core: &mut crate::inner::Core| recv_frames(core);
        while let Ok(reply) = inner.attempt_then_settle(Wants::Messages, &mut receive) {
            self.answered(&reply);
        }
        if !self.is_connected() {
            // Nobody is going to answer: the peers are to come again.
            let unanswered = std::mem::take(&mut self.pending().applicants);
            unanswered.into_values().for_each(super::gate::deny);
            if let Some(gate) = self.gate.upgrade() {
                gate.handler_gone();
            }
        }
    }

    fn answered(&self, reply: &Multipart) {
        let frames: Vec<&[u8]> = reply.iter().map(Message::as_slice).collect();
        let (id, answer) = AuthAnswer::from_zap(&frames);
        let id = id.and_then(|id| std::str::from_utf8(id).ok()?.parse().ok());
        let mut pending = self.pending();
        let asked = id.and_then(|id: u64| pending.applicants.remove(&id));
        let (applicant, answer) = match asked {
            Some(applicant) => (Some(applicant), answer),
            // It is about a peer that has gone meanwhile, or comes for the second time.
            None if id.is_some_and(|id| id < pending.next) => return,
            // What answers no question is the answer to the oldest one, and no good.
            None => {
                let oldest = pending.applicants.pop_first().map(|(_, applicant)| applicant);
                let fault = match answer {
                    AuthAnswer::Unusable(fault) => fault,
                    _ => ZapFault::RequestId,
                };
                (oldest, AuthAnswer::Unusable(fault))
            }
        };
        drop(pending);
        if let Some(applicant) = applicant {
            applicant.answer(answer);
        }
    }
}

impl Questions {
    /// Those whose connection has gone, for which a handler that hangs would be waited for in vain. Looked for
    /// only now and then, so that each question costs the same.
    fn take_gone(&mut self) -> Vec<Applicant> {
        if self.applicants.len() < self.look_at {
            return Vec::new();
        }
        let (gone, left): (BTreeMap<_, _>, _) = std::mem::take(&mut self.applicants)
            .into_iter()
            .partition(|(_, applicant)| applicant.is_gone());
        self.applicants = left;
        self.look_at = (self.applicants.len() * 2).max(16);
        gone.into_values().collect()
    }
}

impl Drop for ZapClient {
    fn drop(&mut self) {
        let pending = std::mem::take(&mut *self.pending());
        for applicant in pending.applicants.into_values() {
            applicant.answer(AuthAnswer::Deny(Denial::Temporary));
        }
    }
}
