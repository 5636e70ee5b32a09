//! The command line. Its help is a text of its own, so that `ci/versus` can show it before anything is
//! built.

use std::path::PathBuf;

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
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) rounds: u16,

    /// What the names of the cases must contain.
    #[arg(long, default_value = "")]
    pub(crate) only: String,

    /// Who takes part.
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = EVERYBODY)]
    pub(crate) who: Vec<Contender>,
}
