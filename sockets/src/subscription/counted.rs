//! The subscriptions of a socket that subscribes: SUB and XSUB.
//!
//! They are counted: a topic that was subscribed to twice needs two cancels. Every subscribe goes to
//! the publishers, a cancel only when it is the last one for its topic.

use super::trie::Trie;
use std::num::NonZeroU32;
use std::ops::ControlFlow;

/// How often each topic is subscribed to.
#[derive(Debug)]
pub(crate) struct Counted {
    topics: Trie<NonZeroU32>,
}

/// What became of a subscription that was to be cancelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Removal {
    /// There was no subscription to this topic.
    Unknown,
    /// The topic was subscribed to more than once, and still is subscribed to.
    Remains,
    /// That was the last subscription to this topic: tell the publishers.
    Last,
}

impl Counted {
    /// No subscription: nothing matches.
    pub(crate) fn new() -> Self {
        Self { topics: Trie::new() }
    }

    /// Subscribes once more to the topic. Says whether it was not subscribed to before.
    pub(crate) fn subscribe(&mut self, topic: &[u8]) -> bool {
        let mut first = true;
        self.topics.upsert(topic, |count| {
            first = count.is_none();
            // Whoever subscribes four thousand million times cannot cancel as often.
            count.map_or(NonZeroU32::MIN, |count| count.saturating_add(1))
        });
        first
    }

    /// Cancels one subscription to the topic.
    pub(crate) fn unsubscribe(&mut self, topic: &[u8]) -> Removal {
        let Some((place, count)) = self.topics.find(topic) else { return Removal::Unknown };
        match NonZeroU32::new(count.get() - 1) {
            Some(count) => {
                self.topics.replace(place, count);
                Removal::Remains
            }
            None => {
                self.topics.remove(place);
                Removal::Last
            }
        }
    }

    /// Whether some topic is a prefix of the message (of its first frame). Allocates nothing.
    #[inline]
    pub(crate) fn matches(&self, message: &[u8]) -> bool {
        self.topics.try_for_each_prefix(message, |_| ControlFlow::Break(())).is_break()
    }

    /// Whether exactly this topic is subscribed to.
    pub(crate) fn has(&self, topic: &[u8]) -> bool {
        self.topics.find(topic).is_some()
    }

    /// Shows every topic once, in the order of their bytes: what a new publisher has to be told.
    pub(crate) fn for_each(&self, show: impl FnMut(&[u8])) {
        self.topics.for_each(show);
    }

    /// How many distinct topics are subscribed to.
    pub(crate) const fn len(&self) -> usize {
        self.topics.len()
    }
}

#[cfg(test)]
impl Counted {
    /// Checks what always holds, and says how many nodes the trie has.
    pub(super) fn check(&self) -> usize {
        self.topics.check()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subscriber_gets_what_begins_with_a_topic() {
        let mut wanted = Counted::new();
        assert!(!wanted.matches(b""), "nobody subscribed to anything");
        wanted.subscribe(b"weather.paris");
        wanted.subscribe(b"weather.rome");
        assert!(wanted.matches(b"weather.paris") && wanted.matches(b"weather.rome 31"));
        assert!(!wanted.matches(b"weather.") && !wanted.matches(b"weather.pa"));
        assert!(!wanted.matches(b"news") && !wanted.matches(b""));
        assert_eq!(wanted.len(), 2);
    }

    #[test]
    fn the_empty_topic_matches_everything() {
        let mut wanted = Counted::new();
        assert!(wanted.subscribe(b""));
        assert!(wanted.matches(b"") && wanted.matches(b"anything"));
        assert_eq!(wanted.unsubscribe(b""), Removal::Last);
        assert!(!wanted.matches(b"") && !wanted.matches(b"anything"));
    }

    #[test]
    fn a_topic_goes_with_its_last_cancel() {
        let mut wanted = Counted::new();
        assert_eq!(wanted.unsubscribe(b"a"), Removal::Unknown);
        assert!(wanted.subscribe(b"a"));
        assert!(!wanted.subscribe(b"a"));
        assert_eq!(wanted.unsubscribe(b"a"), Removal::Remains);
        assert_eq!(wanted.unsubscribe(b"ab"), Removal::Unknown);
        assert!(wanted.matches(b"ab"));
        assert_eq!(wanted.unsubscribe(b"a"), Removal::Last);
        assert!(!wanted.matches(b"ab"));
        assert_eq!((wanted.unsubscribe(b"a"), wanted.len()), (Removal::Unknown, 0));
    }

    #[test]
    fn a_new_publisher_is_told_every_topic_once() {
        let mut wanted = Counted::new();
        for topic in ["b", "ba", "", "a long topic that takes more than one node", "b"] {
            wanted.subscribe(topic.as_bytes());
        }
        let mut told = Vec::new();
        wanted.for_each(|topic| told.push(topic.to_vec()));
        assert_eq!(told, [&b""[..], b"a long topic that takes more than one node", b"b", b"ba"]);
    }
}
