//! A service that ends well: Ctrl-C frees it from its wait, and what it has sent by then is delivered.
//! It squares the numbers that it is given, like `worker`, between `ventilator` and `sink`.
//!
//! The first Ctrl-C ends it; a second one gives up what cannot be delivered. Where there are no signals, the
//! end of its standard input, and then a limit of time, do the same.

use clap::Parser;
use ringmq::{Context, Error};
use std::process::ExitCode;
use std::time::Duration;

#[derive(Parser)]
struct Arguments {
    /// Where the ventilator hands out tasks.
    #[arg(long, default_value = "tcp://127.0.0.1:5557")]
    tasks: String,
    /// Where the sink takes results.
    #[arg(long, default_value = "tcp://127.0.0.1:5558")]
    results: String,
    /// How many seconds to wait in the end until what was sent is delivered.
    #[arg(long, default_value_t = 60)]
    patience: u64,
    /// Return from main without a word: dropping the context there waits, too, for as long as it takes.
    #[arg(long)]
    just_return: bool,
}

fn main() -> Result<ExitCode, Box<dyn std::error::Error>> {
    let arguments = Arguments::parse();
    let context = Context::new();
    end_when_told(&context)?;
    match serve(&context, &arguments) {
        Err(Error::Terminated) => println!("ending"),
        other => other?,
    }
    if arguments.just_return {
        return Ok(ExitCode::SUCCESS);
    }
    // The sockets are gone; what they have sent is still on its way.
    if let Err(left) = context.term_timeout(Duration::from_secs(arguments.patience)) {
        println!("not delivered: {left}");
        context.set_linger(Some(Duration::ZERO));
        context.term();
        return Ok(ExitCode::FAILURE);
    }
    println!("gave up {} messages", context.gave_up());
    Ok(ExitCode::SUCCESS)
}

/// Serves until the context is shut down.
fn serve(context: &Context, arguments: &Arguments) -> Result<(), Error> {
    let tasks = context.pull()?;
    tasks.connect(&arguments.tasks)?;
    let results = context.push()?;
    results.connect(&arguments.results)?;
    loop {
        let task = tasks.recv()?;
        let text = std::str::from_utf8(&task).ok();
        let Some(number) = text.and_then(|text| text.parse::<u64>().ok()) else {
            eprintln!("no task: {task:?}");
            continue;
        };
        results.send((u128::from(number) * u128::from(number)).to_string())?;
        println!("squared {number}");
    }
}

/// Has a thread end the context at the first Ctrl-C (or `kill`), and what lingers at the next.
#[cfg(unix)]
fn end_when_told(context: &Context) -> std::io::Result<()> {
    use signal_hook::consts::{SIGINT, SIGTERM};
    let mut signals = signal_hook::iterator::Signals::new([SIGINT, SIGTERM])?;
    let context = context.clone();
    std::thread::spawn(move || {
        let mut told = signals.forever();
        told.next();
        context.shutdown();
        told.next();
        context.set_linger(Some(Duration::ZERO));
    });
    Ok(())
}

/// Has a thread end the context at the end of its standard input.
#[cfg(not(unix))]
fn end_when_told(context: &Context) -> std::io::Result<()> {
    let context = context.clone();
    std::thread::spawn(move || {
        // An input that cannot be read has ended.
        let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        context.shutdown();
    });
    Ok(())
}
