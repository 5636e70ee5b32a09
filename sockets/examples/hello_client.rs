//! Hello, world: the client. Asks, and waits for the answer. See `hello_server`.

use clap::Parser;
use ringmq::{Context, Error};

#[derive(Parser)]
struct Arguments {
    /// Where the server listens.
    #[arg(long, default_value = "tcp://127.0.0.1:5555")]
    endpoint: String,
    /// How many requests to make.
    #[arg(long, default_value_t = 10)]
    count: u64,
}

fn main() -> Result<(), Error> {
    let arguments = Arguments::parse();
    let context = Context::new();
    let client = context.req()?;
    // The server need not be there yet: the first request waits for it.
    client.connect(&arguments.endpoint)?;
    for number in 0..arguments.count {
        client.send("hello")?;
        println!("reply {number}: {}", client.recv()?.escape_ascii());
    }
    Ok(())
}
