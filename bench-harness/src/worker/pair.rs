//! The workers of one connection: two processes, or one that is both of its ends.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use super::{Opened, Work, Worker};
use crate::case::Side;

/// How long the second side may take to say what it thinks went wrong.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// The worker that binds, and the one that connects.
pub struct Pair<W> {
    bind: Worker<W>,
    /// None where one process is both ends.
    connect: Option<Worker<W>>,
}

impl<W: Work> Pair<W> {
    /// Starts the workers and has them make their sockets, each within `limit`. `connect` makes the
    /// job of the connecting end out of where the other one is bound; without it there is one
    /// worker. Beside the pair, what the binding side said of itself.
    ///
    /// # Errors
    ///
    /// What `start` or a worker says, and which side it was; or that a worker died or hung.
    pub fn open(
        start: impl Fn(Side) -> Result<Worker<W>>,
        bind_job: &W::Job,
        connect: Option<impl FnOnce(String) -> W::Job>,
        limit: Duration,
    ) -> Result<(Self, Opened)> {
        let mut bind = start(Side::Bind)?;
        let Some(connect_job) = connect else {
            let opened = bind.open(bind_job, Instant::now() + limit)?;
            return Ok((Self { bind, connect: None }, opened));
        };
        let mut connect = start(Side::Connect)?;
        let opened = bind.open(bind_job, Instant::now() + limit).context("on the binding side")?;
        connect
            .open(&connect_job(opened.endpoint.clone()), Instant::now() + limit)
            .context("on the connecting side")?;
        Ok((Self { bind, connect: Some(connect) }, opened))
    }

    /// Has both do one step at the same time; what the binding side brought, and what the
    /// connecting one did if that is another process. `first` is the side whose end is waited for
    /// before the other's.
    ///
    /// # Errors
    ///
    /// What the workers say, and which side it was; or that a worker died, or gave no answer until
    /// `deadline`. One side that failed leaves the other one waiting for what will not come, so
    /// that only a moment more is given to that.
    pub fn run(
        &mut self,
        step: &W::Step,
        first: Side,
        deadline: Instant,
    ) -> Result<(W::Outcome, Option<W::Outcome>)> {
        self.bind.begin(step)?;
        let Some(connect) = &mut self.connect else {
            return Ok((self.bind.outcome(deadline)?, None));
        };
        connect.begin(step)?;
        let (bind, connect) = match first {
            Side::Bind => {
                let bind = self.bind.outcome(deadline);
                let deadline = later(&bind, deadline);
                (bind, connect.outcome(deadline))
            }
            Side::Connect => {
                let connect = connect.outcome(deadline);
                let deadline = later(&connect, deadline);
                (self.bind.outcome(deadline), connect)
            }
        };
        let (bind, connect) =
            both(bind.context("on the binding side"), connect.context("on the connecting side"))?;
        Ok((bind, Some(connect)))
    }

    /// Lets both end by themselves.
    ///
    /// # Errors
    ///
    /// If one does not end, or not well, and which side it was.
    pub fn finish(self) -> Result<()> {
        if let Some(connect) = self.connect {
            connect.finish().context("on the connecting side")?;
        }
        self.bind.finish().context("on the binding side")
    }
}

/// Until when the second side is waited for.
fn later<T>(first: &Result<T>, deadline: Instant) -> Instant {
    if first.is_ok() { deadline } else { Instant::now() + LAST_WORDS }
}

/// What both sides brought; or everything that went wrong.
pub(crate) fn both<A, B>(bind: Result<A>, connect: Result<B>) -> Result<(A, B)> {
    match (bind, connect) {
        (Ok(bind), Ok(connect)) => Ok((bind, connect)),
        (Err(bind), Ok(_)) => Err(bind),
        (Ok(_), Err(connect)) => Err(connect),
        (Err(bind), Err(connect)) => bail!("{bind:#}; and the connecting side: {connect:#}"),
    }
}
