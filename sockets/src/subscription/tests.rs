//! Promises of the whole module: the same answers as a naive model after any operations, and topics
//! of any length.

use super::{Added, ByPipe, Counted, Removal, Removed};
use proptest::collection::vec;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

/// Longer than any label, so that chains are built, split and joined.
const LONGEST: usize = 70;

/// Topics that have much in common: runs of one byte, with few others at their ends.
fn topic() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        vec(0..3_u8, 0..5),
        (0..LONGEST, vec(any::<u8>(), 0..2)).prop_map(|(run, end)| [vec![0; run], end].concat()),
        (0..LONGEST, vec(0..2_u8, 0..30)).prop_map(|(run, end)| [vec![0; run], end].concat()),
    ]
}

#[derive(Debug, Clone)]
enum Step {
    Add(Vec<u8>, usize),
    Remove(Vec<u8>, usize),
    /// Removes the n-th topic there is, so that removals meet something.
    RemoveKnown(usize, usize),
    RemovePipe(usize),
    Match(Vec<u8>),
}

fn step() -> impl Strategy<Value = Step> {
    let pipe = || 0..5_usize;
    prop_oneof![
        6 => (topic(), pipe()).prop_map(|(topic, pipe)| Step::Add(topic, pipe)),
        1 => (topic(), pipe()).prop_map(|(topic, pipe)| Step::Remove(topic, pipe)),
        5 => (any::<usize>(), pipe()).prop_map(|(nth, pipe)| Step::RemoveKnown(nth, pipe)),
        1 => pipe().prop_map(Step::RemovePipe),
        3 => topic().prop_map(Step::Match),
    ]
}

fn nth<V>(topics: &BTreeMap<Vec<u8>, V>, nth: usize) -> Vec<u8> {
    topics.keys().nth(nth % topics.len().max(1)).cloned().unwrap_or_default()
}

/// What [`Counted`] promises, the slow way.
#[derive(Default)]
struct NaiveCounted(BTreeMap<Vec<u8>, u32>);

impl NaiveCounted {
    fn unsubscribe(&mut self, topic: &[u8]) -> Removal {
        let Some(count) = self.0.get_mut(topic) else { return Removal::Unknown };
        *count -= 1;
        if *count > 0 {
            return Removal::Remains;
        }
        self.0.remove(topic);
        Removal::Last
    }

    fn matches(&self, message: &[u8]) -> bool {
        self.0.keys().any(|topic| message.starts_with(topic))
    }
}

/// What [`ByPipe`] promises, the slow way.
#[derive(Default)]
struct NaiveByPipe(BTreeMap<Vec<u8>, BTreeSet<usize>>);

impl NaiveByPipe {
    fn add(&mut self, topic: Vec<u8>, pipe: usize) -> Added {
        let pipes = self.0.entry(topic).or_default();
        match (pipes.is_empty(), pipes.insert(pipe)) {
            (true, _) => Added::FirstForTopic,
            (false, true) => Added::NewForPipe,
            (false, false) => Added::Duplicate,
        }
    }

    fn remove(&mut self, topic: &[u8], pipe: usize) -> Removed {
        let Some(pipes) = self.0.get_mut(topic) else { return Removed::Unknown };
        if !pipes.remove(&pipe) {
            return Removed::Unknown;
        }
        if !pipes.is_empty() {
            return Removed::Remains;
        }
        self.0.remove(topic);
        Removed::LastForTopic
    }

    fn matching(&self, message: &[u8]) -> BTreeSet<usize> {
        let topics = self.0.iter().filter(|(topic, _)| message.starts_with(topic));
        topics.flat_map(|(_, pipes)| pipes).copied().collect()
    }
}

/// The pipes reported, each of which must have been reported once.
fn matching(topics: &mut ByPipe, message: &[u8]) -> BTreeSet<usize> {
    let mut pipes = BTreeSet::new();
    topics.for_each_match(message, |pipe| assert!(pipes.insert(pipe), "{pipe} reported twice"));
    pipes
}

