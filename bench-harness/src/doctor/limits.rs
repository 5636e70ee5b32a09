//! Limits of the process and of the system, and what they mean for sockets.

use serde::Serialize;

use super::problem::{Level, Problem};

/// Descriptors that a process gets by default on most systems.
const USUAL_DESCRIPTORS: u64 = 1024;
/// So few that a program of any size runs out of them.
const FEW_DESCRIPTORS: u64 = 256;
/// Locked memory that the ring of an I/O thread takes, with what belongs to it.
const RING: u64 = 100 << 10;
/// Connections that listeners let wait by default.
const BACKLOG: u64 = 4096;
/// What ipc asks for as its buffers.
const IPC_BUFFER: u64 = 1 << 20;

/// What the system said; `None` is what it does not have or tell. `u64::MAX` is no limit.
#[derive(Clone, Debug, Default)]
pub(super) struct Readings {
    /// File descriptors, soft and hard.
    pub(super) descriptors: Option<(u64, u64)>,
    /// Bytes of locked memory, soft and hard; only where rings count against it.
    pub(super) locked: Option<(u64, u64)>,
    pub(super) uring_disabled: Option<u64>,
    pub(super) somaxconn: Option<u64>,
    pub(super) rmem_max: Option<u64>,
    pub(super) wmem_max: Option<u64>,
    pub(super) congestion: Option<String>,
}

impl Readings {
    /// Reads them here.
    pub(super) fn look() -> Self {
        let (descriptors, locked) = resources();
        let sysctls = if cfg!(target_os = "linux") {
            self::sysctls(std::path::Path::new("/proc/sys"))
        } else {
            Self::default()
        };
        Self { descriptors, locked, ..sysctls }
    }
}

/// Reads the files below `root`.
fn sysctls(root: &std::path::Path) -> Readings {
    let text = |path: &str| {
        let text = std::fs::read_to_string(root.join(path)).ok()?;
        Some(text.trim().to_owned())
    };
    let number = |path: &str| text(path)?.parse().ok();
    Readings {
        uring_disabled: number("kernel/io_uring_disabled"),
        somaxconn: number("net/core/somaxconn"),
        rmem_max: number("net/core/rmem_max"),
        wmem_max: number("net/core/wmem_max"),
        congestion: text("net/ipv4/tcp_congestion_control"),
        ..Readings::default()
    }
}

/// A soft and a hard limit.
type SoftAndHard = Option<(u64, u64)>;

#[cfg(unix)]
fn resources() -> (SoftAndHard, SoftAndHard) {
    use rlimit::{INFINITY, Resource, getrlimit};
    let plain = |limit: u64| if limit == INFINITY { u64::MAX } else { limit };
    let limits = |resource| getrlimit(resource).ok().map(|(soft, hard)| (plain(soft), plain(hard)));
    let locked = if cfg!(target_os = "linux") { limits(Resource::MEMLOCK) } else { None };
    (limits(Resource::NOFILE), locked)
}

#[cfg(not(unix))]
fn resources() -> (SoftAndHard, SoftAndHard) {
    (None, None)
}

/// One limit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Limit {
    pub(super) name: &'static str,
    pub(super) value: String,
    /// What it means for ringmq.
    pub(super) meaning: String,
}

/// What they mean, and what is wrong with them.
pub(super) fn judge(found: &Readings) -> (Vec<Limit>, Vec<Problem>) {
    let mut limits = Vec::new();
    let mut problems = Vec::new();
    let mut note = |(limit, problem): (Limit, Option<Problem>)| {
        limits.push(limit);
        problems.extend(problem);
    };
    found.descriptors.map(descriptors).map(&mut note);
    found.locked.map(locked).map(&mut note);
    found.uring_disabled.map(disabled).map(&mut note);
    found.somaxconn.map(somaxconn).map(&mut note);
    found.wmem_max.map(wmem_max).map(&mut note);
    found.rmem_max.map(rmem_max).map(&mut note);
    found.congestion.as_deref().map(congestion).map(&mut note);
    (limits, problems)
}

fn descriptors((soft, hard): (u64, u64)) -> (Limit, Option<Problem>) {
    let connections = match soft {
        u64::MAX => "as many connections as memory allows".to_owned(),
        soft => format!(
            "up to {soft} connections in a process: one each, and what else the program has open"
        ),
    };
    let problem = (soft <= USUAL_DESCRIPTORS).then(|| {
        let level = if soft <= FEW_DESCRIPTORS { Level::Problem } else { Level::Advice };
        let without = if hard > soft {
            format!("ulimit -n {} needs no privilege; ", number(hard))
        } else {
            String::new()
        };
        let remedy = format!("{without}LimitNOFILE= of a service, docker run --ulimit nofile=N");
        Problem::new(level, "RLIMIT_NOFILE", connections.clone(), &remedy)
    });
    let value = format!("{}, hard limit {}", number(soft), number(hard));
    (Limit { name: "RLIMIT_NOFILE", value, meaning: connections }, problem)
}

/// Too little shows when a ring is set up, which says more than this figure: privileged processes need
/// none, and other processes of the user share it.
fn locked((soft, hard): (u64, u64)) -> (Limit, Option<Problem>) {
    let rings = match soft {
        u64::MAX => "as many I/O threads with io_uring as one likes".to_owned(),
        ..RING => {
            "no ring of full size, which takes some 100 KiB; smaller ones are tried".to_owned()
        }
        soft => format!(
            "some {} I/O threads with io_uring, over all processes of the user; no limit with CAP_IPC_LOCK",
            soft / RING
        ),
    };
    let value = format!("{}, hard limit {}", size(soft), size(hard));
    (Limit { name: "RLIMIT_MEMLOCK", value, meaning: rings }, None)
}

