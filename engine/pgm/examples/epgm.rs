//! Publishes and subscribes with UDP ("epgm"), alone or with sockets of libzmq as the other side.
//!
//! ```text
//! epgm receive 10.0.0.2 239.192.1.1:5555 1000        until 1000 messages have come
//! epgm send 10.0.0.1 239.192.1.1:5555 1000 100 4000  1000 messages of 100 bytes, at 4000 kbit/s
//! ```
//! The first address is that of the interface. A source waits for half a second before it begins, and goes on
//! repairing for five seconds.

use std::env;
use std::error::Error;
use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV4, UdpSocket};
use std::process;
use std::time::{Duration, Instant};

use ringmq_pgm::{
    Gsi, Joined, Joiner, LossReason, Packer, PgmReceiver, PgmReceiverConfig, PgmSink, PgmSource,
    PgmSourceConfig, SourceHandle, Sqn, Tsi, UpstreamTo, window_packets,
};

type Outcome<T> = Result<T, Box<dyn Error>>;

/// What systems make of a sleep of a millisecond.
const BURST: Duration = Duration::from_millis(2);
/// How long losses can be repaired.
const RECOVERY: Duration = Duration::from_secs(10);

fn main() -> Outcome<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words[..] {
        ["receive", host, group, count] => receive(host.parse()?, group.parse()?, count.parse()?),
        ["send", host, group, count, length, rate] => {
            let (count, length) = (count.parse()?, length.parse()?);
            send(host.parse()?, group.parse()?, (count, length), rate.parse()?)
        }
        _ => Err("receive HOST GROUP:PORT COUNT, or send HOST GROUP:PORT COUNT LENGTH KBIT".into()),
    }
}

/// Whether a packet is thrown away, of a hundred as many as `EPGM_LOSS` says: for a look at how they are repaired.
fn is_lost() -> bool {
    let loss = env::var("EPGM_LOSS").ok().and_then(|loss| loss.parse().ok());
    fastrand::u8(..100) < loss.unwrap_or(0)
}

/// A socket that hears the group, and what is sent to this host.
fn listen(host: Ipv4Addr, group: SocketAddrV4) -> Outcome<UdpSocket> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, group.port()))?;
    socket.join_multicast_v4(group.ip(), &host)?;
    Ok(socket)
}

/// The next packet, if one comes before `until`.
fn next<'a>(
    socket: &UdpSocket,
    until: Instant,
    buffer: &'a mut [u8],
) -> Outcome<Option<(&'a [u8], SocketAddr)>> {
    let wait = until.saturating_duration_since(Instant::now());
    socket.set_nonblocking(wait.is_zero())?;
    if !wait.is_zero() {
        socket.set_read_timeout(Some(wait))?;
    }
    match socket.recv_from(buffer) {
        Ok(_) if is_lost() => Ok(None),
        Ok((length, from)) => Ok(Some((&buffer[..length], from))),
        Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}

fn send(
    host: Ipv4Addr,
    group: SocketAddrV4,
    (count, length): (u32, usize),
    rate: u32,
) -> Outcome<()> {
    let socket = listen(host, group)?;
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
    let (mut number, mut at, mut message) = (0, 0, Vec::new());
    let mut end = None;
    let mut buffer = vec![0; 65_536];
    while end.is_none_or(|end| Instant::now() < end) {
        let now = Instant::now();
        while now >= begin
            && (number < count || at < message.len())
            && let Some(slot) = source.slot(now)
        {
            let mut packer = Packer::new(slot);
            while packer.room() > 0 && (number < count || at < message.len()) {
                if at == message.len() {
                    message = frame(number, length);
                    (number, at) = (number + 1, 0);
                }
                at += packer.push(&message[at..], (at == 0).then_some(0));
            }
            let length = packer.finish();
            source.commit(length);
        }
        if number == count && at == message.len() && end.is_none() {
            source.close();
            end = source.is_closed().then(|| now + Duration::from_secs(5));
        }
        while let Some(transmission) = source.transmit(now, 64) {
            let packets = transmission.run.len();
            for packet in transmission.run.iter().filter(|_| !is_lost()) {
                out.send_to(packet, group)?;
            }
            source.sent(now, packets);
        }
        let soon = now + Duration::from_millis(1);
        let mut until = source.timeout(now).min(soon);
        while let Some((packet, _)) = next(&socket, until, &mut buffer)? {
            source.on_packet(Instant::now(), packet);
            until = now;
        }
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
    while messages.count < count {
        let now = Instant::now();
        receiver.on_timeout(now, &mut messages);
        while let Some(upstream) = receiver.transmit(now) {
            let to = match upstream.to {
                UpstreamTo::Host(host) => host,
                UpstreamTo::Group => IpAddr::V4(*group.ip()),
            };
            if !is_lost() {
                socket.send_to(upstream.bytes, (to, group.port()))?;
            }
        }
        let second = now + Duration::from_secs(1);
        let until = receiver.timeout().map_or(second, |at| at.min(second));
        if let Some((packet, from)) = next(&socket, until, &mut buffer)? {
            receiver.on_packet(Instant::now(), from, packet, &mut messages);
        }
    }
    receiver.reports(Instant::now()).for_each(|report| println!("{report}"));
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
