//! What the run without a subcommand measures.
//!
//! It is made of stages, one after the other; the rounds of a stage alternate between its groups.

use std::time::Duration;

use crate::case::{Backend, Bodies, Handling, Kind, Load, Pattern, Sharing, Transport};
use crate::curve;
use crate::mechanism::Mechanism;
use crate::run::{self, Group};

/// A part of the run that has rounds of its own.
pub(crate) struct Stage {
    /// What is measured in it.
    pub(crate) groups: Vec<Group>,
    /// How many times as long as `--seconds` says one measurement takes.
    pub(crate) length: u32,
    /// After this long no further round begins, if a measurement takes [`SECONDS`], so that the whole
    /// ends in time on machines that are slower than those it was planned for.
    budget: Duration,
    /// Rounds at most, however many are asked for.
    most_rounds: usize,
}

/// How long one measurement takes by default. All stages together then take under two minutes.
pub(crate) const SECONDS: Duration = Duration::from_millis(200);

impl Stage {
    /// Rounds of it, where `asked` are asked for.
    pub(crate) fn rounds(&self, asked: u16) -> usize {
        usize::from(asked).min(self.most_rounds)
    }

    /// After how long no further round begins, if a measurement takes `seconds`.
    pub(crate) fn budget(&self, seconds: Duration) -> Duration {
        self.budget.max(self.budget.mul_f64(seconds.as_secs_f64() / SECONDS.as_secs_f64()))
    }
}

/// Body sizes of the suite's throughput, in bytes: small ones where a message's own cost shows, large
/// ones where memory does.
const SIZES: [usize; 5] = [16, 64, 1 << 10, 8 << 10, 64 << 10];
/// The same under CURVE.
const ENCRYPTED: [usize; 3] = [64, 1 << 10, 64 << 10];
/// Body size of the suite's round trips, in bytes.
const TRIP: usize = 64;
/// Questions a second on a schedule: one in 100 us, several round trips apart on any road.
const PER_S: u32 = 10_000;
/// How long threads spin that are asked to, in microseconds: twice the gap between two questions.
const SPIN_US: u32 = 200;
/// Idle pauses in microseconds: shorter than the patience of anything that spins; long enough for
/// everything to have gone to sleep; long enough for caches to be cold.
const PAUSES_US: [u64; 3] = [100, 10_000, 1_000_000];

/// Every kind of thing that a newcomer wants to know, on the backends given. Threads can be made to
/// share a core only where they are `pinned`.
pub(crate) fn suite(ours: &[Backend], pinned: bool) -> Vec<Stage> {
    let stage = |groups, budget_s| Stage {
        groups,
        length: 1,
        budget: Duration::from_secs(budget_s),
        most_rounds: usize::MAX,
    };
    let mut stages = vec![
        stage(speed(ours), 42),
        // Longer, since it is the rate that decides how many there are for the last percentiles.
        Stage { length: 3, ..stage(schedule(ours), 12) },
        stage(idle(ours), 10),
        stage(encrypted(ours), 5),
        // Its points are neighbours of one another, and say together what one of them says unsurely.
        Stage { most_rounds: 1, ..stage(curve(ours), 40) },
    ];
    if pinned {
        stages.push(stage(sharing(ours), 8));
    }
    stages
}

/// Throughput by size and round trips, over every transport.
fn speed(ours: &[Backend]) -> Vec<Group> {
    let transports =
        [Transport::Tcp, Transport::Ipc, Transport::Inproc].into_iter().filter(|t| t.supported());
    let mut groups = Vec::new();
    for transport in transports {
        let ours = if transport == Transport::Inproc { &[Backend::Auto] } else { ours };
        for size in SIZES {
            let members = [Backend::Floor].iter().chain(ours);
            groups.push(run::group(Kind::Throughput, transport, Pattern::PushPull, size, members));
        }
        let floors = [Backend::Floor, Backend::FloorBlocking];
        groups.push(trips(transport, Pattern::ReqRep, &floors, ours));
    }
    groups
}

