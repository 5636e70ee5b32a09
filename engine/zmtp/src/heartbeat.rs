//! The timers of a connection that tell a silent peer from a dead one (RFC 37, "Heartbeating").
//!
//! Two promises are watched. Ours: after a PING of ours the peer must be heard from within the
//! time-out. The peer's: a PING of the peer with a time-to-live asks us to give up if nothing
//! more comes within that time. Anything that arrives settles both.

use std::time::{Duration, Instant};

use crate::HeartbeatConfig;

/// The unit of a time-to-live on the wire.
const TTL_UNIT: Duration = Duration::from_millis(100);

/// What to do when a timer has run out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Nothing yet.
    None,
    /// Send a PING: [`Encoder::ping`](crate::Encoder::ping).
    SendPing {
        /// The time-to-live for it.
        ttl: u16,
    },
    /// The peer is gone: close the connection. A connecter tries again.
    Expired,
}

/// The timers. Without a [`HeartbeatConfig`] no PING is ever due, but the peer's are obeyed.
///
/// ```
/// use ringmq_zmtp::{Action, Heartbeat, HeartbeatConfig};
/// use std::time::{Duration, Instant};
///
/// let now = Instant::now();
/// let second = Duration::from_secs(1);
/// let mut heartbeat = Heartbeat::new(Some(HeartbeatConfig::every(second)), now);
/// assert_eq!(heartbeat.poll_timeout(), Some(now + second));
/// assert_eq!(heartbeat.handle_timeout(now + second), Action::SendPing { ttl: 0 });
/// // Not a word since:
/// assert_eq!(heartbeat.handle_timeout(now + 2 * second), Action::Expired);
/// ```
#[derive(Clone, Debug)]
pub struct Heartbeat {
    config: Option<HeartbeatConfig>,
    /// When the next PING is due.
    ping: Option<Instant>,
    /// When our patience ends. Set by the first PING that nothing has followed yet.
    timeout: Option<Instant>,
    /// When the peer's last time-to-live ends, if nothing has come since.
    ttl: Option<Instant>,
}

impl Heartbeat {
    /// Starts the timers of a connection, at the end of its handshake: the first PING comes one
    /// interval later. A zero interval is the same as no `config`.
    pub fn new(config: Option<HeartbeatConfig>, now: Instant) -> Self {
        let config = config.filter(|config| !config.interval.is_zero());
        let ping = config.and_then(|config| now.checked_add(config.interval));
        Heartbeat { config, ping, timeout: None, ttl: None }
    }

    /// When to call [`handle_timeout`](Self::handle_timeout) at the latest; `None` for never.
    pub fn poll_timeout(&self) -> Option<Instant> {
        [self.ping, self.timeout, self.ttl].into_iter().flatten().min()
    }

    /// Tells what time it is, and what follows from that.
    pub fn handle_timeout(&mut self, now: Instant) -> Action {
        let due = |timer: Option<Instant>| timer.is_some_and(|at| at <= now);
        if due(self.timeout) || due(self.ttl) {
            return Action::Expired;
        }
        match self.config {
            Some(config) if due(self.ping) => {
                self.ping = now.checked_add(config.interval);
                if self.timeout.is_none() && !config.timeout.is_zero() {
                    self.timeout = now.checked_add(config.timeout);
                }
                Action::SendPing { ttl: tenths(config.ttl) }
            }
            _ => Action::None,
        }
    }

    /// The peer was heard from. To be called for every read that brought anything, before the
    /// octets are decoded: a PING among them starts a new time-to-live.
    #[inline]
    pub fn on_input(&mut self) {
        self.timeout = None;
        self.ttl = None;
    }

    /// A PING of the peer was decoded. `ttl` is in tenths of a second, 0 to ask for nothing.
    pub fn on_ping(&mut self, ttl: u16, now: Instant) {
        if ttl > 0 && self.ttl.is_none() {
            // Not in 16 bits, where libzmq's own arithmetic wraps above 65.5 seconds.
            self.ttl = now.checked_add(TTL_UNIT * u32::from(ttl));
        }
    }
}

