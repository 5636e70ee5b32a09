//! A worker: offers a service, gives signs of life, and connects anew to a broker that gives none.

use crate::heartbeat::Heartbeat;
use crate::protocol::{WORKER, command, take_client, take_command, worker};
use clap::Args;
use ringmq::{Context, Dealer, Error, Message, Multipart};
use std::time::Duration;

#[derive(Args)]
pub(crate) struct Arguments {
    /// Where the broker listens.
    #[arg(long, default_value = "tcp://127.0.0.1:5555")]
    endpoint: String,
    /// What the service is called.
    #[arg(long, default_value = "words")]
    service: String,
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
    let mut broker = introduce(&context, arguments)?;
    let mut heartbeat = Heartbeat::new(interval);
    let mut answered = 0;
    loop {
        let mut forgotten = false;
        match broker.recv_multipart() {
            Ok(mut message) => {
                heartbeat.hear();
                match take_command(&mut message, WORKER) {
                    Some(worker::REQUEST) if answered == arguments.fail_after => {
                        println!("dying");
                        return Ok(());
                    }
                    Some(worker::REQUEST) => {
                        answered += 1;
                        serve(&broker, message)?;
                    }
                    Some(worker::DISCONNECT) => forgotten = true,
                    _ => {}
                }
            }
            Err(Error::WouldBlock) => {}
            Err(error) => return Err(error),
        }
        if forgotten || heartbeat.is_missed() {
            // The new connection has a new routing id: to the broker, this is another worker.
            broker = introduce(&context, arguments)?;
            heartbeat = Heartbeat::new(interval);
        } else if heartbeat.is_due() {
            let _ = broker.try_send_multipart(command(WORKER, worker::HEARTBEAT));
        }
    }
}

/// A new connection, to a broker that is there.
fn introduce(context: &Context, arguments: &Arguments) -> Result<Dealer, Error> {
    let broker = context.dealer()?;
    broker.set_immediate(true)?;
    broker.set_recv_timeout(Some(Duration::from_millis(arguments.interval)))?;
    // What an old connection still has, its broker has given up.
    broker.set_linger(Some(Duration::ZERO))?;
    broker.connect(&arguments.endpoint)?;
    let mut ready = command(WORKER, worker::READY);
    ready.push_back(&arguments.service);
    broker.send_multipart(ready)?;
    println!("ready");
    Ok(broker)
}

/// Answers a request, in parts.
fn serve(broker: &Dealer, mut request: Multipart) -> Result<(), Error> {
    let Some(client) = take_client(&mut request) else { return Ok(()) };
    let answer = |kind, body: String| {
        let mut answer = command(WORKER, kind);
        answer.extend([client.clone(), Message::new(), body.into()]);
        broker.send_multipart(answer)
    };
    let text: Vec<String> =
        request.iter().map(|frame| String::from_utf8_lossy(frame).into()).collect();
    let text = text.join(" ");
    for word in text.split_whitespace() {
        answer(worker::PARTIAL, word.to_owned())?;
    }
    answer(worker::FINAL, text.split_whitespace().count().to_string())?;
    Ok(())
}
