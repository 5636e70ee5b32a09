//! What this process holds of the system, as `/proc` tells.

use std::fs;
use std::io;

/// Descriptors, threads and resident memory of one moment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Usage {
    pub(crate) fds: usize,
    pub(crate) threads: usize,
    pub(crate) rss_kib: usize,
}

impl Usage {
    /// Reads the figures of now. The descriptor that reads them is not counted.
    pub(crate) fn now() -> io::Result<Self> {
        let fds = fs::read_dir("/proc/self/fd")?.count().saturating_sub(1);
        let status = fs::read_to_string("/proc/self/status")?;
        Ok(Self { fds, threads: field(&status, "Threads:")?, rss_kib: field(&status, "VmRSS:")? })
    }
}

/// A figure of a process's `/proc/PID/status`, by its name there.
pub(crate) fn field(status: &str, name: &str) -> io::Result<usize> {
    status
        .lines()
        .find_map(|line| line.strip_prefix(name)?.split_whitespace().next()?.parse().ok())
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, format!("no {name} in status")))
}
