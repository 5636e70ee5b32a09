//! The process that is attacked: one socket that binds, what its good client sends, and a count of everything
//! that its monitor tells.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use ringmq::auth::{Candidate, Denial};
use ringmq::{AnySocket, Context, Error, Monitor, MonitorEvent, Multipart, SocketType};
use rustix::process::{Resource, Rlimit, setrlimit};

use super::part::{
    self, BEFORE, Bound, GOOD_ID, Guard, NAME, NEWCOMER, PASSWORD, SLOW, ServerPlan, ServerStatus,
    Shape,
};
use super::{AttackError, HEAP};
use crate::socket::{Kind, SLICE, set_option, set_slices};

/// Messages that a publisher is ahead of its good subscriber: less than half of the high-water mark, in the steps
/// of which room is given back, so that it loses none of them.
const AHEAD: u64 = 200;
/// Faults that are told in words.
const FAULTS: usize = 5;

/// What the threads of the server share.
#[derive(Default)]
struct Tally {
    good: AtomicU64,
    newcomers: AtomicU64,
    foreign: AtomicU64,
    faults: Mutex<Vec<String>>,
    events: Mutex<BTreeMap<String, u64>>,
    over: AtomicBool,
    /// The ZAP handler answers again.
    is_free: AtomicBool,
}

impl Tally {
    fn is_over(&self) -> bool {
        self.over.load(Ordering::Acquire)
    }

    fn fault(&self, text: String) {
        let mut faults = self.faults.lock().unwrap_or_else(PoisonError::into_inner);
        if faults.len() < FAULTS {
            faults.push(text);
        }
    }