proptest! {
    #[test]
    fn a_subscriber_answers_like_the_model(steps in vec(step(), 0..200)) {
        let (mut real, mut model) = (Counted::new(), NaiveCounted::default());
        for step in steps {
            match step {
                Step::Add(topic, _) => {
                    let count = model.0.entry(topic.clone()).or_default();
                    *count += 1;
                    prop_assert_eq!(real.subscribe(&topic), *count == 1);
                }
                Step::Remove(topic, _) => {
                    prop_assert_eq!(real.unsubscribe(&topic), model.unsubscribe(&topic));
                }
                Step::RemoveKnown(n, _) => {
                    let topic = nth(&model.0, n);
                    prop_assert_eq!(real.unsubscribe(&topic), model.unsubscribe(&topic));
                }
                Step::RemovePipe(_) => {}
                Step::Match(message) => {
                    prop_assert_eq!(real.matches(&message), model.matches(&message));
                }
            }
            prop_assert_eq!(real.len(), model.0.len());
            real.check();
        }
        let mut topics = Vec::new();
        real.for_each(|topic| topics.push(topic.to_vec()));
        prop_assert_eq!(topics, model.0.into_keys().collect::<Vec<_>>());
    }

    #[test]
    fn a_publisher_answers_like_the_model(steps in vec(step(), 0..200)) {
        let (mut real, mut model) = (ByPipe::new(), NaiveByPipe::default());
        for step in steps {
            match step {
                Step::Add(topic, pipe) => {
                    prop_assert_eq!(real.add(&topic, pipe), model.add(topic, pipe));
                }
                Step::Remove(topic, pipe) => {
                    prop_assert_eq!(real.remove(&topic, pipe), model.remove(&topic, pipe));
                }
                Step::RemoveKnown(n, pipe) => {
                    let topic = nth(&model.0, n);
                    prop_assert_eq!(real.remove(&topic, pipe), model.remove(&topic, pipe));
                }
                Step::RemovePipe(pipe) => {
                    let mut gone = Vec::new();
                    real.remove_pipe(pipe, false, |topic| gone.push(topic.to_vec()));
                    gone.sort_unstable();
                    let topics: Vec<_> = model.0.keys().cloned().collect();
                    let last = |topic: &Vec<u8>| {
                        model.remove(topic, pipe) == Removed::LastForTopic
                    };
                    prop_assert_eq!(gone, topics.into_iter().filter(last).collect::<Vec<_>>());
                }
                Step::Match(message) => {
                    let expected = model.matching(&message);
                    prop_assert_eq!(matching(&mut real, &message), expected.clone());
                    let mut others = BTreeSet::new();
                    real.for_each_mismatch(&message, 0..6, |pipe| {
                        others.insert(pipe);
                    });
                    prop_assert_eq!(&others | &expected, (0..6).collect::<BTreeSet<_>>());
                    prop_assert!(others.is_disjoint(&expected));
                }
            }
            prop_assert_eq!(real.len(), model.0.len());
            real.check();
        }
    }
}

/// Two million bytes are a chain of 117,000 nodes: whatever recursed would overflow the stack.
#[test]
fn a_topic_of_two_million_bytes_is_a_topic() {
    let long = vec![7; 2_000_000];
    let mut topics = ByPipe::new();
    assert_eq!(topics.add(&long, 1), Added::FirstForTopic);
    assert_eq!(topics.add(&long[..1_000_000], 2), Added::FirstForTopic);
    assert!(topics.check() > 100_000);
    assert_eq!(matching(&mut topics, &long[1..]), BTreeSet::from([2]));
    assert_eq!(matching(&mut topics, &long), BTreeSet::from([1, 2]));
    topics.remove_pipe(1, false, |topic| assert_eq!(topic, long));
    assert_eq!(topics.remove(&long[..1_000_000], 2), Removed::LastForTopic);
    assert_eq!(topics.check(), 1);

    let mut wanted = Counted::new();
    wanted.subscribe(&long);
    wanted.for_each(|topic| assert_eq!(topic, long));
    assert!(wanted.matches(&long) && !wanted.matches(&long[1..]));
}

/// Every prefix of a topic is a topic: the deepest trie there is for its bytes.
#[test]
fn every_prefix_of_a_topic_can_be_a_topic() {
    const DEPTH: usize = 10_000;
    let long = vec![7; DEPTH];
    let mut wanted = Counted::new();
    for length in (0..=DEPTH).rev() {
        assert!(wanted.subscribe(&long[..length]));
    }
    assert_eq!((wanted.len(), wanted.check()), (DEPTH + 1, DEPTH + 1));
    let mut length = 0;
    wanted.for_each(|topic| {
        assert_eq!(topic.len(), length);
        length += 1;
    });
    // Every other one goes first: what is between them must be joined.
    for length in (0..=DEPTH).step_by(2).chain((1..=DEPTH).step_by(2)) {
        assert_eq!(wanted.unsubscribe(&long[..length]), Removal::Last);
    }
    assert_eq!((wanted.len(), wanted.check()), (0, 1));
}

/// A peer that has had a million topics leaves no more behind than one that has had few, though others stay.
#[test]
fn a_pipe_that_goes_gives_its_memory_back_though_others_stay() {
    for cancels_first in [false, true] {
        let mut topics = ByPipe::new();
        topics.add(b"stays", 1);
        let topic = |number: u32| number.wrapping_mul(0x9E37_79B1).to_be_bytes();
        (0..200_000).for_each(|number| {
            topics.add(&topic(number), 2);
        });
        let most = topics.room();
        if cancels_first {
            (0..200_000).for_each(|number| {
                topics.remove(&topic(number), 2);
            });
        }
        topics.remove_pipe(2, false, |_| ());
        assert!(most > 200_000 && topics.room() < 50_000, "{most}, then {}", topics.room());
        assert_eq!((topics.check(), topics.remove(b"stays", 1)), (2, Removed::LastForTopic));
    }
}
