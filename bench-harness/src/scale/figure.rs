//! The figures: what each one is called, what it is measured in, and what it may be.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::scenario::{Scenario, Workload};

/// Memory of the process that an idle connection may take, in bytes.
const IDLE_MEMORY: f64 = 4096.0;
/// Below so many connections, what a process has once is not spread thin enough to tell.
const MANY: usize = 1_000;
/// Seconds until 5,000 subscribers are connected and have a message: half of what libzmq 4.3.4 takes
/// on the machine that the budgets were set on.
const STORM: (usize, f64) = (5_000, 1.05);
/// What the slowest peer gets at least, of a fair share.
const FAIR: f64 = 0.5;

/// Something that is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Metric {
    /// Bytes of the binding process for each connection.
    BoundMemory,
    /// Bytes of the connecting process for each connection.
    ConnectedMemory,
    /// As [`BoundMemory`](Self::BoundMemory), once each connection has carried a burst and is idle again.
    BoundMemoryLater,
    /// As [`ConnectedMemory`](Self::ConnectedMemory), likewise.
    ConnectedMemoryLater,
    /// Seconds from the first connect until every peer is there.
    JoinTime,
    /// Seconds until the last connection is closed at the far end.
    LeaveTime,
    /// CPU seconds of both programs, outside the kernel, until every peer is there.
    JoinUser,
    /// The same in the kernel.
    JoinSystem,
    /// Messages a second.
    Rate,
    /// Messages that the rate is of. Not shown, but what the next two are divided by.
    Messages,
    /// CPU seconds of both programs, outside the kernel, for a million messages.
    User,
    /// The same in the kernel.
    System,
    /// The slowest peer's messages as a share of the mean.
    SlowestShare,
    /// Bytes of the publisher for each subscription.
    TopicMemory,
    /// Seconds until all subscriptions are in.
    SubscribeTime,
    /// Nanoseconds to send a message that one of the subscriptions matches.
    MatchTime,
    /// Nanoseconds to send a message that nobody has subscribed to.
    MissTime,
    /// Seconds until half of the subscriptions are cancelled, one by one.
    CancelTime,
    /// Seconds until the other half is gone with its subscribers.
    ForgetTime,
}

impl Metric {
    /// What a reader is told.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::BoundMemory => "memory per connection, binding side",
            Self::ConnectedMemory => "memory per connection, connecting side",
            Self::BoundMemoryLater => "the same after a burst, binding side",
            Self::ConnectedMemoryLater => "the same after a burst, connecting side",
            Self::JoinTime => "until all are connected and heard",
            Self::LeaveTime => "until all have left",
            Self::JoinUser => "CPU of both sides until then, user",
            Self::JoinSystem => "CPU of both sides until then, system",
            Self::Rate => "messages",
            Self::Messages => "messages counted",
            Self::User => "CPU of both sides, a million messages, user",
            Self::System => "CPU of both sides, a million messages, system",
            Self::SlowestShare => "slowest peer's part of a fair share",
            Self::TopicMemory => "memory per subscription",
            Self::SubscribeTime => "until all are subscribed",
            Self::MatchTime => "send to one of the subscribers",
            Self::MissTime => "send to nobody",
            Self::CancelTime => "until half are cancelled, one by one",
            Self::ForgetTime => "until the rest is gone with its peers",
        }
    }

    /// The unit.
    pub(crate) fn unit(self) -> &'static str {
        match self {
            Self::BoundMemory
            | Self::ConnectedMemory
            | Self::BoundMemoryLater
            | Self::ConnectedMemoryLater
            | Self::TopicMemory => "B",
            Self::JoinTime
            | Self::LeaveTime
            | Self::JoinUser
            | Self::JoinSystem
            | Self::User
            | Self::System
            | Self::SubscribeTime
            | Self::CancelTime
            | Self::ForgetTime => "s",
            Self::Rate => "msg/s",
            Self::SlowestShare | Self::Messages => "",
            Self::MatchTime | Self::MissTime => "ns",
        }
    }

    /// What one connection (subscription, message) costs, with its unit; nothing for a share.
    pub(crate) fn cost(self, value: f64, size: usize) -> Option<(f64, &'static str)> {
        match self {
            Self::BoundMemory
            | Self::ConnectedMemory
            | Self::BoundMemoryLater
            | Self::ConnectedMemoryLater
            | Self::TopicMemory => Some((value, "B")),
            Self::JoinTime | Self::LeaveTime | Self::JoinUser | Self::JoinSystem => {
                Some((value * 1e6 / size as f64, "us"))
            }
            // A second for a million is a microsecond for one.
            Self::User | Self::System => Some((value, "us")),
            Self::SubscribeTime => Some((value * 1e9 / size as f64, "ns")),
            Self::CancelTime | Self::ForgetTime => Some((value * 2e9 / size as f64, "ns")),
            Self::Rate => (value > 0.0).then(|| (1e9 / value, "ns")),
            Self::MatchTime | Self::MissTime => Some((value, "ns")),
            Self::SlowestShare | Self::Messages => None,
        }
    }
}

/// What a figure has to be.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Budget {
    /// No more than this.
    Most(f64),
    /// No less than this.
    Least(f64),
}

impl Budget {
    /// The budget of a figure, if it has one.
    pub(crate) fn of(scenario: &Scenario, metric: Metric) -> Option<Self> {
        match metric {
            Metric::BoundMemory if scenario.workload == Workload::Idle && scenario.size >= MANY => {
                Some(Self::Most(IDLE_MEMORY))
            }
            Metric::ConnectedMemory
                if scenario.workload == Workload::Idle && scenario.size >= MANY =>
            {
                Some(Self::Most(IDLE_MEMORY))
            }
            Metric::JoinTime
                if scenario.workload == Workload::Storm && scenario.size == STORM.0 =>
            {
                Some(Self::Most(STORM.1))
            }
            Metric::SlowestShare => Some(Self::Least(FAIR)),
            _ => None,
        }
    }

    /// Whether a value is within it.
    pub(crate) fn holds(self, value: f64) -> bool {
        match self {
            Self::Most(most) => value <= most,
            Self::Least(least) => value >= least,
        }
    }
}

impl fmt::Display for Budget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Most(most) => write!(f, "<= {most}"),
            Self::Least(least) => write!(f, ">= {least}"),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::case::Backend;

    #[test]
    fn budgets_are_for_the_numbers_they_were_set_for() {
        let scenario = |workload, size| Scenario { workload, backend: Backend::Mio, size };
        let idle = Budget::of(&scenario(Workload::Idle, 10_000), Metric::BoundMemory).unwrap();
        assert!(idle.holds(4096.0) && !idle.holds(4097.0));
        assert_eq!(Budget::of(&scenario(Workload::Idle, 10), Metric::BoundMemory), None);
        assert_eq!(Budget::of(&scenario(Workload::Storm, 1000), Metric::JoinTime), None);
        let share = Budget::of(&scenario(Workload::Busy, 10), Metric::SlowestShare).unwrap();
        assert!(share.holds(0.5) && !share.holds(0.49));
    }

    #[test]
    fn a_cost_is_that_of_one() {
        assert_eq!(Metric::JoinTime.cost(1.0, 1000), Some((1000.0, "us")));
        assert_eq!(Metric::Rate.cost(1e6, 10), Some((1000.0, "ns")));
        assert_eq!(Metric::SlowestShare.cost(0.9, 10), None);
    }
}
