//! ringmq under measurement: the only module that knows it.
//!
//! Sockets keep their default options, but for the timeouts that end a run whose peer died, for the
//! high-water marks of bodies so large that a full queue would fill the memory, and for XPUB in the
//! place of PUB: it is the same socket on the wire, learns of its subscriber without a guess, and can
//! be told to wait at its high-water mark instead of dropping, so that a count of messages remains a
//! count. Each message is one `send` and one `recv` of owned messages; bodies of
//! 8 KiB and more are sent as counted references (see [`crate::pool`]), smaller ones from a slice, unless
//! the case says how they are made.

mod traffic;

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use ringmq::{BackendChoice, Context, Socket, Spin, kind};

use crate::case::{Backend, Handling, Kind, Pattern, Side};
use crate::end::{Answering, Asking, End, Opening, Receiving, Sending};
use crate::job::Job;
use crate::patience::Patience;
use crate::worker::Opened;
use traffic::{Held, Keeping, Lockstep, Looking, Plain};

/// Messages that a queue holds by default.
const DEFAULT_MARK: usize = 1_000;
/// Most bytes that a queue may hold: the default mark is kept for bodies of up to 256 KiB.
const QUEUE: usize = 256 << 20;

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
pub(crate) fn open_both(job: &Job) -> Result<[Opening; 2]> {
    let keeper = Keeper::new(job, Side::Connect)?;
    let bind = socket(job, Side::Bind, &keeper)?;
    let connect = socket(job, Side::Connect, &keeper)?;
    Ok([connect, bind])
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
        if let Some(us) = job.case.spin_us {
            builder = builder.spin(Spin::Fixed(Duration::from_micros(us.into())));
        }
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
        (Pattern::PushPull | Pattern::PushLook, Side::Connect) => {
            open_one(job, side, keeper, context.push()?, sends)
        }
        (Pattern::PushPull, Side::Bind) => open_one(job, side, keeper, context.pull()?, receives),
        (Pattern::PushLook, Side::Bind) => open_one(job, side, keeper, context.pull()?, looks),
        (Pattern::PubSub, Side::Connect) => {
            let socket = context.xpub()?;
            socket.set_no_drop(true)?;
            open_one(job, side, keeper, socket, publishes)
        }
        (Pattern::PubSub, Side::Bind) => {
            let socket = context.subscriber()?;
            socket.subscribe(b"")?;
            open_one(job, side, keeper, socket, receives)
        }
        (Pattern::Pair, Side::Connect) => open_one(job, side, keeper, context.pair()?, asks),
        (Pattern::Pair, Side::Bind) => open_one(job, side, keeper, context.pair()?, answers),
        (Pattern::DealerRouter, Side::Connect) => {
            open_one(job, side, keeper, context.dealer()?, asks)
        }
        (Pattern::DealerRouter, Side::Bind) => {
            open_one(job, side, keeper, context.router()?, answers)
        }
        (Pattern::ReqRep, Side::Connect) => open_one(job, side, keeper, context.req()?, requests),
        (Pattern::ReqRep, Side::Bind) => open_one(job, side, keeper, context.rep()?, replies),
    }
}

/// Makes the loop that drives a socket, once a peer may be there.
type Finish<K> = fn(&Job, Held<K>) -> Result<Box<dyn End>>;

/// Binds or connects `socket`.
fn open_one<K: kind::Kind>(
    job: &Job,
    side: Side,
    keeper: &Arc<Keeper>,
    socket: Socket<K>,
    finish: Finish<K>,
) -> Result<Opening> {
    let marks = QUEUE.checked_div(job.case.size).unwrap_or(QUEUE);
    if marks < DEFAULT_MARK {
        let marks = marks.max(2) as u32;
        socket.set_send_hwm(marks)?;
        socket.set_recv_hwm(marks)?;
    }
    socket.set_send_timeout(Some(job.patience()))?;
    socket.set_recv_timeout(Some(job.patience()))?;
    if let Some(keys) = &job.keys {
        keys.give_to(&socket)?;
    }
    let endpoint = match side {
        Side::Bind => {
            socket.bind(&job.endpoint).with_context(|| format!("binding {}", job.endpoint))?
        }
        Side::Connect => {
            socket.connect(&job.endpoint).context("connecting")?;
            job.endpoint.clone()
        }
    };
    let opened = Opened { endpoint, subject: format!("ringmq on {}", keeper.0.backend()?) };
    let held = Held { socket, _keeper: Arc::clone(keeper) };
    let job = job.clone();
    Ok(Opening { opened, finish: Box::new(move || finish(&job, held)) })
}

fn sends<K: kind::Sends>(job: &Job, held: Held<K>) -> Result<Box<dyn End>> {
    Ok(Box::new(Sending::of(Plain::new(held, job), job.stamper())))
}

fn receives<K: kind::Receives>(job: &Job, held: Held<K>) -> Result<Box<dyn End>> {
    let checker = job.checker();
    Ok(match job.case.handling {
        Handling::Keep => Box::new(Receiving::of(Keeping::new(held), checker)),
        _ => Box::new(Receiving::of(Plain::new(held, job), checker)),
    })
}

fn looks<K: kind::Receives>(job: &Job, held: Held<K>) -> Result<Box<dyn End>> {
    Ok(Box::new(Receiving::of(Looking(held), job.checker())))
}

/// Sends once the one subscriber has subscribed.
fn publishes(job: &Job, held: Held<kind::XPubKind>) -> Result<Box<dyn End>> {
    let subscription = held.socket.recv().context("waiting for the subscriber")?;
    ensure!(subscription.first() == Some(&1), "the subscriber sent something else first");
    sends(job, held)
}

fn asks<K: kind::Sends + kind::Receives>(job: &Job, held: Held<K>) -> Result<Box<dyn End>> {
    let size = job.case.size;
    match job.case.kind {
        Kind::Throughput => sends(job, held),
        Kind::Latency => {
            let patience =
                Patience::new(job.patience()).on_a_core(job.cores.shares_core(Side::Connect));
            Ok(Box::new(Asking::new(Plain::new(held, job), size, patience)))
        }
    }
}

fn answers<K: kind::Sends + kind::Receives>(job: &Job, held: Held<K>) -> Result<Box<dyn End>> {
    match job.case.kind {
        Kind::Throughput => receives(job, held),
        Kind::Latency => Ok(Box::new(Answering(Plain::new(held, job)))),
    }
}

fn requests(job: &Job, held: Held<kind::ReqKind>) -> Result<Box<dyn End>> {
    let size = job.case.size;
    match job.case.kind {
        Kind::Throughput => Ok(Box::new(Sending::new(Lockstep(Plain::new(held, job)), size))),
        Kind::Latency => asks(job, held),
    }
}

fn replies(job: &Job, held: Held<kind::RepKind>) -> Result<Box<dyn End>> {
    let size = job.case.size;
    match job.case.kind {
        Kind::Throughput => Ok(Box::new(Receiving::new(Lockstep(Plain::new(held, job)), size))),
        Kind::Latency => answers(job, held),
    }
}
