//! The timers of a connection that tell a silent peer from a dead one (RFC 37, "Heartbeating").
//!
//! Two promises are watched. Ours: after a PING of ours the peer must be heard from within the
//! time-out. The peer's: a PING of the peer with a time-to-live asks us to give up if nothing
//! more comes within that time. Anything that arrives settles both.
//!
//! # What our own PINGs prove
//! * **A PING that waits asks nobody.** One is due every interval. It waits behind what is being sent, and
//!   there is never more than one that does: the time-out starts when the kernel has
//!   [taken](Heartbeat::on_ping_sent) it.
//! * **A PING asks the peer if the peer can get to it.** It cannot while messages stand before it that it
//!   has no room for: a peer that is busy stops reading, or is still reading what a slow link brings. That
//!   the messages before a PING were read is proven by the answer to that PING, or to a later one (they
//!   are answered in order, and counted). So the time-out starts for a PING only if the last one that
//!   came right after messages was answered; from then on nobody has an excuse.
//! * **For all others the peer's system answers.** While a PING waits, or stands behind messages that may
//!   be unread, the kernel is asked what it knows of the [`Line`]: acknowledgements, also of probes of a
//!   window that is closed, are signs of life of a peer that is slow or busy. A system that was asked and
//!   from which nothing came for the time-out (half a second at least) is gone: a cut cable, a host
//!   without power. A closed window is probed at times that are the kernel's, and what happens between
//!   two probes shows at the second.
//!
//! Where the kernel tells nothing (other systems than Linux), a peer with unread messages is left to
//! tcp's own time limits. A Unix socket has no cable: its peer exists for as long as it is not closed. A
//! process that hangs with messages unread looks like one that is busy, and is not given up.

use std::time::{Duration, Instant};

use crate::HeartbeatConfig;
use crate::line::{Line, Watch};

/// The unit of a time-to-live on the wire.
const TTL_UNIT: Duration = Duration::from_millis(100);

/// What to do when a timer has run out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Nothing yet.
    None,
    /// Send a PING: [`Encoder::ping`](crate::Encoder::ping). Say so when the kernel has it:
    /// [`Heartbeat::on_ping_sent`]. Until then no other is asked for.
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
/// // It went out at once, and there were no messages before it:
/// heartbeat.on_ping_sent(false, now + second);
/// // Not a word since:
/// assert_eq!(heartbeat.handle_timeout(now + 2 * second), Action::Expired);
/// ```
#[derive(Clone, Debug)]
pub struct Heartbeat {
    config: Option<HeartbeatConfig>,
    /// When the next PING is due.
    ping: Option<Instant>,
    /// A PING was asked for, and the kernel has not taken it yet.
    waiting: bool,
    /// When our patience ends. Set by the first PING that nothing has followed yet.
    timeout: Option<Instant>,
    /// When the peer's last time-to-live ends, if nothing has come since.
    ttl: Option<Instant>,
    /// PINGs that the kernel has taken, and PONGs that came.
    pings: u64,
    pongs: u64,
    /// Which PING was the first after the last messages: its answer proves that they were read. Zero if
    /// there were none.
    proof: u64,
    watch: Watch,
}

impl Heartbeat {
    /// Starts the timers of a connection, at the end of its handshake: the first PING comes one
    /// interval later. A zero interval is the same as no `config`.
    pub fn new(config: Option<HeartbeatConfig>, now: Instant) -> Self {
        let config = config.filter(|config| !config.interval.is_zero());
        let ping = config.and_then(|config| now.checked_add(config.interval));
        Heartbeat {
            config,
            ping,
            waiting: false,
            timeout: None,
            ttl: None,
            pings: 0,
            pongs: 0,
            proof: 0,
            watch: Watch::default(),
        }
    }

    /// When to call [`handle_timeout`](Self::handle_timeout) at the latest; `None` for never.
    pub fn poll_timeout(&self) -> Option<Instant> {
        [self.ping, self.timeout, self.ttl, self.line_timeout()].into_iter().flatten().min()
    }

