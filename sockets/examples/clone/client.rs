//! A client: has a copy of the store, and says what it wants to be changed.

use crate::protocol::{Position, Store, apply, read_change, read_snapshot};
use clap::Args;
use ringmq::{Context, Dealer, Error, Interest, Multipart, Poller, Push};
use std::time::{Duration, Instant};

#[derive(Args)]
pub(crate) struct Arguments {
    /// Where the server gives all of its store.
    #[arg(long, default_value = "tcp://127.0.0.1:5571")]
    snapshots: String,
    /// Where the server tells of changes.
    #[arg(long, default_value = "tcp://127.0.0.1:5572")]
    updates: String,
    /// Where the server takes changes.
    #[arg(long, default_value = "tcp://127.0.0.1:5573")]
    changes: String,
    /// Milliseconds after which to ask again for the store.
    #[arg(long, default_value_t = 2000)]
    timeout: u64,
    /// What to set, as `key=value`; without a value the key is deleted.
    #[arg(long = "set", value_parser = pair)]
    wishes: Vec<(String, String)>,
    /// Ends when the store has so many keys, and prints it; without this it goes on for ever.
    #[arg(long)]
    keys: Option<usize>,
}

fn pair(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("not of the form key=value")?;
    if key.is_empty() {
        return Err("a key has at least one byte".into());
    }
    Ok((key.into(), value.into()))
}

/// A copy of the store.
struct Replica {
    server: Dealer,
    changes: Push,
    wishes: Vec<(String, String)>,
    timeout: Duration,
    store: Store,
    /// Where the copy is; nowhere yet if the store was never received.
    position: Option<Position>,
    /// Since when an answer is awaited.
    asked: Option<Instant>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Error> {
    let context = Context::new();
    let updates = context.subscriber()?;
    let (server, changes) = (context.dealer()?, context.push()?);
    // Asking a server that is not there is of no use; what is to be set waits for it.
    server.set_immediate(true)?;
    server.set_linger(Some(Duration::ZERO))?;
    updates.subscribe("")?;
    updates.connect(&arguments.updates)?;
    server.connect(&arguments.snapshots)?;
    changes.connect(&arguments.changes)?;
    let poller = Poller::new();
    let answered = poller.add(&server, Interest::READABLE);
    poller.add(&updates, Interest::READABLE);
    let mut replica = Replica {
        server,
        changes,
        wishes: arguments.wishes.clone(),
        timeout: Duration::from_millis(arguments.timeout),
        store: Store::new(),
        position: None,
        asked: None,
    };
    // Waits for the server.
    replica.ask()?;
    loop {
        let ready = poller.wait(Some(replica.timeout))?;
        for ready in &ready {
            if ready.key == answered {
                replica.take_all(&replica.server.recv_multipart()?)?;
            } else {
                replica.follow(&updates.recv_multipart()?)?;
            }
        }
        if ready.is_empty() || replica.asked.is_some() {
            // Nothing, not even the position, has come for a while; or no answer, which may be lost.
            replica.ask()?;
        }
        if replica.asked.is_none() && arguments.keys == Some(replica.store.len()) {
            replica.print();
            return Ok(());
        }
    }
}

impl Replica {
    /// Asks for all of the store, unless an answer may still come.
    fn ask(&mut self) -> Result<(), Error> {
        if self.asked.is_none_or(|asked| asked.elapsed() >= self.timeout) {
            self.server.send("all of it")?;
            self.asked = Some(Instant::now());
        }
        Ok(())
    }

    /// All of the store has come.
    fn take_all(&mut self, message: &Multipart) -> Result<(), Error> {
        let Some((position, store)) = read_snapshot(message) else { return Ok(()) };
        let known = self.position.map(|position| position.epoch);
        (self.store, self.position, self.asked) = (store, Some(position), None);
        println!("have all of it, {} keys", self.store.len());
        if known != Some(position.epoch) {
            // This server has not heard of them.
            for (key, value) in &self.wishes {
                self.changes.send_multipart([key, value])?;
            }
        }
        Ok(())
    }

    /// A change was published.
    fn follow(&mut self, message: &Multipart) -> Result<(), Error> {
        let Some((position, key, value)) = read_change(message) else { return Ok(()) };
        match self.position {
            Some(known) if position == known.next() && !key.is_empty() => {
                apply(&mut self.store, key, value);
                self.position = Some(position);
                println!("{} = {}", key.escape_ascii(), value.escape_ascii());
                Ok(())
            }
            // It was in the store when that came.
            Some(known) if position.epoch == known.epoch && position.sequence <= known.sequence => {
                Ok(())
            }
            // Changes are missing in between, or this is another server.
            _ => self.ask(),
        }
    }

    fn print(&self) {
        for (key, value) in &self.store {
            println!("{}={}", key.escape_ascii(), value.escape_ascii());
        }
    }
}
