//! What another process holds of the system, and has held at the most.

use std::fs;
use std::path::PathBuf;

use serde::Serialize;

use crate::usage;

/// What a process holds, now or at the most.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub(crate) struct Seen {
    pub(crate) rss_kib: usize,
    pub(crate) descriptors: usize,
}

/// Looks at a process.
#[derive(Debug)]
pub(crate) struct Watch {
    folder: PathBuf,
    seen: Seen,
    /// The system forgets the most of what it has seen itself when it is asked to.
    is_exact: bool,
}

impl Watch {
    pub(crate) fn of(process: u32) -> Self {
        let folder = PathBuf::from(format!("/proc/{process}"));
        Self { folder, seen: Seen::default(), is_exact: false }
    }

    /// What was before does not count.
    pub(crate) fn mark(&mut self) {
        self.is_exact = fs::write(self.folder.join("clear_refs"), "5").is_ok();
        self.seen = Seen::default();
        self.look();
    }

    /// Looks once more.
    pub(crate) fn look(&mut self) {
        let most = self.held(if self.is_exact { "VmHWM:" } else { "VmRSS:" });
        self.seen.descriptors = self.seen.descriptors.max(most.descriptors);
        self.seen.rss_kib = self.seen.rss_kib.max(most.rss_kib);
    }

    /// What it holds now.
    pub(crate) fn now(&self) -> Seen {
        self.held("VmRSS:")
    }

    pub(crate) fn seen(&mut self) -> Seen {
        self.look();
        self.seen
    }

    /// Of a process that has gone nothing is seen.
    fn held(&self, memory: &str) -> Seen {
        let descriptors = fs::read_dir(self.folder.join("fd")).map_or(0, Iterator::count);
        let status = fs::read_to_string(self.folder.join("status")).unwrap_or_default();
        Seen { rss_kib: usage::field(&status, memory).unwrap_or_default(), descriptors }
    }
}
