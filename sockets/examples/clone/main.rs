//! Clone: a key-value store of which each client has a copy, kept up to date by what the server publishes.
//!
//! After the ideas of RFC 12 (CHP), with frames of its own. Three pairs of sockets:
//!
//! | server | client | carries |
//! |---|---|---|
//! | ROUTER | DEALER | "give me all of it", and the whole store in one message |
//! | PUB | SUB | each change, numbered, and the last number again and again |
//! | PULL | PUSH | what clients want to be changed |
//!
//! A subscription takes a while to get to the server, and a slow subscriber misses what is published. Both
//! show as a gap in the numbers, and whoever sees a gap asks for all of it again. A server that is started
//! anew has another epoch and an empty store: clients then set what they have set before, and so fill it.
//! ```text
//! cargo run --example clone -- server
//! cargo run --example clone -- client                    # shows what becomes of the store
//! cargo run --example clone -- client --set colour=red --set shape=round --keys 2
//! cargo run --example clone -- client --set colour= --keys 1        # no value: the key is deleted
//! ```

mod client;
mod protocol;
mod server;

use clap::Parser;
use ringmq::Error;

#[derive(Parser)]
enum Arguments {
    /// Has the store.
    Server(server::Arguments),
    /// Has a copy of it.
    Client(client::Arguments),
}

fn main() -> Result<(), Error> {
    match Arguments::parse() {
        Arguments::Server(arguments) => server::run(&arguments),
        Arguments::Client(arguments) => client::run(&arguments),
    }
}
