//! Lazy pirate: a client that asks again when no answer comes, and gives up in the end.
//!
//! A plain REQ waits for ever for a server that has died. Four options make this one patient but not
//! stubborn: time-outs, so that no call waits for ever; `relaxed`, so that it may ask again without having
//! been answered; `correlate`, so that a late answer to the first question is not taken for the answer to
//! the second; `immediate`, so that questions do not pile up for a server that is not there.
//!
//! A request may be served twice: by a server that answered too late, say. Requests should be such that
//! this does no harm.
//! ```text
//! cargo run --example lazy_pirate_server -- --fail-after 3     # and again, when it has died
//! cargo run --example lazy_pirate_client
//! ```

use clap::Parser;
use ringmq::{Context, Error, Message, Req};
use std::process::ExitCode;
use std::time::Duration;

#[derive(Parser)]
struct Arguments {
    /// Where the server listens.
    #[arg(long, default_value = "tcp://127.0.0.1:5555")]
    endpoint: String,
    /// How many requests to make.
    #[arg(long, default_value_t = 10)]
    count: u64,
    /// Milliseconds to wait for a server, and then for its answer.
    #[arg(long, default_value_t = 1000)]
    timeout: u64,
    /// How often to ask for the same before giving up.
    #[arg(long, default_value_t = 5)]
    attempts: u64,
}

fn main() -> Result<ExitCode, Error> {
    let arguments = Arguments::parse();
    let context = Context::new();
    let client = context.req()?;
    let timeout = Some(Duration::from_millis(arguments.timeout));
    client.set_send_timeout(timeout)?;
    client.set_recv_timeout(timeout)?;
    client.set_relaxed(true)?;
    client.set_correlate(true)?;
    client.set_immediate(true)?;
    // A question that is given up is not worth keeping the program for.
    client.set_linger(Some(Duration::ZERO))?;
    client.connect(&arguments.endpoint)?;
    for number in 0..arguments.count {
        match ask(&client, &format!("request {number}"), arguments.attempts)? {
            Some(answer) => println!("reply {number}: {}", answer.escape_ascii()),
            None => {
                println!("giving up");
                return Ok(ExitCode::FAILURE);
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The answer, if one of so many attempts gets one.
fn ask(client: &Req, request: &str, attempts: u64) -> Result<Option<Message>, Error> {
    for _ in 0..attempts {
        match client.send(request).map_err(Error::from).and_then(|()| client.recv()) {
            Err(Error::WouldBlock) => eprintln!("no answer to {request}"),
            result => return result.map(Some),
        }
    }
    Ok(None)
}
