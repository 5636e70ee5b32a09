//! Why io_uring was refused: the system's error, and what the surroundings say about its cause. One
//! error has several causes with different remedies, so the files of `/proc` are asked as well.

use crate::backend::survey::{UringCause, UringRefusal};
use crate::backend::thread;
use std::fs;
use std::io;
use std::path::Path;

/// What allows the calls in a container.
const ALLOW: &str = "allow io_uring_setup, io_uring_enter and io_uring_register in that filter \
                     (docker and podman: run --security-opt seccomp=PROFILE.json, to try it out \
                     seccomp=unconfined; Kubernetes: securityContext.seccompProfile)";

/// What a machine says about itself; `None` is what it does not tell.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct SystemFacts {
    /// The sysctl `kernel.io_uring_disabled` (Linux 6.6): 0 allows io_uring, 1 to some, 2 to nobody. It
    /// is there only where the kernel has io_uring.
    disabled: Option<u8>,
    /// The sysctl `kernel.io_uring_group`: who may use it all the same where `disabled` is 1.
    group: Option<i64>,
    /// Whether a seccomp filter is at work on this process.
    filtered: Option<bool>,
    /// Bytes that the process may lock.
    lockable: Option<u64>,
}

impl SystemFacts {
    fn look() -> Self {
        Self { lockable: thread::lockable_memory(), ..Self::read(Path::new("/proc")) }
    }

    /// Reads the files below `proc`.
    fn read(proc: &Path) -> Self {
        let text = |path: &str| fs::read_to_string(proc.join(path)).ok();
        let status = text("thread-self/status").or_else(|| text("self/status"));
        Self {
            disabled: text("sys/kernel/io_uring_disabled").and_then(|t| t.trim().parse().ok()),
            group: text("sys/kernel/io_uring_group").and_then(|t| t.trim().parse().ok()),
            filtered: status.as_deref().and_then(filtered),
            lockable: None,
        }
    }
}

/// Reads the line `Seccomp:` of a status: 2 is a filter.
fn filtered(status: &str) -> Option<bool> {
    let mode = status.lines().find_map(|line| line.strip_prefix("Seccomp:"))?;
    Some(mode.trim() == "2")
}

/// The cause of `error`, as it stands on this machine at the moment. Call it on the thread that met it.
pub(super) fn diagnose(error: &io::Error) -> UringRefusal {
    tell(error, &SystemFacts::look())
}

fn tell(error: &io::Error, around: &SystemFacts) -> UringRefusal {
    let (cause, reason, remedy) = match error.raw_os_error() {
        Some(libc::EPERM | libc::EACCES) => forbidden(around),
        Some(libc::ENOSYS) => absent(around),
        Some(libc::ENOMEM) => no_memory(around),
        Some(libc::EMFILE | libc::ENFILE) => (
            UringCause::Descriptors,
            "file descriptors are used up".to_owned(),
            "raise the limit with ulimit -n (RLIMIT_NOFILE, LimitNOFILE=)".to_owned(),
        ),
        Some(libc::EINVAL | libc::EOPNOTSUPP) => lacking(),
        None if error.kind() == io::ErrorKind::Unsupported => lacking(),
        None if error.kind() == io::ErrorKind::TimedOut => (
            UringCause::NoAnswer,
            "a ring could be set up, but did not answer in time".to_owned(),
            "try again when the machine is less busy; if it stays like that, use mio".to_owned(),
        ),
        _ => (UringCause::Other, "io_uring does not work here".to_owned(), String::new()),
    };
    UringRefusal { cause, reason, remedy, error: error.to_string() }
}

type Diagnosis = (UringCause, String, String);

fn lacking() -> Diagnosis {
    (
        UringCause::Feature,
        "the io_uring of this kernel lacks a feature that is needed".to_owned(),
        "Linux 6.1 or later has them all".to_owned(),
    )
}

fn forbidden(around: &SystemFacts) -> Diagnosis {
    let filtered = around.filtered == Some(true);
    let too =
        if filtered { "; a seccomp filter is at work too, and may forbid it as well" } else { "" };
    let sysctl = match around.disabled {
        Some(1) => {
            let group = match around.group {
                Some(group @ 0..) => format!("the group {group}"),
                _ => "a group that is not set".to_owned(),
            };
            let reason = format!(
                "the sysctl kernel.io_uring_disabled is 1, which leaves io_uring to CAP_SYS_ADMIN and to \
                 {group} (kernel.io_uring_group){too}"
            );
            let remedy = "as root, on the host: sysctl -w kernel.io_uring_disabled=0, or \
                          kernel.io_uring_group=GID of a group that this user is in";
            return (UringCause::Disabled, reason, remedy.to_owned());
        }
        Some(2..) => {
            let reason =
                format!("the sysctl kernel.io_uring_disabled is 2, which forbids io_uring{too}");
            let remedy = "as root, on the host: sysctl -w kernel.io_uring_disabled=0";
            return (UringCause::Disabled, reason, remedy.to_owned());
        }
        Some(0) => "the sysctl kernel.io_uring_disabled is 0, so it is not that",
        None => "there is no sysctl kernel.io_uring_disabled that could",
    };
    match around.filtered {
        Some(true) => (
            UringCause::Filtered,
            format!("a seccomp filter forbids io_uring, as those of containers do ({sysctl})"),
            ALLOW.to_owned(),
        ),
        Some(false) => (
            UringCause::Forbidden,
            format!("io_uring is forbidden, not by a seccomp filter ({sysctl})"),
            "look at the policy of the security module (SELinux, AppArmor) or sandbox".to_owned(),
        ),
        None => (
            UringCause::Forbidden,
            format!("io_uring is forbidden, by a seccomp filter as a rule ({sysctl})"),
            ALLOW.to_owned(),
        ),
    }
}

fn absent(around: &SystemFacts) -> Diagnosis {
    match (around.disabled, around.filtered) {
        (Some(_), Some(true)) => (
            UringCause::Hidden,
            "a seccomp filter pretends that there is no io_uring, which this kernel has".to_owned(),
            ALLOW.to_owned(),
        ),
        (None, Some(true)) => (
            UringCause::Absent,
            "this kernel has no io_uring, or the seccomp filter at work hides it".to_owned(),
            format!("use Linux 6.1 or later with CONFIG_IO_URING, or {ALLOW}"),
        ),
        _ => (
            UringCause::Absent,
            "this kernel has no io_uring: it is too old or was built without".to_owned(),
            "use Linux 6.1 or later with CONFIG_IO_URING".to_owned(),
        ),
    }
}

fn no_memory(around: &SystemFacts) -> Diagnosis {
    match around.lockable {
        Some(bytes) => (
            UringCause::LockedMemory,
            format!(
                "too little memory may be locked for a ring: RLIMIT_MEMLOCK is {} KiB for all of this \
                 user's rings",
                bytes / 1024
            ),
            "raise it with ulimit -l (LimitMEMLOCK=, docker run --ulimit memlock=-1), or give \
             CAP_IPC_LOCK"
                .to_owned(),
        ),
        None => (
            UringCause::Other,
            "the system has no memory for a ring, and RLIMIT_MEMLOCK is no limit".to_owned(),
            "give the machine or its control group more memory".to_owned(),
        ),
    }
}

#[cfg(test)]
mod tests;
