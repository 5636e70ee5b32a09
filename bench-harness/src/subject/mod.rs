//! ringmq under measurement: the only module that knows it.
//!
//! Sockets keep their default options, but for the timeouts that end a run whose peer died, and for
//! XPUB in the place of PUB: it is the same socket on the wire, learns of its subscriber without a
//! guess, and can be told to wait at its high-water mark instead of dropping, so that a count of
//! messages remains a count. Each message is one `send` and one `recv` of owned messages; bodies of
//! 8 KiB and more are sent as counted references (see [`crate::pool`]), smaller ones from a slice.

mod traffic;

use std::sync::Arc;

use anyhow::{Context as _, Result, bail, ensure};
use ringmq::{BackendChoice, Context, XPub};

use crate::case::{Backend, Kind, Pattern, Side};
use crate::end::{Answering, Asking, End, Opening, Receiving, Sending};
use crate::protocol::{Job, Opened};
use traffic::{Connects, Echo, Echoes, Held, Lockstep, Owned, Receives, Sends, Taken};

/// Says why io_uring cannot be used here, if it cannot.
pub(crate) fn uring_missing() -> Option<String> {
    Context::uring_available().err()
}

/// Opens one end between two processes.
pub(crate) fn open(job: &Job, side: Side) -> Result<Opening> {
    let keeper = Keeper::new(job, side)?;
    socket(job, side, &keeper)
}

/// Opens both ends between two threads, the one that connects first.
pub(crate) fn open_both(job: &Job) -> Result<(Opened, [Box<dyn End>; 2])> {
    let keeper = Keeper::new(job, Side::Connect)?;
    let bind = socket(job, Side::Bind, &keeper)?;
    let connect = socket(job, Side::Connect, &keeper)?;
    Ok((bind.opened, [(connect.finish)()?, (bind.finish)()?]))
}

/// Terminates the context when the last socket is gone, so that nothing sent is lost.
struct Keeper(Context);

impl Keeper {
    fn new(job: &Job, side: Side) -> Result<Arc<Self>> {
        let choice = match job.case.backend {
            Backend::Uring => BackendChoice::Uring,
            Backend::Mio => BackendChoice::Mio,
            Backend::Auto => BackendChoice::Auto,
            Backend::Floor | Backend::FloorBlocking => bail!("a floor is not a backend of ringmq"),
        };
        let mut builder = Context::builder().backend(choice);
        if let Some(core) = job.cores.io_of(side) {
            builder = builder.pin_io_threads([core]);
        }
        let context = builder.build().context("starting a ringmq context")?;
        Ok(Arc::new(Self(context)))
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.0.term();
    }
}

/// Makes the socket that `side` needs and binds or connects it.
fn socket(job: &Job, side: Side, keeper: &Arc<Keeper>) -> Result<Opening> {
    let context = &keeper.0;
    match (job.case.pattern, side) {
        (Pattern::PushPull, Side::Connect) => open_one(job, side, keeper, context.push()?, one_way),
        (Pattern::PushPull, Side::Bind) => open_one(job, side, keeper, context.pull()?, received),
        (Pattern::PubSub, Side::Connect) => {
            let socket = context.xpub()?;
            socket.set_no_drop(true)?;
            open_one(job, side, keeper, socket, |job, held| {
                subscribed(&held.socket)?;
                one_way(job, held)
            })
        }
        (Pattern::PubSub, Side::Bind) => {
            let socket = context.subscriber()?;
            socket.subscribe(b"")?;
            open_one(job, side, keeper, socket, received)
        }
        (Pattern::Pair, Side::Connect) => open_one(job, side, keeper, context.pair()?, asks),
        (Pattern::Pair, Side::Bind) => open_one(job, side, keeper, context.pair()?, answers),
        (Pattern::DealerRouter, Side::Connect) => {
            open_one(job, side, keeper, context.dealer()?, asks)
        }
        (Pattern::DealerRouter, Side::Bind) => {
            open_one(job, side, keeper, context.router()?, answers)
        }
        (Pattern::ReqRep, Side::Connect) => {
            open_one(job, side, keeper, context.req()?, |job, held| {
                let size = job.case.size;
                Ok(match job.case.kind {
                    Kind::Throughput => Box::new(Sending::new(Lockstep(held), size)),
                    Kind::Latency => Box::new(Asking::new(Owned::new(held, size), size)),
                })
            })
        }
        (Pattern::ReqRep, Side::Bind) => {
            open_one(job, side, keeper, context.rep()?, |job, held| {
                Ok(match job.case.kind {
                    Kind::Throughput => Box::new(Receiving::new(Lockstep(held), job.case.size)),
                    Kind::Latency => Box::new(Answering(Echo(held))),
                })
            })
        }
    }
}

/// Binds or connects `socket`; `end` makes the loop that drives it once a peer may be there.
fn open_one<S: Connects>(
    job: &Job,
    side: Side,
    keeper: &Arc<Keeper>,
    socket: S,
    end: impl FnOnce(&Job, Held<S>) -> Result<Box<dyn End>> + Send + 'static,
) -> Result<Opening> {
    socket.bound_waits(job.patience())?;
    let endpoint = match side {
        Side::Bind => {
            socket.bind_to(&job.endpoint).with_context(|| format!("binding {}", job.endpoint))?
        }
        Side::Connect => {
            socket
                .connect_to(&job.endpoint)
                .with_context(|| format!("connecting to {}", job.endpoint))?;
            job.endpoint.clone()
        }
    };
    let opened = Opened { endpoint, subject: format!("ringmq on {}", keeper.0.backend()) };
    let held = Held { socket, _keeper: Arc::clone(keeper) };
    let job = job.clone();
    Ok(Opening { opened, finish: Box::new(move || end(&job, held)) })
}

fn one_way<S: Sends>(job: &Job, held: Held<S>) -> Result<Box<dyn End>> {
    Ok(Box::new(Sending::new(Owned::new(held, job.case.size), job.case.size)))
}

fn received<S: Receives>(job: &Job, held: Held<S>) -> Result<Box<dyn End>> {
    Ok(Box::new(Receiving::new(Taken(held), job.case.size)))
}

fn asks<S: Sends + Receives>(job: &Job, held: Held<S>) -> Result<Box<dyn End>> {
    let size = job.case.size;
    Ok(match job.case.kind {
        Kind::Throughput => one_way(job, held)?,
        Kind::Latency => Box::new(Asking::new(Owned::new(held, size), size)),
    })
}

fn answers<S: Receives + Echoes>(job: &Job, held: Held<S>) -> Result<Box<dyn End>> {
    Ok(match job.case.kind {
        Kind::Throughput => received(job, held)?,
        Kind::Latency => Box::new(Answering(Echo(held))),
    })
}

/// Waits until the one subscriber has subscribed.
fn subscribed(publisher: &XPub) -> Result<()> {
    let subscription = publisher.recv().context("waiting for the subscriber")?;
    ensure!(subscription.first() == Some(&1), "the subscriber sent something else first");
    Ok(())
}
