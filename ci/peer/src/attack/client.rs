//! The good client: as fast as it can, and it checks every message that it gets.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use ringmq::{AnySocket, Context, Error, SocketType};

use super::AttackError;
use super::part::{self, BEFORE, ClientPlan, ClientStatus, GOOD, GOOD_ID, Shape};
use crate::socket::{Kind, set_slices};

/// Questions that may be unanswered at once: less than the high-water mark, at which a ROUTER drops.
const WINDOW: u64 = 200;
/// After so many messages a subscriber tells what has arrived.
const STEP: u64 = 50;
/// How long what was asked may take to be answered in the end.
const LINGER: Duration = Duration::from_secs(60);

#[derive(Default)]
struct Progress {
    sent: AtomicU64,
    received: AtomicU64,
    fault: Mutex<Option<String>>,
    /// Nothing new is to be sent.
    stopped: AtomicBool,
    over: AtomicBool,
}

impl Progress {
    fn fault(&self, text: String) {
        self.fault.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(text);
    }

    fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Acquire)
    }

    /// The next message of the good ones has come, or what is none.
    fn take(&self, message: &[u8]) {
        let due = self.received.fetch_add(1, Ordering::AcqRel);
        if part::good_number(message) != Some(due) {
            let found = part::good_number(message);
            self.fault(format!("message {found:?} where {due} was due"));
        }
    }
}

/// Runs the client until it is told to leave.
pub(crate) fn run(plan: &ClientPlan) -> Result<(), AttackError> {
    let context = Context::builder().backend(plan.backend.into()).build()?;
    let (socket_type, kind) = match plan.shape {
        Shape::Pull => (SocketType::Push, Kind::Push),
        Shape::Router => (SocketType::Dealer, Kind::Dealer),
        Shape::Publisher => (SocketType::Sub, Kind::Sub),
    };
    let socket = context.socket(socket_type)?;
    set_slices(&socket, kind)?;
    socket.set_linger(Some(LINGER))?;
    part::equip(&socket, plan.guard)?;
    let mouth = match plan.shape {
        Shape::Publisher => {
            socket.subscribe(GOOD)?;
            let mouth = context.socket(SocketType::Push)?;
            set_slices(&mouth, Kind::Push)?;
            mouth.connect(&plan.bound.told)?;
            Some(mouth)
        }
        Shape::Router => {
            socket.set_routing_id(GOOD_ID)?;
            None
        }
        Shape::Pull => None,
    };
    socket.connect(&plan.bound.endpoint)?;
    let progress = Progress::default();
    let result = thread::scope(|scope| {
        scope.spawn(|| {
            let worked = match (plan.shape, &mouth) {
                (Shape::Publisher, Some(mouth)) => listen(&socket, mouth, &progress),
                (Shape::Router, _) => ask(&socket, &progress),
                _ => push(&socket, &progress),
            };
            if let Err(error) = worked {
                progress.fault(format!("the good client's socket failed: {error}"));
            }
        });
        let result = part::obey(&true, |word| reply(word, &progress));
        progress.stopped.store(true, Ordering::Release);
        progress.over.store(true, Ordering::Release);
        result
    });
    drop((socket, mouth));
    context.term();
    result?;
    part::say(&true)
}

fn reply(word: &str, progress: &Progress) -> Result<serde_json::Value, AttackError> {
    if word == "count" {
        return Ok(progress.received.load(Ordering::Acquire).into());
    }
    if word == "stop" {
        progress.stopped.store(true, Ordering::Release);
    }
    let faults = progress.fault.lock().unwrap_or_else(PoisonError::into_inner);
    let status = ClientStatus {
        sent: progress.sent.load(Ordering::Acquire),
        received: progress.received.load(Ordering::Acquire),
        faults: faults.iter().cloned().collect(),
    };
    Ok(serde_json::to_value(status).map_err(std::io::Error::from)?)
}

fn push(socket: &AnySocket, progress: &Progress) -> Result<(), Error> {
    let mut next = 0;
    while !progress.is_stopped() {
        match socket.send(part::good_message(next)).map_err(Error::from) {
            Ok(()) => {
                next += 1;
                progress.sent.store(next, Ordering::Release);
            }
            Err(Error::WouldBlock) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn ask(socket: &AnySocket, progress: &Progress) -> Result<(), Error> {
    let mut next = 0;
    while !progress.over.load(Ordering::Acquire) {
        let answered = progress.received.load(Ordering::Acquire);
        while next < answered + WINDOW && !progress.is_stopped() {
            match socket.send(part::good_message(next)).map_err(Error::from) {
                Ok(()) => next += 1,
                Err(Error::WouldBlock) => break,
                Err(error) => return Err(error),
            }
            progress.sent.store(next, Ordering::Release);
        }
        let mut received = socket.recv();
        while let Ok(message) = received {
            progress.take(&message);
            received = socket.try_recv();
        }
        match received {
            Err(Error::WouldBlock) | Ok(_) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn listen(socket: &AnySocket, mouth: &AnySocket, progress: &Progress) -> Result<(), Error> {
    let mut told = 0;
    while !progress.over.load(Ordering::Acquire) {
        let message = match socket.recv() {
            Ok(message) => message,
            Err(Error::WouldBlock) => continue,
            Err(error) => return Err(error),
        };
        let is_first = part::good_number(&message) == Some(BEFORE);
        if !is_first {
            progress.take(&message);
        }
        let received = progress.received.load(Ordering::Acquire);
        if is_first || received >= told + STEP {
            match mouth.send(received.to_be_bytes()).map_err(Error::from) {
                Ok(()) => told = received,
                Err(Error::WouldBlock) => {}
                Err(error) => return Err(error),
            }
        }
    }
    Ok(())
}
