//! Setting a ring up, entering it, reaping it.
#![allow(unsafe_code)]

use crate::backend::RingSize;
use io_uring::types::{Napi, SubmitArgs, Timespec};
use io_uring::{IoUring, Parameters, Probe, cqueue, squeue};
use ringmq_pipe::Section;
use std::collections::VecDeque;
use std::io;
use std::time::Duration;

/// Submission and completion entries, and what to try when locked memory is short: the memory of a
/// ring counts against RLIMIT_MEMLOCK.
pub(super) const SIZES: [(u32, u32); 2] = [(256, 4096), (64, 1024)];

/// Who runs completions, and how requests are handed over; a kernel that does not have a way gets the
/// next one.
#[derive(Clone, Copy, Debug)]
pub(super) enum RingMode {
    /// As the next, and without an index array for requests (Linux 6.6).
    Direct,
    /// The thread that owns the ring runs them when it asks for completions (Linux 6.1).
    Deferred,
    /// They run when some thread of the process comes out of the kernel.
    Cooperative,
}

pub(super) const RING_MODES: [RingMode; 3] =
    [RingMode::Direct, RingMode::Deferred, RingMode::Cooperative];

pub(super) struct Ring {
    ring: IoUring,
    /// Requests that found the submission queue full, in order: they go before later ones.
    waiting: VecDeque<squeue::Entry>,
}

impl Ring {
    /// A ring for the calling thread alone, in the best way that the kernel has.
    pub(super) fn new(size: (u32, u32)) -> io::Result<Self> {
        let mut result = Err(io::ErrorKind::Unsupported.into());
        for way in RING_MODES {
            result = Self::build(size, way);
            let unknown = |error: &io::Error| error.raw_os_error() == Some(libc::EINVAL);
            if !result.as_ref().is_err_and(unknown) {
                break;
            }
        }
        result
    }

    pub(super) fn build((submissions, completions): (u32, u32), way: RingMode) -> io::Result<Self> {
        let mut builder = IoUring::builder();
        builder.dontfork().setup_clamp().setup_cqsize(completions).setup_submit_all();
        match way {
            RingMode::Direct => {
                builder.setup_single_issuer().setup_defer_taskrun().setup_no_sqarray()
            }
            RingMode::Deferred => builder.setup_single_issuer().setup_defer_taskrun(),
            RingMode::Cooperative => builder.setup_coop_taskrun(),
        };
        let ring = builder.setup_taskrun_flag().build(submissions)?;
        let needed = ring.params().is_feature_ext_arg() && ring.params().is_feature_nodrop();
        if !needed {
            return Err(io::ErrorKind::Unsupported.into());
        }
        Ok(Self { ring, waiting: VecDeque::new() })
    }

    /// A small ring without any flag, which every kernel with io_uring has: to try features on.
    pub(super) fn plain() -> io::Result<Self> {
        Ok(Self { ring: IoUring::new(8)?, waiting: VecDeque::new() })
    }

    /// What the kernel said about itself and the ring.
    pub(super) fn params(&self) -> &Parameters {
        self.ring.params()
    }

    /// Which operations the kernel knows.
    pub(super) fn operations(&self) -> io::Result<Probe> {
        let mut probe = Probe::new();
        self.ring.submitter().register_probe(&mut probe)?;
        Ok(probe)
    }

    /// How large it has become.
    pub(super) fn size(&self) -> RingSize {
        let (submissions, completions) =
            (self.ring.params().sq_entries(), self.ring.params().cq_entries());
        RingSize { submissions, completions, reduced: completions < SIZES[0].1 }
    }

    pub(super) fn register_buffers(&self, entries: u64, count: u16, group: u16) -> io::Result<()> {
        // SAFETY: the caller keeps the memory until the ring is gone.
        unsafe { self.ring.submitter().register_buf_ring_with_flags(entries, count, group, 0) }
    }

    /// Takes a group of buffers back from the kernel. No request refers to it any more.
    pub(super) fn unregister_buffers(&self, group: u16) -> io::Result<()> {
        self.ring.submitter().unregister_buf_ring(group)
    }

    /// Polls the devices of the sockets in use for so long before an `enter` sleeps (Linux 6.9).
    pub(super) fn busy_poll(&self, time: Duration) -> io::Result<()> {
        let micros = u32::try_from(time.as_micros()).unwrap_or(u32::MAX);
        let mut napi = Napi::new().set_busy_poll_timeout(micros).set_prefer_busy_poll(true);
        self.ring.submitter().register_napi(&mut napi)
    }

    /// Queues a request, submitting what is queued when there is no room.
    pub(super) fn push(&mut self, request: &squeue::Entry) {
        if self.waiting.is_empty() && self.try_push(request) {
            return;
        }
        self.waiting.push_back(request.clone());
        if let Err(error) = self.submit_waiting() {
            // The next `enter` tries again, and has someone to tell.
            Section::run_after(move || tracing::debug!(%error, "submission queue full"));
        }
    }

    fn try_push(&mut self, request: &squeue::Entry) -> bool {
        // SAFETY: what the request refers to is kept by the caller until its last completion.
        unsafe { self.ring.submission().push(request) }.is_ok()
    }

    /// Moves waiting requests into the submission queue, submitting what is there for room.
    fn submit_waiting(&mut self) -> io::Result<()> {
        while !self.waiting.is_empty() {
            self.ring.submit()?;
            let before = self.waiting.len();
            while let Some(request) = self.waiting.pop_front() {
                if !self.try_push(&request) {
                    self.waiting.push_front(request);
                    break;
                }
            }
            if self.waiting.len() == before {
                break;
            }
        }
        Ok(())
    }

    /// Submits what is queued and waits for a completion, `timeout` at most.
    pub(super) fn enter(&mut self, timeout: Option<Duration>) -> io::Result<()> {
        if !self.waiting.is_empty() {
            harmless(self.submit_waiting())?;
        }
        let waiting = self.waiting.is_empty()
            && timeout != Some(Duration::ZERO)
            && self.ring.completion().is_empty();
        if !waiting {
            let submission = self.ring.submission();
            if submission.is_empty() && !submission.taskrun() && !submission.cq_overflow() {
                return Ok(());
            }
        }
        let spec = timeout.map(Timespec::from);
        let args = match &spec {
            Some(spec) if waiting => SubmitArgs::new().timespec(spec),
            _ => SubmitArgs::new(),
        };
        harmless(self.ring.submitter().submit_with_args(usize::from(waiting), &args).map(drop))
    }

    /// Appends what has completed.
    pub(super) fn reap(&mut self, completions: &mut Vec<cqueue::Entry>) {
        completions.extend(self.ring.completion());
    }
}

/// Time is up, a signal, or completions to be reaped before more can be submitted: all of them normal.
fn harmless(result: io::Result<()>) -> io::Result<()> {
    match result.as_ref().err().and_then(io::Error::raw_os_error) {
        Some(libc::ETIME | libc::EINTR | libc::EBUSY | libc::EAGAIN) => Ok(()),
        _ => result,
    }
}