    /// Tells what time it is, and what follows from that.
    pub fn handle_timeout(&mut self, now: Instant) -> Action {
        let due = |timer: Option<Instant>| timer.is_some_and(|at| at <= now);
        if due(self.timeout) || due(self.ttl) || due(self.line_timeout()) {
            return Action::Expired;
        }
        match self.config {
            Some(config) if due(self.ping) => {
                self.ping = now.checked_add(config.interval);
                if std::mem::replace(&mut self.waiting, true) {
                    return Action::None;
                }
                Action::SendPing { ttl: tenths(config.ttl) }
            }
            _ => Action::None,
        }
    }

    /// The kernel has taken the PING that was [asked for](Action::SendPing). `behind_messages` if
    /// messages were sent since the PING before it, or since the handshake if it is the first.
    pub fn on_ping_sent(&mut self, behind_messages: bool, now: Instant) {
        self.waiting = false;
        self.pings += 1;
        if behind_messages {
            self.proof = self.pings;
        }
        if self.timeout.is_none() && self.all_read() {
            self.timeout = self.patience().and_then(|patience| now.checked_add(patience));
        }
    }

    /// Whether [`on_line`](Self::on_line) is to be called before the next
    /// [`handle_timeout`](Self::handle_timeout), and now.
    pub fn watches_line(&self) -> bool {
        self.patience().is_some() && (self.waiting || !self.all_read())
    }

    /// How long the kernel may wait between two questions to a peer that does not answer, so that it is not
    /// behind in [`on_line`](Self::on_line); `None` if that does not matter.
    pub fn longest_pause(&self) -> Option<Duration> {
        Some(self.patience()?.max(self.config?.interval))
    }

    /// What the kernel knows of the connection; `None` if it tells nothing.
    pub fn on_line(&mut self, line: Option<Line>, now: Instant) {
        self.watch.look(line, now);
    }

    /// The peer was heard from. To be called for every read that brought anything, before the
    /// bytes are decoded: a PING among them starts a new time-to-live.
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

    /// A PONG of the peer was decoded.
    pub fn on_pong(&mut self) {
        // Nobody answers what was not asked. A peer that answers two at once only makes a proof wait.
        self.pongs = self.pings.min(self.pongs + 1);
        if !self.watches_line() {
            self.watch = Watch::default();
        }
    }

    /// Whether the peer has read all messages before the last PING, as far as is proven.
    fn all_read(&self) -> bool {
        self.pongs >= self.proof
    }

    /// How long the peer may be silent, if not for ever.
    fn patience(&self) -> Option<Duration> {
        self.config.map(|config| config.timeout).filter(|timeout| !timeout.is_zero())
    }

    fn line_timeout(&self) -> Option<Instant> {
        self.watch.deadline(self.patience().filter(|_| self.watches_line())?)
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

    /// A PING is due, and goes out at once.
    fn beat(heartbeat: &mut Heartbeat, behind_messages: bool, now: Instant) {
        assert!(matches!(heartbeat.handle_timeout(now), Action::SendPing { .. }));
        heartbeat.on_ping_sent(behind_messages, now);
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
            heartbeat.on_ping_sent(false, due);
            assert_eq!(heartbeat.handle_timeout(due), Action::None);
        }
        // The time-out counts from the first PING that got no answer, not from the last.
        assert_eq!(heartbeat.handle_timeout(start + MS * 1200), Action::Expired);
    }

    #[test]
    fn any_input_ends_the_wait_and_the_next_ping_begins_a_new_one() {
        let start = Instant::now();
        let mut heartbeat = Heartbeat::new(config(200, 300, 0), start);
        beat(&mut heartbeat, false, start + MS * 200);
        heartbeat.on_input();
        assert_eq!(heartbeat.poll_timeout(), Some(start + MS * 400));
        beat(&mut heartbeat, false, start + MS * 400);
        beat(&mut heartbeat, false, start + MS * 699);
        assert_eq!(heartbeat.handle_timeout(start + MS * 700), Action::Expired);
    }

    #[test]
    fn a_ping_that_waits_asks_nobody_and_is_not_joined_by_another() {
        let start = Instant::now();
        let mut heartbeat = Heartbeat::new(config(300, 600, 0), start);
        assert_eq!(heartbeat.handle_timeout(start + MS * 300), Action::SendPing { ttl: 0 });
        assert!(heartbeat.watches_line(), "of the peer, only its system can answer");
        for beat in 2..100 {
            assert_eq!(heartbeat.poll_timeout(), Some(start + MS * 300 * beat));
            assert_eq!(heartbeat.handle_timeout(start + MS * 300 * beat), Action::None);
        }
        let sent = start + MS * 30_000;
        heartbeat.on_ping_sent(false, sent);
        assert_eq!(heartbeat.handle_timeout(sent + MS * 599), Action::SendPing { ttl: 0 });
        assert_eq!(heartbeat.handle_timeout(sent + MS * 600), Action::Expired);
    }

