//! PGM, reliable multicast: PUB to SUB in a group, in udp (`epgm`) or on IP (`pgm`), as libzmq has it.
//!
//! The protocol is [`ringmq_pgm`]'s. Here it gets its socket, its addresses and its settings. A source sends from,
//! and hears NAKs at, the address of its interface and the port of the group; a receiver is a member of the group,
//! and sends its NAKs from the same socket.

mod assembly;
pub(crate) mod endpoint;
mod octets;
mod publisher;
#[cfg(test)]
mod stream_tests;
mod subscriber;
mod waiting;

use crate::datagram::{
    DatagramRole, DatagramTransport, OpenedDatagrams, PgmHow, open_member, open_source,
};
use crate::endpoint::{PgmEndpoint, TcpEndpoint, Text};
use crate::error::{BindError, EndpointError, ResolveError};
use crate::options::MulticastOptions;
use crate::owner::LinkOptions;
use crate::transport::Transport;
use endpoint::PgmCarrier;
use publisher::PgmPublisher;
use ringmq_engine::{Carriage, DatagramReceive, LONGEST_DATAGRAM, random};
use ringmq_pgm::{
    Gsi, PgmReceiver, PgmReceiverConfig, PgmSource, PgmSourceConfig, Tsi, window_packets,
};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};
use subscriber::PgmSubscriber;

/// Octets of the headers of IP and, if that is in it, udp.
const IPV4: usize = 20;
const IPV6: usize = 40;
const UDP: usize = 8;
/// For how long data may have been saved up that are sent at once: timers are no finer than a millisecond.
const BURST: Duration = Duration::from_millis(4);
/// Packets of a source that may be known of and not delivered, if the options ask for less: memory is bounded apart
/// from that.
const LEAST_WINDOW: usize = 1 << 16;
/// Before a NAK a random time of at most this passes, in which others may ask.
const NAK_BACK_OFF: Duration = Duration::from_millis(2);
/// How long an answer to a NAK is waited for, and then the packet, until it is known how long they take. Everything behind a missing packet is kept until it
/// comes, and repairs get lost too: with the 200 ms of libzmq a loss of 1 % left a fifth of the rate, of 5 % a twentieth.
const ANSWER: Duration = Duration::from_millis(10);
/// How long the pauses become for those whose answers take longer.
const LONGEST_PAUSE: Duration = Duration::from_millis(300);

/// What stands before a packet in what a socket receives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum IpHeaders {
    /// Nothing: it comes as a datagram of udp.
    Udp,
    /// The header of IPv4, which raw sockets get.
    RawV4,
    /// Nothing: those of IPv6 do not.
    RawV6,
}

impl IpHeaders {
    /// What is behind it.
    fn strip(self, bytes: &[u8]) -> Option<&[u8]> {
        match self {
            Self::Udp | Self::RawV6 => Some(bytes),
            Self::RawV4 => bytes.get(usize::from(bytes.first()? & 0x0F) * 4..),
        }
    }
}

impl Transport for PgmEndpoint {
    fn parse_bind(text: Text<'_>, address: &str) -> Result<Self, EndpointError> {
        Self::read(text, address)
    }

    fn parse_connect(text: Text<'_>, address: &str) -> Result<Self, EndpointError> {
        Self::read(text, address)
    }

    fn datagrams(&self) -> Option<&dyn DatagramTransport> {
        Some(self)
    }
}

impl DatagramTransport for PgmEndpoint {
    fn unresolved(&self, _: DatagramRole) -> Option<&TcpEndpoint> {
        None
    }

