//! `ringmq-peer`: a ringmq process under remote control.
//!
//! `drive` is the ringmq side of the interop run, and takes its orders as JSON lines; `soak` is
//! the endurance run, which drives, kills and replaces such processes; `attack` is what bad peers do to
//! a server beside its good client; `single-messages` is what `ci/strace` looks at.

#[cfg(target_os = "linux")]
mod attack;
mod command;
mod drive;
mod judge;
mod outcome;
mod pattern;
mod peer;
mod single_messages;
mod soak;
mod socket;
mod tracker;
mod usage;

use std::error::Error;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Debug, Parser)]
#[command(about = "A ringmq process under remote control, for the interop, soak and attack runs")]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// One socket that takes its orders as JSON lines from standard input
    Drive(drive::DriveArgs),
    /// Long-lived sockets whose peers are killed and restarted at random
    Soak(soak::SoakArgs),
    /// What bad peers may do to a socket, beside a good client of it
    #[cfg(target_os = "linux")]
    Attack(attack::AttackArgs),
    /// A message now and then, then none: what the kernel sees of a program with little to do
    SingleMessages(single_messages::SingleMessagesArgs),
}

fn main() -> ExitCode {
    let done: Result<bool, Box<dyn Error>> = match Cli::parse().task {
        Task::Drive(args) => drive::run(&args).map(|()| true).map_err(Into::into),
        Task::Soak(args) => soak::run(&args).map_err(Into::into),
        #[cfg(target_os = "linux")]
        Task::Attack(args) => attack::run(&args).map_err(Into::into),
        Task::SingleMessages(args) => {
            single_messages::run(&args).map(|()| true).map_err(Into::into)
        }
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("ringmq-peer: {error}");
            ExitCode::FAILURE
        }
    }
}
