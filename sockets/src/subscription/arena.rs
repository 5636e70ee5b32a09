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

/// Entries of one type, by key.
#[derive(Debug)]
pub(super) struct Arena<T> {
    entries: Vec<T>,
    /// Keys that were taken; their entries hold the default value.
    free: Vec<u32>,
}

impl<T: Default> Arena<T> {
    pub(super) const fn new() -> Self {
        Self { entries: Vec::new(), free: Vec::new() }
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

    /// What is under a key that may have been taken.
    pub(super) fn get(&self, key: u32) -> Option<&T> {
        self.entries.get(key as usize)
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
}
