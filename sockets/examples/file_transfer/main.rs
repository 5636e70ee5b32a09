//! A file in chunks, with credit: a receiver asks for so many chunks at once, and for one more whenever one
//! comes. So the sender never has more on its way than the receiver can take, and neither waits for the other
//! in between.
//!
//! Sent without being asked for, the chunks would fill memory up to the high-water mark and then be dropped,
//! for the sender is a ROUTER. Asked for, there are never more than `--credit` of them. The sender keeps
//! nothing of its receivers: any number of them may come, and go. What was on its way when a sender died is
//! asked for again of the one that is started in its place.
//! ```text
//! cargo run --example file_transfer -- send Cargo.lock
//! cargo run --example file_transfer -- receive /tmp/copy
//! ```
//! What they say to each other:
//!
//! | from the receiver (DEALER) | from the sender (ROUTER) |
//! |---|---|
//! | `size` | `size`, length, hash |
//! | `chunk`, offset, length | `chunk`, offset, bytes |

mod protocol;
mod receive;
mod send;

use clap::Parser;
use std::process::ExitCode;

/// Files and sockets fail each in their own way.
type Failure = Box<dyn std::error::Error>;

#[derive(Parser)]
enum Arguments {
    /// Has a file.
    Send(send::Arguments),
    /// Wants it.
    Receive(receive::Arguments),
}

fn main() -> Result<ExitCode, Failure> {
    match Arguments::parse() {
        Arguments::Send(arguments) => send::run(&arguments)?,
        Arguments::Receive(arguments) => return receive::run(&arguments),
    }
    Ok(ExitCode::SUCCESS)
}
