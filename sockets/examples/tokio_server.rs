//! Hello, world: the server, as a task of a tokio runtime. Answers every request, and does other things beside.
//!
//! Run it, then `smol_client` or `hello_client` in another terminal. With the feature `tokio` the task reads its
//! connections itself:
//! ```text
//! cargo run --example tokio_server --features tokio
//! cargo run --example smol_client
//! ```

use clap::Parser;
use ringmq::{Context, Error, Rep};
use std::time::Duration;
use tokio::time::{Instant, interval};

#[derive(Parser)]
struct Arguments {
    /// Where to listen.
    #[arg(long, default_value = "tcp://127.0.0.1:5555")]
    endpoint: String,
    /// How many requests to answer; for ever if left out.
    #[arg(long, default_value_t = u64::MAX)]
    count: u64,
}

/// Answers requests. Where it waits, other tasks run.
async fn serve(server: Rep, count: u64) -> Result<(), Error> {
    for _ in 0..count {
        let request = server.recv_async().await?;
        println!("received {}", request.escape_ascii());
        server.send_async("world").await?;
    }
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    let arguments = Arguments::parse();
    let context = Context::new();
    let server = context.rep()?;
    // To bind and to connect take no time to speak of: they may stand in a task.
    println!("listening on {}", server.bind(&arguments.endpoint)?);
    let serving = tokio::spawn(serve(server, arguments.count));
    let start = Instant::now();
    let _telling = tokio::spawn(async move {
        let mut minutes = interval(Duration::from_secs(60));
        loop {
            minutes.tick().await;
            eprintln!("up for {} minutes", start.elapsed().as_secs() / 60);
        }
    });
    serving.await.map_err(|_| Error::Terminated)??;
    // Waits until the last reply is sent, and other tasks go on meanwhile. Dropping the context would wait on
    // the main thread only, and stop that.
    context.term_async().await;
    Ok(())
}
