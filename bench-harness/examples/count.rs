//! Does one thing so many times, for a tool that counts instructions: `ci/compare` runs it under
//! callgrind, once with a number of operations and once with twice as many, and takes the difference.
//!
//! One thread does everything, so that nothing waits or spins, and every run takes the same way through
//! the code. Each operation asserts its outcome as a whole; the compiler must not find out that nobody
//! looks at the rest.

use std::hint::black_box;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use clap::{Parser, ValueEnum};
use ringmq::Context;
use ringmq_pipe::{BATCH, log};
use ringmq_zmtp::{APART, Command, Decoder, Encoder, Sink, Version};

/// Bytes of a body.
const BODY: usize = 64;
/// Bytes decoded at a time, about: what one read brings when it is busy.
const READ: usize = 64 << 10;
/// Subscriptions that a message is matched against.
const SUBSCRIPTIONS: usize = 10_000;

/// Repeats one operation.
#[derive(Parser)]
struct Args {
    /// What to do
    #[arg(long, value_enum)]
    op: Op,
    /// How many times
    #[arg(long)]
    n: usize,
    /// Print how many ns each took, set-up left out (of `burst`)
    #[arg(long)]
    time: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum Op {
    /// Write a frame into a frame log; what was written is taken out in spans, as for a socket
    Encode,
    /// Find a frame in a run of frames of one size
    Decode,
    /// The same, no two frames in a row being of one size
    DecodeMixed,
    /// Send a message that none of 10,000 subscriptions of one subscriber is for
    Match,
    /// Send a message over inproc and receive it
    Inproc,
    /// The same, many sent in a row and then received in a row
    Burst,
}

fn main() -> Result<()> {
    let Args { op, n, time } = Args::parse();
    ensure!(!time || matches!(op, Op::Burst), "only `burst` is timed");
    match op {
        Op::Encode => encode(n),
        Op::Decode => decode(n, &[BODY]),
        Op::DecodeMixed => decode(n, &[16, 64, 100, 32, 200]),
        Op::Match => match_topics(n),
        Op::Inproc => inproc(n),
        Op::Burst => {
            let took = burst(n)?;
            if time {
                println!("{:.3}", took.as_secs_f64() * 1e9 / n.max(1) as f64);
            }
            Ok(())
        }
    }
}

fn encode(count: usize) -> Result<()> {
    let (mut writer, mut reader) = log(0);
    let body = [7; BODY];
    let (mut pieces, mut bytes) = (Vec::new(), 0);
    for done in 1..=count {
        writer
            .write_body(0, black_box(&body))
            .ok()
            .context("a log without a mark refused a frame")?;
        if done.is_multiple_of(BATCH as usize) || done == count {
            writer.publish();
            bytes += reader.gather(usize::MAX, &mut pieces);
            reader.done(pieces.iter().map(|piece| piece.messages).sum());
            pieces.clear();
        }
    }
    ensure!(bytes == count * (BODY + 2), "{bytes} bytes came out");
    Ok(())
}

/// Looks at frames and keeps none.
struct Look;

impl Sink for Look {
    fn span(&mut self, frames: &[u8], _messages: usize, _tail: usize) {
        black_box(frames);
    }
    fn begin(&mut self, _flags: u8, body: u64) {
        black_box(body);
    }
    fn body(&mut self, bytes: &[u8]) {
        black_box(bytes);
    }
    fn end(&mut self) {}
    fn command(&mut self, command: Command<'_>) {
        black_box(command);
    }
}

/// `count` frames whose bodies are of these sizes in turn.
fn decode(count: usize, sizes: &[usize]) -> Result<()> {
    let mut stream = Vec::new();
    let mut ends = vec![0];
    for &size in sizes.iter().cycle().take(READ / BODY) {
        Encoder::new(Version::V3_1).translate(0, &vec![0; size], &mut stream);
        ends.push(stream.len());
    }
    let mut decoder = Decoder::new(Version::V3_1, None, APART);
    let (most, mut left) = (ends.len() - 1, count);
    while left > 0 {
        let now = left.min(most);
        let decoded = decoder.decode(black_box(&stream[..ends[now]]), usize::MAX, &mut Look)?;
        ensure!(decoded.messages == now, "{} frames of {now} were found", decoded.messages);
        left -= now;
    }
    Ok(())
}

fn match_topics(count: usize) -> Result<()> {
    let context = Context::new();
    let (publisher, subscriber) = (context.xpub()?, context.subscriber()?);
    publisher.bind("inproc://count")?;
    subscriber.connect("inproc://count")?;
    for number in 0..SUBSCRIPTIONS {
        subscriber.subscribe(format!("topic/{number:05}/wanted"))?;
    }
    for _ in 0..SUBSCRIPTIONS {
        publisher.recv().context("waiting for the subscriptions")?;
    }
    // Alike up to the last but one part.
    let messages: Vec<String> = (0..SUBSCRIPTIONS)
        .step_by(7)
        .map(|number| format!("topic/{number:05}/other/{:0>46}", ""))
        .collect();
    for message in messages.iter().cycle().take(count) {
        publisher.send(black_box(message.as_bytes()))?;
    }
    ensure!(subscriber.try_recv().is_err(), "a message came that nobody subscribed to");
    Ok(())
}

fn inproc(count: usize) -> Result<()> {
    let context = Context::new();
    let (there, here) = (context.pair()?, context.pair()?);
    there.bind("inproc://count")?;
    here.connect("inproc://count")?;
    here.set_recv_timeout(Some(Duration::from_secs(60)))?;
    let body = [7; BODY];
    for _ in 0..count {
        there.send(black_box(&body[..]))?;
        let message = here.recv()?;
        ensure!(black_box(&message).len() == BODY, "a message came changed");
    }
    Ok(())
}

/// Fewer than the high-water mark.
const ROW: usize = 500;

/// `ci/libzmq/perf.c` does the same in C.
fn burst(count: usize) -> Result<Duration> {
    let context = Context::new();
    let (there, here) = (context.push()?, context.pull()?);
    here.bind("inproc://count")?;
    there.connect("inproc://count")?;
    here.set_recv_timeout(Some(Duration::from_secs(60)))?;
    let body = [7; BODY];
    let mut left = count;
    let start = Instant::now();
    while left > 0 {
        let now = left.min(ROW);
        for _ in 0..now {
            there.send(black_box(&body[..]))?;
        }
        for _ in 0..now {
            let message = here.recv()?;
            ensure!(black_box(&message).len() == BODY, "a message came changed");
        }
        left -= now;
    }
    Ok(start.elapsed())
}
