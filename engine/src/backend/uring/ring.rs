//! Setting a ring up, entering it, reaping it.
#![allow(unsafe_code)]

use io_uring::types::{SubmitArgs, Timespec};
use io_uring::{IoUring, cqueue, squeue};
use std::io;
use std::time::Duration;

/// Submission and completion entries, and what to try when locked memory is short: the memory of a
/// ring counts against RLIMIT_MEMLOCK.
const SIZES: [(u32, u32); 2] = [(256, 4096), (64, 1024)];

pub(super) struct Ring(IoUring);

impl Ring {
    /// A ring for the calling thread alone.
    pub(super) fn new() -> io::Result<Self> {
        let mut last = io::Error::from(io::ErrorKind::Unsupported);
        for (submissions, completions) in SIZES {
            for newest in [true, false] {
                match Self::build(submissions, completions, newest) {
                    Ok(ring) => return Ok(ring),
                    Err(error) => last = error,
                }
                match last.raw_os_error() {
                    Some(libc::EINVAL) => {} // An older kernel: once more without the newest flag.
                    Some(libc::ENOMEM) => break,
                    _ => return Err(last),
                }
            }
        }
        Err(last)
    }

    fn build(submissions: u32, completions: u32, newest: bool) -> io::Result<Self> {
        let mut builder = IoUring::builder();
        builder
            .dontfork()
            .setup_clamp()
            .setup_cqsize(completions)
            .setup_submit_all()
            .setup_single_issuer()
            .setup_defer_taskrun()
            .setup_taskrun_flag();
        if newest {
            builder.setup_no_sqarray(); // Linux 6.6
        }
        let ring = builder.build(submissions)?;
        let needed = ring.params().is_feature_ext_arg() && ring.params().is_feature_nodrop();
        if needed { Ok(Self(ring)) } else { Err(io::ErrorKind::Unsupported.into()) }
    }

    pub(super) fn register_buffers(&self, entries: u64, count: u16, group: u16) -> io::Result<()> {
        // SAFETY: the caller keeps the memory until the ring is gone.
        unsafe { self.0.submitter().register_buf_ring_with_flags(entries, count, group, 0) }
    }

    /// Queues a request, submitting what is queued when there is no room.
    pub(super) fn push(&mut self, request: &squeue::Entry) {
        loop {
            // SAFETY: what the request refers to is kept by the caller until its last completion.
            if unsafe { self.0.submission().push(request) }.is_ok() {
                return;
            }
            if let Err(error) = self.0.submit() {
                // EBUSY and EAGAIN: completions overflow until they are reaped. The kernel keeps
                // them (NODROP) and flushes on this enter, which makes room to submit.
                tracing::debug!(%error, "submission queue full");
                let _ = self.0.submitter().submit_with_args(0, &SubmitArgs::new());
            }
        }
    }

    /// Submits what is queued and waits for a completion, `timeout` at most.
    pub(super) fn enter(&mut self, timeout: Option<Duration>) -> io::Result<()> {
        let waiting = self.0.completion().is_empty() && timeout != Some(Duration::ZERO);
        if !waiting {
            let submission = self.0.submission();
            if submission.is_empty() && !submission.taskrun() && !submission.cq_overflow() {
                return Ok(());
            }
        }
        let spec = timeout.map(Timespec::from);
        let args = match &spec {
            Some(spec) if waiting => SubmitArgs::new().timespec(spec),
            _ => SubmitArgs::new(),
        };
        match self.0.submitter().submit_with_args(usize::from(waiting), &args) {
            Ok(_) => Ok(()),
            Err(error) => match error.raw_os_error() {
                // Time is up, a signal, or completions to be reaped first: all of them normal.
                Some(libc::ETIME | libc::EINTR | libc::EBUSY | libc::EAGAIN) => Ok(()),
                _ => Err(error),
            },
        }
    }

    /// Appends what has completed.
    pub(super) fn reap(&mut self, completions: &mut Vec<cqueue::Entry>) {
        completions.extend(self.0.completion());
    }
}
