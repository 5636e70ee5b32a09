//! The command line. Its help is a text of its own, so that `ci/versus` can show it before anything is
//! built.

use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;

use crate::contender::{Contender, EVERYBODY};

/// What was asked for.
#[derive(Debug, Parser)]
#[command(name = "ci/versus", version, override_help = include_str!("help.txt"))]
pub(crate) struct Args {
    /// Only the most important cases.
    #[arg(long)]
    pub(crate) quick: bool,

    /// Where to write the rows.
    #[arg(long)]
    pub(crate) json: Option<PathBuf>,

    /// How often everything is measured.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) rounds: u16,

    /// What the names of the cases must contain.
    #[arg(long, default_value = "")]
    pub(crate) only: String,

    /// Who takes part; nobody is everybody.
    #[arg(long, value_enum, value_delimiter = ',')]
    who: Vec<Contender>,
}

/// How long a measurement takes; and with `--quick`.
const TIME: Duration = Duration::from_millis(500);
const SHORT_TIME: Duration = Duration::from_millis(250);

impl Args {
    /// Who takes part. Those that are far behind everywhere are left out of a quick run.
    pub(crate) fn who(&self) -> Vec<Contender> {
        if !self.who.is_empty() {
            return self.who.clone();
        }
        let behind = [Contender::Rzmq, Contender::Zmqrs];
        EVERYBODY.into_iter().filter(|who| !self.quick || !behind.contains(who)).collect()
    }

    /// How long the phase that counts is to take.
    pub(crate) fn time(&self) -> Duration {
        if self.quick { SHORT_TIME } else { TIME }
    }
}
