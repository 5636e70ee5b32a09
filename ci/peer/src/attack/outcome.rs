//! What was seen of an attack, and what is made of it.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use super::AttackError;
use super::attack::Attack;
use super::part::ServerStatus;
use super::watch::Seen;
use crate::socket::Backend;

/// The part of its speed that the good client keeps, at least.
const KEPT: f64 = 0.7;
/// Bytes that a server may keep of what it has once needed: pools, and tables that have grown.
const HEAP_SLACK: usize = 6 << 20;
/// Descriptors that a server may keep: a thread that has had to wait keeps one to be woken by.
const DESCRIPTOR_SLACK: usize = 3;
const MIB: f64 = (1 << 20) as f64;

/// The server at one moment.
#[derive(Debug, Clone)]
pub(crate) struct Moment {
    pub(crate) status: ServerStatus,
    pub(crate) held: Seen,
}

/// The good client's speeds in one round, a figure a window, in messages a second.
#[derive(Debug, Clone, Default)]
pub(crate) struct Speed {
    pub(crate) before: Vec<f64>,
    pub(crate) during: Vec<f64>,
    pub(crate) after: Vec<f64>,
    /// While the attacker takes as much of the processor, and does nothing else.
    pub(crate) control: Vec<f64>,
    /// The share of one core that the attacker took.
    pub(crate) share: f64,
}

/// All that was measured.
#[derive(Debug)]
pub(crate) struct Measured {
    pub(crate) before: Moment,
    pub(crate) after: Moment,
    pub(crate) most: Seen,
    pub(crate) speeds: Vec<Speed>,
}

/// Of a figure: before the attack, at the most, and after it.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Course {
    pub(crate) before: f64,
    pub(crate) most: f64,
    pub(crate) after: f64,
}

/// What is told of an attack.
#[derive(Debug, Serialize)]
pub(crate) struct Outcome {
    pub(crate) name: &'static str,
    pub(crate) sentence: &'static str,
    pub(crate) backend: &'static str,
    /// Medians of the good client's windows, in messages a second.
    pub(crate) before: f64,
    pub(crate) during: f64,
    pub(crate) after: f64,
    pub(crate) control: f64,
    /// Speed under attack over that of the control: the median of the rounds.
    pub(crate) kept: f64,
    /// The share of one core that the attacker took.
    pub(crate) share: f64,
    /// What the server's monitor has told of more often since the attack began.
    pub(crate) events: BTreeMap<String, u64>,
    pub(crate) refused: u64,
    /// Messages of nobody good that were received.
    pub(crate) foreign: u64,
    pub(crate) heap_mib: Course,
    pub(crate) rss_mib: Course,
    pub(crate) descriptors: Course,
    pub(crate) seconds: f64,
    /// What went wrong; none if nothing did.
    pub(crate) faults: Vec<String>,
}

impl Outcome {
    pub(crate) fn new(
        attack: &Attack,
        backend: Backend,
        measured: Measured,
        faults: Vec<String>,
        took: Duration,
    ) -> Self {
        let Measured { before, after, most, speeds } = measured;
        let of = |windows: fn(&Speed) -> &[f64]| {
            median(speeds.iter().flat_map(|speed| windows(speed).to_vec()).collect())
        };
        let kept = speeds.iter().map(|speed| {
            median(speed.during.clone()) / median(speed.control.clone()).max(f64::MIN_POSITIVE)
        });
        let descriptors = [before.held, most, after.held].map(|seen| seen.descriptors as f64);
        let rss = [before.held, most, after.held].map(|seen| seen.rss_kib as f64 / 1024.0);
        let heap = [before.status.heap, after.status.heap_most, after.status.heap];
        let mut outcome = Self {
            name: attack.name,
            sentence: attack.sentence,
            backend: backend.name(),
            before: of(|speed| &speed.before),
            during: of(|speed| &speed.during),
            after: of(|speed| &speed.after),
            control: of(|speed| &speed.control),
            kept: median(kept.collect()),
            share: median(speeds.iter().map(|speed| speed.share).collect()),
            events: more(&before.status.events, &after.status.events),
            refused: after.status.refused - before.status.refused,
            foreign: after.status.foreign - before.status.foreign,
            heap_mib: course(heap.map(|bytes| bytes as f64 / MIB)),
            rss_mib: course(rss),
            descriptors: course(descriptors),
            seconds: took.as_secs_f64(),
            faults,
        };
        outcome.judge(attack, &before, &after);
        outcome
    }

    /// Of an attack that has come to no end, because of that.
    pub(crate) fn broken(attack: &Attack, backend: Backend, error: &AttackError) -> Self {
        let nothing = Moment { status: ServerStatus::default(), held: Seen::default() };
        let measured = Measured {
            before: nothing.clone(),
            after: nothing,
            most: Seen::default(),
            speeds: Vec::new(),
        };
        let mut outcome = Self::new(attack, backend, measured, Vec::new(), Duration::ZERO);
        outcome.faults = vec![error.to_string()];
        outcome
    }

    /// Whether the server has got rid of what it had of an attack.
    pub(crate) fn has_settled(before: &Moment, now: &Moment) -> bool {
        now.held.descriptors <= before.held.descriptors + DESCRIPTOR_SLACK
            && now.status.heap <= before.status.heap + HEAP_SLACK
    }

    /// Notes all that does not rest on the clock.
    fn judge(&mut self, attack: &Attack, before: &Moment, after: &Moment) {
        let mut faults = after.status.faults.clone();
        faults.extend(Self::missing(attack, &before.status, &after.status));
        if self.refused < attack.refused {
            faults.push(format!("{} refused instead of {}", self.refused, attack.refused));
        }
        if attack.is_unheard && self.foreign > 0 {
            faults.push(format!("{} messages of an attacker were received", self.foreign));
        }
        let grown = self.heap_mib.most - self.heap_mib.before;
        if grown > attack.heap_mib as f64 {
            faults.push(format!("{grown:.1} MiB were taken, more than {} MiB", attack.heap_mib));
        }
        if !Self::has_settled(before, after) {
            faults.push("memory or descriptors did not come back".to_owned());
        }
        self.faults.append(&mut faults);
    }

