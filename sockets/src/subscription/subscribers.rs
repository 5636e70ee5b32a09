//! Who subscribed to one topic: nearly always one pipe, which then takes no memory but the value in
//! the node. Several have a sorted list, so that one of many is found by bisection.

use super::arena::{Arena, TAG};
use std::num::NonZeroU32;

/// The subscribers of one topic in four bytes: the slot of the only one plus one, or the key of a
/// list with the top bit set. Never nobody: the trie then has no value for the topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Subscribers(NonZeroU32);

/// [`Subscribers`], taken apart.
enum ListKind {
    /// The slot of the only one.
    One(u32),
    /// The key of a list of two or more slots.
    List(u32),
}

/// What a removal leaves of the subscribers of a topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Left {
    /// All: the slot was not among them.
    Unknown,
    /// These.
    Others(Subscribers),
    Nobody,
}

/// The lists of all topics with several subscribers.
#[derive(Debug)]
pub(super) struct Lists(Arena<Vec<u32>>);

impl Subscribers {
    /// One subscriber. The slot is a key of an arena.
    pub(super) const fn one(slot: u32) -> Self {
        Self(NonZeroU32::MIN.saturating_add(slot))
    }

    const fn list(key: u32) -> Self {
        // Adds up to `key | TAG`: keys are below TAG.
        Self(NonZeroU32::MIN.saturating_add(TAG - 1 + key))
    }

    #[inline]
    const fn kind(self) -> ListKind {
        let tagged = self.0.get();
        if tagged >= TAG { ListKind::List(tagged & !TAG) } else { ListKind::One(tagged - 1) }
    }
}

impl Lists {
    pub(super) const fn new() -> Self {
        Self(Arena::new())
    }

    /// Adds a subscriber; `None` if it is one already.
    pub(super) fn add(&mut self, present: Subscribers, slot: u32) -> Option<Subscribers> {
        match present.kind() {
            ListKind::One(only) if only == slot => None,
            ListKind::One(only) => {
                let both = vec![only.min(slot), only.max(slot)];
                Some(Subscribers::list(self.0.insert(both)))
            }
            ListKind::List(key) => {
                let at = self.0[key].binary_search(&slot).err()?;
                self.0[key].insert(at, slot);
                Some(present)
            }
        }
    }

    /// Removes a subscriber.
    pub(super) fn remove(&mut self, present: Subscribers, slot: u32) -> Left {
        let key = match present.kind() {
            ListKind::One(only) if only == slot => return Left::Nobody,
            ListKind::One(_) => return Left::Unknown,
            ListKind::List(key) => key,
        };
        let Ok(at) = self.0[key].binary_search(&slot) else { return Left::Unknown };
        self.0[key].remove(at);
        if let [last] = *self.0[key] {
            self.0.take(key);
            return Left::Others(Subscribers::one(last));
        }
        Left::Others(present)
    }

    /// Whether the slot is one of the subscribers.
    pub(super) fn contain(&self, present: Subscribers, slot: u32) -> bool {
        match present.kind() {
            ListKind::One(only) => only == slot,
            ListKind::List(key) => self.0[key].binary_search(&slot).is_ok(),
        }
    }

    /// Shows the slots of the subscribers, the lowest first.
    #[inline]
    pub(super) fn for_each(&self, present: Subscribers, mut show: impl FnMut(u32)) {
        match present.kind() {
            ListKind::One(only) => show(only),
            ListKind::List(key) => self.0[key].iter().for_each(|slot| show(*slot)),
        }
    }

    /// How many topics have several subscribers.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_come_and_go() {
        let mut lists = Lists::new();
        let mut present = Subscribers::one(5);
        for slot in [0, 9, TAG - 2, 5, 9] {
            present = lists.add(present, slot).unwrap_or(present);
        }
        let mut shown = Vec::new();
        lists.for_each(present, |slot| shown.push(slot));
        assert_eq!(shown, [0, 5, 9, TAG - 2]);
        assert_eq!(lists.remove(present, 4), Left::Unknown);
        for slot in [0, 5, 9] {
            assert!(lists.contain(present, slot));
            let Left::Others(others) = lists.remove(present, slot) else { panic!("{slot}") };
            present = others;
            assert!(!lists.contain(present, slot));
        }
        assert_eq!((present, lists.len()), (Subscribers::one(TAG - 2), 0));
        assert_eq!(lists.remove(present, 9), Left::Unknown);
        assert_eq!(lists.remove(present, TAG - 2), Left::Nobody);
    }
}
