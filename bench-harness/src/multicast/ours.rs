//! ringmq: PUB and SUB over epgm, RADIO and DISH over udp.
//!
//! The sender waits at its high-water mark instead of dropping, so that nothing is lost but on the way. Over epgm the
//! rate is that of the trial and a loss can be repaired for a second; everything else is as it is by default.

use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use ringmq::kind::{Kind, Receives, Sends};
use ringmq::{BackendChoice, Context, Error, Message, Socket};

use super::args::GroupTransport;
use super::job::{PATIENCE, PeerJob, Subject};
use super::peer::{Hears, Look, Sockets, Speaks};
use crate::case::{Backend, Side};

/// For how long a loss can be repaired.
pub(super) const RECOVERY: Duration = Duration::from_secs(1);
/// Which messages of RADIO's the DISH wants.
const GROUP: &str = "g";

/// Opens one side.
pub(super) fn open(job: &PeerJob) -> Result<Sockets> {
    let context = context(job)?;
    let mut hears: Vec<Box<dyn Hears>> = Vec::new();
    if job.echo || job.side == Side::Bind {
        for _ in 0..job.receivers {
            hears.push(listener(job, &context)?);
        }
    }
    let sends = job.echo || job.side == Side::Connect;
    let speaks = sends.then(|| speaker(job, &context)).transpose()?;
    Ok(Sockets { subject: format!("ringmq on {}", context.backend()?), speaks, hears })
}

fn context(job: &PeerJob) -> Result<Context> {
    let choice = match job.subject {
        Subject::Backend(Backend::Uring) => BackendChoice::Uring,
        Subject::Backend(Backend::Mio) => BackendChoice::Mio,
        Subject::Backend(Backend::Auto) => BackendChoice::Auto,
        other => bail!("{other:?} is not a backend of ringmq"),
    };
    let builder = Context::builder().backend(choice).pin_io_threads(job.cores[1]);
    builder.build().context("starting a ringmq context")
}

fn speaker(job: &PeerJob, context: &Context) -> Result<Box<dyn Speaks>> {
    let endpoint = &job.outgoing;
    let group = (job.over == GroupTransport::Udp).then_some(GROUP);
    Ok(match job.over {
        GroupTransport::Epgm => {
            let socket = context.publisher()?;
            socket.set_no_drop(true)?;
            socket.set_rate(job.kbit_per_s)?;
            socket.set_recovery_interval(RECOVERY)?;
            socket.set_send_timeout(Some(PATIENCE))?;
            socket.connect(endpoint)?;
            Box::new(Speaker { socket, group })
        }
        GroupTransport::Udp => {
            let socket = context.radio()?;
            socket.set_no_drop(true)?;
            socket.set_send_timeout(Some(PATIENCE))?;
            socket.connect(endpoint)?;
            Box::new(Speaker { socket, group })
        }
    })
}

fn listener(job: &PeerJob, context: &Context) -> Result<Box<dyn Hears>> {
    let endpoint = &job.incoming;
    Ok(match job.over {
        GroupTransport::Epgm => {
            let socket = context.subscriber()?;
            socket.subscribe("")?;
            socket.bind(endpoint)?;
            Box::new(Ear { socket, message: Message::new() })
        }
        GroupTransport::Udp => {
            let socket = context.dish()?;
            socket.join(GROUP)?;
            socket.bind(endpoint)?;
            Box::new(Ear { socket, message: Message::new() })
        }
    })
}

/// A socket that sends.
struct Speaker<K: Kind> {
    socket: Socket<K>,
    group: Option<&'static str>,
}

impl<K: Sends> Speaks for Speaker<K> {
    #[inline]
    fn speak(&mut self, body: &[u8]) -> Result<()> {
        let Some(group) = self.group else {
            return Ok(self.socket.send(body).map_err(Error::from)?);
        };
        let mut message = Message::from(body);
        message.set_group(group.as_bytes())?;
        Ok(self.socket.send(message).map_err(Error::from)?)
    }
}

/// A socket that receives.
struct Ear<K: Kind> {
    socket: Socket<K>,
    message: Message,
}

impl<K: Receives> Hears for Ear<K> {
    fn wait_for(&mut self, limit: Duration) -> Result<()> {
        Ok(self.socket.set_recv_timeout(Some(limit))?)
    }

    #[inline]
    fn hear(&mut self, look: &mut Look<'_>) -> Result<bool> {
        match self.socket.recv_into(&mut self.message) {
            Ok(()) => look(&self.message).map(|()| true),
            Err(error) if error.is_would_block() => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}
