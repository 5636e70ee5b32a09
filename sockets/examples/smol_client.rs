//! Hello, world: several clients, as tasks of one thread under smol.
//!
//! ```text
//! cargo run --example tokio_server
//! cargo run --example smol_client
//! ```

use clap::Parser;
use ringmq::{Context, Error};

#[derive(Parser)]
struct Arguments {
    /// Where the server listens.
    #[arg(long, default_value = "tcp://127.0.0.1:5555")]
    endpoint: String,
    /// How many clients there are.
    #[arg(long, default_value_t = 2)]
    clients: u64,
    /// How many requests each of them makes.
    #[arg(long, default_value_t = 5)]
    count: u64,
}

/// Makes requests, one after the other.
async fn ask(context: Context, endpoint: String, name: u64, count: u64) -> Result<(), Error> {
    let client = context.req()?;
    client.connect(&endpoint)?;
    for number in 1..=count {
        client.send_async("hello").await?;
        let reply = client.recv_async().await?;
        println!("client {name}, reply {number}: {}", reply.escape_ascii());
    }
    Ok(())
}

fn main() -> Result<(), Error> {
    let arguments = Arguments::parse();
    let context = Context::new();
    let executor = smol::LocalExecutor::new();
    smol::block_on(executor.run(async {
        let clients: Vec<_> = (1..=arguments.clients)
            .map(|name| {
                let (context, endpoint) = (context.clone(), arguments.endpoint.clone());
                executor.spawn(ask(context, endpoint, name, arguments.count))
            })
            .collect();
        for client in clients {
            client.await?;
        }
        Ok(())
    }))
}
