//! Publishes and subscribes with UDP ("epgm"), alone or with sockets of libzmq as the other side.
//!
//! ```text
//! epgm receive 10.0.0.2 239.192.1.1:5555 1000        until 1000 messages have come, or the source has ended
//! epgm send 10.0.0.1 239.192.1.1:5555 1000 100 4000  1000 messages of 100 bytes, at 4000 kbit/s
//! ```
//! The first address is that of the interface. A source waits for half a second before it begins, and goes on
//! repairing for five seconds.

use std::env;
use std::error::Error;
use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV4, UdpSocket};
use std::process;
use std::thread;
use std::time::{Duration, Instant};

use ringmq_pgm::{
    Gsi, Joined, Joiner, LossReason, Packer, PgmReceiver, PgmReceiverConfig, PgmSink, PgmSource,
    PgmSourceConfig, SourceEnd, SourceHandle, Sqn, TransmitRoom, Tsi, UpstreamTo, window_packets,
};

type Outcome<T> = Result<T, Box<dyn Error>>;

/// How long a source sleeps at most: so long a NAK may have to wait.
const SLEEP: Duration = Duration::from_millis(1);
/// More than systems make of such a sleep, so that what could have been sent in that time still can.
const BURST: Duration = Duration::from_millis(5);
/// How long losses can be repaired.
const RECOVERY: Duration = Duration::from_secs(10);

fn main() -> Outcome<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words[..] {
        ["receive", host, group, count] => receive(host.parse()?, group.parse()?, count.parse()?),
        ["send", host, group, count, length, rate] => {
            let messages = Outgoing::new(count.parse()?, length.parse()?);
            send(host.parse()?, group.parse()?, messages, rate.parse()?)
        }
        _ => Err("receive HOST GROUP:PORT COUNT, or send HOST GROUP:PORT COUNT LENGTH KBIT".into()),
    }
}

/// A socket that hears the group, and what is sent to this host.
fn listen(host: Ipv4Addr, group: SocketAddrV4) -> Outcome<UdpSocket> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, group.port()))?;
    socket.join_multicast_v4(group.ip(), &host)?;
    Ok(socket)
}

