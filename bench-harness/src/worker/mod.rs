//! A parent and its worker processes: who starts whom, what they say to each other, and how long
//! one waits for the other.
//!
//! The parent starts its own program again as a [`Worker`], has it open one job, and then run one
//! step after another; [`Pair`] is the two workers of one connection. They talk over the worker's
//! stdin and stdout, one message a line, each command having exactly one reply. What jobs, steps
//! and outcomes are, and what a worker does with them, is the [`Work`] of each program; the
//! worker's side of the talk is [`serve()`].
//!
//! Neither can be left behind: a worker ends when its stdin closes, and is killed by its process id
//! at the latest when the parent drops it; and every wait of the parent has a deadline, which only
//! a worker that hangs exceeds.

mod message;
mod pair;
mod process;
mod serve;

use anyhow::Result;
use serde::Serialize;
use serde::de::DeserializeOwned;

pub use message::Opened;
pub use pair::Pair;
pub(crate) use pair::both;
pub use process::Worker;
pub use serve::serve;

/// What one kind of worker does.
pub trait Work {
    /// All that it has to know before the first step.
    type Job: Serialize + DeserializeOwned;
    /// What it does, as often as it is told to.
    type Step: Serialize + DeserializeOwned;
    /// What a step brings.
    type Outcome: Serialize + DeserializeOwned;

    /// Makes the sockets of a job: the first thing that a worker is told, and only once.
    ///
    /// # Errors
    ///
    /// Why there are none; the parent gets the words.
    fn open(&mut self, job: Self::Job) -> Result<Opened>;

    /// Does one step.
    ///
    /// # Errors
    ///
    /// What went wrong; the parent gets the words, and has no more use for the worker.
    fn run(&mut self, step: Self::Step) -> Result<Self::Outcome>;
}
