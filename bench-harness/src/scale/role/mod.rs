//! The roles: the sockets of one side of a scenario, and what they do at each step.
//!
//! A role runs on the one thread that its process has besides ringmq's, and never waits longer than
//! its [patience](PATIENCE) for any one thing.

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

use super::job::{Amount, Found, PATIENCE, RoleJob};
use super::memory;
use super::scenario::{Scenario, Workload};
use crate::case::{Backend, Side};
use crate::worker::Opened;

/// Bytes of a message where messages are counted.
const BODY: usize = 64;

/// One side of a scenario.
pub(super) trait Role {
    /// Brings all peers together.
    fn join(&mut self) -> Result<Found>;

    /// Does what is measured; of itself nothing.
    fn measure(&mut self, _: Amount) -> Result<Found> {
        Ok(Found::new())
    }

    /// Takes it all down, or leaves that to whoever drops the role.
    fn leave(&mut self) -> Result<Found> {
        Ok(Found::new())
    }
}

/// What every role starts from.
struct Setup {
    context: Context,
    scenario: Scenario,
    /// Where the peers connect.
    endpoint: String,
    /// Memory of the process before there was a connection.
    memory: u64,
}

impl Setup {
    /// Binds a socket that does not wait for ever; the endpoint with its port.
    fn bound<K: Kind>(&self, socket: Socket<K>) -> Result<(Socket<K>, String)> {
        let socket = patient(socket)?;
        let endpoint = socket.bind(&self.endpoint).context("binding")?;
        Ok((socket, endpoint))
    }

    /// Connects a socket that does not wait for ever.
    fn connected<K: Kind>(&self, socket: Socket<K>) -> Result<Socket<K>> {
        let socket = patient(socket)?;
        socket.connect(&self.endpoint)?;
        Ok(socket)
    }

    /// Makes a socket for each of the many.
    fn for_each_peer<K: Kind>(
        &self,
        make: impl Fn() -> Result<Socket<K>>,
    ) -> Result<Vec<Socket<K>>> {
        (0..self.scenario.size).map(|_| make()).collect()
    }

    /// The memory that has been taken since, for each of the many.
    fn memory_each(&self) -> f64 {
        (memory::now() as f64 - self.memory as f64) / self.scenario.size as f64
    }
}

/// Makes the role of a job.
pub(super) fn set_up(job: &RoleJob) -> Result<(Box<dyn Role>, Opened)> {
    let choice = match job.scenario.backend {
        Backend::Uring => BackendChoice::Uring,
        Backend::Mio => BackendChoice::Mio,
        Backend::Auto => BackendChoice::Auto,
        Backend::Floor | Backend::FloorBlocking => bail!("a floor is not a backend of ringmq"),
    };
    let context = Context::builder().backend(choice).build().context("starting a context")?;
    let subject = format!("ringmq on {}", context.backend()?);
    let setup = Setup {
        context,
        scenario: job.scenario,
        endpoint: job.endpoint.clone(),
        memory: memory::now(),
    };
    let bind = job.side == Side::Bind;
    let (role, endpoint): (Box<dyn Role>, _) = match job.scenario.workload {
        Workload::Idle | Workload::IdleSockets if bind => made(idle::Receiver::new(setup)?),
        Workload::Idle => made((idle::OneSocket::new(setup)?, String::new())),
        Workload::IdleSockets => made((idle::ManySockets::new(setup), String::new())),
        Workload::Busy if bind => made(flood::Receiver::new(setup)?),
        Workload::Busy => made((flood::Senders::new(setup), String::new())),
        Workload::Storm if bind => made(storm::Publisher::new(setup)?),
        Workload::Storm => made((storm::Subscribers::new(setup), String::new())),
        Workload::Topics if bind => made(topics::Publisher::new(setup)?),
        Workload::Topics => made((topics::Subscribers::new(setup), String::new())),
        Workload::Fanout if bind => made(fanout::Publisher::new(setup)?),
        Workload::Fanout => made((fanout::Subscribers::new(setup), String::new())),
        Workload::Echo if bind => made(echo::Router::new(setup)?),
        Workload::Echo => made((echo::Dealers::new(setup), String::new())),
    };
    Ok((role, Opened { endpoint, subject }))
}

fn made<R: Role + 'static>((role, endpoint): (R, String)) -> (Box<dyn Role>, String) {
    (Box::new(role), endpoint)
}

/// Sets what keeps a role from waiting for ever, and from lingering once it is done.
fn patient<K: Kind>(socket: Socket<K>) -> Result<Socket<K>> {
    socket.set_send_timeout(Some(PATIENCE))?;
    socket.set_recv_timeout(Some(PATIENCE))?;
    socket.set_linger(Some(Duration::ZERO))?;
    Ok(socket)
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
