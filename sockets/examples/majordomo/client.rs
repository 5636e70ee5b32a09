//! A client: asks, and asks again when no final answer comes.

use crate::protocol::{CLIENT, client, command, take_command};
use clap::Args;
use ringmq::{Context, Error, Message, Multipart};
use std::process::ExitCode;
use std::time::Duration;

#[derive(Args)]
pub(crate) struct Arguments {
    /// Where the broker listens.
    #[arg(long, default_value = "tcp://127.0.0.1:5555")]
    endpoint: String,
    /// The service to ask.
    #[arg(long, default_value = "words")]
    service: String,
    /// Milliseconds to wait for the next part of an answer.
    #[arg(long, default_value_t = 2500)]
    timeout: u64,
    /// How often to ask for the same before giving up.
    #[arg(long, default_value_t = 5)]
    attempts: u64,
    /// What to ask for, one request each.
    requests: Vec<String>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode, Error> {
    let context = Context::new();
    for request in &arguments.requests {
        let Some(answer) = ask(&context, arguments, request)? else {
            println!("giving up");
            return Ok(ExitCode::FAILURE);
        };
        let answer: Vec<String> =
            answer.iter().map(|frame| String::from_utf8_lossy(frame).into()).collect();
        println!("{request}: {}", answer.join(" "));
    }
    Ok(ExitCode::SUCCESS)
}

/// The frames of all partial answers and the final one, if one of the attempts gets that.
fn ask(
    context: &Context,
    arguments: &Arguments,
    request: &str,
) -> Result<Option<Vec<Message>>, Error> {
    for _ in 0..arguments.attempts {
        // MDP does not number requests. A socket for each attempt tells the answers apart: what comes late
        // goes to one that is no more.
        let broker = context.dealer()?;
        let timeout = Some(Duration::from_millis(arguments.timeout));
        broker.set_recv_timeout(timeout)?;
        broker.set_linger(Some(Duration::ZERO))?;
        broker.connect(&arguments.endpoint)?;
        let mut message = command(CLIENT, client::REQUEST);
        message.extend([&arguments.service[..], request]);
        broker.send_multipart(message)?;
        let mut frames = Vec::new();
        loop {
            match broker.recv_multipart() {
                Ok(answer) => {
                    if collect(&mut frames, answer) {
                        return Ok(Some(frames));
                    }
                }
                Err(Error::WouldBlock) => break,
                Err(error) => return Err(error),
            }
        }
        eprintln!("no answer to {request}");
    }
    Ok(None)
}

/// Keeps an answer's frames; whether it is the final one.
fn collect(frames: &mut Vec<Message>, mut answer: Multipart) -> bool {
    let command = take_command(&mut answer, CLIENT);
    if !matches!(command, Some(client::PARTIAL | client::FINAL)) {
        return false;
    }
    // The service.
    answer.pop_front();
    frames.extend(answer);
    command == Some(client::FINAL)
}
