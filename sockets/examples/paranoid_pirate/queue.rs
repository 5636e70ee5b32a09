//! The queue: knows which workers are idle, and since when.

use crate::heartbeat::Heartbeat;
use crate::{HEARTBEAT, READY};
use clap::Args;
use ringmq::{Context, Error, Interest, Message, Multipart, Poller};
use std::collections::VecDeque;
use std::time::Duration;

#[derive(Args)]
pub(crate) struct Arguments {
    /// Where clients connect.
    #[arg(long, default_value = "tcp://127.0.0.1:5555")]
    frontend: String,
    /// Where workers connect.
    #[arg(long, default_value = "tcp://127.0.0.1:5556")]
    backend: String,
    /// Milliseconds between heartbeats; the same for all.
    #[arg(long, default_value_t = 1000)]
    interval: u64,
}

/// A worker that waits for work.
struct Worker {
    id: Message,
    heartbeat: Heartbeat,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Error> {
    let interval = Duration::from_millis(arguments.interval);
    let context = Context::new();
    let frontend = context.router()?;
    let backend = context.router()?;
    println!("frontend on {}", frontend.bind(&arguments.frontend)?);
    println!("backend on {}", backend.bind(&arguments.backend)?);
    // The one that has been idle longest is first.
    let mut idle: VecDeque<Worker> = VecDeque::new();
    let poller = Poller::new();
    let clients = poller.add(&frontend, Interest::default());
    poller.add(&backend, Interest::READABLE);
    loop {
        // Without a worker, requests stay where they are: then their clients feel that it is crowded.
        let wanted = if idle.is_empty() { Interest::default() } else { Interest::READABLE };
        poller.modify(clients, wanted);
        let ready = poller.wait(Some(interval))?;
        // All that workers have said is heard before one of them is called silent.
        while let Ok(message) = backend.try_recv_multipart() {
            if let Some(answer) = hear(&mut idle, message, interval) {
                frontend.send_multipart(answer)?;
            }
        }
        idle.retain(|worker| !worker.heartbeat.is_missed());
        if ready.iter().any(|ready| ready.key == clients)
            && let Some(worker) = idle.pop_front()
        {
            let mut request = frontend.recv_multipart()?;
            request.push_front(worker.id);
            backend.send_multipart(request)?;
        }
        for worker in &mut idle {
            if worker.heartbeat.is_due() {
                backend.send_multipart([&worker.id, &HEARTBEAT.into()])?;
            }
        }
    }
}

/// Takes what a worker has said; gives back what is for a client.
fn hear(
    idle: &mut VecDeque<Worker>,
    mut message: Multipart,
    interval: Duration,
) -> Option<Multipart> {
    let id = message.pop_front()?;
    let known = idle.iter_mut().find(|worker| worker.id == id);
    if message.len() == 1 && message[0] == HEARTBEAT {
        // One that is not known has been given work or given up since, and will be ready again.
        known.into_iter().for_each(|worker| worker.heartbeat.hear());
        return None;
    }
    match known {
        Some(worker) => worker.heartbeat.hear(),
        None => idle.push_back(Worker { id, heartbeat: Heartbeat::new(interval) }),
    }
    (message.len() != 1 || message[0] != READY).then_some(message)
}
