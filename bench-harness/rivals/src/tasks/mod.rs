//! The measurements of programs that are written under tokio: each end is a task that a runtime was
//! given, and awaits every message.
//!
//! Each end is a process with one runtime of its own, with tokio's defaults. Nobody is kept on a core,
//! since nothing in such a program is; a runtime would otherwise count the one core and start one
//! worker. Bodies are counted references out of a pool, and each message is one awaited call to send
//! and one to receive. Beside the tasks stand the calls of ringmq that block, on a thread, as free in
//! its choice of a core.

mod omq;
mod ringmq;
mod rzmq;
#[cfg(feature = "libzmq")]
mod tmq;
mod zmqrs;

use anyhow::{Context as _, Result, anyhow, bail};
use futures::StreamExt as _;
use futures::channel::mpsc::{UnboundedReceiver, UnboundedSender, unbounded};
use ringmq_bench::case::Side;
use ringmq_bench::job::Outcome;
use tokio::runtime::Runtime;

use crate::awaited::Duty;
use crate::contender::Contender;
use crate::flavor::Flavor;
use crate::job::Job;
use crate::local_end::{LocalEnd, Opening, Orders};
use crate::rival;

/// Makes one end.
pub(crate) fn open(job: &Job, side: Side, flavor: Flavor) -> Result<Opening> {
    match job.contender {
        Contender::Uring | Contender::Mio => ringmq::open(job, side, flavor),
        Contender::UringBlocking | Contender::MioBlocking => rival::known(job, side),
        Contender::Omq => omq::open(job, side, flavor),
        Contender::Rzmq => rzmq::open(job, side, flavor),
        #[cfg(feature = "libzmq")]
        Contender::Tmq => tmq::open(job, side, flavor),
        Contender::Zmqrs => zmqrs::open(job, side, flavor),
        other => bail!("{other} is not measured under tokio"),
    }
}

/// An end that is a task, as its worker's thread sees it.
struct Task {
    orders: UnboundedSender<u64>,
    outcomes: UnboundedReceiver<Result<Outcome>>,
    /// Dropped last, and the task with it.
    runtime: Runtime,
}

impl Task {
    /// Gives `runtime` the task that `make` makes.
    fn spawn<F>(runtime: Runtime, make: impl FnOnce(Phases) -> F) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let (orders, inbox) = unbounded();
        let (sender, outcomes) = unbounded();
        // The task is known by its outcomes; nobody has to join it.
        drop(runtime.spawn(make(Phases { orders: inbox, outcomes: sender })));
        Self { orders, outcomes, runtime }
    }
}

impl LocalEnd for Task {
    fn run(&mut self, count: u64) -> Result<Outcome> {
        self.orders.unbounded_send(count).map_err(|_| anyhow!("the task is gone"))?;
        let outcome = self.runtime.block_on(self.outcomes.next());
        outcome.context("the task ended before its phase did")?
    }

    fn order(&mut self, orders: &mut Orders) -> Option<u64> {
        self.runtime.block_on(orders.next())
    }
}

/// What a task has of the thread that started it.
struct Phases {
    orders: Orders,
    outcomes: UnboundedSender<Result<Outcome>>,
}

/// The task: does its duty for one phase after the other.
async fn serve<W, D: Duty<W>>(mut wire: W, mut duty: D, mut phases: Phases) {
    while let Some(count) = phases.orders.next().await {
        let outcome = duty.run(&mut wire, count).await;
        if phases.outcomes.unbounded_send(outcome).is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// Counts what it was told to do, up to a limit that it does not survive.
    struct Count(u64);

    impl Duty<u64> for Count {
        async fn run(&mut self, limit: &mut u64, count: u64) -> Result<Outcome> {
            tokio::task::yield_now().await;
            self.0 += count;
            assert!(self.0 <= *limit);
            Ok(Outcome { messages: self.0, ..Outcome::default() })
        }
    }

    #[test]
    fn a_task_runs_one_phase_after_the_other_on_either_runtime_and_its_panic_is_an_error() {
        for flavor in [Flavor::MultiThread, Flavor::CurrentThread] {
            let mut task = Task::spawn(flavor.runtime().unwrap(), |p| serve(5, Count(0), p));
            assert_eq!(task.run(2).unwrap().messages, 2);
            assert_eq!(task.run(3).unwrap().messages, 5);
            assert!(task.run(1).is_err());
            assert!(task.run(1).is_err());
        }
    }
}
