//! Whom a socket asks about a peer, or what it says by itself.

use super::candidate::{Authenticator, Candidate};
use super::zap::{self, ZapClient};
use crate::context::{Context, ContextInner};
use ringmq_engine::{Applicant, Connection};
use ringmq_pipe::Section;
use ringmq_zmtp::{AuthAnswer, Denial};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

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
    /// The connection to the handler that there is. Of a socket that is closed it goes with the handler: it keeps
    /// the context in being, which is nobody else's to do then.
    zap: Option<Arc<ZapClient>>,
    closed: bool,
    /// Where the socket was, if it is closed and has messages left for peers that are still to come.
    lingers_in: Option<Weak<ContextInner>>,
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
        self: &Arc<Self>,
        context: Option<&Context>,
        connection: &Connection,
        applicant: Applicant,
    ) {
        let (authenticator, closed, lingers_in) = {
            let state = self.state();
            (state.authenticator.clone(), state.closed, state.lingers_in.clone())
        };
        if let Some(authenticator) = authenticator {
            return authenticator.authenticate(Candidate::new(applicant, connection));
        }
        let lingers_in = lingers_in.and_then(|context| context.upgrade()).map(Context::of);
        let context = context.filter(|_| !closed).or(lingers_in.as_ref());
        let Some(context) = context else { return deny(applicant) };
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

    fn ask(self: &Arc<Self>, context: &Context, connection: &Connection, applicant: Applicant) {
        match self.client(context) {
            Some(client) => {
                client.ask(applicant, connection.peer_address.as_deref().unwrap_or_default());
            }
            None => deny(applicant),
        }
    }

    /// The connection to the handler: a new one if there was none, or if that handler is gone.
    fn client(self: &Arc<Self>, context: &Context) -> Option<Arc<ZapClient>> {
        let known = self.state().zap.clone();
        if known.as_ref().is_some_and(|client| client.is_connected()) {
            return known;
        }
        let new = ZapClient::new(context, Arc::downgrade(self)).ok()?;
        let mut state = self.state();
        if state.closed && state.lingers_in.is_none() {
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

    /// The socket is closed. Who has messages left for peers that are still to come `lingers_in` its context: they
    /// are judged as before, by whoever there is.
    pub(crate) fn close(self: &Arc<Self>, lingers_in: Option<Weak<ContextInner>>) {
        let mut state = self.state();
        state.closed = true;
        let gone = match &lingers_in {
            Some(_) => None,
            None => Some((state.authenticator.take(), state.zap.take())),
        };
        state.lingers_in = lingers_in;
        drop(state);
        let this = self.clone();
        Section::run_after(move || {
            drop(gone);
            this.handler_gone();
        });
    }

    /// The handler may have gone. What leads to it is of no use any more then, and a socket that is closed lets go
    /// of it.
    pub(super) fn handler_gone(&self) {
        let zap = self.state().zap.clone();
        let Some(zap) = zap.filter(|zap| !zap.is_connected()) else { return };
        let mut state = self.state();
        let same = state.zap.as_ref().is_some_and(|other| Arc::ptr_eq(other, &zap));
        let gone = if state.closed && same { state.zap.take() } else { None };
        drop(state);
        Section::run_after(move || drop((gone, zap)));
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        let state = self.state.get_mut().unwrap_or_else(PoisonError::into_inner);
        let gone = (state.authenticator.take(), state.zap.take());
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
