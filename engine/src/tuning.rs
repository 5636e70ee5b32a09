//! What an engine asks of the system beyond its usual service: for its I/O threads, each on the thread
//! itself, and for the process.
//!
//! What was asked for by name and cannot be had is an error that says what to do about it. Busy polling
//! alone is a wish: where the system does not offer it everything works without, and a
//! [report](TuningReport) says so.

use crate::backend::thread;
use crate::options::EngineOptions;
use std::fmt;
use std::io;
use std::time::Duration;

/// More I/O threads than any machine has cores to run them on; each takes a stack, a descriptor and
/// locked memory.
const THREADS_MAX: usize = 1024;
/// Cores that a mask of the system has room for.
const CORES: usize = 1024;
/// Longest time to poll a device: a thread that does so for longer is lost to the machine.
const BUSY_POLL_MAX: Duration = Duration::from_secs(1);
/// Longest timer slack: with more, timers are of no use.
const SLACK_MAX: Duration = Duration::from_secs(1);
/// Priorities of real time.
const PRIORITIES: std::ops::RangeInclusive<u8> = 1..=99;

/// A setting that cannot be had.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{setting} cannot be set: {reason}")]
pub struct SettingError {
    /// Its name.
    pub setting: &'static str,
    /// Why, and what to do.
    pub reason: String,
}

/// What became of a wish.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Granted {
    /// Nobody has asked.
    #[default]
    NotAsked,
    /// It is on.
    Yes,
    /// The system does not offer it, or not to this process; why, and what to do.
    No(String),
}

impl Granted {
    fn new(result: io::Result<()>, remedy: &str) -> Self {
        match result {
            Ok(()) => Self::Yes,
            Err(error) => Self::No(format!("{remedy} ({error})")),
        }
    }
}

impl fmt::Display for Granted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAsked => f.write_str("not asked for"),
            Self::Yes => f.write_str("on"),
            Self::No(reason) => write!(f, "off: {reason}"),
        }
    }
}

/// What became of the settings that are wishes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct TuningReport {
    /// Busy polling by I/O threads that wait.
    pub ring_busy_poll: Granted,
    /// Busy polling by threads that read a tcp connection.
    pub socket_busy_poll: Granted,
}

/// Refuses values that no system would take.
pub(crate) fn check(options: &EngineOptions) -> Result<(), SettingError> {
    let wrong = |setting, reason: &str| Err(SettingError { setting, reason: reason.to_owned() });
    if options.io_threads > THREADS_MAX {
        return wrong("io_threads", "there are 1 to 1024 of them");
    }
    if options.thread_name.contains('\0') {
        return wrong(
            "thread_name",
            "it takes any text without a zero byte (Linux shows 15 bytes of it)",
        );
    }
    if options.cores.iter().any(|core| *core >= CORES) {
        return wrong("pin_io_threads", "cores are numbered from 0 to 1023");
    }
    let micros = |time: &Duration| time.as_micros() == 0 || *time > BUSY_POLL_MAX;
    if options.busy_poll.as_ref().is_some_and(micros) {
        return wrong("busy_poll", "it takes 1 microsecond to 1 second; 50 microseconds are usual");
    }
    if options.timer_slack.is_some_and(|slack| slack.is_zero() || slack > SLACK_MAX) {
        return wrong(
            "timer_slack",
            "it takes 1 nanosecond to 1 second; 1 nanosecond is the least",
        );
    }
    if options.realtime.is_some_and(|priority| !PRIORITIES.contains(&priority)) {
        return wrong("realtime", "priorities are 1 (lowest) to 99");
    }
    Ok(())
}

/// Prepares the calling thread to be I/O thread number `index`.
pub(crate) fn tune_thread(index: usize, options: &EngineOptions) -> Result<(), SettingError> {
    let core = options.cores.get(index);
    if core.is_none() {
        options.others.bind_thread();
    }
    if let Some(&id) = core
        && !core_affinity::set_for_current(core_affinity::CoreId { id })
    {
        let error = io::Error::last_os_error();
        return Err(SettingError {
            setting: "pin_io_threads",
            reason: format!(
                "this process may not use core {id}: choose others (nproc, taskset -p), or allow it \
                 (the cpuset of the container or service) ({error})"
            ),
        });
    }
    if let Some(slack) = options.timer_slack {
        thread::set_timer_slack(slack)
            .map_err(|error| refused("timer_slack", "only Linux has it", &error))?;
    }
    if let Some(priority) = options.realtime {
        let remedy = "threads of real time take CAP_SYS_NICE (setcap cap_sys_nice+ep PROGRAM) or a \
                      limit that allows the priority (ulimit -r, LimitRTPRIO=)";
        thread::set_realtime(priority).map_err(|error| refused("realtime", remedy, &error))?;
    }
    Ok(())
}

/// Keeps all memory of the process in memory, also what it takes from now on.
pub(crate) fn lock_memory() -> Result<(), SettingError> {
    thread::lock_memory().map_err(|error| {
        let limit = match thread::lockable_memory() {
            Some(bytes) => format!("{bytes} bytes"),
            None => "unknown".to_owned(),
        };
        let remedy = format!(
            "the limit of locked memory, RLIMIT_MEMLOCK, is {limit}: raise it (ulimit -l unlimited, \
             LimitMEMLOCK=infinity) or give CAP_IPC_LOCK (setcap cap_ipc_lock+ep PROGRAM)"
        );
        refused("lock_memory", &remedy, &error)
    })
}

fn refused(setting: &'static str, remedy: &str, error: &io::Error) -> SettingError {
    SettingError { setting, reason: format!("{remedy} ({error})") }
}

/// What came of asking a backend to poll devices.
pub(crate) fn ring_busy_poll(result: io::Result<()>) -> Granted {
    Granted::new(result, "it takes io_uring, Linux 6.9 and CONFIG_NET_RX_BUSY_POLL")
}

/// Whether tcp connections may ask the kernel to poll devices for `time`: tried on one that is thrown
/// away.
pub(crate) fn socket_busy_poll(time: Duration) -> Granted {
    let tried = thread::try_socket_busy_poll(time.as_micros().try_into().unwrap_or(u32::MAX));
    let remedy = "SO_BUSY_POLL takes CONFIG_NET_RX_BUSY_POLL, and on older kernels CAP_NET_ADMIN for more \
                  than the sysctl net.core.busy_read: raise that, or give the capability (setcap \
                  cap_net_admin+ep PROGRAM)";
    Granted::new(tried, remedy)
}
