//! A growable table with `u32` keys: four bytes a link where a pointer takes eight.
//!
//! A key stays valid until it is taken, and is then given out again. Unlike the usual slab there is
//! no tag beside an entry: the trie knows which keys it holds, and a tag would cost it a quarter of
//! its memory. Under a key that was taken is the default value, or another entry, or nothing.

use std::ops::{Index, IndexMut};

/// The top bit of a key is never set: who stores keys may use it to tell two kinds of them apart.
pub(super) const TAG: u32 = 1 << 31;

/// From this many entries on the table grows by a quarter instead of doubling: half of a table of a
/// million entries is too much to leave empty.
const SLOW_GROWTH: usize = 1 << 14;

/// So many free keys are worth looking for what can be given back: the largest entries, blocks of 256 edges, are
/// a little more than a KiB each.
const WORTH: usize = 256;

/// Entries of one type, by key.
#[derive(Debug)]
pub(super) struct Arena<T> {
    entries: Vec<T>,
    /// Keys that were taken; their entries hold the default value.
    free: FreeKeys,
}

/// Keys of a table that are not in use.
#[derive(Debug)]
pub(super) struct FreeKeys {
    keys: Vec<u32>,
    /// How many have become free since the table was last trimmed.
    since: usize,
}

impl FreeKeys {
    pub(super) const fn new() -> Self {
        Self { keys: Vec::new(), since: 0 }
    }

    pub(super) fn push(&mut self, key: u32) {
        self.keys.push(key);
        self.since += 1;
    }

    pub(super) fn pop(&mut self) -> Option<u32> {
        self.keys.pop()
    }

    pub(super) const fn len(&self) -> usize {
        self.keys.len()
    }

    /// How long a table may be instead of `length`, whose last entries nobody uses; `None` if it is to stay as
    /// it is. The entries in use keep their keys, so those after the last of them are all that can go.
    ///
    /// Looking for them is only done after half of the free keys have become free: what it costs is then no more
    /// than the removals have cost.
    pub(super) fn trim(&mut self, length: usize) -> Option<usize> {
        if self.keys.len() < WORTH || 2 * self.since < self.keys.len() {
            return None;
        }
        self.since = 0;
        self.keys.sort_unstable();
        let mut end = length;
        while self.keys.last().is_some_and(|last| *last as usize + 1 == end) {
            self.keys.pop();
            end -= 1;
        }
        // The first ones are given out first, so that the end of the table becomes free.
        self.keys.reverse();
        self.keys.shrink_to_fit();
        (end < length).then_some(end)
    }
}

impl<T: Default> Arena<T> {
    pub(super) const fn new() -> Self {
        Self { entries: Vec::new(), free: FreeKeys::new() }
    }

    /// Stores an entry and says under which key: below [`TAG`] - 1.
    pub(super) fn insert(&mut self, entry: T) -> u32 {
        if let Some(key) = self.free.pop() {
            self[key] = entry;
            return key;
        }
        let length = self.entries.len();
        make_room(&mut self.entries, 1);
        self.entries.push(entry);
        u32::try_from(length)
            .ok()
            .filter(|key| *key < TAG - 1)
            .expect("memory ends before two thousand million entries do")
    }

    /// Takes the entry out and frees its key. An arena that is empty again gives its memory back.
    pub(super) fn take(&mut self, key: u32) -> T {
        let entry = std::mem::take(&mut self[key]);
        self.free.push(key);
        if self.free.len() == self.entries.len() {
            *self = Self::new();
        }
        entry
    }

    /// Gives back the memory of entries that are not in use, as far as it can be; after many were taken.
    pub(super) fn trim(&mut self) {
        if let Some(length) = self.free.trim(self.entries.len()) {
            self.entries.truncate(length);
            self.entries.shrink_to_fit();
        }
    }

    /// What is under a key that may have been taken.
    pub(super) fn get(&self, key: u32) -> Option<&T> {
        self.entries.get(key as usize)
    }

    /// How many entries there is memory for.
    #[cfg(test)]
    pub(super) const fn room(&self) -> usize {
        self.entries.capacity()
    }

    /// How many entries are stored.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.entries.len() - self.free.len()
    }
}

/// Makes room for so many more entries in a table, and for later ones.
pub(super) fn make_room<T>(table: &mut Vec<T>, entries: usize) {
    let length = table.len();
    if length >= SLOW_GROWTH && table.capacity() - length < entries {
        table.reserve_exact(entries.max(length / 4));
    }
}

impl<T> Index<u32> for Arena<T> {
    type Output = T;

    #[inline]
    fn index(&self, key: u32) -> &T {
        &self.entries[key as usize]
    }
}

impl<T> IndexMut<u32> for Arena<T> {
    #[inline]
    fn index_mut(&mut self, key: u32) -> &mut T {
        &mut self.entries[key as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::Arena;

    #[test]
    fn keys_are_reused_and_an_empty_arena_holds_no_memory() {
        let mut arena = Arena::new();
        let first = arena.insert("first");
        let second = arena.insert("second");
        assert_eq!(arena.take(first), "first");
        assert_eq!(arena.insert("third"), first);
        assert_eq!((arena[first], arena[second], arena.len()), ("third", "second", 2));
        arena.take(first);
        arena.take(second);
        assert_eq!((arena.len(), arena.entries.capacity()), (0, 0));
    }

    #[test]
    fn what_is_not_in_use_at_the_end_is_given_back() {
        const MANY: u32 = 100_000;
        let mut arena = Arena::new();
        for number in 0..MANY {
            assert_eq!(arena.insert(number), number);
        }
        for key in (10..MANY).filter(|key| *key != 50_000) {
            arena.take(key);
        }
        arena.trim();
        assert_eq!((arena.len(), arena.room(), arena[50_000]), (11, 50_001, 50_000));
        // Looked for in vain, it is not looked for again before much has changed.
        arena.take(50_000);
        arena.trim();
        assert_eq!((arena.room(), arena.get(MANY - 1)), (50_001, None));
        // The first keys are given out first.
        let keys: Vec<u32> = (0..30_000).map(|number| arena.insert(number)).collect();
        assert_eq!(keys[1..4], [10, 11, 12]);
        for key in keys {
            arena.take(key);
        }
        arena.trim();
        assert_eq!((arena.len(), arena.room()), (10, 10));
    }
}
