//! The sections that the figures of a run are shown in: cases of one section can share a table and
//! a chart.

use crate::case::{Case, Kind, Load, Sharing};
use crate::mechanism::Mechanism;

/// A section of the results.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Section {
    /// Messages one way, as fast as they go.
    Throughput,
    /// The same by the size of the bodies, how they are made and what becomes of them.
    Curve,
    /// Round trips one by one.
    Trips,
    /// Messages one way, encrypted.
    Encrypted,
    /// Round trips one by one, encrypted.
    EncryptedTrips,
    /// Questions on a schedule.
    Schedule,
    /// Round trips after an idle pause.
    Pause,
    /// Round trips of threads that share a core.
    Sharing,
}

impl Section {
    /// All sections, in the order in which a reader wants them.
    pub(crate) const ALL: [Self; 8] = [
        Self::Throughput,
        Self::Curve,
        Self::Encrypted,
        Self::Trips,
        Self::EncryptedTrips,
        Self::Schedule,
        Self::Pause,
        Self::Sharing,
    ];

    /// Where a case belongs.
    pub(crate) fn of(case: &Case) -> Self {
        let encrypted = case.mechanism == Mechanism::Curve;
        match (case.kind, case.load, case.sharing) {
            (Kind::Throughput, ..) if encrypted => Self::Encrypted,
            (Kind::Latency, Load::Closed, Sharing::AsPinned) if encrypted => Self::EncryptedTrips,
            (Kind::Throughput, ..) if case.is_of_curve() => Self::Curve,
            (Kind::Throughput, ..) => Self::Throughput,
            (Kind::Latency, Load::Rate { .. }, _) => Self::Schedule,
            (Kind::Latency, Load::Pause { .. }, _) => Self::Pause,
            (Kind::Latency, Load::Closed, Sharing::AsPinned) => Self::Trips,
            (Kind::Latency, Load::Closed, _) => Self::Sharing,
        }
    }

    /// A heading.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Throughput => "Throughput, one way",
            Self::Curve => "Throughput by the size of the bodies, one way",
            Self::Encrypted => "Throughput under CURVE, one way",
            Self::Trips => "Round trips, in microseconds",
            Self::EncryptedTrips => "Round trips under CURVE, in microseconds",
            Self::Schedule => "Round trips on a schedule, in microseconds from when they were due",
            Self::Pause => "Round trips after an idle pause, in microseconds",
            Self::Sharing => "Round trips of threads that share a core, in microseconds",
        }
    }

    /// What tells the cases of this section apart besides transport and size: a heading, if
    /// anything.
    pub(crate) fn manner(self) -> Option<&'static str> {
        match self {
            Self::Throughput | Self::Encrypted | Self::Trips | Self::EncryptedTrips => None,
            Self::Curve => Some("bodies, receiver"),
            Self::Schedule | Self::Pause => Some("asked"),
            Self::Sharing => Some("cores"),
        }
    }
}

/// How the messages of a case are moved, as its table says it; empty where that goes without saying.
pub(crate) fn manner(case: &Case) -> String {
    if case.is_of_curve() {
        return format!("{}, {}", case.bodies, case.handling);
    }
    let sharing = match case.sharing {
        Sharing::AsPinned => None,
        Sharing::Side | Sharing::All => Some(case.sharing.to_string()),
    };
    let load = (case.load != Load::Closed).then(|| case.load.to_string());
    let mechanism = (!case.mechanism.is_null()).then(|| format!("under {}", case.mechanism));
    [load, sharing, mechanism].into_iter().flatten().collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::case::{Backend, Bodies, Handling, Pattern, Transport};
    use crate::run;

    #[test]
    fn every_case_belongs_somewhere() {
        let group = |kind| run::group(kind, Transport::Tcp, Pattern::Pair, 64, &[Backend::Mio]);
        let place = |load, sharing| {
            let case = run::under(load, sharing, group(Kind::Latency))[0];
            (Section::of(&case), manner(&case))
        };
        let (rate, pause) = (Load::Rate { per_s: 50 }, Load::Pause { us: 100 });
        assert_eq!(Section::of(&group(Kind::Throughput)[0]), Section::Throughput);
        let (bodies, handling) = (Bodies::Fresh, Handling::Keep);
        let point = run::point(Transport::Tcp, 64, bodies, handling, &[Backend::Mio])[0];
        assert_eq!(
            (Section::of(&point), manner(&point)),
            (Section::Curve, "fresh, keep".to_owned())
        );
        let encrypted = |kind| {
            let case = run::with(Mechanism::Curve, group(kind))[0];
            (Section::of(&case), manner(&case))
        };
        let under = "under CURVE".to_owned();
        assert_eq!(encrypted(Kind::Throughput), (Section::Encrypted, under.clone()));
        assert_eq!(encrypted(Kind::Latency), (Section::EncryptedTrips, under));
        assert_eq!(place(Load::Closed, Sharing::AsPinned), (Section::Trips, String::new()));
        assert_eq!(place(Load::Closed, Sharing::All), (Section::Sharing, "one core".to_owned()));
        let both = "50 a second, a core a side".to_owned();
        assert_eq!(place(rate, Sharing::Side), (Section::Schedule, both));
        assert_eq!(place(pause, Sharing::AsPinned), (Section::Pause, "after 100 us".to_owned()));
    }
}
