//! The subscriptions of all peers of a socket that publishes: PUB and XPUB.
//!
//! A pipe has a topic or does not have it: unlike a subscriber's own they are not counted. So what a pipe
//! holds, in topics and in their bytes, is what was added and not removed since, each once. What
//! always holds: for every topic a pipe has, that pipe's `places` hold the topic's place. They may
//! hold more, of topics it had once: a place counts only if the pipe is among its subscribers.

use super::arena::Arena;
use super::subscribers::{Left, Lists, Subscribers};
use super::trie::{Position, Trie};
use ringmq_engine::PeerLimit;
use std::collections::HashMap;
use std::ops::ControlFlow;

/// A pipe may keep this many places of topics it no longer has, besides one for each that it has:
/// below it, sorting them out saves nothing.
const STALE_PLACES: usize = 32;

/// Which pipe has which topics. A pipe goes by any number the caller gives it.
#[derive(Debug)]
pub(crate) struct ByPipe {
    topics: Trie<Subscribers>,
    lists: Lists,
    /// Every pipe that was ever given a topic and not removed since, by the caller's number.
    pipes: HashMap<usize, Subscriber>,
    /// What a match needs of the same pipes, by slot.
    marks: Arena<Reported>,
    /// The number of the latest match, counted from 1.
    latest: u64,
}

/// Where the topics of one pipe are.
#[derive(Debug)]
struct Subscriber {
    slot: u32,
    /// How many topics it has, and how many bytes those have together.
    topics: usize,
    bytes: u64,
    places: Vec<Position>,
}

#[derive(Debug, Default)]
struct Reported {
    /// The caller's number of the pipe.
    id: usize,
    /// The number of the latest match that reported the pipe; 0 if there was none.
    reported: u64,
}

/// What a new subscription changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Added {
    /// No pipe had this topic before.
    FirstForTopic,
    /// Other pipes have this topic already, this one did not.
    NewForPipe,
    /// This pipe has the topic already.
    Duplicate,
}

/// How much a pipe may have at the most; `None` is no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct MostTopics {
    pub(crate) topics: Option<u32>,
    /// Of all topics together.
    pub(crate) bytes: Option<u64>,
}

impl MostTopics {
    /// What a socket allows unless set otherwise. Of memory a short topic takes 44 to 57 bytes, and a long one
    /// about twice its length: a million random ones of 64 bytes, which reach both limits, take 135 MiB.
    pub(crate) const DEFAULT: Self = Self { topics: Some(1_000_000), bytes: Some(64 << 20) };

    /// The limit that is in the way of one more topic where there are so many already, with which the bytes
    /// would be so many.
    fn reached(&self, topics: usize, bytes: u64) -> Option<PeerLimit> {
        if self.topics.is_some_and(|most| topics >= most as usize) {
            return Some(PeerLimit::Subscriptions);
        }
        self.bytes.is_some_and(|most| bytes > most).then_some(PeerLimit::SubscriptionBytes)
    }
}

/// What a cancel changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Removed {
    /// This pipe does not have the topic.
    Unknown,
    /// Other pipes still have the topic.
    Remains,
    /// No pipe has the topic any more.
    LastForTopic,
}

impl ByPipe {
    /// No pipe has a topic.
    pub(crate) fn new() -> Self {
        Self {
            topics: Trie::new(),
            lists: Lists::new(),
            pipes: HashMap::new(),
            marks: Arena::new(),
            latest: 0,
        }
    }

    /// Gives the pipe the topic.
    pub(crate) fn add(&mut self, topic: &[u8], id: usize) -> Added {
        let Self { topics, lists, pipes, marks, .. } = self;
        let pipe = pipes.entry(id).or_insert_with(|| Subscriber {
            slot: marks.insert(Reported { id, reported: 0 }),
            topics: 0,
            bytes: 0,
            places: Vec::new(),
        });
        let mut added = Added::FirstForTopic;
        let place = topics.upsert(topic, |present| {
            let Some(present) = present else { return Subscribers::one(pipe.slot) };
            let more = lists.add(present, pipe.slot);
            added = if more.is_some() { Added::NewForPipe } else { Added::Duplicate };
            more.unwrap_or(present)
        });
        if added != Added::Duplicate {
            pipe.topics += 1;
            pipe.bytes += topic.len() as u64;
            pipe.places.push(place);
            self.sort_out_places(id);
        }
        added
    }