/// Round trips on a schedule; ringmq as it is, and told to spin beyond the gap between two questions.
fn schedule(ours: &[Backend]) -> Vec<Group> {
    let tcp = trips(Transport::Tcp, Pattern::Pair, &[Backend::Floor], ours);
    let inproc = trips(Transport::Inproc, Pattern::Pair, &[Backend::Floor], &[Backend::Auto]);
    let load = Load::Rate { per_s: PER_S };
    let both = |group| run::and_spinning(&[SPIN_US], run::under(load, Sharing::AsPinned, group));
    [tcp, inproc].map(both).into()
}

/// Bytes a second and CPU time by the size of the bodies.
fn curve(ours: &[Backend]) -> Vec<Group> {
    let transports = [Transport::Tcp, Transport::Ipc].into_iter().filter(|t| t.supported());
    let members: Vec<Backend> = [Backend::Floor].iter().chain(ours).copied().collect();
    let (bodies, handling) = (Bodies::Clone, Handling::Drop);
    let point = |transport, size| run::point(transport, size, bodies, handling, &members);
    transports.flat_map(|transport| curve::sizes().map(|size| point(transport, size))).collect()
}

/// Throughput by size and round trips, under CURVE.
fn encrypted(ours: &[Backend]) -> Vec<Group> {
    let (floors, road) = ([Backend::Floor, Backend::FloorBlocking], Transport::Tcp);
    let members: Vec<Backend> = floors.iter().chain(ours).copied().collect();
    let throughput = |size| run::group(Kind::Throughput, road, Pattern::PushPull, size, &members);
    let mut groups: Vec<Group> = ENCRYPTED.map(throughput).into();
    groups.push(trips(road, Pattern::ReqRep, &[Backend::Floor], ours));
    groups.into_iter().map(|group| run::with(Mechanism::Curve, group)).collect()
}

/// Round trips after a pause.
fn idle(ours: &[Backend]) -> Vec<Group> {
    let after = |us| {
        let floors = [Backend::FloorBlocking];
        let group = trips(Transport::Tcp, Pattern::ReqRep, &floors, ours);
        run::under(Load::Pause { us }, Sharing::AsPinned, group)
    };
    PAUSES_US.map(after).into()
}

/// Round trips of threads that share cores.
fn sharing(ours: &[Backend]) -> Vec<Group> {
    let floors = [Backend::FloorBlocking];
    let group = |transport, ours| trips(transport, Pattern::ReqRep, &floors, ours);
    let mut groups = vec![
        run::under(Load::Closed, Sharing::Side, group(Transport::Tcp, ours)),
        run::under(Load::Closed, Sharing::All, group(Transport::Tcp, ours)),
    ];
    if Transport::Ipc.supported() {
        groups.push(run::under(Load::Closed, Sharing::All, group(Transport::Ipc, ours)));
    }
    let inproc = group(Transport::Inproc, &[Backend::Auto]);
    groups.push(run::under(Load::Closed, Sharing::All, inproc));
    groups
}

fn trips(transport: Transport, pattern: Pattern, floors: &[Backend], ours: &[Backend]) -> Group {
    run::group(Kind::Latency, transport, pattern, TRIP, floors.iter().chain(ours))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::section::Section;

    #[test]
    fn the_suite_sets_everything_beside_a_floor() {
        let ours = [Backend::Uring, Backend::Mio];
        let groups = || suite(&ours, true).into_iter().flat_map(|stage| stage.groups);
        for group in groups() {
            assert!(group[0].backend.is_floor());
            assert!(group.iter().any(|case| !case.backend.is_floor()));
            assert!(group.iter().all(|case| case.check().is_ok()));
        }
        for section in Section::ALL {
            assert!(groups().any(|group| Section::of(&group[0]) == section), "{section:?}");
        }
    }

    #[test]
    fn nothing_shares_a_core_where_nothing_is_pinned() {
        let stages = suite(&[Backend::Mio], false);
        let mut cases = stages.iter().flat_map(|stage| stage.groups.iter().flatten());
        assert!(cases.all(|case| case.sharing == Sharing::AsPinned));
    }

    #[test]
    fn longer_measurements_get_more_time() {
        let stage = &suite(&[Backend::Mio], false)[0];
        assert_eq!(stage.budget(SECONDS * 2), stage.budget(SECONDS) * 2);
        assert_eq!(stage.budget(SECONDS / 2), stage.budget(SECONDS));
    }
}
