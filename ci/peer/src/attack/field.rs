//! What an attack is given: where to strike, when to end, and how much of the processor it may take.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use ringmq::Context;
use rustix::time::{ClockId, clock_gettime};

use super::AttackError;
use super::wire::Wire;

/// The part of one core that this process takes at the most while it attacks: the attacker is on the machine of
/// those whose speed is measured, and takes no more from them than this.
pub(crate) const SHARE: f64 = 0.25;
/// How long the attacker waits for anything.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often it looks.
const GLANCE: Duration = Duration::from_millis(2);
/// Connections in vain before the attacker says that there is no way in.
const TRIES: usize = 200;

/// The processor's time that this process has taken.
pub(crate) fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or_default())
}

/// A stretch of time in which this process takes no more than its share.
#[derive(Debug)]
pub(crate) struct Budget {
    began: Instant,
    cpu_before: Duration,
    share: f64,
}

impl Budget {
    pub(crate) fn new(share: f64) -> Self {
        Self { began: Instant::now(), cpu_before: cpu_time(), share }
    }

    /// The share of a core that was taken.
    pub(crate) fn taken(&self) -> f64 {
        let used = cpu_time().saturating_sub(self.cpu_before);
        used.as_secs_f64() / self.began.elapsed().as_secs_f64().max(1e-9)
    }

    /// Waits until no more than the share has been taken.
    pub(crate) fn keep(&self) {
        let used = cpu_time().saturating_sub(self.cpu_before).as_secs_f64();
        let ahead = used / self.share - self.began.elapsed().as_secs_f64();
        if ahead > 0.0 {
            thread::sleep(Duration::from_secs_f64(ahead.min(0.05)));
        }
    }
}

/// What an attack is given.
pub(crate) struct Field {
    /// The bind that is attacked.
    pub(crate) endpoint: String,
    /// For attackers that are sockets of ringmq.
    pub(crate) context: Context,
    /// Enough has been seen.
    pub(crate) over: AtomicBool,
    /// All is in place that the attack consists of.
    pub(crate) in_place: AtomicBool,
    pub(crate) budget: Budget,
}

impl Field {
    pub(crate) fn new(endpoint: &str, context: &Context) -> Self {
        Self {
            endpoint: endpoint.to_owned(),
            context: context.clone(),
            over: AtomicBool::new(false),
            in_place: AtomicBool::new(false),
            budget: Budget::new(SHARE),
        }
    }

    pub(crate) fn is_over(&self) -> bool {
        self.over.load(Ordering::Acquire)
    }

    /// Numbers from 0 on: `least` of them however long that takes, then more until enough has been seen, and
    /// never more than `most`.
    pub(crate) fn times(&self, least: usize, most: usize) -> impl Iterator<Item = usize> {
        (0..most).take_while(move |&number| {
            self.budget.keep();
            if number >= least {
                self.in_place.store(true, Ordering::Release);
            }
            number < least || !self.is_over()
        })
    }

    /// One more connection. A server that has to let others go first is asked again.
    pub(crate) fn connect(&self) -> Result<Wire, AttackError> {
        let mut last = io::Error::other("never tried");
        for _ in 0..TRIES {
            match Wire::connect(&self.endpoint) {
                Ok(wire) => return Ok(wire),
                Err(error) => last = error,
            }
            thread::sleep(GLANCE);
        }
        Err(last.into())
    }

    /// One more connection, on which that is said.
    pub(crate) fn say(&self, bytes: &[u8]) -> Result<Wire, AttackError> {
        let mut wire = self.connect()?;
        wire.say(bytes);
        Ok(wire)
    }

    /// Waits until something is so.
    pub(crate) fn until(
        &self,
        what: &str,
        mut so: impl FnMut() -> bool,
    ) -> Result<(), AttackError> {
        let end = Instant::now() + PATIENCE;
        while !so() {
            if Instant::now() > end {
                return Err(AttackError::Unexpected(format!("not after {PATIENCE:?}: {what}")));
            }
            thread::sleep(GLANCE);
            self.budget.keep();
        }
        Ok(())
    }

    /// Waits until the server has ended all of them.
    pub(crate) fn until_over(&self, wires: &mut [Wire]) -> Result<(), AttackError> {
        self.until("the server ends the connection", || wires.iter_mut().all(Wire::is_over))
    }

    /// Waits until enough has been seen; what the server says meanwhile is read.
    pub(crate) fn hold(&self, wires: &mut [Wire]) {
        self.in_place.store(true, Ordering::Release);
        while !self.is_over() {
            for wire in wires.iter_mut() {
                wire.is_over();
            }
            thread::sleep(GLANCE);
            self.budget.keep();
        }
    }

    /// Waits until enough has been seen, and reads nothing.
    pub(crate) fn hold_deaf(&self) {
        self.hold(&mut []);
    }
}
