//! A thread that is about to wait though a runtime is polling a task on it: said once, in debug builds.

use crate::wait::Wants;
use ringmq_pipe::Section;
use ringmq_zmtp::SocketType;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker};
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::task::coop::poll_proceed;
use tokio::task::try_id;

/// As much as tokio lets a task do before it yields.
const TASK_BUDGET: usize = 128;

/// Warns if a blocking call is about to stop a worker of a tokio runtime, once in a process.
pub(super) fn warn(socket_type: SocketType, wants: Wants) {
    static TOLD: AtomicBool = AtomicBool::new(false);
    // Relaxed: a flag by itself.
    if TOLD.load(Ordering::Relaxed) || !is_worker() || TOLD.swap(true, Ordering::Relaxed) {
        return;
    }
    let call = match wants {
        Wants::Messages => "recv",
        Wants::Room => "send",
    };
    // It may wait inside of a call on another socket, and the log is code of the application.
    Section::run_after(move || {
        tracing::warn!(
            socket = socket_type.name(),
            call,
            "a blocking call is about to wait where a tokio runtime polls a task, and stops that worker's \
             other tasks: await {call}_async instead, or call it in spawn_blocking (told once)"
        );
    });
}

/// Whether a tokio runtime is polling something on this thread, beside which it has other tasks to run here.
fn is_worker() -> bool {
    let Ok(runtime) = Handle::try_current() else { return false };
    // What a runtime of many threads blocks on keeps none of its workers busy.
    let is_task = try_id().is_some() || runtime.runtime_flavor() == RuntimeFlavor::CurrentThread;
    is_task && is_limited()
}

/// Whether what the thread is doing is to yield some time. What may block (`spawn_blocking`, `block_in_place`)
/// is not, and nothing else tells it from a task.
fn is_limited() -> bool {
    let mut cx = Context::from_waker(Waker::noop());
    let mut taken = Vec::with_capacity(TASK_BUDGET + 1);
    while taken.len() <= TASK_BUDGET {
        let Poll::Ready(one) = poll_proceed(&mut cx) else { break };
        taken.push(one);
    }
    let limited = taken.len() <= TASK_BUDGET;
    // Each gives back what there was before it: the first one last.
    while taken.pop().is_some() {}
    limited
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use tokio::runtime::Builder;

    #[test]
    fn tasks_are_told_from_what_may_block() {
        assert!(!is_worker(), "no runtime");
        let many = Builder::new_multi_thread().worker_threads(1).build().unwrap();
        let one = Builder::new_current_thread().build().unwrap();
        let entered = one.enter();
        assert!(!is_worker(), "entered, and nothing is polled");
        drop(entered);
        assert!(many.block_on(many.spawn(async { is_worker() })).unwrap());
        assert!(one.block_on(one.spawn(async { is_worker() })).unwrap());
        assert!(one.block_on(async { is_worker() }));
        assert!(!many.block_on(async { is_worker() }), "keeps no worker");
        for runtime in [&many, &one] {
            assert!(!runtime.block_on(runtime.spawn_blocking(is_worker)).unwrap());
        }
        let in_place = async { tokio::task::block_in_place(is_worker) };
        assert!(!many.block_on(many.spawn(in_place)).unwrap());
    }

    #[test]
    fn the_budget_is_as_before() {
        let runtime = Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let left = || {
                let mut cx = Context::from_waker(Waker::noop());
                let mut all = Vec::new();
                while let Poll::Ready(one) = poll_proceed(&mut cx) {
                    all.push(one);
                }
                let left = all.len();
                while all.pop().is_some() {}
                left
            };
            let before = left();
            assert!(is_worker());
            assert_eq!(left(), before);
        });
    }
}
