//! Multicast: numbered messages to whoever is in a group, and how many of them arrive, in order.
//!
//! Over `epgm://` lost packets are sent again, to as many subscribers as there are with one copy for all:
//! ```text
//! cargo run --example multicast -- subscribe "epgm://127.0.0.1;239.192.1.1:5555"
//! cargo run --example multicast -- publish "epgm://127.0.0.1;239.192.1.1:5555"
//! ```
//! Before the semicolon stands the interface, by its name or an address. Over `tcp://` and the others both do what
//! publishers and subscribers always do. Over `udp://` nothing is sent again:
//! ```text
//! cargo run --example multicast -- dish "udp://127.0.0.1;239.192.1.1:5556"
//! cargo run --example multicast -- radio "udp://127.0.0.1;239.192.1.1:5556"
//! ```
//! DGRAM exchanges datagrams with anybody, of ZeroMQ or not:
//! ```text
//! cargo run --example multicast -- answer "udp://127.0.0.1:5557"
//! cargo run --example multicast -- ask "udp://127.0.0.1:*" 127.0.0.1:5557
//! ```

use clap::{Args, Parser};
use ringmq::kind::{Kind, Receives};
use ringmq::{Context, Message, Monitor, MonitorEvent, Multipart, Socket};
use std::io::Read;
use std::time::Duration;

/// Sockets and groups fail each in their own way.
type Failure = Box<dyn std::error::Error>;

/// Which messages of RADIO's the DISH wants.
const GROUP: &str = "example";

#[derive(Parser)]
enum Arguments {
    /// PUB sends to an endpoint.
    Publish(Outgoing),
    /// SUB receives all that is sent there.
    Subscribe(Incoming),
    /// RADIO sends to a host or a group, each message in a datagram of its own.
    Radio(Outgoing),
    /// DISH receives what is sent there.
    Dish(Incoming),
    /// DGRAM sends to whoever answers, one message at a time.
    Ask {
        #[command(flatten)]
        outgoing: Outgoing,
        /// Who answers: ADDRESS:PORT.
        to: String,
    },
    /// DGRAM sends back what comes.
    Answer(Incoming),
}

#[derive(Args)]
struct Outgoing {
    endpoint: String,
    /// How many messages to send.
    #[arg(long, default_value_t = 1000)]
    count: u64,
    /// Bytes in each.
    #[arg(long, default_value_t = 100)]
    length: usize,
    /// Milliseconds between two of them.
    #[arg(long, default_value_t = 0)]
    pause: u64,
    /// Kilobits a second over epgm, instead of the usual.
    #[arg(long)]
    rate: Option<u32>,
    /// Say so after so many messages, not only at the end.
    #[arg(long, default_value_t = u64::MAX)]
    every: u64,
    /// Stay until the input ends, for those who have missed something.
    #[arg(long)]
    stay: bool,
}

#[derive(Args)]
struct Incoming {
    endpoint: String,
    /// How many messages to wait for.
    #[arg(long, default_value_t = 1000)]
    count: u64,
    /// Say so after so many messages, not only at the end.
    #[arg(long, default_value_t = u64::MAX)]
    every: u64,
    /// Seconds without a message after which there will be none.
    #[arg(long, default_value_t = 60)]
    patience: u64,
}

fn main() -> Result<(), Failure> {
    let context = Context::new();
    match Arguments::parse() {
        Arguments::Publish(outgoing) => publish(&context, &outgoing),
        Arguments::Subscribe(incoming) => subscribe(&context, &incoming),
        Arguments::Radio(outgoing) => radio(&context, &outgoing),
        Arguments::Dish(incoming) => dish(&context, &incoming),
        Arguments::Ask { outgoing, to } => ask(&context, &outgoing, &to),
        Arguments::Answer(incoming) => answer(&context, &incoming),
    }
}

fn publish(context: &Context, outgoing: &Outgoing) -> Result<(), Failure> {
    let publisher = context.publisher()?;
    // A publisher does not wait for anybody: what has no place in its queue is dropped. So have all a place there,
    // and at the end be sent.
    publisher.set_send_hwm(0)?;
    publisher.set_linger(None)?;
    if let Some(rate) = outgoing.rate {
        publisher.set_rate(rate)?;
    }
    // In a group nobody listens to a port of the other's: to bind is the same as to connect.
    println!("listening on {}", publisher.bind(&outgoing.endpoint)?);
    send(outgoing, |body| Ok(publisher.send(body)?))?;
    println!("dropped {}", dropped(&publisher));
    Ok(())
}

fn subscribe(context: &Context, incoming: &Incoming) -> Result<(), Failure> {
    let subscriber = context.subscriber()?;
    subscriber.set_recv_hwm(0)?;
    subscriber.subscribe("")?;
    let monitor = subscriber.monitor();
    subscriber.connect(&incoming.endpoint)?;
    // It hears only what is sent from then on.
    while !matches!(monitor.recv()?, MonitorEvent::Connected { .. }) {}
    println!("listening on {}", incoming.endpoint);
    receive(incoming, &subscriber, &monitor)
}

fn radio(context: &Context, outgoing: &Outgoing) -> Result<(), Failure> {
    let radio = context.radio()?;
    radio.set_send_hwm(0)?;
    radio.set_linger(None)?;
    radio.connect(&outgoing.endpoint)?;
    send(outgoing, |body| {
        let mut message = Message::from(body);
        message.set_group(GROUP.as_bytes())?;
        Ok(radio.send(message)?)
    })?;
    println!("dropped {}", dropped(&radio));
    Ok(())
}

