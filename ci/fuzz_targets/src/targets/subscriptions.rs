//! Operations on the tries of subscriptions, against models that look at every topic.
//!
//! Input: operations, each a byte, the number of a pipe, and a topic: how much it has in common with the one
//! before, and what comes then.

use std::collections::{BTreeMap, BTreeSet};

use crate::input::{Input, counted};
use crate::memory::{FIXED, bounded};
use crate::subscription::{Added, ByPipe, Removed, Wanted};

const ADD: u8 = 0;
const REMOVE: u8 = 1;
const REMOVE_PIPE: u8 = 2;
const MATCH: u8 = 3;
const OPERATIONS: u8 = 4;

/// Pipes there are.
const PIPES: usize = 6;
/// Bytes of a topic, at most, so that the fuzzer does not wait for the models.
const LONGEST: usize = 300;
/// Bytes that both tries and both models may take for each byte that came in, by which a topic may get
/// longer as often as it is said again.
const EACH: usize = 4 * LONGEST;

/// Panics if an answer is not that of the model.
pub fn run(data: &[u8]) {
    bounded(FIXED + EACH * data.len(), || operations(Input::new(data)));
}

#[derive(Default)]
struct Model {
    /// Who has each topic.
    pipes: BTreeMap<Vec<u8>, BTreeSet<usize>>,
    /// How often each is wanted.
    wanted: BTreeMap<Vec<u8>, u32>,
}

fn operations(mut input: Input<'_>) {
    let (mut by_pipe, mut wanted) = (ByPipe::new(), Wanted::new());
    let mut model = Model::default();
    let mut topic = Vec::new();
    while !input.is_over() {
        let operation = input.byte() % OPERATIONS;
        let pipe = usize::from(input.byte()) % PIPES;
        topic.truncate(input.byte().into());
        topic.extend_from_slice(input.bytes());
        topic.truncate(LONGEST);
        match operation {
            ADD => {
                assert_eq!(by_pipe.add(&topic, pipe), model.add(&topic, pipe));
                wanted.subscribe(&topic, Vec::new());
                *model.wanted.entry(topic.clone()).or_default() += 1;
            }
            REMOVE => {
                assert_eq!(by_pipe.remove(&topic, pipe), model.remove(&topic, pipe));
                let last = model.wanted.get(&topic) == Some(&1);
                assert_eq!(wanted.unsubscribe(&topic, Vec::new()).is_some(), last);
                model.wanted.entry(topic.clone()).and_modify(|count| *count -= 1);
                model.wanted.retain(|_, count| *count > 0);
            }
            REMOVE_PIPE => remove_pipe(&mut by_pipe, &mut model, pipe, topic.len() % 2 == 0),
            _ => check_matches(&mut by_pipe, &wanted, &model, &topic),
        }
        assert_eq!(by_pipe.len(), model.pipes.len());
        assert_eq!(wanted.len(), model.wanted.len());
    }
    let mut told = Vec::new();
    wanted.tell(|topic| told.push(topic.to_vec()));
    assert_eq!(told, model.wanted.keys().cloned().collect::<Vec<_>>());
    (0..PIPES).for_each(|pipe| remove_pipe(&mut by_pipe, &mut model, pipe, pipe % 2 == 0));
    assert_eq!(by_pipe.len(), 0, "nobody is left");
}

impl Model {
    fn add(&mut self, topic: &[u8], pipe: usize) -> Added {
        let pipes = self.pipes.entry(topic.to_vec()).or_default();
        match (pipes.is_empty(), pipes.insert(pipe)) {
            (true, _) => Added::FirstForTopic,
            (false, true) => Added::NewForPipe,
            (false, false) => Added::Duplicate,
        }
    }

    fn remove(&mut self, topic: &[u8], pipe: usize) -> Removed {
        let Some(pipes) = self.pipes.get_mut(topic) else { return Removed::Unknown };
        if !pipes.remove(&pipe) {
            return Removed::Unknown;
        }
        if pipes.is_empty() {
            self.pipes.remove(topic);
            return Removed::LastForTopic;
        }
        Removed::Remains
    }
}

fn remove_pipe(by_pipe: &mut ByPipe, model: &mut Model, pipe: usize, each: bool) {
    let mut gone = Vec::new();
    by_pipe.remove_pipe(pipe, each, |topic| gone.push(topic.to_vec()));
    gone.sort_unstable();
    let topics: Vec<_> = model.pipes.keys().cloned().collect();
    let shown = |topic: &Vec<u8>| match model.remove(topic, pipe) {
        Removed::LastForTopic => true,
        Removed::Remains => each,
        Removed::Unknown => false,
    };
    assert_eq!(gone, topics.into_iter().filter(shown).collect::<Vec<_>>());
}

fn check_matches(by_pipe: &mut ByPipe, wanted: &Wanted, model: &Model, message: &[u8]) {
    let known = model.pipes.iter().filter(|(topic, _)| message.starts_with(topic));
    let expected: BTreeSet<_> = known.flat_map(|(_, pipes)| pipes).copied().collect();
    let (mut found, mut others) = (BTreeSet::new(), BTreeSet::new());
    by_pipe.for_each_match(message, |pipe| assert!(found.insert(pipe), "reported twice"));
    by_pipe.for_each_mismatch(message, 0..PIPES, |pipe| assert!(others.insert(pipe)));
    assert_eq!(found, expected);
    assert_eq!(others, (0..PIPES).filter(|pipe| !expected.contains(pipe)).collect());
    let wants = model.wanted.keys().any(|topic| message.starts_with(topic));
    assert_eq!(wanted.matches(message), wants);
}

/// Topics that share beginnings, come and go.
pub fn seeds() -> Vec<Vec<u8>> {
    let step = |operation, pipe, common, rest: &[u8]| {
        [&[operation, pipe, common], &counted(rest)[..]].concat()
    };
    let family = [
        step(ADD, 0, 0, b"weather"),
        step(ADD, 1, 3, b"kly"),
        step(ADD, 1, 0, b""),
        step(ADD, 2, 0, &[7; 70]),
        step(ADD, 2, 40, b""),
        step(MATCH, 0, 40, &[7; 40]),
        step(REMOVE, 2, 40, b""),
        step(REMOVE_PIPE, 1, 0, b"weather in the north"),
        step(MATCH, 1, 20, b""),
    ];
    (1..=family.len()).map(|steps| family[..steps].concat()).collect()
}