/// The next packet, if one comes as soon as the socket is told to wait for it.
fn next<'a>(socket: &UdpSocket, buffer: &'a mut [u8]) -> Outcome<Option<(&'a [u8], SocketAddr)>> {
    match socket.recv_from(buffer) {
        Ok((length, from)) => Ok(Some((&buffer[..length], from))),
        Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}

/// Messages that are still to be sent.
struct Outgoing {
    /// The number of the next, and how many there are, of how many octets.
    number: u32,
    count: u32,
    length: usize,
    /// The one that is being sent, and how much of it was.
    message: Vec<u8>,
    at: usize,
}

impl Outgoing {
    fn new(count: u32, length: usize) -> Self {
        Outgoing { number: 0, count, length, message: Vec::new(), at: 0 }
    }

    fn is_done(&self) -> bool {
        self.number == self.count && self.at == self.message.len()
    }

    /// Fills a packet, and returns its length.
    fn fill(&mut self, slot: &mut [u8]) -> usize {
        let mut packer = Packer::new(slot);
        while packer.room() > 0 && !self.is_done() {
            if self.at == self.message.len() {
                self.message = frame(self.number, self.length);
                (self.number, self.at) = (self.number + 1, 0);
            }
            self.at += packer.push(&self.message[self.at..], (self.at == 0).then_some(0));
        }
        packer.finish()
    }
}

fn send(host: Ipv4Addr, group: SocketAddrV4, mut messages: Outgoing, rate: u32) -> Outcome<()> {
    let socket = listen(host, group)?;
    // Its own timeout is no way to wait: Linux counts that in ticks of its clock, which are 4 ms or 10 ms long.
    socket.set_nonblocking(true)?;
    let out = UdpSocket::bind((host, 0))?;
    out.set_multicast_loop_v4(false)?;
    let id = u64::from(process::id()).to_be_bytes();
    let [.., a, b, c, d] = id;
    let session = Tsi { gsi: Gsi([0, 0, a, b, c, d]), port: 1 };
    let config = PgmSourceConfig::new(session, group.port(), host.into(), IpAddr::V4(*group.ip()));
    let config = config.with_rate(Some(u64::from(rate) * 125));
    let window = window_packets(rate, RECOVERY, 1500);
    let mut source =
        PgmSource::new(PgmSourceConfig { window, burst: Some(BURST), ..config }, Instant::now());
    let begin = Instant::now() + Duration::from_millis(500);
    let mut end = None;
    let mut buffer = vec![0; 65_536];
    while end.is_none_or(|end| Instant::now() < end) {
        let now = Instant::now();
        while now >= begin
            && !messages.is_done()
            && let Some(slot) = source.slot(now)
        {
            let length = messages.fill(slot);
            source.commit(length);
        }
        if messages.is_done() && end.is_none() {
            source.close();
            end = source.is_closed().then(|| now + Duration::from_secs(5));
        }
        while let Some(transmission) = source.transmit(now, 64) {
            let packets = transmission.run.len();
            for packet in transmission.run.iter() {
                out.send_to(packet, group)?;
            }
            source.sent(now, packets);
        }
        while let Some((packet, _)) = next(&socket, &mut buffer)? {
            source.on_packet(Instant::now(), packet);
        }
        let mut until = source.timeout(now).min(now + SLEEP);
        if let TransmitRoom::At(at) = source.room(now) {
            until = until.min(at);
        }
        thread::sleep(until.saturating_duration_since(Instant::now()));
    }
    println!("{}", source.counters());
    Ok(())
}

/// A message of one frame of ZMTP 1.0, which begins with its number.
fn frame(number: u32, length: usize) -> Vec<u8> {
    let mut frame = vec![0xFF];
    frame.extend_from_slice(&(length as u64 + 1).to_be_bytes());
    frame.push(0);
    frame.resize(10 + length, b'.');
    let text = format!("{number:08}");
    let shown = length.min(text.len());
    frame[10..10 + shown].copy_from_slice(&text.as_bytes()[..shown]);
    frame
}

fn receive(host: Ipv4Addr, group: SocketAddrV4, count: u64) -> Outcome<()> {
    let socket = listen(host, group)?;
    let config = PgmReceiverConfig::new(IpAddr::V4(*group.ip()), group.port());
    let config = PgmReceiverConfig { window: 1 << 16, ..config };
    let mut receiver = PgmReceiver::new(config, u64::from(process::id()));
    let mut messages = Messages::default();
    let mut buffer = vec![0; 65_536];
    while messages.count < count && messages.end.is_none() {
        let now = Instant::now();
        receiver.on_timeout(now, &mut messages);
        while let Some(upstream) = receiver.transmit(now) {
            let to = match upstream.to {
                UpstreamTo::Host(host) => host,
                UpstreamTo::Group => IpAddr::V4(*group.ip()),
            };
            socket.send_to(upstream.bytes, (to, group.port()))?;
        }
        let second = now + Duration::from_secs(1);
        let until = receiver.timeout().map_or(second, |at| at.min(second));
        // What is due already is done a moment later: no wait at all would be one for ever.
        let wait = until.saturating_duration_since(now).max(Duration::from_micros(1));
        socket.set_read_timeout(Some(wait))?;
        if let Some((packet, from)) = next(&socket, &mut buffer)? {
            receiver.on_packet(Instant::now(), from, packet, &mut messages);
        }
    }
    receiver.reports(Instant::now()).for_each(|report| println!("{report}"));
    if let Some(end) = messages.end {
        println!("the source has ended: {end}");
    }
    println!("{} messages, {} out of order", messages.count, messages.out_of_order);
    Ok(())
}

/// Counts messages. One source is enough here.
#[derive(Default)]
struct Messages {
    joiner: Joiner,
    octets: Vec<u8>,
    count: u64,
    last: Option<u64>,
    out_of_order: u64,
    /// A loss was told of.
    told: bool,
    /// Nothing more will come.
    end: Option<SourceEnd>,
}

impl PgmSink for Messages {
    fn data(&mut self, _source: SourceHandle, _sqn: Sqn, tsdu: &[u8]) {
        match self.joiner.data(tsdu) {
            Joined::Begin(octets) => self.octets = octets.to_vec(),
            Joined::Continue(octets) => self.octets.extend_from_slice(octets),
            Joined::Skipped | Joined::Malformed => return,
        }
        let mut rest = &self.octets[..];
        while let Some((body, after)) = split(rest) {
            rest = after;
            let number = body.get(..8).and_then(|text| str::from_utf8(text).ok()?.parse().ok());
            let follows = self.last.is_none() || number == self.last.map(|last| last + 1);
            self.out_of_order += u64::from(!follows);
            self.last = number;
            self.count += 1;
        }
        let taken = self.octets.len() - rest.len();
        self.octets.drain(..taken);
    }

    fn lost(&mut self, _source: SourceHandle, first: Sqn, count: u32, reason: LossReason) {
        if !self.told {
            println!("{count} packets from {first} on are lost: {reason}; and maybe others");
        }
        self.told = true;
        self.joiner.unjoin();
    }

    fn ended(&mut self, _source: SourceHandle, end: SourceEnd) {
        self.end = Some(end);
    }
}

/// The body of the first frame, and what follows it.
fn split(octets: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = match octets {
        [0xFF, rest @ ..] => {
            let (length, rest) = rest.split_first_chunk()?;
            (usize::try_from(u64::from_be_bytes(*length)).ok()?, rest)
        }
        [length, rest @ ..] => (usize::from(*length), rest),
        [] => return None,
    };
    let (frame, rest) = rest.split_at_checked(length)?;
    Some((frame.get(1..)?, rest))
}
