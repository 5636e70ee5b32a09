//! Lazy pirate: a server that dies with a request unanswered. See `lazy_pirate_client`.

use clap::Parser;
use ringmq::{Context, Error};

#[derive(Parser)]
struct Arguments {
    /// Where to listen.
    #[arg(long, default_value = "tcp://127.0.0.1:5555")]
    endpoint: String,
    /// How many requests to answer before it dies of the next one; it lives for ever if left out.
    #[arg(long, default_value_t = u64::MAX)]
    fail_after: u64,
}

fn main() -> Result<(), Error> {
    let arguments = Arguments::parse();
    let context = Context::new();
    let server = context.rep()?;
    println!("listening on {}", server.bind(&arguments.endpoint)?);
    for _ in 0..arguments.fail_after {
        let request = server.recv()?;
        server.send(format!("answer to {}", request.escape_ascii()))?;
    }
    println!("dying of {}", server.recv()?.escape_ascii());
    Ok(())
}
