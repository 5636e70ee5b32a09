//! One client, several servers: a REQ that is connected to many asks each in turn.
//!
//! ```text
//! cargo run --example hello_server -- --endpoint tcp://127.0.0.1:5561
//! cargo run --example hello_server -- --endpoint tcp://127.0.0.1:5562
//! cargo run --example load_balanced_client -- tcp://127.0.0.1:5561 tcp://127.0.0.1:5562
//! ```

use clap::Parser;
use ringmq::{Context, Error};

#[derive(Parser)]
struct Arguments {
    /// Where the servers listen.
    #[arg(default_values = ["tcp://127.0.0.1:5561", "tcp://127.0.0.1:5562"])]
    endpoints: Vec<String>,
    /// How many requests to make.
    #[arg(long, default_value_t = 10)]
    count: u64,
}

fn main() -> Result<(), Error> {
    let arguments = Arguments::parse();
    let context = Context::new();
    let client = context.req()?;
    for endpoint in &arguments.endpoints {
        client.connect(endpoint)?;
    }
    for number in 0..arguments.count {
        client.send(format!("hello {number}"))?;
        println!("reply {number}: {}", client.recv()?.escape_ascii());
    }
    Ok(())
}