    /// Notes what rests on the clock.
    pub(crate) fn judge_speed(&mut self) {
        if self.kept < KEPT {
            let (kept, least) = (self.kept * 100.0, KEPT * 100.0);
            self.faults
                .push(format!("the good client kept {kept:.0} % of its speed, not {least:.0} %"));
        }
    }

    /// The events of which fewer were told than the attack has to lead to.
    pub(crate) fn missing(
        attack: &Attack,
        before: &ServerStatus,
        now: &ServerStatus,
    ) -> Vec<String> {
        let events = more(&before.events, &now.events);
        let missing = |&(name, least): &(&str, u64)| {
            let count = Self::count_of(name, &events);
            (count < least).then(|| format!("{count} x {name} instead of {least} or more"))
        };
        attack.expects.iter().filter_map(missing).collect()
    }

    /// How often events of that kind were told, for whatever reason if none is named.
    fn count_of(name: &str, events: &BTreeMap<String, u64>) -> u64 {
        let is_meant = |event: &str| match event.strip_prefix(name) {
            Some(rest) => rest.is_empty() || rest.starts_with(':'),
            None => false,
        };
        events.iter().filter(|(event, _)| is_meant(event)).map(|(_, count)| count).sum()
    }
}

fn course([before, most, after]: [f64; 3]) -> Course {
    // What was never looked at while it was there was at least what it is.
    Course { before, most: most.max(after), after }
}

/// By how much each count has grown, where it has.
fn more(before: &BTreeMap<String, u64>, after: &BTreeMap<String, u64>) -> BTreeMap<String, u64> {
    let grown = |(name, count): (&String, &u64)| {
        let more = count - before.get(name).copied().unwrap_or_default();
        (more > 0).then(|| (name.clone(), more))
    };
    after.iter().filter_map(grown).collect()
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    match values.len() {
        0 => 0.0,
        count if count % 2 == 1 => values[count / 2],
        count => f64::midpoint(values[count / 2 - 1], values[count / 2]),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::attack::catalogue::attacks;

    fn moment(heap: usize, descriptors: usize, events: &[(&str, u64)]) -> Moment {
        let events = events.iter().map(|&(name, count)| (name.to_owned(), count)).collect();
        let status = ServerStatus { heap, heap_most: heap, events, ..ServerStatus::default() };
        Moment { status, held: Seen { rss_kib: 1000, descriptors } }
    }

    fn outcome(name: &str, after: Moment) -> Outcome {
        let attack = attacks().find(|attack| attack.name == name).unwrap();
        let before = moment(1 << 20, 10, &[("HandshakeFailed:HandshakeTimeout", 7)]);
        let speed =
            Speed { during: vec![60.0, 65.0, 10.0], control: vec![100.0], ..Speed::default() };
        let most = after.held;
        let measured = Measured { before, after, most, speeds: vec![speed] };
        Outcome::new(attack, Backend::Mio, measured, Vec::new(), Duration::ZERO)
    }

    #[test]
    fn what_an_attack_has_to_lead_to_is_looked_for() {
        let enough = [("HandshakeFailed:HandshakeTimeout", 507)];
        assert!(outcome("silence", moment(1 << 20, 10, &enough)).faults.is_empty());
        let few = [("HandshakeFailed:HandshakeTimeout", 506), ("HandshakeFailed:Other", 9)];
        let faults = outcome("silence", moment(1 << 20, 10, &few)).faults;
        assert_eq!(faults, ["499 x HandshakeFailed:HandshakeTimeout instead of 500 or more"]);
    }

    #[test]
    fn what_does_not_come_back_is_a_fault() {
        let enough = [("HandshakeFailed:HandshakeTimeout", 507)];
        assert_eq!(outcome("silence", moment(8 << 20, 10, &enough)).faults.len(), 1);
        assert_eq!(outcome("silence", moment(1 << 20, 14, &enough)).faults.len(), 1);
        // Too much on the way, and not back.
        assert_eq!(outcome("silence", moment(200 << 20, 10, &enough)).faults.len(), 2);
    }

    #[test]
    fn who_is_heard_and_should_not_be_is_a_fault() {
        let events = [("HandshakeFailed:Denied", 500)];
        let mut after = moment(1 << 20, 10, &events);
        after.status.events.insert("HandshakeFailed:HandshakeTimeout".to_owned(), 7);
        assert!(outcome("guessed-passwords", after.clone()).faults.is_empty());
        after.status.foreign = 1;
        assert_eq!(outcome("guessed-passwords", after).faults.len(), 1);
    }

    #[test]
    fn a_connection_that_was_not_refused_is_a_fault() {
        let mut after = moment(1 << 20, 10, &[("Refused:Connections", 400)]);
        after.status.events.insert("HandshakeFailed:HandshakeTimeout".to_owned(), 7);
        after.status.refused = 399;
        assert_eq!(outcome("connection-flood", after).faults.len(), 1);
    }

    #[test]
    fn speed_counts_only_where_it_is_asked_for() {
        let mut outcome =
            outcome("silence", moment(1, 1, &[("HandshakeFailed:HandshakeTimeout", 507)]));
        assert!((outcome.kept - 0.6).abs() < 1e-9);
        assert!(outcome.faults.is_empty());
        outcome.judge_speed();
        assert_eq!(outcome.faults, ["the good client kept 60 % of its speed, not 70 %"]);
    }
}
