//! The fair queue over real pipes: everybody gets the same, nothing is overlooked.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::inner::pipes::Pipe;
use proptest::prelude::*;
use ringmq_engine::PipeEnd;
use ringmq_pipe::{Capacity, Notify, pipe};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

/// What the pipes have told.
#[derive(Default)]
struct Told(Mutex<Vec<usize>>);

impl Notify for Told {
    fn readable(&self, key: usize) {
        self.0.lock().unwrap().push(key);
    }

    fn writable(&self, _: usize) {}
}

/// A fair queue with pipes, and the far ends of those.
struct Harness {
    told: Arc<Told>,
    pipes: Pipes,
    queue: FairQueue,
    far: Vec<Option<PipeEnd>>,
}

impl Harness {
    /// All pipes are asleep at the beginning, as a socket makes them.
    fn new(count: usize) -> Self {
        let told = Arc::new(Told::default());
        let mut pipes = Pipes::new(None);
        let mut far = Vec::new();
        for endpoint_id in 0..count {
            let (end, other) = pipe(Capacity::Messages(0), Capacity::Messages(0));
            let key = pipes.insert(Pipe::new(end, endpoint_id as u64, true));
            assert_eq!(key, endpoint_id);
            let notify: Arc<dyn Notify> = told.clone();
            pipes.get_mut(key).unwrap().end.install(&notify, key);
            assert!(pipes.sleep(key));
            far.push(Some(other));
        }
        Self { told, pipes, queue: FairQueue::default(), far }
    }

    fn write(&mut self, key: usize, number: u32) {
        if let Some(far) = &mut self.far[key] {
            far.tx.write_body(0, &number.to_le_bytes()).unwrap();
        }
    }

    /// Heeds what the pipes have told.
    fn hear(&mut self) {
        for key in std::mem::take(&mut *self.told.0.lock().unwrap()) {
            self.queue.activate(key);
        }
    }

    fn recv(&mut self) -> Option<(usize, u32)> {
        self.hear();
        let (key, frame) = self.queue.recv(&mut self.pipes)?;
        Some((key, u32::from_le_bytes(frame.first_chunk().copied().unwrap())))
    }
}

#[test]
fn everybody_gets_the_same() {
    const PIPES: usize = 1_000;
    let mut harness = Harness::new(PIPES);
    for number in 0..30 {
        (0..PIPES).for_each(|key| harness.write(key, number));
    }
    let mut received = vec![0_u32; PIPES];
    for _ in 0..20 * PIPES {
        let (key, number) = harness.recv().unwrap();
        assert_eq!(number, received[key]);
        received[key] += 1;
    }
    assert!(received.iter().all(|count| *count == 20), "{received:?}");
}

#[test]
fn those_that_say_little_are_heard_among_those_that_say_much() {
    const PIPES: usize = 200;
    let mut harness = Harness::new(PIPES);
    for number in 0..1_000 {
        (0..10).for_each(|key| harness.write(key, number));
    }
    for _ in 0..100 {
        harness.recv().unwrap();
    }
    (10..PIPES).for_each(|key| harness.write(key, 7));
    // One round of everybody's turns.
    let round: Vec<_> = (0..PIPES).map(|_| harness.recv().unwrap()).collect();
    assert_eq!(round.iter().filter(|(key, _)| *key >= 10).count(), PIPES - 10);
}

#[derive(Clone, Debug)]
enum Step {
    Write(usize),
    Close(usize),
    Recv,
    Ready,
    Settle,
}

fn step(pipes: usize) -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0..pipes).prop_map(Step::Write),
        1 => (0..pipes).prop_map(Step::Close),
        6 => Just(Step::Recv),
        1 => Just(Step::Ready),
        1 => Just(Step::Settle),
    ]
}

proptest! {
    #[test]
    fn nothing_is_overlooked_or_out_of_order(
        steps in prop_oneof![
            prop::collection::vec(step(3), 0..300),
            prop::collection::vec(step(150), 0..600),
        ]
    ) {
        const PIPES: usize = 150;
        let mut harness = Harness::new(PIPES);
        let mut model = vec![VecDeque::new(); PIPES];
        let mut ended = Vec::new();
        for (number, step) in (0..).zip(steps) {
            let any = model.iter().any(|queue| !queue.is_empty());
            match step {
                Step::Write(key) if harness.far[key].is_some() => {
                    harness.write(key, number);
                    model[key].push_back(number);
                }
                Step::Close(key) => harness.far[key] = None,
                Step::Recv => match harness.recv() {
                    Some((key, number)) => prop_assert_eq!(model[key].pop_front(), Some(number)),
                    None => prop_assert!(!any),
                },
                Step::Ready => {
                    harness.hear();
                    prop_assert_eq!(harness.queue.ready(&mut harness.pipes), any);
                }
                Step::Settle => {
                    harness.hear();
                    prop_assert_eq!(harness.queue.settle(&mut harness.pipes), any);
                }
                Step::Write(_) => {}
            }
            ended.extend(std::iter::from_fn(|| harness.queue.take_ended()));
        }
        while let Some((key, number)) = harness.recv() {
            prop_assert_eq!(model[key].pop_front(), Some(number));
        }
        ended.extend(std::iter::from_fn(|| harness.queue.take_ended()));
        prop_assert!(model.iter().all(VecDeque::is_empty));
        ended.sort_unstable();
        let gone: Vec<usize> = (0..PIPES).filter(|key| harness.far[*key].is_none()).collect();
        prop_assert_eq!(ended, gone, "each that has ended is told of once");
    }
}
