//! A ROUTER that receives and answers: one thread serves any number of clients, each by its routing id.
//!
//! A REP takes one request at a time and answers it before the next. A ROUTER may answer whenever and
//! whomever it likes: each message that it receives begins with the routing id of its sender, and each that
//! it sends goes to the one whose id comes first. This one counts what each client has asked.
//! ```text
//! cargo run --example router_server
//! cargo run --example hello_client     # as many as you like; DEALERs may come too
//! ```

use clap::Parser;
use ringmq::{Context, Error, Message};
use std::collections::HashMap;

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
    let server = context.router()?;
    println!("listening on {}", server.bind(&arguments.endpoint)?);
    let mut asked: HashMap<Vec<u8>, u64> = HashMap::new();
    for _ in 0..arguments.count {
        // From a REQ: routing id, empty frame, body. From a DEALER: routing id, and what it has sent.
        let mut message = server.recv_multipart()?;
        let times = asked.entry(message[0].to_vec()).or_default();
        *times += 1;
        // What is before the body is the way back, however long it is; it goes first again.
        let request = message.pop_back().unwrap_or_default();
        println!("received {}", request.escape_ascii());
        message.push_back(Message::from(format!("world, {times} times")));
        server.send_multipart(message)?;
    }
    // Ends when the last answers are sent.
    Ok(())
}