    #[test]
    fn behind_messages_an_answer_proves_that_they_were_read() {
        let start = Instant::now();
        let mut heartbeat = Heartbeat::new(config(300, 600, 0), start);
        let at = |beat: u32| start + MS * 300 * beat;
        // Messages, and then a busy peer: it is asked for, and owes an answer to, PINGs 1 to 99.
        for number in 1..100 {
            beat(&mut heartbeat, number < 50, at(number));
            assert!(heartbeat.watches_line());
        }
        // It reads on, and is busy again before the last message.
        for _ in 1..49 {
            heartbeat.on_input();
            heartbeat.on_pong();
        }
        beat(&mut heartbeat, false, at(100));
        beat(&mut heartbeat, false, at(110));
        assert!(heartbeat.watches_line());
        // Now it has read all of it.
        heartbeat.on_input();
        heartbeat.on_pong();
        assert!(!heartbeat.watches_line());
        beat(&mut heartbeat, false, at(120));
        assert_eq!(heartbeat.handle_timeout(at(121)), Action::SendPing { ttl: 0 });
        assert_eq!(heartbeat.handle_timeout(at(122)), Action::Expired);
    }

    #[test]
    fn answers_that_nobody_asked_for_prove_nothing() {
        let start = Instant::now();
        let mut heartbeat = Heartbeat::new(config(300, 600, 0), start);
        (0..100).for_each(|_| heartbeat.on_pong());
        beat(&mut heartbeat, true, start + MS * 300);
        assert!(heartbeat.watches_line());
        heartbeat.on_pong();
        assert!(!heartbeat.watches_line());
    }

    #[test]
    fn a_busy_peer_lives_as_long_as_its_system_answers() {
        let start = Instant::now();
        let mut heartbeat = Heartbeat::new(config(300, 600, 0), start);
        let at = |beat: u32| start + MS * 300 * beat;
        beat(&mut heartbeat, true, at(1));
        heartbeat.on_line(Some(Line { heard: 1, asked: true, ..Line::default() }), at(1));
        // Its window is closed after a while, and a PING has to wait.
        assert_eq!(heartbeat.handle_timeout(at(2)), Action::SendPing { ttl: 0 });
        for number in 3..1000 {
            let line = Line { heard: number / 10, asked: number % 10 == 0, ..Line::default() };
            heartbeat.on_line(Some(line), at(number));
            assert_eq!(heartbeat.handle_timeout(at(number)), Action::None);
        }
        // The cable is cut: the next probe stays without an answer.
        let line = Some(Line { heard: 99, asked: true, ..Line::default() });
        heartbeat.on_line(line, at(1000));
        assert_eq!(heartbeat.poll_timeout(), Some(at(1000)));
        assert_eq!(heartbeat.handle_timeout(at(1000)), Action::None);
        heartbeat.on_line(line, at(1001));
        assert_eq!(heartbeat.handle_timeout(at(1001)), Action::None);
        assert_eq!(heartbeat.poll_timeout(), Some(at(1002)));
        heartbeat.on_line(line, at(1002));
        assert_eq!(heartbeat.handle_timeout(at(1002)), Action::Expired);
    }

    #[test]
    fn where_the_kernel_tells_nothing_a_busy_peer_is_left_alone() {
        let start = Instant::now();
        let mut heartbeat = Heartbeat::new(config(300, 600, 0), start);
        for number in 1..1000 {
            let now = start + MS * 300 * number;
            heartbeat.on_line(None, now);
            beat(&mut heartbeat, number == 1, now);
        }
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
        for number in 1..100 {
            let now = start + MS * number;
            assert_eq!(heartbeat.handle_timeout(now), ping);
            heartbeat.on_ping_sent(number % 2 == 0, now);
            assert!(!heartbeat.watches_line());
            heartbeat.on_line(Some(Line { asked: true, ..Line::default() }), now);
        }
    }
}
