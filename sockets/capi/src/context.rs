//! Contexts. What a program sets before the first socket is collected; then the context is made.

use std::ffi::{c_int, c_void};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ringmq::Context;
use ringmq::options::{ContextOption, OptionValue};

use crate::boundary::{bytes, enter, hand_out};
use crate::errors::system::{EFAULT, EINVAL, EMFILE};
use crate::errors::{ETERM, Errno, Result};
use crate::handles::Handles;
use crate::patience::{Patience, Waiters};

const IO_THREADS: c_int = 1;
const MAX_SOCKETS: c_int = 2;
/// Read: how many sockets there may be at most. Set: the priority of threads.
const SOCKET_LIMIT: c_int = 3;
const THREAD_SCHED_POLICY: c_int = 4;
const MAX_MSGSZ: c_int = 5;
const MSG_T_SIZE: c_int = 6;
const THREAD_AFFINITY_CPU_ADD: c_int = 7;
const THREAD_AFFINITY_CPU_REMOVE: c_int = 8;
const THREAD_NAME_PREFIX: c_int = 9;
const IPV6: c_int = 42;
const BLOCKY: c_int = 70;

/// The longest name of a thread, with what it begins with, that systems keep.
const LONGEST_PREFIX: usize = 16;

/// As many sockets as a context may be asked for.
const MOST_SOCKETS: c_int = 65_535;

pub(crate) static CONTEXTS: Handles<CContext> = Handles::new();

/// What a handle of a context stands for.
pub(crate) struct CContext {
    state: Mutex<State>,
    /// Who waits for sockets to be closed.
    closed: Arc<Waiters>,
}

struct State {
    settings: Settings,
    /// From the first socket on.
    context: Option<Context>,
    is_shut_down: bool,
    open_sockets: usize,
}

struct Settings {
    io_threads: c_int,
    max_sockets: c_int,
    max_message_size: c_int,
    sched_policy: c_int,
    /// What the names of threads begin with.
    name_prefix: String,
    cores: Vec<c_int>,
    ipv6: bool,
    blocky: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            io_threads: 1,
            max_sockets: 1023,
            max_message_size: c_int::MAX,
            sched_policy: -1,
            name_prefix: String::new(),
            cores: Vec::new(),
            ipv6: false,
            blocky: true,
        }
    }
}

/// What new sockets start with.
pub(crate) struct Defaults {
    pub(crate) ipv6: bool,
    pub(crate) blocky: bool,
}

