//! Hello, world: the server. Answers every request.
//!
//! Run it, then `hello_client` in another terminal:
//! ```text
//! cargo run --example hello_server
//! cargo run --example hello_client
//! ```

use clap::Parser;
use ringmq::{Context, Error};

#[derive(Parser)]
struct Arguments {
    /// Where to listen.
    #[arg(long, default_value = "tcp://127.0.0.1:5555")]
    endpoint: String,
    /// How many requests to answer; for ever if left out.
    #[arg(long, default_value_t = u64::MAX)]
    count: u64,
}

fn main() -> Result<(), Error> {
    let arguments = Arguments::parse();
    let context = Context::new();
    // A REP socket takes a request, then gives a reply, in turn.
    let server = context.rep()?;
    println!("listening on {}", server.bind(&arguments.endpoint)?);
    for _ in 0..arguments.count {
        let request = server.recv()?;
        println!("received {}", request.escape_ascii());
        server.send("world")?;
    }
    // The last reply is sent before the context goes away.
    Ok(())
}