fn dish(context: &Context, incoming: &Incoming) -> Result<(), Failure> {
    let dish = context.dish()?;
    // What finds its queue full is lost.
    dish.set_recv_hwm(0)?;
    dish.join(GROUP)?;
    let monitor = dish.monitor();
    println!("listening on {}", dish.bind(&incoming.endpoint)?);
    receive(incoming, &dish, &monitor)
}

fn ask(context: &Context, outgoing: &Outgoing, to: &str) -> Result<(), Failure> {
    let dgram = context.dgram()?;
    println!("listening on {}", dgram.bind(&outgoing.endpoint)?);
    let mut tally = Tally::new(u64::MAX);
    send(outgoing, |body| {
        dgram.send_multipart([Message::from(to), body.into()])?;
        // Of what gets lost nobody tells.
        let answer = dgram.recv_multipart_within(Duration::from_secs(5));
        match answer {
            Ok(answer) => tally.take_last(&answer),
            Err(error) if !error.is_would_block() => return Err(error.into()),
            Err(_) => {}
        }
        Ok(())
    })?;
    finish(&tally, &dgram, &dgram.monitor());
    Ok(())
}

fn answer(context: &Context, incoming: &Incoming) -> Result<(), Failure> {
    let dgram = context.dgram()?;
    dgram.set_linger(None)?;
    let monitor = dgram.monitor();
    println!("listening on {}", dgram.bind(&incoming.endpoint)?);
    let mut tally = Tally::new(incoming.every);
    while tally.received < incoming.count {
        // The address of the sender, and the body.
        let question = match dgram.recv_multipart_within(Duration::from_secs(incoming.patience)) {
            Err(error) if error.is_would_block() => break,
            question => question?,
        };
        tally.take_last(&question);
        dgram.send_multipart(question)?;
    }
    finish(&tally, &dgram, &monitor);
    Ok(())
}

/// Sends so many messages, each of which begins with its number.
fn send(
    outgoing: &Outgoing,
    mut one: impl FnMut(String) -> Result<(), Failure>,
) -> Result<(), Failure> {
    for number in 0..outgoing.count {
        one(format!("{:.<1$}", format!("{number:08}"), outgoing.length))?;
        if (number + 1).is_multiple_of(outgoing.every) {
            println!("sent {}", number + 1);
        }
        if outgoing.pause > 0 {
            std::thread::sleep(Duration::from_millis(outgoing.pause));
        }
    }
    println!("sent {}", outgoing.count);
    if outgoing.stay {
        // It ends, or cannot be read: no matter.
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
    }
    Ok(())
}

/// Receives so many messages, or until no more come.
fn receive<K: Receives>(
    incoming: &Incoming,
    socket: &Socket<K>,
    monitor: &Monitor,
) -> Result<(), Failure> {
    let mut tally = Tally::new(incoming.every);
    while tally.received < incoming.count {
        match socket.recv_within(Duration::from_secs(incoming.patience)) {
            Err(error) if error.is_would_block() => break,
            message => tally.take(&message?),
        }
    }
    finish(&tally, socket, monitor);
    Ok(())
}

/// Tells what came, and what became of the rest as far as anybody knows.
fn finish<K: Kind>(tally: &Tally, socket: &Socket<K>, monitor: &Monitor) {
    tally.tell();
    println!("dropped {}", dropped(socket));
    while let Ok(event) = monitor.try_recv() {
        use MonitorEvent::{PacketsLost, SourceBegan, SourceEnded};
        if matches!(event, SourceBegan { .. } | PacketsLost { .. } | SourceEnded { .. }) {
            println!("{event}");
        }
    }
}

/// How many messages a socket has dropped, or packets of them were lost.
fn dropped<K: Kind>(socket: &Socket<K>) -> u64 {
    socket.stats().iter().map(|connection| connection.dropped).sum()
}

/// What has come.
struct Tally {
    received: u64,
    /// Numbers that were left out, and messages that are no later than the one before.
    missing: u64,
    disordered: u64,
    /// The number after the last.
    next: Option<u64>,
    every: u64,
}

impl Tally {
    fn new(every: u64) -> Self {
        Self { received: 0, missing: 0, disordered: 0, next: None, every }
    }

    /// Counts a message that consists of an address and a body.
    fn take_last(&mut self, frames: &Multipart) {
        if let Some(body) = frames.get(1) {
            self.take(body);
        }
    }

    fn take(&mut self, body: &[u8]) {
        // Anybody may send to a group.
        let digits = body.get(..8).and_then(|digits| std::str::from_utf8(digits).ok());
        let Some(number) = digits.and_then(|digits| digits.parse::<u64>().ok()) else {
            return eprintln!("not one of ours: {} bytes", body.len());
        };
        match number.checked_sub(self.next.unwrap_or(number)) {
            Some(left_out) => {
                self.missing += left_out;
                self.next = Some(number + 1);
            }
            None => self.disordered += 1,
        }
        self.received += 1;
        if self.received.is_multiple_of(self.every) {
            self.tell();
        }
    }

    fn tell(&self) {
        let Self { received, missing, disordered, next, .. } = self;
        let next = next.unwrap_or(0);
        println!("received {received}, missing {missing}, out of order {disordered}, up to {next}");
    }
}
