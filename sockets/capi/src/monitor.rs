//! Monitors: what happens to a socket's connections, as messages of a PAIR that the program connects to.
//!
//! Each monitor is a thread that waits for the socket's events and sends those that were asked for, in one of two
//! forms: an event with one value and one endpoint in two frames, or with any number of values and both addresses.

use std::ffi::{c_char, c_int, c_void};
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context as TaskContext, Poll, Wake, Waker};
use std::thread::{self, Thread};

use ringmq::kind::AnyKind;
use ringmq::{
    DisconnectReason, Message, Monitor, MonitorEvent, Multipart, PipeStats, ProtocolError, Socket,
    SocketType,
};

use crate::boundary::{enter, text};
use crate::errors::system::{EAGAIN, EINVAL, EPROTONOSUPPORT};
use crate::errors::{Errno, Result};
use crate::socket::{BoundEndpoints, CSocket, get, well_formed};

const CONNECTED: u64 = 0x0001;
const CONNECT_DELAYED: u64 = 0x0002;
const CONNECT_RETRIED: u64 = 0x0004;
const LISTENING: u64 = 0x0008;
const ACCEPTED: u64 = 0x0020;
const ACCEPT_FAILED: u64 = 0x0040;
const CLOSED: u64 = 0x0080;
const DISCONNECTED: u64 = 0x0200;
const MONITOR_STOPPED: u64 = 0x0400;
const HANDSHAKE_FAILED_NO_DETAIL: u64 = 0x0800;
const HANDSHAKE_SUCCEEDED: u64 = 0x1000;
const HANDSHAKE_FAILED_PROTOCOL: u64 = 0x2000;
const HANDSHAKE_FAILED_AUTH: u64 = 0x4000;
const PIPES_STATS: u64 = 0x1_0000;
/// What fits into the first form.
const FIRST_FORM: u64 = 0xFFFF;

/// A monitor under way. Dropped, it is told to stop.
pub(crate) struct Watching {
    stop: Arc<Stop>,
    events: u64,
}

/// How the thread is reached.
struct Stop {
    wanted: AtomicBool,
    /// What it is to tell beside the socket's events.
    asked: Mutex<Vec<Word>>,
    thread: Thread,
}

impl Wake for Stop {
    fn wake(self: Arc<Self>) {
        self.thread.unpark();
    }
}

impl Stop {
    fn asked(&self) -> Vec<Word> {
        std::mem::take(&mut *self.asked.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn ask(&self, words: Vec<Word>) {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).extend(words);
        self.thread.unpark();
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        self.stop.wanted.store(true, Ordering::Release);
        self.stop.thread.unpark();
    }
}

/// In which form events are told.
#[derive(Clone, Copy)]
enum Form {
    First,
    Second,
}

/// Where a monitor tells what.
struct Listener {
    pair: Socket<AnyKind>,
    events: u64,
    form: Form,
    bound: Arc<BoundEndpoints>,
}

/// What is told of one event.
struct Word {
    event: u64,
    values: Vec<u64>,
    /// What was bound or connected.
    endpoint: String,
    peer: String,
    /// It is something that only happens to what is bound.
    is_of_bind: bool,
}

impl Word {
    fn new(event: u64, value: u32, endpoint: &str) -> Self {
        Self {
            event,
            values: vec![value.into()],
            endpoint: endpoint.into(),
            peer: String::new(),
            is_of_bind: matches!(event, LISTENING | ACCEPTED | ACCEPT_FAILED),
        }
    }

    fn from(self, peer: &str) -> Self {
        Self { peer: peer.into(), ..self }
    }

