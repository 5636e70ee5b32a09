//! Whom a socket asks about a peer, or what it says by itself.

use super::candidate::{Authenticator, Candidate};
use super::zap::{self, ZapClient};
use crate::context::Context;
use ringmq_engine::{Applicant, Connection};
use ringmq_pipe::Section;
use ringmq_zmtp::{AuthAnswer, Denial};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// See the [module's documentation](self).
#[derive(Default)]
pub(crate) struct Gate {
    state: Mutex<GateState>,
    /// `ZMQ_ZAP_ENFORCE_DOMAIN`. Relaxed throughout: it counts for peers that come afterwards.
    pub(crate) enforces_domain: AtomicBool,
}

#[derive(Default)]
struct GateState {
    authenticator: Option<Arc<dyn Authenticator>>,
    /// The connection to the handler that there is.
    zap: Option<Arc<ZapClient>>,
    closed: bool,
}

impl Gate {
    fn state(&self) -> MutexGuard<'_, GateState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has another authenticator from now on.
    pub(crate) fn set_authenticator(&self, authenticator: Option<Arc<dyn Authenticator>>) {
        let before = std::mem::replace(&mut self.state().authenticator, authenticator);
        // It is the application's, and may do anything as it is dropped.
        Section::run_after(move || drop(before));
    }

    /// Lets a peer in, turns it away, or asks. To be called where no lock is held. The context is there as long
    /// as the socket is open.
    pub(crate) fn judge(
        &self,
        context: Option<&Context>,
        connection: &Connection,
        applicant: Applicant,
    ) {
        let (authenticator, closed) = {
            let state = self.state();
            (state.authenticator.clone(), state.closed)
        };
        if let Some(authenticator) = authenticator {
            return authenticator.authenticate(Candidate::new(applicant, connection));
        }
        let Some(context) = context.filter(|_| !closed) else { return deny(applicant) };
        let handled = zap::is_handled(context);
        let request = applicant.request();
        let enforced = self.enforces_domain.load(Ordering::Relaxed);
        match (request.mechanism, handled) {
            // As in libzmq: who enforces domains asks nobody where there is none.
            ("CURVE", true) if enforced && request.domain.is_empty() => allow(applicant),
            (_, true) => self.ask(context, connection, applicant),
            ("PLAIN", false) => deny(applicant),
            (_, false) if enforced && !request.domain.is_empty() => deny(applicant),
            (_, false) => allow(applicant),
        }
    }

    fn ask(&self, context: &Context, connection: &Connection, applicant: Applicant) {
        match self.client(context) {
            Some(client) => {
                client.ask(applicant, connection.peer_address.as_deref().unwrap_or_default());
            }
            None => deny(applicant),
        }
    }

    /// The connection to the handler: a new one if there was none, or if that handler is gone.
    fn client(&self, context: &Context) -> Option<Arc<ZapClient>> {
        let known = self.state().zap.clone();
        if known.as_ref().is_some_and(|client| client.is_connected()) {
            return known;
        }
        let new = ZapClient::new(context).ok()?;
        let mut state = self.state();
        if state.closed {
            return None;
        }
        let same =
            |other: &Arc<ZapClient>| known.as_ref().is_some_and(|known| Arc::ptr_eq(known, other));
        // Another thread may have been faster: then what it asks is not to be thrown away.
        let (used, unused) = match &state.zap {
            Some(other) if !same(other) => (other.clone(), Some(new)),
            _ => (new.clone(), state.zap.replace(new)),
        };
        drop(state);
        drop(unused);
        Some(used)
    }

    /// The socket is closed. Who has messages left for peers that are still to come `lingers`: those are
    /// judged by the authenticator as before, if there is one.
    pub(crate) fn close(&self, lingers: bool) {
        let mut state = self.state();
        state.closed = true;
        let authenticator = if lingers { None } else { state.authenticator.take() };
        let gone = (authenticator, state.zap.take());
        drop(state);
        Section::run_after(move || drop(gone));
    }
}

fn allow(applicant: Applicant) {
    applicant.answer(AuthAnswer::Allow { user_id: Vec::new(), properties: Vec::new() });
}

/// For now: the peer comes again, and perhaps there is somebody to be asked by then.
pub(super) fn deny(applicant: Applicant) {
    applicant.answer(AuthAnswer::Deny(Denial::Temporary));
}