    /// As [`add`](Self::add), unless the pipe would then have more than `most`: says which limit that is, and
    /// changes nothing. A topic that the pipe has already is none more.
    pub(crate) fn add_within(
        &mut self,
        topic: &[u8],
        id: usize,
        most: &MostTopics,
    ) -> Result<Added, PeerLimit> {
        let (topics, bytes) = self.pipes.get(&id).map_or((0, 0), |pipe| (pipe.topics, pipe.bytes));
        match most.reached(topics, bytes + topic.len() as u64) {
            Some(_) if self.has(topic, id) => Ok(Added::Duplicate),
            Some(limit) => Err(limit),
            None => Ok(self.add(topic, id)),
        }
    }

    /// Whether the pipe has the topic.
    fn has(&self, topic: &[u8], id: usize) -> bool {
        let (Some(pipe), Some((_, present))) = (self.pipes.get(&id), self.topics.find(topic))
        else {
            return false;
        };
        self.lists.contain(present, pipe.slot)
    }

    /// Takes the topic from the pipe.
    pub(crate) fn remove(&mut self, topic: &[u8], id: usize) -> Removed {
        let Some(pipe) = self.pipes.get_mut(&id) else { return Removed::Unknown };
        let Some((place, present)) = self.topics.find(topic) else { return Removed::Unknown };
        let removed = match self.lists.remove(present, pipe.slot) {
            Left::Unknown => return Removed::Unknown,
            Left::Others(others) => {
                self.topics.replace(place, others);
                Removed::Remains
            }
            Left::Nobody => {
                self.topics.remove(place);
                Removed::LastForTopic
            }
        };
        pipe.topics -= 1;
        pipe.bytes -= topic.len() as u64;
        self.sort_out_places(id);
        removed
    }

    /// Takes all topics from the pipe and forgets it. Shows each topic that no pipe has any more, or
    /// `each` that this one had, in no particular order. Costs what this pipe's own topics cost, however
    /// many the others have.
    pub(crate) fn remove_pipe(&mut self, id: usize, each: bool, mut gone: impl FnMut(&[u8])) {
        let Some(pipe) = self.pipes.remove(&id) else { return };
        let mut topic = Vec::new();
        for place in pipe.places {
            let Some(present) = self.topics.get(place) else { continue };
            let left = self.lists.remove(present, pipe.slot);
            let shown = left == Left::Nobody || each && left != Left::Unknown;
            if shown {
                self.topics.topic_at(place, &mut topic);
            }
            match left {
                Left::Unknown => {}
                Left::Others(others) => self.topics.replace(place, others),
                Left::Nobody => self.topics.remove(place),
            }
            if shown {
                gone(&topic);
            }
        }
        self.marks.take(pipe.slot);
        self.topics.trim();
    }

    /// Reports every pipe that has a topic which is a prefix of the message (of its first frame),
    /// each once, however many of its topics match. Allocates nothing.
    // Always: apart from a publisher's send, the walk takes a twentieth more instructions.
    #[inline(always)]
    pub(crate) fn for_each_match(&mut self, message: &[u8], mut report: impl FnMut(usize)) {
        self.latest += 1;
        let Self { topics, lists, marks, latest, .. } = self;
        // Nothing in here breaks the walk off.
        let _ = topics.try_for_each_prefix(message, |present| {
            lists.for_each(present, |slot| {
                let mark = &mut marks[slot];
                if mark.reported != *latest {
                    mark.reported = *latest;
                    report(mark.id);
                }
            });
            ControlFlow::Continue(())
        });
    }

    /// Reports every pipe that has exactly this topic, each once. Allocates nothing.
    pub(crate) fn for_each_holder(&self, topic: &[u8], mut report: impl FnMut(usize)) {
        if let Some((_, present)) = self.topics.find(topic) {
            self.lists.for_each(present, |slot| report(self.marks[slot].id));
        }
    }

