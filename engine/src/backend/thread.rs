//! What the system does for a thread or a process on request: scheduling, timers, locked memory.

#![allow(unsafe_code)]

use std::io;
use std::time::Duration;

#[cfg(not(target_os = "linux"))]
pub(crate) use elsewhere::*;
#[cfg(target_os = "linux")]
pub(crate) use linux::*;

#[cfg(target_os = "linux")]
mod linux {
    use super::{Duration, io};
    use rustix::mm::{MlockAllFlags, mlockall};
    use rustix::process::{Resource, getrlimit};
    use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity, set_current_timer_slack};
    use socket2::{Domain, Socket, Type};
    use std::num::NonZeroU64;

    /// The cores that a thread may run on.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(crate) struct Cores(CpuSet);

    /// Those of the calling thread, if they can be told.
    pub(crate) fn cores() -> Option<Cores> {
        sched_getaffinity(None).ok().map(Cores)
    }

    /// Has the calling thread run on these.
    pub(crate) fn set_cores(cores: &Cores) -> io::Result<()> {
        Ok(sched_setaffinity(None, &cores.0)?)
    }

    /// How late the calling thread may be woken for a timer.
    pub(crate) fn set_timer_slack(slack: Duration) -> io::Result<()> {
        let nanos = u64::try_from(slack.as_nanos()).unwrap_or(u64::MAX);
        Ok(set_current_timer_slack(NonZeroU64::new(nanos))?)
    }

    /// Puts the calling thread among those of real time, first come first served.
    pub(crate) fn set_realtime(priority: u8) -> io::Result<()> {
        let parameters = libc::sched_param { sched_priority: priority.into() };
        // SAFETY: the calling thread (0), and parameters that live as long as the call.
        match unsafe { libc::sched_setscheduler(0, libc::SCHED_FIFO, &parameters) } {
            0 => Ok(()),
            _ => Err(io::Error::last_os_error()),
        }
    }

    /// Keeps the memory of the process from being paged out, now and later.
    pub(crate) fn lock_memory() -> io::Result<()> {
        Ok(mlockall(MlockAllFlags::CURRENT | MlockAllFlags::FUTURE)?)
    }

    /// Bytes that the process may lock; `None` is no limit.
    pub(crate) fn lockable_memory() -> Option<u64> {
        getrlimit(Resource::Memlock).current
    }

    /// Whether a tcp descriptor may poll its device for so many microseconds.
    pub(crate) fn try_socket_busy_poll(micros: u32) -> io::Result<()> {
        Socket::new(Domain::IPV4, Type::STREAM, None)?.set_busy_poll(micros)
    }
}

/// The same requests where they do not exist.
#[cfg(not(target_os = "linux"))]
mod elsewhere {
    use super::{Duration, io};

    /// Nothing is known of where a thread may run.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(crate) enum Cores {}

    pub(crate) fn cores() -> Option<Cores> {
        None
    }

    pub(crate) fn set_cores(cores: &Cores) -> io::Result<()> {
        match *cores {}
    }

    fn unsupported<T>() -> io::Result<T> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub(crate) fn set_timer_slack(_: Duration) -> io::Result<()> {
        unsupported()
    }

    pub(crate) fn set_realtime(_: u8) -> io::Result<()> {
        unsupported()
    }

    pub(crate) fn lock_memory() -> io::Result<()> {
        unsupported()
    }

    pub(crate) fn lockable_memory() -> Option<u64> {
        None
    }

    pub(crate) fn try_socket_busy_poll(_: u32) -> io::Result<()> {
        unsupported()
    }
}
