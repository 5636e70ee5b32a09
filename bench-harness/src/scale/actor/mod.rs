//! The actors: the sockets of one side of a scene, and what they do at each step.
//!
//! An actor runs on the one thread that its process has besides ringmq's, and never waits longer than
//! the [patience](PATIENCE) of the wire for any one thing.

mod echo;
mod fanout;
mod flood;
mod idle;
mod storm;
mod topics;

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use ringmq::kind::Kind;
use ringmq::{BackendChoice, Context, Socket};

use super::memory;
use super::scene::{Play, Scene};
use super::wire::{Amount, Found, PATIENCE, Part, Reply};
use crate::case::{Backend, Side};

/// Bytes of a message where messages are counted.
const BODY: usize = 64;

/// One side of a scene.
pub(super) trait Actor {
    /// Brings all peers together.
    fn join(&mut self) -> Result<Found>;

    /// Does what is measured.
    fn measure(&mut self, amount: Amount) -> Result<Found>;

    /// Takes it all down.
    fn leave(&mut self) -> Result<Found>;
}

/// What every actor stands on.
struct Ground {
    context: Context,
    scene: Scene,
    /// Where the peers connect.
    endpoint: String,
    /// Memory of the process before there was a connection.
    memory: u64,
}

impl Ground {
    /// The memory that has been taken since, for each of the many.
    fn memory_each(&self) -> f64 {
        (memory::now() as f64 - self.memory as f64) / self.scene.size as f64
    }
}

/// Gives out a part.
pub(super) fn cast(part: &Part) -> Result<(Box<dyn Actor>, Reply)> {
    let choice = match part.scene.backend {
        Backend::Uring => BackendChoice::Uring,
        Backend::Mio => BackendChoice::Mio,
        Backend::Auto => BackendChoice::Auto,
        Backend::Floor | Backend::FloorBlocking => bail!("a floor is not a backend of ringmq"),
    };
    let context = Context::builder().backend(choice).build().context("starting a context")?;
    let subject = format!("ringmq on {}", context.backend()?);
    let ground = Ground {
        context,
        scene: part.scene,
        endpoint: part.endpoint.clone(),
        memory: memory::now(),
    };
    let bind = part.side == Side::Bind;
    let (actor, endpoint): (Box<dyn Actor>, _) = match part.scene.play {
        Play::Idle | Play::IdleSockets if bind => made(idle::Sink::new(ground)?),
        Play::Idle => made((idle::OneSocket::new(ground)?, String::new())),
        Play::IdleSockets => made((idle::ManySockets::new(ground), String::new())),
        Play::Busy if bind => made(flood::Sink::new(ground)?),
        Play::Busy => made((flood::Senders::new(ground), String::new())),
        Play::Storm if bind => made(storm::Publisher::new(ground)?),
        Play::Storm => made((storm::Subscribers::new(ground), String::new())),
        Play::Topics if bind => made(topics::Publisher::new(ground)?),
        Play::Topics => made((topics::Subscribers::new(ground), String::new())),
        Play::Fanout if bind => made(fanout::Publisher::new(ground)?),
        Play::Fanout => made((fanout::Subscribers::new(ground), String::new())),
        Play::Echo if bind => made(echo::Router::new(ground)?),
        Play::Echo => made((echo::Dealers::new(ground), String::new())),
    };
    Ok((actor, Reply::Ready { endpoint, subject }))
}

fn made<A: Actor + 'static>((actor, endpoint): (A, String)) -> (Box<dyn Actor>, String) {
    (Box::new(actor), endpoint)
}

/// Sets what keeps an actor from waiting for ever, and from lingering once it is done.
fn patient<K: Kind>(socket: Socket<K>) -> Result<Socket<K>> {
    socket.set_send_timeout(Some(PATIENCE))?;
    socket.set_recv_timeout(Some(PATIENCE))?;
    socket.set_linger(Some(Duration::ZERO))?;
    Ok(socket)
}

/// Binds a socket of a ground, and says where.
fn bound<K: Kind>(ground: &Ground, socket: Socket<K>) -> Result<(Socket<K>, String)> {
    let socket = patient(socket)?;
    let endpoint = socket.bind(&ground.endpoint).context("binding")?;
    Ok((socket, endpoint))
}

/// Looks again and again, letting others run in between, until there is what was looked for.
fn until(what: &str, mut done: impl FnMut() -> Result<bool>) -> Result<()> {
    let start = Instant::now();
    while !done()? {
        ensure!(start.elapsed() < PATIENCE, "{what} did not come to pass within {PATIENCE:?}");
        std::thread::yield_now();
    }
    Ok(())
}

/// Waits until every peer of a socket is gone; seconds.
fn until_alone<K: Kind>(socket: &Socket<K>) -> Result<f64> {
    let start = Instant::now();
    until("the end of every connection", || {
        std::thread::sleep(Duration::from_millis(1));
        Ok(socket.stats().is_empty())
    })?;
    Ok(start.elapsed().as_secs_f64())
}