    /// Reports those of the pipes that [`Self::for_each_match`] would not report, for sockets that
    /// match inversely. A pipe without any topic is one of them. Allocates nothing.
    #[inline(never)]
    pub(crate) fn for_each_mismatch(
        &mut self,
        message: &[u8],
        pipes: impl IntoIterator<Item = usize>,
        mut report: impl FnMut(usize),
    ) {
        self.for_each_match(message, |_| ());
        for id in pipes {
            let slot = self.pipes.get(&id).map(|pipe| pipe.slot);
            if slot.is_none_or(|slot| self.marks[slot].reported != self.latest) {
                report(id);
            }
        }
    }

    /// How many distinct topics there are.
    pub(crate) const fn len(&self) -> usize {
        self.topics.len()
    }

    /// Drops the places of topics the pipe no longer has, once they are more than the others. That
    /// takes a moment for a pipe with many topics, after it gave up as many as it has left.
    fn sort_out_places(&mut self, id: usize) {
        let Some(pipe) = self.pipes.get_mut(&id) else { return };
        if pipe.places.len() <= 2 * pipe.topics + STALE_PLACES {
            return;
        }
        // A topic that was given up and taken again may have its place in here twice.
        pipe.places.sort_unstable();
        pipe.places.dedup();
        pipe.places.retain(|place| {
            let present = self.topics.get(*place);
            present.is_some_and(|present| self.lists.contain(present, pipe.slot))
        });
        debug_assert_eq!(pipe.places.len(), pipe.topics);
        pipe.places.shrink_to(pipe.topics + STALE_PLACES);
    }
}

#[cfg(test)]
impl ByPipe {
    /// How many nodes and edges there is memory for.
    pub(super) fn room(&self) -> usize {
        self.topics.room()
    }