    /// On this socket of the system's.
    fn on(self, descriptor: Option<u64>) -> Self {
        // libzmq's number for none.
        let number = descriptor.unwrap_or(u64::from(u32::MAX));
        Self { values: vec![number], ..self }
    }
}

/// What a C program is told of an event; of some several things, of some nothing.
fn words(event: &MonitorEvent) -> Vec<Word> {
    let word = Word::new;
    match event {
        MonitorEvent::Listening { endpoint, descriptor } => {
            vec![word(LISTENING, 0, endpoint).on(*descriptor)]
        }
        MonitorEvent::Accepted { endpoint, peer, descriptor } => {
            vec![word(ACCEPTED, 0, endpoint).from(peer).on(*descriptor)]
        }
        MonitorEvent::AcceptFailed { endpoint, error } => {
            let number = error.raw_os_error().unwrap_or(EINVAL);
            vec![word(ACCEPT_FAILED, number.cast_unsigned(), endpoint)]
        }
        MonitorEvent::Connected { endpoint, descriptor, .. } => vec![
            word(CONNECT_DELAYED, in_progress(), endpoint),
            word(CONNECTED, 0, endpoint).on(*descriptor),
        ],
        MonitorEvent::ConnectFailed { endpoint, .. } => {
            vec![word(CONNECT_DELAYED, in_progress(), endpoint), word(CLOSED, 0, endpoint)]
        }
        MonitorEvent::ConnectRetried { endpoint, after } => {
            let milliseconds = u32::try_from(after.as_millis()).unwrap_or(u32::MAX);
            vec![word(CONNECT_RETRIED, milliseconds, endpoint)]
        }
        MonitorEvent::HandshakeSucceeded { endpoint, peer, .. } => {
            vec![word(HANDSHAKE_SUCCEEDED, 0, endpoint).from(peer)]
        }
        MonitorEvent::HandshakeFailed { endpoint, peer, reason } => {
            let (event, value) = failed(reason);
            vec![word(event, value, endpoint).from(peer)]
        }
        MonitorEvent::Disconnected { endpoint, peer, descriptor, .. } => {
            vec![word(DISCONNECTED, 0, endpoint).from(peer).on(*descriptor)]
        }
        MonitorEvent::Closed { endpoint } => vec![word(CLOSED, 0, endpoint)],
        _ => Vec::new(),
    }
}

#[cfg(unix)]
const fn in_progress() -> u32 {
    libc::EINPROGRESS.cast_unsigned()
}

#[cfg(windows)]
const fn in_progress() -> u32 {
    112
}

/// Why a handshake failed.
fn failed(reason: &DisconnectReason) -> (u64, u32) {
    /// The peer has ended the connection.
    const EPIPE: u32 = 32;
    if let Some(status) = reason.auth_status() {
        return (HANDSHAKE_FAILED_AUTH, status.into());
    }
    match (reason.protocol_code(), reason) {
        (Some(code), _) => (HANDSHAKE_FAILED_PROTOCOL, code),
        (None, DisconnectReason::Protocol(ProtocolError::HandshakeTimeout)) => {
            (HANDSHAKE_FAILED_NO_DETAIL, EAGAIN.cast_unsigned())
        }
        _ => (HANDSHAKE_FAILED_NO_DETAIL, EPIPE),
    }
}

impl Listener {
    /// Sends what is told, if it was asked for; whether anything can be sent yet. Nobody waits for a program that
    /// does not look.
    fn tell(&self, word: Word) -> bool {
        if word.event & self.events == 0 {
            return true;
        }
        match self.pair.try_send_multipart(self.frames(word)) {
            Ok(()) => true,
            Err(failed) => failed.error.is_would_block(),
        }
    }

    fn frames(&self, word: Word) -> Multipart {
        match self.form {
            Form::First => {
                let value = word.values.first().copied().unwrap_or(0);
                let mut first = [0; 6];
                // Events of the first form have sixteen bits, and their values 32.
                first[..2].copy_from_slice(&(word.event as u16).to_ne_bytes());
                first[2..].copy_from_slice(&(value as u32).to_ne_bytes());
                [Message::copy_from(&first), word.endpoint.into()].into()
            }
            Form::Second => {
                let count = word.values.len() as u64;
                let numbers = [word.event, count].into_iter().chain(word.values);
                let mut frames: Vec<Message> =
                    numbers.map(|number| Message::copy_from(&number.to_ne_bytes())).collect();
                let is_bound = word.is_of_bind || self.bound.contains(&word.endpoint);
                let addresses = match is_bound {
                    true => [word.endpoint, word.peer],
                    // The system's name of this side is told by nobody.
                    false => [String::new(), word.endpoint],
                };
                frames.extend(addresses.map(Message::from));
                frames.into()
            }
        }
    }

