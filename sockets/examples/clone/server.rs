//! The server: has the store, orders the changes and publishes them.

use crate::protocol::{Position, Store, apply, change, snapshot};
use clap::Args;
use ringmq::{Context, Error, Interest, Poller};
use std::time::{Duration, Instant};

#[derive(Args)]
pub(crate) struct Arguments {
    /// Where clients ask for all of the store.
    #[arg(long, default_value = "tcp://127.0.0.1:5571")]
    snapshots: String,
    /// Where clients hear of changes.
    #[arg(long, default_value = "tcp://127.0.0.1:5572")]
    updates: String,
    /// Where clients bring changes.
    #[arg(long, default_value = "tcp://127.0.0.1:5573")]
    changes: String,
    /// Milliseconds between two times that the position is told.
    #[arg(long, default_value_t = 1000)]
    interval: u64,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Error> {
    let interval = Duration::from_millis(arguments.interval);
    let context = Context::new();
    let snapshots = context.router()?;
    let updates = context.publisher()?;
    let changes = context.pull()?;
    println!("snapshots on {}", snapshots.bind(&arguments.snapshots)?);
    println!("updates on {}", updates.bind(&arguments.updates)?);
    println!("changes on {}", changes.bind(&arguments.changes)?);
    let mut store = Store::new();
    let mut position = Position { epoch: fastrand::u64(..), sequence: 0 };
    let mut told = Instant::now();
    let poller = Poller::new();
    let asked = poller.add(&snapshots, Interest::READABLE);
    poller.add(&changes, Interest::READABLE);
    loop {
        for ready in poller.wait(Some(interval.saturating_sub(told.elapsed())))? {
            if ready.key == asked {
                let mut answer = snapshot(position, &store);
                answer.push_front(&snapshots.recv_multipart()?[0]);
                snapshots.send_multipart(answer)?;
                continue;
            }
            let wish = changes.recv_multipart()?;
            if let (Some(key), Some(value)) = (wish.get(0), wish.get(1))
                && !key.is_empty()
            {
                position = position.next();
                apply(&mut store, key, value);
                updates.send_multipart(change(position, key, value))?;
            }
        }
        if told.elapsed() >= interval {
            // Who has missed the last change learns of it now.
            updates.send_multipart(change(position, b"", b""))?;
            told = Instant::now();
        }
    }
}