impl CContext {
    fn new() -> Self {
        let state = State {
            settings: Settings::default(),
            context: None,
            is_shut_down: false,
            open_sockets: 0,
        };
        Self { state: Mutex::new(state), closed: Arc::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has something made in the context, and counts it as an open socket.
    pub(crate) fn open<T>(&self, make: impl FnOnce(&Context, Defaults) -> Result<T>) -> Result<T> {
        let mut state = self.state();
        if state.is_shut_down {
            return Err(Errno(ETERM));
        }
        if state.open_sockets >= usize::try_from(state.settings.max_sockets).unwrap_or(0) {
            return Err(Errno(EMFILE));
        }
        let context = match state.context.clone() {
            Some(context) => context,
            None => build(&state.settings)?,
        };
        state.context = Some(context.clone());
        let defaults = Defaults { ipv6: state.settings.ipv6, blocky: state.settings.blocky };
        let made = make(&context, defaults)?;
        state.open_sockets += 1;
        Ok(made)
    }

    /// Has something made in the context that the program knows nothing of.
    pub(crate) fn beside<T>(&self, make: impl FnOnce(&Context) -> Result<T>) -> Result<T> {
        let context = self.state().context.clone().ok_or(Errno(ETERM))?;
        make(&context)
    }

    /// A socket was closed by the program.
    pub(crate) fn count_closed(&self) {
        self.state().open_sockets -= 1;
        self.closed.wake();
    }

    pub(crate) fn is_shut_down(&self) -> bool {
        self.state().is_shut_down
    }

    fn shut_down(&self) {
        let mut state = self.state();
        state.is_shut_down = true;
        let context = state.context.clone();
        drop(state);
        context.iter().for_each(Context::shutdown);
    }

    /// Waits until the program has closed all sockets and what they have sent is delivered or given up. A signal
    /// ends the wait, and nothing else: the program calls this again.
    fn term(&self) -> Result<()> {
        self.shut_down();
        let ended = Patience::new(&self.closed);
        ended.until(|| self.state().open_sockets == 0)?;
        let context = self.state().context.clone();
        if let Some(context) = context {
            ended.until_done(context.term_async())?;
            // Nothing is left to wait for but the end of its threads.
            context.term();
        }
        self.state().context = None;
        Ok(())
    }
}

fn build(settings: &Settings) -> Result<Context> {
    let mut builder = Context::builder();
    if settings.io_threads > 0 {
        let threads = OptionValue::Int(settings.io_threads);
        builder = builder.option(ContextOption::by_number(IO_THREADS)?, &threads)?;
    }
    if !settings.name_prefix.is_empty() {
        builder = builder.thread_name(&format!("{}/ZMQbg", settings.name_prefix));
    }
    if !settings.cores.is_empty() {
        let cores = settings.cores.iter().filter_map(|core| usize::try_from(*core).ok());
        builder = builder.pin_io_threads(cores);
    }
    Ok(builder.build()?)
}

impl Settings {
    fn set(&mut self, option: c_int, value: c_int) -> Result<()> {
        match option {
            IO_THREADS if value >= 0 => self.io_threads = value,
            MAX_SOCKETS if value >= 1 => self.max_sockets = value,
            // The I/O threads run as the system runs threads: no program needs more than that they are told.
            SOCKET_LIMIT if value >= 0 => {}
            THREAD_SCHED_POLICY if value >= 0 => self.sched_policy = value,
            MAX_MSGSZ if value >= 0 => self.max_message_size = value,
            THREAD_AFFINITY_CPU_ADD if value >= 0 => {
                if !self.cores.contains(&value) {
                    self.cores.push(value);
                }
            }
            THREAD_AFFINITY_CPU_REMOVE if self.cores.contains(&value) => {
                self.cores.retain(|core| *core != value);
            }
            THREAD_NAME_PREFIX if value >= 0 => self.name_prefix = value.to_string(),
            IPV6 if value >= 0 => self.ipv6 = value != 0,
            BLOCKY if value >= 0 => self.blocky = value != 0,
            _ => return Err(Errno(EINVAL)),
        }
        Ok(())
    }

    fn get(&self, option: c_int) -> Result<c_int> {
        Ok(match option {
            IO_THREADS => self.io_threads,
            MAX_SOCKETS => self.max_sockets,
            SOCKET_LIMIT => MOST_SOCKETS,
            THREAD_SCHED_POLICY => self.sched_policy,
            MAX_MSGSZ => self.max_message_size,
            MSG_T_SIZE => size_of::<crate::message::ZmqMsg>() as c_int,
            THREAD_NAME_PREFIX => self.name_prefix.parse().unwrap_or(0),
            IPV6 => self.ipv6.into(),
            BLOCKY => self.blocky.into(),
            _ => return Err(Errno(EINVAL)),
        })
    }
}

/// Options as bytes: numbers, and a prefix of names, which may be text.
impl Settings {
    fn set_bytes(&mut self, option: c_int, value: &[u8]) -> Result<()> {
        if let Ok(number) = value.try_into() {
            return self.set(option, c_int::from_ne_bytes(number));
        }
        let is_prefix = option == THREAD_NAME_PREFIX && (1..=LONGEST_PREFIX).contains(&value.len());
        let prefix = std::str::from_utf8(value).ok().filter(|_| is_prefix).ok_or(Errno(EINVAL))?;
        self.name_prefix = prefix.into();
        Ok(())
    }

    /// A number where there is room for just that.
    fn get_bytes(&self, option: c_int, room: usize) -> Result<Vec<u8>> {
        if room != size_of::<c_int>() && option == THREAD_NAME_PREFIX {
            return Ok(self.name_prefix.clone().into_bytes());
        }
        self.get(option).map(|value| value.to_ne_bytes().to_vec())
    }
}

/// The context of a handle.
pub(crate) fn get(handle: *const c_void) -> Result<Arc<CContext>> {
    CONTEXTS.get(handle).ok_or(Errno(EFAULT))
}

#[unsafe(no_mangle)]
pub extern "C" fn zmq_ctx_new() -> *mut c_void {
    enter(|| {
        // Whoever waits for something of a context is to hear of signals.
        ringmq::always_interruptible();
        CONTEXTS.add(Arc::new(CContext::new())).ok_or(Errno(EMFILE))
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn zmq_ctx_set(context: *mut c_void, option: c_int, value: c_int) -> c_int {
    enter(|| get(context)?.state().settings.set(option, value).map(|()| 0))
}

#[unsafe(no_mangle)]
pub extern "C" fn zmq_ctx_get(context: *mut c_void, option: c_int) -> c_int {
    enter(|| get(context)?.state().settings.get(option))
}

/// A text of four bytes counts as a number, as it does for libzmq.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_ctx_set_ext(
    context: *mut c_void,
    option: c_int,
    value: *const c_void,
    size: usize,
) -> c_int {
    enter(|| {
        let context = get(context)?;
        // SAFETY: the program promises so many bytes.
        let value = unsafe { bytes(value, size) }?;
        context.state().settings.set_bytes(option, value).map(|()| 0)
    })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_ctx_get_ext(
    context: *mut c_void,
    option: c_int,
    value: *mut c_void,
    size: *mut usize,
) -> c_int {
    enter(|| {
        let context = get(context)?;
        // SAFETY: the program promises a number, and so much room.
        unsafe { hand_out(value, size, |room| context.state().settings.get_bytes(option, room)) }
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn zmq_ctx_shutdown(context: *mut c_void) -> c_int {
    enter(|| {
        get(context)?.shut_down();
        Ok(0)
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn zmq_ctx_term(context: *mut c_void) -> c_int {
    enter(|| {
        get(context)?.term()?;
        CONTEXTS.remove(context);
        Ok(0)
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn zmq_init(io_threads: c_int) -> *mut c_void {
    if io_threads < 0 {
        return enter(|| Err(Errno(EINVAL)));
    }
    let context = zmq_ctx_new();
    zmq_ctx_set(context, IO_THREADS, io_threads);
    context
}

#[unsafe(no_mangle)]
pub extern "C" fn zmq_term(context: *mut c_void) -> c_int {
    zmq_ctx_term(context)
}

#[unsafe(no_mangle)]
pub extern "C" fn zmq_ctx_destroy(context: *mut c_void) -> c_int {
    zmq_ctx_term(context)
}