    /// Tells of events until the socket is closed, or this is to stop.
    fn watch(&self, monitor: &Monitor, stop: &Arc<Stop>) {
        let waker = Waker::from(stop.clone());
        loop {
            let mut next = pin!(monitor.recv_async());
            let event = loop {
                if stop.wanted.load(Ordering::Acquire) {
                    return;
                }
                if !stop.asked().into_iter().all(|word| self.tell(word)) {
                    return;
                }
                match next.as_mut().poll(&mut TaskContext::from_waker(&waker)) {
                    Poll::Ready(Ok(event)) => break event,
                    Poll::Ready(Err(_)) => return,
                    Poll::Pending => thread::park(),
                }
            };
            if !words(&event).into_iter().all(|word| self.tell(word)) {
                return;
            }
        }
    }
}

impl CSocket {
    fn watch(&self, endpoint: &str, events: u64, form: Form, by: SocketType) -> Result<()> {
        let pair = self.context.beside(|context| Ok(context.socket(by)?))?;
        pair.set_linger(Some(std::time::Duration::ZERO))?;
        pair.bind(endpoint)?;
        let monitor = self.socket.monitor();
        let listener = Listener { pair, events, form, bound: self.bound.clone() };
        // The thread is told how it is to be stopped when it is there.
        let (send, receive) = std::sync::mpsc::channel::<Arc<Stop>>();
        let thread = thread::Builder::new().name("ringmq-monitor".into()).spawn(move || {
            let Ok(stop) = receive.recv() else { return };
            listener.watch(&monitor, &stop);
            listener.tell(Word::new(MONITOR_STOPPED, 0, ""));
        });
        let thread = thread.map_err(|_| Errno(EAGAIN))?.thread().clone();
        let asked = Mutex::default();
        let stop = Arc::new(Stop { wanted: AtomicBool::new(false), asked, thread });
        let _ = send.send(stop.clone());
        *self.watching() = Some(Watching { stop, events });
        Ok(())
    }

    /// Has the figures of all pipes told.
    fn tell_pipes(&self) -> Result<()> {
        let watching = self.watching();
        let watching = watching.as_ref().filter(|watching| watching.events & PIPES_STATS != 0);
        let watching = watching.ok_or(Errno(EINVAL))?;
        let word = |pipe: PipeStats| Word {
            event: PIPES_STATS,
            values: vec![pipe.queued, pipe.waiting],
            endpoint: pipe.endpoint,
            peer: pipe.peer,
            is_of_bind: false,
        };
        let words: Vec<_> = self.socket.stats().into_iter().map(word).collect();
        if words.is_empty() {
            return Err(Errno(EAGAIN));
        }
        watching.stop.ask(words);
        Ok(())
    }
}

/// # Safety
/// The endpoint is NULL, or ends with a zero.
unsafe fn monitor(
    socket: *mut c_void,
    endpoint: *const c_char,
    events: u64,
    form: Form,
    by: SocketType,
) -> Result<c_int> {
    let socket = get(socket)?;
    if endpoint.is_null() {
        *socket.watching() = None;
        return Ok(0);
    }
    // SAFETY: the caller promises text.
    let endpoint = unsafe { text(endpoint) }?;
    well_formed(endpoint)?;
    if !endpoint.starts_with("inproc://") {
        return Err(Errno(EPROTONOSUPPORT));
    }
    if matches!(form, Form::First) && events > FIRST_FORM {
        return Err(Errno(EINVAL));
    }
    *socket.watching() = None;
    socket.watch(endpoint, events, form, by)?;
    Ok(0)
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_socket_monitor(
    socket: *mut c_void,
    endpoint: *const c_char,
    events: c_int,
) -> c_int {
    // A negative number has bits that no event has.
    let events = i64::from(events).cast_unsigned();
    // SAFETY: the program promises text.
    enter(|| unsafe { monitor(socket, endpoint, events, Form::First, SocketType::Pair) })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_socket_monitor_versioned(
    socket: *mut c_void,
    endpoint: *const c_char,
    events: u64,
    version: c_int,
    socket_type: c_int,
) -> c_int {
    enter(|| {
        let form = match version {
            1 => Form::First,
            2 => Form::Second,
            _ => return Err(Errno(EINVAL)),
        };
        let by = u8::try_from(socket_type).ok().and_then(SocketType::from_code);
        let by =
            by.filter(|by| matches!(by, SocketType::Pair | SocketType::Pub | SocketType::Push));
        // SAFETY: the program promises text.
        unsafe { monitor(socket, endpoint, events, form, by.ok_or(Errno(EINVAL))?) }
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn zmq_socket_monitor_pipes_stats(socket: *mut c_void) -> c_int {
    enter(|| get(socket)?.tell_pipes().map(|()| 0))
}
