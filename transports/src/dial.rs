//! One attempt to connect: a descriptor, an address, a deadline. Runs on an I/O thread and reports to
//! its connecter.

use ringmq_engine::{Completion, Cx, Descriptor, Handler, Notice, TimerKind, Token};
use socket2::SockAddr;
use std::io;
use std::time::Duration;

const DEADLINE: TimerKind = 0;

/// What came of an attempt, as the connecter is told in a [`Notice::Custom`].
pub(crate) struct Dialed {
    pub(crate) descriptor: Descriptor,
    pub(crate) result: io::Result<()>,
}

/// See the [module's documentation](self).
pub(crate) struct Dial {
    pub(crate) descriptor: Descriptor,
    pub(crate) address: SockAddr,
    /// How long it may take; `None` leaves that to the system.
    pub(crate) timeout: Option<Duration>,
    pub(crate) connecter: Token,
}

impl Dial {
    fn report(&self, cx: &mut Cx<'_>, result: io::Result<()>) {
        // First this handler leaves, so that its backend has let go of the descriptor when the
        // connecter makes a session of it.
        cx.finish();
        let dialed = Dialed { descriptor: self.descriptor.clone(), result };
        cx.tell(self.connecter, Notice::Custom(Box::new(dialed)));
    }
}

impl Handler for Dial {
    fn start(&mut self, cx: &mut Cx<'_>) {
        cx.arrange_timer(DEADLINE, self.timeout.and_then(|timeout| cx.now.checked_add(timeout)));
        cx.backend.connect(cx.token, &self.descriptor, &self.address);
    }

    fn completed(&mut self, cx: &mut Cx<'_>, completion: Completion) {
        if let Completion::Connected(result) = completion {
            self.report(cx, result);
        }
    }

    fn timer(&mut self, cx: &mut Cx<'_>, _: TimerKind) {
        self.report(cx, Err(io::ErrorKind::TimedOut.into()));
    }

    fn notified(&mut self, cx: &mut Cx<'_>, _: Notice) {
        // The connecter is gone.
        cx.finish();
    }

    fn panicked(&mut self, cx: &mut Cx<'_>) {
        self.report(cx, Err(io::Error::other("the attempt panicked")));
    }
}
