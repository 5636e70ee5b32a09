//! CPU time: what a rate or a round trip costs.
//!
//! Both processes of a connection tell what they have taken so far whenever a phase ends, and the parent
//! takes the difference between two moments of rest, before and after the phase that counts. So the
//! stretch is the same for everybody, and whatever a thread of a library still does once the last message
//! has been handed over is in it.

use std::ops::Add;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// CPU time of all threads of a process, those that have ended too.
///
/// The sum of both parts is exact. How it divides is an estimate of most kernels, made out of what their
/// timer interrupted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CpuTime {
    /// In the program.
    pub user: Duration,
    /// In the kernel.
    pub system: Duration,
}

impl CpuTime {
    /// What this process has taken since it began, where the system tells both parts.
    #[cfg(unix)]
    pub fn of_this_process() -> Option<Self> {
        use nix::sys::resource::{UsageWho, getrusage};
        use nix::sys::time::TimeVal;

        let usage = getrusage(UsageWho::RUSAGE_SELF).ok()?;
        let duration = |time: TimeVal| {
            Duration::new(time.tv_sec().unsigned_abs(), time.tv_usec().unsigned_abs() as u32 * 1000)
        };
        Some(Self { user: duration(usage.user_time()), system: duration(usage.system_time()) })
    }

    /// What this process has taken since it began, where the system tells both parts.
    #[cfg(not(unix))]
    pub fn of_this_process() -> Option<Self> {
        None
    }

    /// What was taken after `before`. The two parts may be estimated anew each time; none goes below 0.
    pub fn since(self, before: Self) -> Self {
        Self {
            user: self.user.saturating_sub(before.user),
            system: self.system.saturating_sub(before.system),
        }
    }

    /// Seconds that a million messages take, where `messages` took this.
    pub fn of_a_million(self, messages: u64) -> CpuSeconds {
        let seconds = |time: Duration| time.as_secs_f64() * 1e6 / messages.max(1) as f64;
        CpuSeconds { user: seconds(self.user), system: seconds(self.system) }
    }
}

impl Add for CpuTime {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { user: self.user + other.user, system: self.system + other.system }
    }
}

/// Seconds of CPU time of both ends that a million messages take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CpuSeconds {
    /// In the programs.
    pub user: f64,
    /// In the kernel.
    pub system: f64,
}

impl CpuSeconds {
    /// Both parts.
    pub fn total(self) -> f64 {
        self.user + self.system
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[cfg(unix)]
    #[test]
    fn work_takes_cpu_time_and_none_is_given_back() {
        let before = CpuTime::of_this_process().unwrap();
        let mut sum = 0_u64;
        let now = loop {
            sum = std::hint::black_box(sum.wrapping_add(1));
            let now = CpuTime::of_this_process().unwrap();
            if now.user + now.system > before.user + before.system {
                break now;
            }
        };
        assert_eq!(before.since(now), CpuTime { user: Duration::ZERO, ..before.since(now) });
    }

    #[test]
    fn seconds_are_those_of_a_million() {
        let ms = Duration::from_millis;
        let before = CpuTime { user: ms(100), system: ms(50) };
        let taken = CpuTime { user: ms(104), system: ms(51) }.since(before);
        let both = taken + CpuTime { user: ms(1), system: ms(1) };
        let seconds = both.of_a_million(1_000);
        assert_eq!((seconds.user, seconds.system, seconds.total()), (5.0, 2.0, 7.0));
        assert_eq!(before.since(before + taken), CpuTime::default());
    }
}
