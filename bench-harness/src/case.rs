//! The vocabulary of a measurement: what is measured, over what, with whom.
//!
//! Everything here travels between processes as JSON and appears on the command line, so the names
//! are written once. A [`Case`] says all that is needed to repeat a measurement.

use std::fmt;

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use crate::mechanism::Mechanism;

/// What a run measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// One side sends as fast as it can, the other one receives.
    Throughput,
    /// One message goes there and back, then the next.
    Latency,
}

/// The road the messages take.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ValueEnum,
)]
#[serde(rename_all = "kebab-case")]
pub enum Transport {
    /// TCP with NODELAY, two processes.
    Tcp,
    /// Unix domain sockets, two processes.
    Ipc,
    /// Two threads of one process.
    Inproc,
}

impl Transport {
    /// Whether this operating system has the transport.
    pub(crate) fn supported(self) -> bool {
        !matches!(self, Transport::Ipc) || cfg!(unix)
    }
}

/// The pair of socket types at the two ends; the sending or asking end is named first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Pattern {
    /// PUSH sends, PULL receives.
    PushPull,
    /// As push-pull, but PULL looks at each message where it lies instead of taking it out.
    PushLook,
    /// XPUB sends (and waits at its high-water mark instead of dropping), SUB receives.
    PubSub,
    /// DEALER sends or asks, ROUTER receives or answers.
    DealerRouter,
    /// PAIR at both ends.
    Pair,
    /// REQ asks, REP answers; as throughput: one question at a time, empty answers.
    ReqRep,
}

impl Pattern {
    /// Whether a message can come back the way it went.
    pub(crate) fn answers(self) -> bool {
        matches!(self, Pattern::DealerRouter | Pattern::Pair | Pattern::ReqRep)
    }
}

/// Who moves the messages.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ValueEnum,
)]
#[serde(rename_all = "kebab-case")]
pub enum Backend {
    /// The bare sockets (or the bare ring) of this machine, both sides spinning.
    Floor,
    /// The bare sockets, both sides blocking in the kernel.
    FloorBlocking,
    /// ringmq on io_uring.
    Uring,
    /// ringmq on the portable backend.
    Mio,
    /// ringmq, whichever backend it chooses by itself.
    Auto,
}

impl Backend {
    /// Whether this is a bare floor rather than ringmq.
    pub(crate) fn is_floor(self) -> bool {
        matches!(self, Backend::Floor | Backend::FloorBlocking)
    }
}

/// When the next question of a latency case is asked.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Load {
    /// As soon as the one before is answered.
    #[default]
    Closed,
    /// So many a second, whatever has been answered; timed from when each was due.
    Rate {
        /// Messages a second.
        per_s: u32,
    },
    /// After an idle pause of so long.
    Pause {
        /// Microseconds.
        us: u64,
    },
}

/// Which threads of a case share a core.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    ValueEnum,
)]
#[serde(rename_all = "kebab-case")]
pub enum Sharing {
    /// Those that `--pin` puts together.
    #[default]
    #[value(skip)]
    AsPinned,
    /// The application and the I/O thread of a side, each side having a core of its own.
    Side,
    /// The application and the I/O thread of both sides: one core for all four.
    All,
}

/// How a sender makes the bodies of its messages.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    ValueEnum,
)]
#[serde(rename_all = "kebab-case")]
pub enum Bodies {
    /// From a slice, those of 8 KiB and more by reference, out of the buffer that came back last.
    #[default]
    #[value(skip)]
    Usual,
    /// A buffer of its own for each, allocated and filled.
    Fresh,
    /// By reference, out of the buffer that came back last; a new one where none did.
    Same,
    /// One body by reference, again and again: a clone of one `Bytes`.
    Clone,
}

/// What a receiver does with each message.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    ValueEnum,
)]
#[serde(rename_all = "kebab-case")]
pub enum Handling {
    /// Looks at its ends and drops it.
    #[default]
    Drop,
    /// The same, and keeps the last 64.
    Keep,
    /// Reads one byte of each cache line, and drops it.
    Lines,
    /// Reads every byte, and drops it.
    Bytes,
}

/// Messages that a receiver keeps which keeps any.
pub(crate) const KEPT: usize = 64;

/// One of the two ends of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Side {
    /// Binds, and receives or answers (receiver, server)
    #[value(aliases = ["receiver", "server", "local"])]
    Bind,
    /// Connects, and sends or asks (sender, client)
    #[value(aliases = ["sender", "client", "remote"])]
    Connect,
}

