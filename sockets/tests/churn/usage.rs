//! What this process holds of the system, as `/proc` tells.

/// Descriptors, threads of contexts, and resident memory of one moment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Usage {
    pub(crate) fds: usize,
    pub(crate) threads: usize,
    pub(crate) rss_kib: usize,
}

impl Usage {
    /// The figures of now, without the descriptor that reads them.
    pub(crate) fn now() -> Self {
        let fds = std::fs::read_dir("/proc/self/fd").unwrap().count() - 1;
        // One that ends just now has no name any more.
        let is_ours = |task: &std::io::Result<std::fs::DirEntry>| {
            let name = task.as_ref().map(|task| std::fs::read_to_string(task.path().join("comm")));
            matches!(name, Ok(Ok(name)) if name.starts_with("ringmq-"))
        };
        let threads = std::fs::read_dir("/proc/self/task").unwrap().filter(is_ours).count();
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let rss = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        let rss_kib = rss.split_whitespace().next().unwrap().parse().unwrap();
        Self { fds, threads, rss_kib }
    }
}