    fn open(
        &self,
        role: DatagramRole,
        _: Option<SocketAddr>,
        options: &LinkOptions,
    ) -> Result<OpenedDatagrams, BindError> {
        let endpoint = self.to_string();
        if self.group().is_ipv6() && !options.tcp.ipv6 {
            let source = ResolveError::Ipv6Disabled { host: self.group().to_string() };
            return Err(BindError::Host { endpoint, source });
        }
        let raw = self.runs_over() == PgmCarrier::Ip;
        let how = PgmHow {
            group: SocketAddr::new(self.group(), self.port()),
            interface: self.interface(),
            raw,
            endpoint: &endpoint,
        };
        let headers = match (how.raw, self.group()) {
            (false, _) => IpHeaders::Udp,
            (true, IpAddr::V4(_)) => IpHeaders::RawV4,
            (true, IpAddr::V6(_)) => IpHeaders::RawV6,
        };
        let (socket, membership, carriage): (_, _, Box<dyn Carriage>) = match role {
            DatagramRole::Publish => {
                let (socket, membership, path) = open_source(&how, options)?;
                let config = self.source_config(path, &options.multicast, &endpoint)?;
                let source = PgmSource::new(config, Instant::now());
                (socket, membership, Box::new(PgmPublisher::new(source, how.group, headers)))
            }
            _ => {
                let (socket, membership) = open_member(&how, options)?;
                let receiver = PgmReceiver::new(self.receiver_config(&options.multicast), seed());
                let told = (options.zmtp.clone(), Arc::from(&*endpoint));
                let subscriber = PgmSubscriber::new(
                    receiver,
                    how.group,
                    headers,
                    told,
                    options.max_waiting_bytes,
                );
                (socket, membership, Box::new(subscriber))
            }
        };
        Ok(OpenedDatagrams {
            socket,
            resolved: endpoint.clone(),
            peer: endpoint,
            membership: Some(membership),
            receives: Some(DatagramReceive { longest: LONGEST_DATAGRAM, runs: !raw }),
            carriage,
        })
    }
}

impl PgmEndpoint {
    /// Octets of the headers before a packet.
    fn overhead(&self) -> usize {
        let ip = if self.group().is_ipv4() { IPV4 } else { IPV6 };
        if self.runs_over() == PgmCarrier::Udp { ip + UDP } else { ip }
    }

    fn source_config(
        &self,
        path: IpAddr,
        options: &MulticastOptions,
        endpoint: &str,
    ) -> Result<PgmSourceConfig, BindError> {
        let mut id = [0; 8];
        random(&mut id)
            .map_err(|_| BindError::of_system(endpoint, "random", io::ErrorKind::Other.into()))?;
        let [a, b, c, d, e, f, port @ ..] = id;
        // It has to be another one than that of the data.
        let port = match u16::from_be_bytes(port) {
            port if port == self.port() => port ^ 1,
            port => port,
        };
        let session = Tsi { gsi: Gsi([a, b, c, d, e, f]), port };
        let config = PgmSourceConfig::new(session, self.port(), path, self.group());
        Ok(PgmSourceConfig {
            max_tpdu: usize::from(options.max_tpdu).saturating_sub(self.overhead()),
            overhead: self.overhead(),
            burst: Some(BURST),
            window: self.window(options),
            ..config.with_rate(Some(u64::from(options.rate) * 1000 / 8))
        })
    }

    fn receiver_config(&self, options: &MulticastOptions) -> PgmReceiverConfig {
        let config = PgmReceiverConfig::new(self.group(), self.port());
        PgmReceiverConfig {
            window: self.window(options).max(LEAST_WINDOW),
            nak_back_off: NAK_BACK_OFF,
            ncf_wait: ANSWER,
            rdata_wait: ANSWER,
            longest_pause: LONGEST_PAUSE,
            ..config
        }
    }

    /// Packets that can be repaired.
    fn window(&self, options: &MulticastOptions) -> usize {
        window_packets(options.rate, options.recovery, options.max_tpdu.into())
    }
}

/// For the times before NAKs: no two receivers should have the same.
fn seed() -> u64 {
    let mut seed = [0; 8];
    // Without random bytes the others' are random enough.
    let _ = random(&mut seed);
    u64::from_le_bytes(seed)
}
