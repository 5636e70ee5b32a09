//! `ringmq-peer drive`: one socket under the control of JSON lines on standard input.
//!
//! A thread of its own reads the lines, so that a stop overtakes the command under way; the
//! main thread carries commands out in order and answers each with one line.

use std::io::{self, BufRead, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use clap::Args;
use serde_json::{Value, json};

use crate::command::{Command, Op};
use crate::judge::JudgeArgs;
use crate::pattern::MAX_BODY;
use crate::peer::Peer;
use crate::socket::SocketArgs;

/// Flags of `ringmq-peer drive`.
#[derive(Debug, Args)]
pub(crate) struct DriveArgs {
    #[command(flatten)]
    pub(crate) socket: SocketArgs,
    #[command(flatten)]
    pub(crate) judge: JudgeArgs,
    /// Remember what the socket's monitor says.
    #[arg(long)]
    pub(crate) monitor: bool,
    /// Seed of the message pattern.
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// Sequence number from which on every message is tagged.
    #[arg(long, default_value_t = 0)]
    pub(crate) tagged_from: u64,
    /// Largest body of the pattern, in bytes.
    #[arg(long, default_value_t = MAX_BODY)]
    pub(crate) max_body: usize,
}

/// Opens the socket and serves commands until a close or the end of standard input.
pub(crate) fn run(args: &DriveArgs) -> io::Result<()> {
    let stopped = Arc::new(AtomicU64::new(0));
    let mut peer = match Peer::open(args, Arc::clone(&stopped)) {
        Ok(peer) => peer,
        Err(error) => return say(&json!({ "ok": false, "error": error.to_string() })),
    };
    say(&peer.introduction())?;
    let (sender, commands) = channel();
    thread::spawn(move || read_commands(&sender, &stopped));
    serve(&mut peer, &commands)
}

fn serve(peer: &mut Peer, commands: &Receiver<Command>) -> io::Result<()> {
    for command in commands {
        let closing = matches!(command.op, Op::Close);
        let answer = peer.run(&command);
        say(&answer)?;
        if closing {
            break;
        }
    }
    Ok(())
}

/// Passes commands on; a stop covers all those that were given before it.
fn read_commands(sender: &Sender<Command>, stopped: &AtomicU64) {
    let mut given = 0;
    for line in io::stdin().lock().lines().map_while(Result::ok) {
        match serde_json::from_str::<Command>(&line) {
            Ok(Command { op: Op::Stop, .. }) => stopped.store(given, Ordering::Release),
            Ok(command) => {
                given += 1;
                if sender.send(command).is_err() {
                    return;
                }
            }
            Err(error) => {
                eprintln!("no command: {error}: {line}");
                std::process::exit(2);
            }
        }
    }
    // The driver is gone: nobody is left to answer to.
    std::process::exit(1);
}

fn say(answer: &Value) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{answer}")?;
    out.flush()
}
