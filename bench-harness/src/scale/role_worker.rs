//! What a worker of `scale` does: it has one role.

use anyhow::{Context as _, Result};

use super::job::{Found, RoleJob, Step, StepAccount};
use super::role::{self, Role};
use crate::cpu::CpuTime;
use crate::worker::{Opened, Work};

/// The role of a worker, once it has its job.
#[derive(Default)]
pub(crate) struct RoleWorker(Option<Box<dyn Role>>);

impl Work for RoleWorker {
    type Job = RoleJob;
    type Step = Step;
    type Outcome = StepAccount;

    fn open(&mut self, job: RoleJob) -> Result<Opened> {
        let (role, opened) = role::set_up(&job)?;
        self.0 = Some(role);
        Ok(opened)
    }

    fn run(&mut self, step: Step) -> Result<StepAccount> {
        let role = self.0.as_mut().context("no role was given out")?;
        let found = match step {
            Step::Join => role.join(),
            Step::Rest => Ok(Found::new()),
            Step::Measure(amount) => role.measure(amount),
            Step::Leave => role.leave(),
        }?;
        Ok(StepAccount { found, cpu: CpuTime::of_this_process() })
    }
}
