//! What a source is told when it is made.

use core::net::IpAddr;
use std::time::Duration;

use crate::packet::{DATA_AT, Sqn, Tsi};

/// Octets of the headers of IPv4 and UDP, which a rate counts too.
pub const UDP_OVERHEAD: usize = 28;
/// What libzmq leaves free in each packet: an OPT_FRAGMENT and its OPT_LENGTH.
pub const FRAGMENT_RESERVE: usize = 20;
/// Octets a second of repairs where the data have no limit: 1 Gbit/s.
const UNLIMITED_REPAIRS: u64 = 125_000_000;
/// The part of a rate that repairs may take: whoever asks for more than all others leaves them the other half.
const REPAIR_SHARE: u64 = 2;
/// The largest TPDU that UDP on IPv4 carries.
const TPDU_MAX: usize = 65_507;
/// An SPM that is due never is later than this.
const NEVER: Duration = Duration::from_secs(86_400);

/// The settings of a [`PgmSource`](crate::PgmSource). [`new`](Self::new) has libzmq's.
#[derive(Clone, Debug)]
pub struct PgmSourceConfig {
    /// The session: an id that no other source has, and a port that is not `data_port`.
    pub session: Tsi,
    /// The port that data go to, of PGM and, where UDP carries it, of UDP.
    pub data_port: u16,
    /// Our own address, which NAKs are sent to.
    pub path: IpAddr,
    /// The group that data go to.
    pub group: IpAddr,
    /// The longest packet, in octets, without the headers of IP and UDP: 1472 for an MTU of 1500. At most
    /// 65,507.
    pub max_tpdu: usize,
    /// Octets before each packet that rates count.
    pub overhead: usize,
    /// Octets left free in each packet, below `max_tpdu`: 20, as libzmq does.
    pub reserve: usize,
    /// Octets of data and repairs a second, headers among them; `None` for no limit. 12,500 (100 kbit/s).
    pub rate: Option<u64>,
    /// For how long data may have been saved up that are sent at once. `None` is as in OpenPGM: a second, or a
    /// millisecond where that is enough for a packet. Who wakes up less often than that should set more.
    pub burst: Option<Duration>,
    /// Octets of RDATA a second, headers among them. `None` is as many as there may be: half of `rate`, or 125 MB where
    /// that has no limit; more than that half never is taken. What they take of `rate` new data have to wait for:
    /// receivers that cannot keep up with it, and so miss packets, would else get more than before, and miss more. NCFs
    /// may take a quarter of it in addition.
    pub repair_rate: Option<u64>,
    /// The number of the first packet: 0.
    pub first: Sqn,
    /// Packets that are kept to be sent again, or are still to be sent.
    pub window: usize,
    /// The memory for these, in octets: the window gets smaller by it. 256 MiB.
    pub window_bytes: usize,
    /// The time between two SPMs while nothing else asks for one: 30 s.
    pub ambient_spm: Duration,
    /// The times between SPMs after data: 4 times 100 ms, 1.3 s, 7 s, 16 s, 25 s, 30 s.
    pub heartbeat_spm: Vec<Duration>,
    /// The time between two SPMs that receivers ask for: 20 ms.
    pub requested_spm: Duration,
}

impl PgmSourceConfig {
    /// The settings that libzmq has, for IPv4 with an MTU of 1500 octets, 100 kbit/s and a window of ten
    /// seconds, which are 80 packets.
    pub fn new(session: Tsi, data_port: u16, path: IpAddr, group: IpAddr) -> Self {
        let rate = 12_500;
        let millis = [100, 100, 100, 100, 1300, 7000, 16_000, 25_000, 30_000];
        PgmSourceConfig {
            session,
            data_port,
            path,
            group,
            max_tpdu: 1500 - UDP_OVERHEAD,
            overhead: UDP_OVERHEAD,
            reserve: FRAGMENT_RESERVE,
            rate: Some(rate),
            burst: None,
            repair_rate: None,
            first: Sqn(0),
            window: window_packets(100, Duration::from_secs(10), 1500),
            window_bytes: 256 << 20,
            ambient_spm: Duration::from_secs(30),
            heartbeat_spm: millis.map(Duration::from_millis).to_vec(),
            requested_spm: Duration::from_millis(20),
        }
    }