fn disabled(value: u64) -> (Limit, Option<Problem>) {
    let meaning = match value {
        0 => "everybody may use io_uring",
        1 => "io_uring for CAP_SYS_ADMIN and the group of kernel.io_uring_group only",
        _ => "nobody may use io_uring",
    };
    let value = value.to_string();
    (Limit { name: "kernel.io_uring_disabled", value, meaning: meaning.to_owned() }, None)
}

fn somaxconn(value: u64) -> (Limit, Option<Problem>) {
    let problem = (value < BACKLOG).then(|| {
        let what = format!(
            "{value} connections may wait to be accepted where ringmq asks for {BACKLOG}: when many \
             connect at once, some have to try again"
        );
        let remedy = format!("as root: sysctl -w net.core.somaxconn={BACKLOG}");
        Problem::new(Level::Advice, "net.core.somaxconn", what, &remedy)
    });
    let meaning = format!("connections that may wait to be accepted; ringmq asks for {BACKLOG}");
    (Limit { name: "net.core.somaxconn", value: value.to_string(), meaning }, problem)
}

fn wmem_max(value: u64) -> (Limit, Option<Problem>) {
    let problem = (value < IPC_BUFFER).then(|| {
        let what = format!(
            "send buffers of {} at the most, where ipc asks for 1 MiB: streams over ipc are slower",
            size(value)
        );
        let remedy = format!("as root: sysctl -w net.core.wmem_max={IPC_BUFFER}");
        Problem::new(Level::Advice, "net.core.wmem_max", what, &remedy)
    });
    let meaning = "largest send buffer that a socket may ask for; ipc asks for 1 MiB".to_owned();
    (Limit { name: "net.core.wmem_max", value: size(value), meaning }, problem)
}

/// Unix sockets are held back by the sender's buffer alone, and tcp tunes its own.
fn rmem_max(value: u64) -> (Limit, Option<Problem>) {
    let meaning = "largest receive buffer that set_recv_buffer may ask for".to_owned();
    (Limit { name: "net.core.rmem_max", value: size(value), meaning }, None)
}

fn congestion(name: &str) -> (Limit, Option<Problem>) {
    let meaning = if name.starts_with("bbr") {
        "of tcp connections; over loopback ringmq does without BBR, which is slow there"
    } else {
        "of tcp connections"
    };
    let limit = Limit {
        name: "net.ipv4.tcp_congestion_control",
        value: name.to_owned(),
        meaning: meaning.to_owned(),
    };
    (limit, None)
}

fn number(limit: u64) -> String {
    if limit == u64::MAX { "unlimited".to_owned() } else { limit.to_string() }
}

fn size(bytes: u64) -> String {
    if bytes == u64::MAX { "unlimited".to_owned() } else { format!("{} KiB", bytes >> 10) }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_machine_with_room_has_no_problems() {
        let found = Readings {
            descriptors: Some((1 << 20, 1 << 20)),
            locked: Some((u64::MAX, u64::MAX)),
            uring_disabled: Some(0),
            somaxconn: Some(4096),
            rmem_max: Some(4 << 20),
            wmem_max: Some(4 << 20),
            congestion: Some("cubic".to_owned()),
        };
        let (limits, problems) = judge(&found);
        assert_eq!(limits.len(), 7);
        assert!(problems.is_empty(), "{problems:?}");
        assert!(limits[0].meaning.contains("1048576 connections"), "{}", limits[0].meaning);
        assert_eq!(limits[1].value, "unlimited, hard limit unlimited");
    }

    #[test]
    fn small_limits_come_with_their_remedies() {
        let found = Readings {
            descriptors: Some((1024, 524_288)),
            locked: Some((64 << 10, 64 << 10)),
            somaxconn: Some(128),
            wmem_max: Some(212_992),
            ..Readings::default()
        };
        let (limits, problems) = judge(&found);
        let remedy = |setting: &str| {
            problems.iter().find(|problem| problem.setting == setting).unwrap().remedy.clone()
        };
        assert!(remedy("RLIMIT_NOFILE").contains("ulimit -n 524288"));
        assert!(remedy("net.core.somaxconn").contains("net.core.somaxconn=4096"));
        assert!(remedy("net.core.wmem_max").contains("net.core.wmem_max=1048576"));
        assert!(problems.iter().all(|problem| problem.level == Level::Advice));
        assert!(limits[0].meaning.contains("1024 connections"));
        assert!(limits[1].meaning.contains("smaller ones are tried"));
    }

    #[test]
    fn what_ringmq_asks_for_is_what_it_is_compared_with() {
        assert_eq!(BACKLOG, u64::from(ringmq_transports::options::DEFAULT_BACKLOG));
        assert_eq!(IPC_BUFFER, ringmq_transports::options::IPC_BUFFER as u64);
    }

    #[test]
    fn hardly_any_descriptors_are_a_problem() {
        let found = Readings { descriptors: Some((64, 64)), ..Readings::default() };
        let problem = &judge(&found).1[0];
        assert_eq!(problem.level, Level::Problem);
        assert!(!problem.remedy.contains("needs no privilege"), "{}", problem.remedy);
    }

    #[test]
    fn files_are_read_and_those_that_are_missing_are_not_guessed() {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(root.path().join("net/core")).unwrap();
        std::fs::write(root.path().join("net/core/somaxconn"), "128\n").unwrap();
        std::fs::write(root.path().join("net/core/rmem_max"), "much\n").unwrap();
        let found = sysctls(root.path());
        assert_eq!(found.somaxconn, Some(128));
        assert_eq!((found.rmem_max, found.uring_disabled), (None, None));
        assert!(judge(&Readings::default()).0.is_empty());
    }
}
