//! The broker: which services there are, who offers them, and who waits for them.

use crate::heartbeat::Heartbeat;
use crate::protocol::{CLIENT, WORKER, client, command, take_client, take_command, worker};
use clap::Args;
use ringmq::{Context, Error, Message, Multipart, Router};
use std::collections::{HashMap, VecDeque};
use std::time::Duration;

/// How many requests may wait for one service. Their clients ask again for what is more.
const MOST_WAITING: usize = 10_000;

#[derive(Args)]
pub(crate) struct Arguments {
    /// Where clients and workers connect.
    #[arg(long, default_value = "tcp://127.0.0.1:5555")]
    endpoint: String,
    /// Milliseconds between heartbeats; the same for all.
    #[arg(long, default_value_t = 1000)]
    interval: u64,
}

#[derive(Default)]
struct Service {
    /// Requests that no worker has yet, each with its client.
    waiting: VecDeque<(Message, Multipart)>,
    /// The workers that have nothing to do; the one that has been idle longest is first.
    idle: VecDeque<Message>,
    /// How many workers there are.
    workers: usize,
}

struct Worker {
    id: Message,
    service: Vec<u8>,
    heartbeat: Heartbeat,
}

struct Broker {
    /// All that it says goes to whom it was told of; to one that is gone, nowhere.
    socket: Router,
    interval: Duration,
    services: HashMap<Vec<u8>, Service>,
    /// By routing id.
    workers: HashMap<Vec<u8>, Worker>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Error> {
    let interval = Duration::from_millis(arguments.interval);
    let context = Context::new();
    let socket = context.router()?;
    socket.set_recv_timeout(Some(interval))?;
    println!("listening on {}", socket.bind(&arguments.endpoint)?);
    let mut broker = Broker { socket, interval, services: HashMap::new(), workers: HashMap::new() };
    loop {
        let mut received = broker.socket.recv_multipart();
        // All that has come is heard before a worker is called silent.
        while let Ok(message) = received {
            broker.hear(message)?;
            received = broker.socket.try_recv_multipart();
        }
        if let Err(error) = received
            && !error.is_would_block()
        {
            return Err(error);
        }
        broker.beat()?;
    }
}

impl Broker {
    /// Takes one message. What is malformed is nobody's, and ignored.
    fn hear(&mut self, mut message: Multipart) -> Result<(), Error> {
        let Some(id) = message.pop_front() else { return Ok(()) };
        if let Some(command) = take_command(&mut message, CLIENT) {
            if command == client::REQUEST
                && let Some(service) = message.pop_front()
            {
                self.request(id, &service, message)?;
            }
        } else if let Some(command) = take_command(&mut message, WORKER) {
            self.hear_worker(&id, command, message)?;
        }
        Ok(())
    }

    fn request(&mut self, client: Message, service: &[u8], body: Multipart) -> Result<(), Error> {
        if service.starts_with(b"mmi.") {
            let answer = self.tell_of_itself(service, &body);
            return self.answer(client, client::FINAL, service, answer.into());
        }
        let waiting = &mut self.services.entry(service.to_vec()).or_default().waiting;
        if waiting.len() < MOST_WAITING {
            waiting.push_back((client, body));
        }
        self.dispatch(service)
    }

    /// What the broker answers itself: whether somebody offers the service that the body names.
    fn tell_of_itself(&self, service: &[u8], body: &Multipart) -> &'static str {
        let offered =
            |name: &Message| self.services.get(&name[..]).is_some_and(|it| it.workers > 0);
        match (service == b"mmi.service", body.get(0)) {
            (true, Some(name)) if offered(name) => "200",
            (true, _) => "404",
            (false, _) => "501",
        }
    }

    fn hear_worker(&mut self, id: &Message, said: u8, mut message: Multipart) -> Result<(), Error> {
        let known = self.workers.get_mut(&id[..]);
        match (said, known) {
            (worker::READY, None) => {
                let service = message.pop_front().unwrap_or_default().to_vec();
                let it = self.services.entry(service.clone()).or_default();
                it.workers += 1;
                it.idle.push_back(id.clone());
                let heartbeat = Heartbeat::new(self.interval);
                let worker = Worker { id: id.clone(), service: service.clone(), heartbeat };
                self.workers.insert(id.to_vec(), worker);
                self.dispatch(&service)
            }
            (worker::HEARTBEAT, Some(known)) => {
                known.heartbeat.hear();
                Ok(())
            }
            (worker::PARTIAL | worker::FINAL, Some(known)) => {
                known.heartbeat.hear();
                let service = known.service.clone();
                let Some(client) = take_client(&mut message) else { return Ok(()) };
                if said == worker::PARTIAL {
                    return self.answer(client, client::PARTIAL, &service, message);
                }
                self.answer(client, client::FINAL, &service, message)?;
                let idle = &mut self.services.entry(service.clone()).or_default().idle;
                if !idle.contains(id) {
                    idle.push_back(id.clone());
                }
                self.dispatch(&service)
            }
            (worker::DISCONNECT, _) => {
                self.forget(id);
                Ok(())
            }
            // It was given up and does not know it, or says what makes no sense.
            _ => {
                self.forget(id);
                self.tell_worker(id, worker::DISCONNECT, Multipart::new())
            }
        }
    }

    /// Brings requests and idle workers together.
    fn dispatch(&mut self, service: &[u8]) -> Result<(), Error> {
        loop {
            let Some(it) = self.services.get_mut(service) else { return Ok(()) };
            if it.waiting.is_empty() || it.idle.is_empty() {
                return Ok(());
            }
            let (request, worker) = (it.waiting.pop_front(), it.idle.pop_front());
            if let (Some((client, mut body)), Some(worker)) = (request, worker) {
                body.push_front(Message::new());
                body.push_front(client);
                self.tell_worker(&worker, worker::REQUEST, body)?;
            }
        }
    }

    /// Gives signs of life, and gives up workers that give none.
    fn beat(&mut self) -> Result<(), Error> {
        let silent = self.workers.values().filter(|worker| worker.heartbeat.is_missed());
        for id in silent.map(|worker| worker.id.clone()).collect::<Vec<_>>() {
            self.forget(&id);
        }
        let due = self.workers.values_mut().filter_map(|worker| {
            let due = worker.heartbeat.is_due();
            due.then(|| worker.id.clone())
        });
        for id in due.collect::<Vec<_>>() {
            self.tell_worker(&id, worker::HEARTBEAT, Multipart::new())?;
        }
        Ok(())
    }

    /// Gives a worker up. Whoever waits for an answer of it asks again.
    fn forget(&mut self, id: &Message) {
        let Some(worker) = self.workers.remove(&id[..]) else { return };
        if let Some(service) = self.services.get_mut(&worker.service) {
            service.workers -= 1;
            service.idle.retain(|idle| idle != id);
        }
    }

    fn tell_worker(&self, id: &Message, kind: u8, rest: Multipart) -> Result<(), Error> {
        let mut message = command(WORKER, kind);
        message.push_front(id);
        message.extend(rest);
        Ok(self.socket.send_multipart(message)?)
    }

    fn answer(&self, id: Message, kind: u8, service: &[u8], body: Multipart) -> Result<(), Error> {
        let mut message = command(CLIENT, kind);
        message.push_front(id);
        message.push_back(service);
        message.extend(body);
        Ok(self.socket.send_multipart(message)?)
    }
}
