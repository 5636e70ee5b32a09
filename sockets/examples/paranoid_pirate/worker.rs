//! A worker: gives signs of life while it is idle, and introduces itself again to a queue that gives none.

use crate::heartbeat::Heartbeat;
use crate::{HEARTBEAT, READY};
use clap::Args;
use ringmq::{Context, Error, Multipart};
use std::time::Duration;

#[derive(Args)]
pub(crate) struct Arguments {
    /// Where the queue has its workers.
    #[arg(long, default_value = "tcp://127.0.0.1:5556")]
    endpoint: String,
    /// Milliseconds between heartbeats; the same for all.
    #[arg(long, default_value_t = 1000)]
    interval: u64,
    /// How many requests to answer before it dies of the next one; it lives for ever if left out.
    #[arg(long, default_value_t = u64::MAX)]
    fail_after: u64,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Error> {
    let interval = Duration::from_millis(arguments.interval);
    let context = Context::new();
    let queue = context.dealer()?;
    // What is said to a queue that is not there would come too late: nothing is kept for it.
    queue.set_immediate(true)?;
    queue.set_recv_timeout(Some(interval))?;
    queue.connect(&arguments.endpoint)?;
    // Waits for the queue.
    queue.send(READY)?;
    println!("ready");
    let mut heartbeat = Heartbeat::new(interval);
    let mut answered = 0;
    loop {
        match queue.recv_multipart() {
            Ok(request) => {
                heartbeat.hear();
                if request.len() > 1 {
                    if answered == arguments.fail_after {
                        println!("dying");
                        return Ok(());
                    }
                    answered += 1;
                    queue.send_multipart(work(request))?;
                }
            }
            Err(Error::WouldBlock) => {}
            Err(error) => return Err(error),
        }
        if heartbeat.is_missed() {
            // It has died, or taken this worker for dead.
            queue.send(READY)?;
            println!("ready again");
            heartbeat = Heartbeat::new(interval);
        } else if heartbeat.is_due() {
            // If there is no room, the queue hears enough as it is; if it is not there, nobody would.
            let _ = queue.try_send(HEARTBEAT);
        }
    }
}

/// Puts the answer in the place of the question. What is before it is the way back to the client.
fn work(mut request: Multipart) -> Multipart {
    let question = request.pop_back().unwrap_or_default();
    request.push_back(format!("answer to {}", question.escape_ascii()));
    request
}