/// A time-to-live as it goes on the wire.
fn tenths(ttl: Duration) -> u16 {
    u16::try_from(ttl.as_millis() / TTL_UNIT.as_millis()).unwrap_or(u16::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn config(interval: u32, timeout: u32, ttl: u32) -> Option<HeartbeatConfig> {
        Some(HeartbeatConfig { interval: MS * interval, timeout: MS * timeout, ttl: MS * ttl })
    }

    #[test]
    fn pings_are_sent_at_the_interval_and_carry_the_time_to_live() {
        let start = Instant::now();
        let mut heartbeat = Heartbeat::new(config(200, 1000, 1599), start);
        assert_eq!(heartbeat.handle_timeout(start + MS * 199), Action::None);
        for beat in 1..5 {
            let due = start + MS * 200 * beat;
            assert_eq!(heartbeat.poll_timeout(), Some(due));
            assert_eq!(heartbeat.handle_timeout(due), Action::SendPing { ttl: 15 });
            assert_eq!(heartbeat.handle_timeout(due), Action::None);
        }
        // The time-out counts from the first PING that got no answer, not from the last.
        assert_eq!(heartbeat.handle_timeout(start + MS * 1200), Action::Expired);
    }

    #[test]
    fn any_input_ends_the_wait_and_the_next_ping_begins_a_new_one() {
        let start = Instant::now();
        let mut heartbeat = Heartbeat::new(config(200, 300, 0), start);
        assert_eq!(heartbeat.handle_timeout(start + MS * 200), Action::SendPing { ttl: 0 });
        heartbeat.on_input();
        assert_eq!(heartbeat.poll_timeout(), Some(start + MS * 400));
        assert_eq!(heartbeat.handle_timeout(start + MS * 400), Action::SendPing { ttl: 0 });
        assert_eq!(heartbeat.handle_timeout(start + MS * 699), Action::SendPing { ttl: 0 });
        assert_eq!(heartbeat.handle_timeout(start + MS * 700), Action::Expired);
    }

    #[test]
    fn the_peers_time_to_live_is_obeyed_without_own_heartbeats() {
        let start = Instant::now();
        let mut heartbeat = Heartbeat::new(None, start);
        assert_eq!(heartbeat.poll_timeout(), None);
        heartbeat.on_ping(0, start);
        assert_eq!(heartbeat.poll_timeout(), None);
        // 65,535 tenths of a second: more than 16 bits of milliseconds hold.
        heartbeat.on_ping(u16::MAX, start);
        assert_eq!(heartbeat.poll_timeout(), Some(start + MS * 6_553_500));
        heartbeat.on_input();
        heartbeat.on_ping(5, start + MS * 10);
        heartbeat.on_ping(1, start + MS * 20); // Armed already, as in libzmq.
        assert_eq!(heartbeat.handle_timeout(start + MS * 509), Action::None);
        assert_eq!(heartbeat.handle_timeout(start + MS * 510), Action::Expired);
    }

    #[test]
    fn extreme_settings_do_no_harm() {
        let start = Instant::now();
        let mut heartbeat = Heartbeat::new(config(0, 1, 1), start);
        assert_eq!(heartbeat.handle_timeout(start + MS * 10), Action::None);
        let endless = HeartbeatConfig::every(Duration::MAX);
        assert_eq!(Heartbeat::new(Some(endless), start).poll_timeout(), None);
        let patient = HeartbeatConfig { timeout: Duration::ZERO, ..HeartbeatConfig::every(MS) };
        heartbeat = Heartbeat::new(Some(HeartbeatConfig { ttl: Duration::MAX, ..patient }), start);
        let ping = Action::SendPing { ttl: u16::MAX };
        assert!((1..100).all(|beat| heartbeat.handle_timeout(start + MS * beat) == ping));
    }
}
