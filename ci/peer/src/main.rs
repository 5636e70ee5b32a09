//! `ringmq-peer`: a ringmq process under remote control.
//!
//! `drive` is the ringmq side of the interop run, and takes its orders as JSON lines; `soak`
//! is the endurance run, and `soak-child` what it starts and kills.

mod command;
mod drive;
mod pattern;
mod peer;
mod socket;
mod tracker;
mod usage;

use std::io;

use clap::{Parser, Subcommand};

#[derive(Debug, Parser)]
#[command(about = "A ringmq process under remote control, for the interop and soak runs")]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// One socket that takes its orders as JSON lines from standard input
    Drive(drive::DriveArgs),
}

fn main() -> io::Result<()> {
    match Cli::parse().task {
        Task::Drive(args) => drive::run(&args),
    }
}
