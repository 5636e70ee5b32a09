//! Paranoid pirate: a queue that gives requests to whichever worker has been idle longest, and heartbeats
//! both ways, so that each side notices when the other one dies, hangs or comes back.
//!
//! Along the lines of RFC 6 (PPP). Clients are REQs: `lazy_pirate_client` asks again when a worker dies of
//! its request. ZMTP has heartbeats of its own (`set_heartbeat_interval`), which find dead machines and
//! networks; these here also find a program that hangs, because the program itself sends them.
//! ```text
//! cargo run --example paranoid_pirate -- queue
//! cargo run --example paranoid_pirate -- worker --fail-after 3      # several, also without
//! cargo run --example lazy_pirate_client
//! ```
//! What a worker (a DEALER) and the queue (a ROUTER) say to each other:
//!
//! | message | from | says |
//! |---|---|---|
//! | `READY` | worker | here I am, give me work |
//! | `HEARTBEAT` | both | I live |
//! | envelope of the client, body | queue | work |
//! | envelope of the client, body | worker | the answer, and: give me more |

#[path = "../shared/heartbeat.rs"]
mod heartbeat;
mod queue;
mod worker;

use clap::Parser;
use ringmq::Error;

/// Sent by a worker that is new, or believes that it has been forgotten.
const READY: &[u8] = b"\x01";
/// Sent by both.
const HEARTBEAT: &[u8] = b"\x02";

#[derive(Parser)]
enum Arguments {
    /// Stands between clients and workers.
    Queue(queue::Arguments),
    /// Answers requests.
    Worker(worker::Arguments),
}

fn main() -> Result<(), Error> {
    match Arguments::parse() {
        Arguments::Queue(arguments) => queue::run(&arguments),
        Arguments::Worker(arguments) => worker::run(&arguments),
    }
}
