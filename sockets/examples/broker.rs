//! A broker between clients and servers that know nothing of each other: both connect to it.
//!
//! Clients are REQs, servers are REPs that connect instead of binding. With `hello_client` and a few
//! such servers:
//! ```text
//! cargo run --example broker
//! cargo run --example hello_client -- --endpoint tcp://127.0.0.1:5559
//! ```

use clap::Parser;
use ringmq::{Context, Error, ProxyOptions, proxy_with};

#[derive(Parser)]
struct Arguments {
    /// Where clients connect.
    #[arg(long, default_value = "tcp://127.0.0.1:5559")]
    frontend: String,
    /// Where servers connect.
    #[arg(long, default_value = "tcp://127.0.0.1:5560")]
    backend: String,
    /// Where a PAIR may connect that says PAUSE, RESUME, STATISTICS or TERMINATE.
    #[arg(long, default_value = "tcp://127.0.0.1:5563")]
    control: String,
}

fn main() -> Result<(), Error> {
    let arguments = Arguments::parse();
    let context = Context::new();
    // The ROUTER remembers which client each request is from; the DEALER gives it to the next server.
    let frontend = context.router()?;
    let backend = context.dealer()?;
    let control = context.pair()?;
    println!("frontend on {}", frontend.bind(&arguments.frontend)?);
    println!("backend on {}", backend.bind(&arguments.backend)?);
    println!("control on {}", control.bind(&arguments.control)?);
    // Until somebody says TERMINATE.
    proxy_with(&frontend, &backend, &ProxyOptions::new().control(&control))
}
