//! Majordomo: a broker of services. Workers say which service they offer, clients which one they want;
//! neither knows of the other, and either may come, go and die as it likes.
//!
//! A simple form of RFC 18 (MDP/0.2), with its frames as they are on the wire, and of one request of RFC 8
//! (MMI): `mmi.service` says whether a service is there. The worker's service here tells the words of a text:
//! one partial answer for each, and a final one, which is their number.
//! ```text
//! cargo run --example majordomo -- broker
//! cargo run --example majordomo -- worker          # several; `--fail-after 3` has one die
//! cargo run --example majordomo -- client "as you like it" "much ado about nothing"
//! cargo run --example majordomo -- client --service mmi.service words
//! ```

mod broker;
mod client;
#[path = "../shared/heartbeat.rs"]
mod heartbeat;
mod protocol;
mod worker;

use clap::Parser;
use ringmq::Error;
use std::process::ExitCode;

#[derive(Parser)]
enum Arguments {
    /// Stands between clients and workers.
    Broker(broker::Arguments),
    /// Offers a service.
    Worker(worker::Arguments),
    /// Asks for a service.
    Client(client::Arguments),
}

fn main() -> Result<ExitCode, Error> {
    match Arguments::parse() {
        Arguments::Broker(arguments) => broker::run(&arguments)?,
        Arguments::Worker(arguments) => worker::run(&arguments)?,
        Arguments::Client(arguments) => return client::run(&arguments),
    }
    Ok(ExitCode::SUCCESS)
}