/// One thing to measure, apart from how often and on which cores.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Case {
    /// Throughput or latency.
    pub kind: Kind,
    /// The road.
    pub transport: Transport,
    /// The socket types; the floors have none and ignore it.
    pub pattern: Pattern,
    /// Who moves the messages.
    pub backend: Backend,
    /// Body of each message, in bytes.
    pub size: usize,
    /// When the next question is asked; throughput asks none.
    #[serde(default)]
    pub load: Load,
    /// Which threads share a core.
    #[serde(default)]
    pub sharing: Sharing,
    /// How the bodies are made.
    #[serde(default)]
    pub bodies: Bodies,
    /// What is done with the messages.
    #[serde(default)]
    pub handling: Handling,
    /// How long a thread of ringmq that waits is to spin each time, in microseconds; nothing leaves that
    /// to ringmq, and a floor does as its name says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spin_us: Option<u32>,
    /// Whether it is encrypted.
    #[serde(default, skip_serializing_if = "Mechanism::is_null")]
    pub mechanism: Mechanism,
}

impl Case {
    /// A case as it is measured where nothing more is said.
    pub fn usual(
        kind: Kind,
        transport: Transport,
        pattern: Pattern,
        backend: Backend,
        size: usize,
    ) -> Self {
        let (load, sharing, bodies, handling) = Default::default();
        let (spin_us, mechanism) = Default::default();
        Self {
            kind,
            transport,
            pattern,
            backend,
            size,
            load,
            sharing,
            bodies,
            handling,
            spin_us,
            mechanism,
        }
    }

    /// Whether both ends are threads of one process: over inproc they are, and those of the bare cipher,
    /// which nothing carries.
    pub fn is_within_a_process(&self) -> bool {
        let bare_cipher = self.mechanism == Mechanism::Curve && self.backend.is_floor();
        self.transport == Transport::Inproc || bare_cipher
    }

    /// Whether it is a point of the curve: told how the bodies are made and what is done with them.
    pub(crate) fn is_of_curve(&self) -> bool {
        self.bodies != Bodies::Usual
    }

    /// Says why the case cannot be measured, if it cannot.
    pub(crate) fn check(&self) -> Result<(), String> {
        if !self.transport.supported() {
            return Err(format!("{} does not exist on this system", self.transport));
        }
        if self.kind == Kind::Latency && !self.pattern.answers() {
            return Err(format!(
                "{} carries messages one way only, so it has no round trip: ask for throughput, or \
                 for the pattern req-rep, pair or dealer-router",
                self.pattern
            ));
        }
        if matches!(self.load, Load::Rate { .. }) && self.pattern == Pattern::ReqRep {
            return Err(
                "req-rep waits for every answer, so nothing can be sent on a schedule: ask \
                        for the pattern pair or dealer-router"
                    .to_owned(),
            );
        }
        if self.sharing == Sharing::All && self.backend == Backend::Floor {
            return Err("two sides that spin on one core only wait for each other's time slice: \
                        ask for floor-blocking"
                .to_owned());
        }
        let (inproc, blocking) =
            (self.transport == Transport::Inproc, self.backend == Backend::FloorBlocking);
        if inproc && blocking && self.kind == Kind::Throughput {
            return Err("the bare ring of inproc only spins: leave floor-blocking out".to_owned());
        }
        if self.is_of_curve() && inproc {
            return Err("the curve is that of tcp and ipc".to_owned());
        }
        if self.mechanism == Mechanism::Curve {
            if inproc {
                return Err(
                    "inproc encrypts nothing: its messages never leave the process".to_owned()
                );
            }
            if matches!(self.load, Load::Rate { .. }) && self.backend.is_floor() {
                return Err(
                    "the bare cipher waits for nobody, so a rate says nothing of it: name \
                            with --backend whom to measure"
                        .to_owned(),
                );
            }
        }
        if self.spin_us.is_some() && self.backend.is_floor() {
            return Err(format!("{} spins or blocks by its name", self.backend));
        }
        if self.size > MAX_SIZE {
            return Err(format!("{} bytes are over the limit of {MAX_SIZE}", self.size));
        }
        Ok(())
    }
}

/// Largest body in bytes: each side holds a handful of them, and a newcomer's machine has memory for
/// a handful of 64 MiB.
pub(crate) const MAX_SIZE: usize = 64 << 20;

/// Displays an enum under the name that the command line gives it.
macro_rules! display_as_value {
    ($($name:ty),*) => {$(
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let value = self.to_possible_value().expect("no value of this enum is hidden");
                f.pad(value.get_name())
            }
        }
    )*};
}
display_as_value!(Transport, Pattern, Backend, Handling);

impl fmt::Display for Bodies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Bodies::Usual => "usual",
            Bodies::Fresh => "fresh",
            Bodies::Same => "same",
            Bodies::Clone => "clone",
        })
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Kind::Throughput => "throughput",
            Kind::Latency => "latency",
        })
    }
}

