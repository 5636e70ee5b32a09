//! What a worker of `scale` does: it has one role.

use anyhow::{Context as _, Result};

use super::job::{Found, RoleJob, Step};
use super::role::{self, Role};
use crate::worker::{Opened, Work};

/// The role of a worker, once it has its job.
#[derive(Default)]
pub(crate) struct RoleWorker(Option<Box<dyn Role>>);

impl Work for RoleWorker {
    type Job = RoleJob;
    type Step = Step;
    type Outcome = Found;

    fn open(&mut self, job: RoleJob) -> Result<Opened> {
        let (role, opened) = role::set_up(&job)?;
        self.0 = Some(role);
        Ok(opened)
    }

    fn run(&mut self, step: Step) -> Result<Found> {
        let role = self.0.as_mut().context("no role was given out")?;
        match step {
            Step::Join => role.join(),
            Step::Measure(amount) => role.measure(amount),
            Step::Leave => role.leave(),
        }
    }
}