    fn add(counter: &AtomicU64) {
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

/// Runs the server until it is told to leave.
pub(crate) fn run(plan: &ServerPlan) -> Result<(), AttackError> {
    if let Some(limit) = plan.descriptors {
        // Before the listener is made: io_uring notes the limit when it is asked to accept.
        let limit = Rlimit { current: Some(limit), maximum: Some(limit) };
        setrlimit(Resource::Nofile, limit).map_err(std::io::Error::from)?;
    }
    let context = Context::builder().backend(plan.backend.into()).build()?;
    let socket = open(&context, plan)?;
    let monitor = socket.monitor();
    let tally = Tally::default();
    let zap = (plan.guard == Guard::Zap).then(|| zap_handler(&context)).transpose()?;
    let told = match plan.shape {
        Shape::Publisher => Some(ear(&context)?),
        Shape::Pull | Shape::Router => None,
    };
    let bound = Bound {
        endpoint: socket.bind(&plan.endpoint)?,
        told: told.as_ref().map(|(_, endpoint)| endpoint.clone()).unwrap_or_default(),
        process: std::process::id(),
    };
    let result = thread::scope(|scope| {
        scope.spawn(|| count(&monitor, &tally));
        scope.spawn(|| {
            let served = serve(plan.shape, &socket, told.as_ref().map(|(ear, _)| ear), &tally);
            if let Err(error) = served {
                tally.fault(format!("the server's socket failed: {error}"));
            }
        });
        if let Some(zap) = &zap {
            scope.spawn(|| answer_zap(zap, &tally));
        }
        let result = part::obey(&bound, |word| reply(word, &socket, &tally));
        tally.over.store(true, Ordering::Release);
        result
    });
    // All of it ends, as after any other life.
    socket.set_linger(Some(Duration::ZERO))?;
    drop((socket, told, zap));
    context.term();
    result?;
    part::say(&true)
}

fn open(context: &Context, plan: &ServerPlan) -> Result<AnySocket, Error> {
    let (kind, socket_type) = match plan.shape {
        Shape::Pull => (Kind::Pull, SocketType::Pull),
        Shape::Router => (Kind::Router, SocketType::Router),
        Shape::Publisher => (Kind::Pub, SocketType::Pub),
    };
    let socket = context.socket(socket_type)?;
    set_slices(&socket, kind)?;
    for option in &plan.options {
        let (name, value) = option.split_once('=').unwrap_or((option, ""));
        set_option(&socket, name, value)?;
    }
    match plan.guard {
        Guard::Nobody => {}
        Guard::Plain => {
            socket.set_plain_server(true)?;
            socket.set_authenticator(judge_password)?;
        }
        Guard::Curve => {
            socket.set_curve_server(true)?;
            socket.set_curve_secret_key(part::server_keys().secret)?;
            socket.set_authenticator(judge_key)?;
        }
        Guard::Zap => {
            socket.set_plain_server(true)?;
            socket.set_zap_domain("attack")?;
        }
    }
    Ok(socket)
}

fn judge_password(candidate: Candidate) {
    match (candidate.username(), candidate.password()) {
        (Some(name), Some(word)) if name == NAME && word == PASSWORD.as_bytes() => {
            candidate.allow()
        }
        _ => candidate.deny(Denial::Credentials),
    }
}

fn judge_key(candidate: Candidate) {
    if candidate.public_key() == Some(part::good_keys().public) {
        candidate.allow();
    } else {
        candidate.deny(Denial::Credentials);
    }
}

/// Where a publisher is told what has arrived.
fn ear(context: &Context) -> Result<(AnySocket, String), Error> {
    let ear = context.socket(SocketType::Pull)?;
    set_slices(&ear, Kind::Pull)?;
    let endpoint = ear.bind("tcp://127.0.0.1:*")?;
    Ok((ear, endpoint))
}

fn serve(
    shape: Shape,
    socket: &AnySocket,
    ear: Option<&AnySocket>,
    tally: &Tally,
) -> Result<(), Error> {
    match (shape, ear) {
        (Shape::Pull, _) => take_all(socket, tally),
        (Shape::Router, _) => send_all_back(socket, tally),
        (Shape::Publisher, Some(ear)) => publish(socket, ear, tally),
        (Shape::Publisher, None) => Ok(()),
    }
}

fn take_all(socket: &AnySocket, tally: &Tally) -> Result<(), Error> {
    while !tally.is_over() {
        match socket.recv() {
            Ok(message) => match part::good_number(&message) {
                Some(number) => {
                    let due = tally.good.fetch_add(1, Ordering::AcqRel);
                    if number != due {
                        tally.fault(format!("message {number} of the good client, {due} was due"));
                    }
                }
                None if *message == *NEWCOMER => Tally::add(&tally.newcomers),
                None => Tally::add(&tally.foreign),
            },
            Err(Error::WouldBlock) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn send_all_back(socket: &AnySocket, tally: &Tally) -> Result<(), Error> {
    while !tally.is_over() {
        let message: Multipart = match socket.recv_multipart() {
            Ok(message) => message,
            Err(Error::WouldBlock) => continue,
            Err(error) => return Err(error),
        };
        let counter = match (message.get(0), message.get(1)) {
            (Some(id), _) if **id == *GOOD_ID.as_bytes() => &tally.good,
            (_, Some(body)) if **body == *NEWCOMER => &tally.newcomers,
            _ => &tally.foreign,
        };
        Tally::add(counter);
        // Who has gone, or reads nothing, gets nothing.
        let _ = socket.try_send_multipart(message);
    }
    Ok(())
}

fn publish(socket: &AnySocket, ear: &AnySocket, tally: &Tally) -> Result<(), Error> {
    // What is published before the good one has subscribed is for nobody.
    let mut arrived = None;
    let mut next = 0;
    while !tally.is_over() {
        match arrived {
            None => socket.send(part::good_message(BEFORE))?,
            Some(arrived) => {
                while next < arrived + AHEAD {
                    socket.send(part::good_message(next))?;
                    next += 1;
                }
            }
        }
        let heard = match ear.recv() {
            Ok(heard) => heard,
            Err(Error::WouldBlock) => continue,
            Err(error) => return Err(error),
        };
        if let Some(number) = heard.first_chunk().map(|bytes| u64::from_be_bytes(*bytes)) {
            arrived = arrived.max(Some(number));
            tally.good.store(number, Ordering::Release);
        }
    }
    Ok(())
}

/// Counts events by their kind and reason until the socket is closed.
fn count(monitor: &Monitor, tally: &Tally) {
    while !tally.is_over() {
        let Ok(event) = monitor.recv_timeout(SLICE) else { continue };
        let mut events = tally.events.lock().unwrap_or_else(PoisonError::into_inner);
        *events.entry(name(&event)).or_default() += match event {
            MonitorEvent::Dropped { messages, .. } => messages,
            _ => 1,
        };
    }
}

/// The kind of an event, and of its reason.
fn name(event: &MonitorEvent) -> String {
    let kind = first_word(&format!("{event:?}"));
    let why = match event {
        MonitorEvent::HandshakeFailed { reason, .. }
        | MonitorEvent::Disconnected { reason, .. } => match reason {
            ringmq::DisconnectReason::Protocol(error) => format!("{error:?}"),
            reason => format!("{reason:?}"),
        },
        MonitorEvent::Refused { limit, .. } => format!("{limit:?}"),
        MonitorEvent::Dropped { reason, .. } => format!("{reason:?}"),
        MonitorEvent::Problem { problem, .. } => format!("{problem:?}"),
        _ => return kind,
    };
    format!("{kind}:{}", first_word(&why))
}

fn first_word(text: &str) -> String {
    text.chars().take_while(char::is_ascii_alphanumeric).collect()
}

fn zap_handler(context: &Context) -> Result<AnySocket, Error> {
    let handler = context.socket(SocketType::Rep)?;
    set_slices(&handler, Kind::Rep)?;
    handler.bind("inproc://zeromq.zap.01")?;
    Ok(handler)
}

/// Lets in who has the password; hangs when it is asked about `SLOW`, until it is told to go on.
fn answer_zap(handler: &AnySocket, tally: &Tally) {
    while !tally.is_over() {
        let Ok(question) = handler.recv_multipart() else { continue };
        let frame = |at: usize| question.get(at).map(|frame| frame.to_vec()).unwrap_or_default();
        let (name, password) = (frame(6), frame(7));
        while name == SLOW.as_bytes() && !tally.is_free.load(Ordering::Acquire) && !tally.is_over()
        {
            thread::sleep(SLICE);
        }
        let good = name == NAME.as_bytes() && password == PASSWORD.as_bytes();
        let status: &[u8] = if good { b"200" } else { b"400" };
        let answer: Multipart =
            [b"1.0", &frame(1)[..], status, b"", b"", b""].into_iter().collect();
        if let Err(error) = handler.send_multipart(answer) {
            tally.fault(format!("the ZAP handler's socket failed: {error}"));
            return;
        }
    }
}

fn reply(word: &str, socket: &AnySocket, tally: &Tally) -> Result<serde_json::Value, AttackError> {
    let answer = match word {
        "count" => tally.good.load(Ordering::Acquire).into(),
        "mark" => {
            HEAP.reset_peak_usage();
            true.into()
        }
        "free" => {
            tally.is_free.store(true, Ordering::Release);
            true.into()
        }
        "hang" => {
            tally.is_free.store(false, Ordering::Release);
            true.into()
        }
        _ => {
            let status = ServerStatus {
                good: tally.good.load(Ordering::Acquire),
                newcomers: tally.newcomers.load(Ordering::Acquire),
                foreign: tally.foreign.load(Ordering::Acquire),
                faults: tally.faults.lock().unwrap_or_else(PoisonError::into_inner).clone(),
                refused: socket.totals().refused,
                heap: HEAP.current_usage(),
                heap_most: HEAP.peak_usage(),
                events: tally.events.lock().unwrap_or_else(PoisonError::into_inner).clone(),
            };
            serde_json::to_value(status).map_err(std::io::Error::from)?
        }
    };
    Ok(answer)
}
