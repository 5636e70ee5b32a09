//! `ringmq-peer single-messages`: one message now and then, and then none for a while, for
//! `ci/strace` to watch.
//!
//! The sender says on standard error where it is, in lines that start with `mark`. It waits for no
//! answer, and the receiver is blocked in its receive all the time, so that between two messages
//! neither has anything to do.

use std::thread::sleep;
use std::time::Duration;

use clap::{Args, ValueEnum};
use ringmq::{Context, Error};

use crate::socket::Backend;

/// Messages before those that count: connections are made, and memory is taken, with the first.
const WARM_UP: u32 = 3;

/// How long everything that follows from the last message may take: I/O threads look after what they
/// have lent for some milliseconds.
const SETTLE: Duration = Duration::from_secs(1);

/// Flags of `ringmq-peer single-messages`.
#[derive(Debug, Args)]
pub(crate) struct SingleMessagesArgs {
    /// Which side this process is.
    #[arg(long)]
    role: Role,
    /// Where the receiver binds and the sender connects.
    #[arg(long)]
    endpoint: String,
    /// Backend of the I/O threads.
    #[arg(long, default_value = "auto")]
    backend: Backend,
    /// Messages that count.
    #[arg(long, default_value_t = 50)]
    count: u32,
    /// Pause between two of them, in milliseconds.
    #[arg(long, default_value_t = 20)]
    pause_ms: u64,
    /// How long to do nothing afterwards, in seconds.
    #[arg(long, default_value_t = 10)]
    idle_seconds: u64,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Role {
    Send,
    Receive,
}

/// Sends or receives until all messages are through.
pub(crate) fn run(args: &SingleMessagesArgs) -> Result<(), Error> {
    let context = Context::builder().backend(args.backend.into()).build()?;
    match args.role {
        Role::Send => send(args, &context),
        Role::Receive => receive(args, &context),
    }
}

fn send(args: &SingleMessagesArgs, context: &Context) -> Result<(), Error> {
    let socket = context.push()?;
    socket.connect(&args.endpoint)?;
    let pause = Duration::from_millis(args.pause_ms);
    let message = [b'x'; 64];
    for _ in 0..WARM_UP {
        socket.send(message)?;
        sleep(pause);
    }
    sleep(SETTLE);
    eprintln!("mark begin");
    for _ in 0..args.count {
        socket.send(message)?;
        sleep(pause);
    }
    eprintln!("mark sent");
    sleep(SETTLE);
    eprintln!("mark idle");
    sleep(Duration::from_secs(args.idle_seconds));
    eprintln!("mark end");
    socket.send(message)?;
    Ok(())
}

fn receive(args: &SingleMessagesArgs, context: &Context) -> Result<(), Error> {
    let socket = context.pull()?;
    socket.bind(&args.endpoint)?;
    for _ in 0..WARM_UP + args.count + 1 {
        socket.recv()?;
    }
    Ok(())
}