    /// The same with another rate, of data and of repairs.
    #[must_use]
    pub fn with_rate(self, rate: Option<u64>) -> Self {
        PgmSourceConfig { rate, repair_rate: None, ..self }
    }

    /// Octets of RDATA a second. Data always get what is left of the rate.
    pub(crate) fn repairs(&self) -> u64 {
        let half = self.rate.map(|rate| rate / REPAIR_SHARE);
        let wanted = self.repair_rate.or(half).unwrap_or(UNLIMITED_REPAIRS);
        wanted.min(half.unwrap_or(u64::MAX))
    }

    /// Octets of a slot of the window: the longest packet that is made.
    pub(crate) fn slot(&self) -> usize {
        // At least one octet of data, whatever was set.
        self.max_tpdu.min(TPDU_MAX).saturating_sub(self.reserve).max(DATA_AT + 1)
    }

    /// Octets of data that may be sent at once, headers among them.
    pub(crate) fn bucket(&self) -> u64 {
        let (rate, packet) = (self.rate.unwrap_or(0), (self.slot() + self.overhead) as u64);
        let size = match self.burst {
            Some(burst) => (rate as f64 * burst.min(NEVER).as_secs_f64()) as u64,
            None if rate / 1000 >= packet => rate / 1000,
            None => rate,
        };
        // Less would be no limit that is ever reached.
        size.max(packet)
    }

    /// Packets of the window; at least one, and less than half of all sequence numbers.
    pub(crate) fn window_within_bounds(&self) -> usize {
        self.window.min(self.window_bytes / self.slot()).clamp(1, 1 << 30)
    }

    /// The interval after the `nth` SPM since data, counted from 0.
    pub(crate) fn heartbeat(&self, nth: usize) -> Option<Duration> {
        self.heartbeat_spm.get(nth).map(|interval| (*interval).min(NEVER))
    }

    pub(crate) fn requested(&self) -> Duration {
        self.requested_spm.min(NEVER)
    }

    pub(crate) fn ambient(&self) -> Duration {
        self.ambient_spm.min(NEVER)
    }
}

/// Packets that libzmq keeps, as sender and as receiver, for a rate in kbit/s, the interval within which
/// losses can be repaired, and an MTU with all headers.
pub fn window_packets(rate_kbit: u32, recovery: Duration, mtu: usize) -> usize {
    let octets = recovery.as_millis().saturating_mul(u128::from(rate_kbit / 8));
    usize::try_from(octets / (mtu.max(1) as u128)).unwrap_or(usize::MAX).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sent_at_once_is_a_millisecond_or_a_second_or_what_was_set() {
        let host = IpAddr::from([127, 0, 0, 1]);
        let session = Tsi { gsi: crate::Gsi([0; 6]), port: 1 };
        let config = PgmSourceConfig::new(session, 1, host, host);
        for (rate, burst, bucket) in [
            (1_479_000, None, 1_479_000),
            (1_480_000, None, 1_480),
            (12_500, None, 12_500),
            (1_000_000, Some(10), 10_000),
            (1_000, Some(10), 1_480),
            (u64::MAX, Some(u64::MAX), u64::MAX),
        ] {
            let burst = burst.map(Duration::from_millis);
            let config = PgmSourceConfig { burst, ..config.clone().with_rate(Some(rate)) };
            assert_eq!(config.bucket(), bucket);
        }
    }

    #[test]
    fn the_window_is_as_large_as_that_of_libzmq() {
        assert_eq!(window_packets(100, Duration::from_secs(10), 1500), 80);
        assert_eq!(window_packets(1, Duration::from_secs(10), 1500), 1);
        assert_eq!(window_packets(40_000, Duration::from_secs(60), 1500), 200_000);
        assert!(window_packets(u32::MAX, Duration::MAX, 0) > 1 << 30);
    }
}