impl fmt::Display for Load {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Load::Closed => f.pad("one by one"),
            Load::Rate { per_s } => f.pad(&format!("{} a second", thousands(u64::from(*per_s)))),
            Load::Pause { us } => f.pad(&format!("after {}", human_time(*us))),
        }
    }
}

impl fmt::Display for Sharing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Sharing::AsPinned => "as pinned",
            Sharing::Side => "a core a side",
            Sharing::All => "one core",
        })
    }
}

/// Formats microseconds the way people say them: `100 us`, `10 ms`, `1 s`.
fn human_time(us: u64) -> String {
    match us {
        us if us > 0 && us.is_multiple_of(1_000_000) => format!("{} s", us / 1_000_000),
        us if us > 0 && us.is_multiple_of(1_000) => format!("{} ms", us / 1_000),
        us => format!("{us} us"),
    }
}

/// `10,000`.
pub(crate) fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Formats a size in bytes the way people say it: `64 B`, `1 KiB`, `64 KiB`.
pub(crate) fn human_size(bytes: usize) -> String {
    match bytes {
        b if b >= 1 << 20 && b.is_multiple_of(1 << 20) => format!("{} MiB", b >> 20),
        b if b >= 1 << 10 && b.is_multiple_of(1 << 10) => format!("{} KiB", b >> 10),
        b => format!("{b} B"),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn names_are_those_of_the_command_line() {
        assert_eq!(Backend::FloorBlocking.to_string(), "floor-blocking");
        assert_eq!(serde_json::to_string(&Pattern::ReqRep).unwrap(), "\"req-rep\"");
        assert_eq!(format!("{:>5}", Transport::Tcp), "  tcp");
    }

    #[test]
    fn sizes_read_well() {
        assert_eq!(human_size(0), "0 B");
        assert_eq!(human_size(1000), "1000 B");
        assert_eq!(human_size(1024), "1 KiB");
        assert_eq!(human_size(64 << 10), "64 KiB");
        assert_eq!(human_size(3 << 20), "3 MiB");
    }

    #[test]
    fn a_one_way_pattern_has_no_round_trip() {
        let (kind, pattern) = (Kind::Latency, Pattern::PushPull);
        let case = Case::usual(kind, Transport::Tcp, pattern, Backend::Auto, 64);
        assert!(case.check().unwrap_err().contains("req-rep"));
        assert_eq!(Case { pattern: Pattern::Pair, ..case }.check(), Ok(()));
    }

    #[test]
    fn what_would_measure_something_else_is_refused() {
        let (kind, pattern) = (Kind::Latency, Pattern::ReqRep);
        let case = Case::usual(kind, Transport::Tcp, pattern, Backend::Floor, 64);
        let case = Case { load: Load::Rate { per_s: 1000 }, ..case };
        assert!(case.check().unwrap_err().contains("pair"));
        let case = Case { load: Load::Closed, sharing: Sharing::All, ..case };
        assert!(case.check().unwrap_err().contains("floor-blocking"));
        let case = Case { sharing: Sharing::Side, ..case };
        assert_eq!(case.check(), Ok(()));
        assert!(Case { spin_us: Some(9), ..case }.check().unwrap_err().contains("by its name"));
        let curve = Case { transport: Transport::Inproc, bodies: Bodies::Clone, ..case };
        assert!(curve.check().unwrap_err().contains("tcp and ipc"));
    }

    #[test]
    fn what_never_leaves_a_process_is_not_encrypted() {
        let (kind, pattern) = (Kind::Latency, Pattern::Pair);
        let case = Case::usual(kind, Transport::Tcp, pattern, Backend::Floor, 64);
        let case = Case { mechanism: Mechanism::Curve, ..case };
        assert!(case.check().is_ok() && case.is_within_a_process());
        let rate = Case { load: Load::Rate { per_s: 9 }, ..case };
        assert!(rate.check().unwrap_err().contains("--backend"));
        let ours = Case { backend: Backend::Mio, ..rate };
        assert!(ours.check().is_ok() && !ours.is_within_a_process());
        let inproc = Case { transport: Transport::Inproc, ..case };
        assert!(inproc.check().unwrap_err().contains("never leave"));
    }

    #[test]
    fn loads_read_well() {
        let rate = |per_s| Load::Rate { per_s }.to_string();
        assert_eq!([rate(999), rate(1_250_000)], ["999 a second", "1,250,000 a second"]);
        let pause = |us| Load::Pause { us }.to_string();
        assert_eq!([pause(100), pause(10_000)], ["after 100 us", "after 10 ms"]);
        assert_eq!(pause(1_000_000), "after 1 s");
    }
}
