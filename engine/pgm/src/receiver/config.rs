//! What a receiver is told when it is made.

use core::net::IpAddr;
use std::time::Duration;

/// How many more times a source whose answers come in time is asked without a pause: what does not come then has got lost,
/// or the NAK has. Where one of seven exchanges fails, all eight do for one packet in six million.
const NEAR_RETRIES: u16 = 6;
/// Longer than anybody waits.
const LONGEST: Duration = Duration::from_secs(365 * 86_400);

/// The settings of a [`PgmReceiver`](crate::PgmReceiver). [`new`](Self::new) has libzmq's.
#[derive(Clone, Debug)]
pub struct PgmReceiverConfig {
    /// The group that data come to.
    pub group: IpAddr,
    /// The port that data come to.
    pub data_port: u16,
    /// Packets of one source that may be known of and not delivered yet. 80.
    pub window: usize,
    /// Octets for packets that wait for others, of all sources together. 64 MiB. As long as there are sources, up to a
    /// sixteenth of it is kept besides, for those that will.
    pub memory: usize,
    /// Sources that are known at the same time. 1024.
    pub sources: usize,
    /// Before a NAK a random time of at most this passes, in which others may ask ("NAK_BO_IVL"). 50 ms.
    pub nak_back_off: Duration,
    /// How long an NCF is waited for ("NAK_RPT_IVL"). 200 ms.
    pub ncf_wait: Duration,
    /// How long RDATA are waited for ("NAK_RDATA_IVL"). 200 ms.
    pub rdata_wait: Duration,
    /// A packet that was asked for in vain more than once is asked for after ever longer pauses: 1, 3, 7 and so on times
    /// the wait for an answer, up to this. None. For waits that are short, and so too short on a long way: if the last
    /// packet that was asked for came in time, that begins six times later. With it the waits themselves follow what
    /// answers take, as TCP's do, from 2 ms up to this.
    pub longest_pause: Duration,
    /// How often no NCF may come before a packet is lost ("NAK_NCF_RETRIES"). 50.
    pub ncf_retries: u16,
    /// How often no RDATA may come before a packet is lost ("NAK_DATA_RETRIES"). 50.
    pub rdata_retries: u16,
    /// How long a source may be silent before it is forgotten. 300 s.
    pub expiry: Duration,
    /// How long an SPM is waited for before it is asked for. Each next wait is twice as long. 25 ms.
    pub spm_wait: Duration,
    /// How often an SPM is asked for. 8.
    pub spm_requests: u8,
    /// The longest that may be made of fragments, in octets. 1 MiB.
    pub max_apdu: usize,
}

impl PgmReceiverConfig {
    /// The settings that libzmq has, with the window of 100 kbit/s and ten seconds.
    pub fn new(group: IpAddr, data_port: u16) -> Self {
        PgmReceiverConfig {
            group,
            data_port,
            window: 80,
            memory: 64 << 20,
            sources: 1024,
            nak_back_off: Duration::from_millis(50),
            ncf_wait: Duration::from_millis(200),
            rdata_wait: Duration::from_millis(200),
            longest_pause: Duration::ZERO,
            ncf_retries: 50,
            rdata_retries: 50,
            expiry: Duration::from_secs(300),
            spm_wait: Duration::from_millis(25),
            spm_requests: 8,
            max_apdu: 1 << 20,
        }
    }

    /// The same with times that can be added to others, and that let time go on.
    pub(crate) fn within_bounds(self) -> Self {
        let bound = |time: Duration| time.clamp(Duration::from_millis(1), LONGEST);
        PgmReceiverConfig {
            nak_back_off: self.nak_back_off.min(LONGEST),
            ncf_wait: bound(self.ncf_wait),
            rdata_wait: bound(self.rdata_wait),
            longest_pause: self.longest_pause.min(LONGEST),
            expiry: bound(self.expiry),
            spm_wait: bound(self.spm_wait),
            ..self
        }
    }

    /// How much longer than the back-off to wait before a packet is asked for again, for the so-manieth time, where each
    /// answer is waited for so long.
    ///
    /// Of a source that is `near`, whose answers come in time, one that does not has got lost: then pauses grow later.
    pub(super) fn pause_before(&self, again: u16, wait: Duration, near: bool) -> Duration {
        let later = if near { NEAR_RETRIES } else { 0 };
        let times = (1_u32 << again.saturating_sub(1 + later).min(16)) - 1;
        wait.saturating_mul(times).min(self.longest_pause)
    }

    /// Packets of the window; at least one, and less than half of all sequence numbers.
    pub(crate) fn window_within_bounds(&self) -> u64 {
        self.window.clamp(1, 1 << 30) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_up_to_their_limit() {
        let config = PgmReceiverConfig {
            longest_pause: Duration::from_millis(300),
            ..PgmReceiverConfig::new(IpAddr::from([239, 1, 1, 1]), 1)
        };
        let wait = Duration::from_millis(10);
        let pauses = |near, agains: [u16; 7]| {
            agains.map(|again| config.pause_before(again, wait, near).as_millis())
        };
        assert_eq!(pauses(false, [1, 2, 3, 4, 5, 6, u16::MAX]), [0, 10, 30, 70, 150, 300, 300]);
        assert_eq!(pauses(true, [1, 7, 8, 9, 10, 11, u16::MAX]), [0, 0, 10, 30, 70, 150, 300]);
        let plain = PgmReceiverConfig::new(IpAddr::from([239, 1, 1, 1]), 1);
        assert_eq!(plain.pause_before(u16::MAX, wait, false), Duration::ZERO);
    }
}
