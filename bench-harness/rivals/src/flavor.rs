//! The runtimes of tokio under which programs are written.

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};
use tokio::runtime::{Builder, Runtime};

/// A kind of tokio runtime, as tokio itself calls it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Flavor {
    /// What `#[tokio::main]` makes: a worker for each core, between which tasks move.
    MultiThread,
    /// Everything on the thread that made it.
    CurrentThread,
}

impl Flavor {
    /// Part of the names of its cases.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Flavor::MultiThread => "tokio-multi",
            Flavor::CurrentThread => "tokio-current",
        }
    }

    /// A runtime with tokio's own defaults.
    pub(crate) fn runtime(self) -> Result<Runtime> {
        let mut builder = match self {
            Flavor::MultiThread => Builder::new_multi_thread(),
            Flavor::CurrentThread => Builder::new_current_thread(),
        };
        builder.enable_all().build().context("making a tokio runtime")
    }
}