    /// Checks what always holds, and says how many nodes the trie has.
    pub(super) fn check(&self) -> usize {
        for (id, pipe) in &self.pipes {
            assert_eq!(self.marks[pipe.slot].id, *id);
            assert!(pipe.places.len() <= 2 * pipe.topics + STALE_PLACES);
        }
        assert_eq!(self.marks.len(), self.pipes.len());
        let mut held = HashMap::<u32, (usize, u64)>::new();
        self.topics.for_each(|topic| {
            let (_, present) = self.topics.find(topic).expect("it was shown");
            self.lists.for_each(present, |slot| {
                let (topics, bytes) = held.entry(slot).or_default();
                *topics += 1;
                *bytes += topic.len() as u64;
            });
        });
        for pipe in self.pipes.values() {
            let held = held.remove(&pipe.slot).unwrap_or_default();
            assert_eq!((pipe.topics, pipe.bytes), held);
        }
        assert!(held.is_empty(), "somebody's who is not there");
        if self.len() == 0 {
            assert_eq!(self.lists.len(), 0);
        }
        self.topics.check()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matching(topics: &mut ByPipe, message: &[u8]) -> Vec<usize> {
        let mut pipes = Vec::new();
        topics.for_each_match(message, |id| pipes.push(id));
        pipes.sort_unstable();
        pipes
    }

    #[test]
    fn the_first_and_the_last_pipe_of_a_topic_are_told_from_the_others() {
        let mut topics = ByPipe::new();
        assert_eq!(topics.add(b"weather", 1), Added::FirstForTopic);
        assert_eq!(topics.add(b"weather", 1), Added::Duplicate);
        assert_eq!(topics.add(b"weather", 2), Added::NewForPipe);
        assert_eq!(topics.remove(b"weather", 3), Removed::Unknown);
        assert_eq!(topics.remove(b"weathe", 1), Removed::Unknown);
        assert_eq!(topics.remove(b"weather", 1), Removed::Remains);
        assert_eq!(topics.remove(b"weather", 1), Removed::Unknown);
        assert_eq!(topics.remove(b"weather", 2), Removed::LastForTopic);
        assert_eq!(topics.len(), 0);
    }

    #[test]
    fn who_has_a_topic_is_not_who_has_a_part_of_it() {
        let mut topics = ByPipe::new();
        topics.add(b"weather", 1);
        topics.add(b"weather", 2);
        topics.add(b"wea", 3);
        topics.add(b"", 4);
        let holders = |topic: &[u8]| {
            let mut pipes = Vec::new();
            topics.for_each_holder(topic, |id| pipes.push(id));
            pipes
        };
        assert_eq!(holders(b"weather"), [1, 2]);
        assert_eq!(holders(b"wea"), [3]);
        assert_eq!(holders(b""), [4]);
        assert!(holders(b"weathers").is_empty());
        assert!(holders(b"we").is_empty());
    }

    #[test]
    fn a_pipe_has_as_much_as_it_may_and_what_it_has_may_be_added_again() {
        let mut topics = ByPipe::new();
        let most = MostTopics { topics: Some(2), bytes: Some(10) };
        assert_eq!(topics.add_within(b"12345678", 1, &most), Ok(Added::FirstForTopic));
        assert_eq!(topics.add_within(b"123", 1, &most), Err(PeerLimit::SubscriptionBytes));
        assert_eq!(topics.add_within(b"12", 1, &most), Ok(Added::FirstForTopic));
        for topic in [&b"12345678"[..], b"12"] {
            assert_eq!(topics.add_within(topic, 1, &most), Ok(Added::Duplicate));
        }
        assert_eq!(topics.add_within(b"", 1, &most), Err(PeerLimit::Subscriptions));
        assert_eq!(topics.add_within(b"12345678", 2, &most), Ok(Added::NewForPipe));
        assert_eq!(topics.len(), 2, "what was not allowed is not there");
        topics.remove(b"unknown", 1);
        assert_eq!(topics.add_within(b"", 1, &most), Err(PeerLimit::Subscriptions));
        topics.remove(b"12345678", 1);
        assert_eq!(topics.add_within(b"12345678", 1, &most), Ok(Added::NewForPipe));
        let none = MostTopics { topics: None, bytes: None };
        assert_eq!(topics.add_within(b"any other", 1, &none), Ok(Added::FirstForTopic));
        topics.check();
    }

    #[test]
    fn a_pipe_with_several_matching_topics_is_reported_once() {
        let mut topics = ByPipe::new();
        for topic in [&b""[..], b"a", b"ab", b"abc"] {
            topics.add(topic, usize::MAX);
        }
        topics.add(b"ab", 7);
        assert_eq!(matching(&mut topics, b"abcd"), [7, usize::MAX]);
        assert_eq!(matching(&mut topics, b"a"), [usize::MAX]);
    }

    #[test]
    fn a_pipe_that_goes_takes_its_topics_along() {
        let mut topics = ByPipe::new();
        for topic in [&b""[..], b"shared", b"own", b"own, and longer than a single node holds"] {
            topics.add(topic, 1);
        }
        topics.add(b"shared", 2);
        let mut gone = Vec::new();
        topics.remove_pipe(1, false, |topic| gone.push(topic.to_vec()));
        gone.sort_unstable();
        assert_eq!(gone, [&b""[..], b"own", b"own, and longer than a single node holds"]);
        assert_eq!((matching(&mut topics, b"shared"), topics.len()), (vec![2], 1));
        topics.remove_pipe(1, true, |_| panic!("it has nothing left"));
    }

    #[test]
    fn each_topic_of_a_pipe_is_shown_once_if_that_is_wanted() {
        let mut topics = ByPipe::new();
        for topic in [&b"shared"[..], b"own", b"given up", b"taken again"] {
            topics.add(topic, 1);
        }
        topics.add(b"shared", 2);
        topics.add(b"given up", 2);
        topics.remove(b"given up", 1);
        topics.remove(b"taken again", 1);
        topics.add(b"taken again", 1);
        let mut gone = Vec::new();
        topics.remove_pipe(1, true, |topic| gone.push(topic.to_vec()));
        gone.sort_unstable();
        assert_eq!(gone, [&b"own"[..], b"shared", b"taken again"]);
        assert_eq!(matching(&mut topics, b"shared"), [2]);
    }

    #[test]
    fn inverse_matching_reports_the_others() {
        let mut topics = ByPipe::new();
        topics.add(b"a", 1);
        topics.add(b"b", 2);
        let mut pipes = Vec::new();
        topics.for_each_mismatch(b"abc", [1, 2, 3], |id| pipes.push(id));
        assert_eq!(pipes, [2, 3]);
    }

    #[test]
    fn changing_ones_mind_for_ever_takes_no_memory() {
        let mut topics = ByPipe::new();
        topics.add(b"stays", 1);
        for round in 0..10_000_u32 {
            let topic = round.to_be_bytes();
            topics.add(&topic, 1);
            assert_eq!(topics.remove(&topic, 1), Removed::LastForTopic);
        }
        assert_eq!(topics.check(), 2);
    }
}
