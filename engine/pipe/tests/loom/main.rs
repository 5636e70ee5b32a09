//! Every order in which threads can meet on a log, a mailbox, a slot or a lock, tried on the real code:
//! ```text
//! RUSTFLAGS="--cfg loom" cargo test -p ringmq-pipe --test loom --release
//! ```
//! In models segments are tiny and a batch is two messages (see `FIRST` and `BATCH`), and each byte
//! of a segment, and the segment itself, is a cell whose users loom checks. A thread that sleeps and
//! is never told shows as a deadlock.
#![cfg(loom)]
#![allow(clippy::unwrap_used)]

mod biased_mutex;
mod lease;
mod log;
mod mailbox;
mod sign;
mod to_wire;
mod told;

use ringmq_pipe::Notify;
use std::sync::Arc;
use std::task::Wake;

/// Preemptions per execution of models with many steps: bugs of two threads take one or two, and each
/// more costs thirtyfold.
const FEW: usize = 2;
/// Preemptions per execution of models with few steps.
const MANY: usize = 4;

fn check(preemptions: usize, model: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(preemptions);
    builder.check(model);
}

/// A thread that waits for news.
struct Parker(loom::sync::Notify);

impl Parker {
    fn new() -> Arc<Self> {
        Arc::new(Self(loom::sync::Notify::new()))
    }

    fn park(&self) {
        self.0.wait();
    }
}

impl Notify for Parker {
    fn readable(&self, _: usize) {
        self.0.notify();
    }

    fn writable(&self, _: usize) {
        self.0.notify();
    }
}

impl Wake for Parker {
    fn wake(self: Arc<Self>) {
        self.0.notify();
    }
}
