//! A round robin: some of a socket's pipes in a circle, and whose turn it is.
//!
//! Everything takes the same time, however many there are. What always holds: the links of the pipes
//! in the circle lead round all of them in both directions; a pipe that comes in goes to the end, that
//! is before the one whose turn it is; when that one goes, it is the next one's turn.

/// The place of a pipe in the circle.
#[derive(Clone, Copy)]
struct Neighbours {
    next: u32,
    /// [`NOBODY`] for a pipe that is not in the circle.
    previous: u32,
}

/// Not a pipe: nobody has so many.
const NOBODY: u32 = u32::MAX;
const OUTSIDE: Neighbours = Neighbours { next: NOBODY, previous: NOBODY };

/// See the [module's documentation](self).
pub(crate) struct RoundRobin {
    /// By the pipe's key.
    links: Vec<Neighbours>,
    len: usize,
    /// Whose turn it is, unless the circle is empty.
    current: u32,
}

impl Default for RoundRobin {
    fn default() -> Self {
        Self { links: Vec::new(), len: 0, current: NOBODY }
    }
}

impl RoundRobin {
    /// Whose turn it is.
    #[inline(always)]
    pub(crate) fn current(&self) -> Option<usize> {
        (self.current != NOBODY).then_some(self.current as usize)
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn contains(&self, key: usize) -> bool {
        self.links.get(key).is_some_and(|link| link.previous != NOBODY)
    }

    /// Everybody, in the order of their turns.
    pub(crate) fn iter(&self) -> impl Iterator<Item = usize> {
        let first = self.current;
        let all =
            std::iter::successors(Some(first), move |key| Some(self.links[*key as usize].next));
        all.take(self.len).map(|key| key as usize)
    }

    /// It is the next one's turn.
    #[inline(always)]
    pub(crate) fn advance(&mut self) {
        if let Some(link) = self.links.get(self.current as usize) {
            self.current = link.next;
        }
    }

    /// Puts a pipe at the end, unless it is there already.
    pub(crate) fn insert(&mut self, key: usize) {
        if self.contains(key) {
            return;
        }
        if self.links.len() <= key {
            self.links.resize(key + 1, OUTSIDE);
        }
        let this = u32::try_from(key).expect("memory ends before four thousand million pipes do");
        let next = if self.len == 0 { this } else { self.current };
        let previous = if self.len == 0 { this } else { self.links[next as usize].previous };
        self.links[key] = Neighbours { next, previous };
        self.links[previous as usize].next = this;
        self.links[next as usize].previous = this;
        self.current = next;
        self.len += 1;
    }

    /// Takes a pipe out, if it is there.
    pub(crate) fn remove(&mut self, key: usize) {
        if !self.contains(key) {
            return;
        }
        let Neighbours { next, previous } = std::mem::replace(&mut self.links[key], OUTSIDE);
        self.len -= 1;
        if self.len == 0 {
            self.current = NOBODY;
            return;
        }
        self.links[previous as usize].next = next;
        self.links[next as usize].previous = previous;
        if self.current as usize == key {
            self.current = next;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::RoundRobin;
    use proptest::prelude::*;

    /// The same with a list that is searched and shifted.
    #[derive(Default)]
    struct Naive {
        all: Vec<usize>,
        current: usize,
    }

    impl Naive {
        fn insert(&mut self, key: usize) {
            if !self.all.contains(&key) {
                self.all.insert(self.current, key);
                self.current = (self.current + 1) % self.all.len();
            }
        }

        fn remove(&mut self, key: usize) {
            let Some(at) = self.all.iter().position(|other| *other == key) else { return };
            self.all.remove(at);
            self.current -= usize::from(at < self.current);
            self.current %= self.all.len().max(1);
        }

        fn advance(&mut self) {
            self.current = (self.current + 1) % self.all.len().max(1);
        }

        fn in_order(&self) -> Vec<usize> {
            let (early, late) = self.all.split_at(self.current);
            [late, early].concat()
        }
    }

    #[derive(Clone, Debug)]
    enum Step {
        Insert(usize),
        Remove(usize),
        Advance,
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            (0..12_usize).prop_map(Step::Insert),
            (0..12_usize).prop_map(Step::Remove),
            Just(Step::Advance),
        ]
    }

    proptest! {
        #[test]
        fn turns_are_those_of_a_plain_list(steps in prop::collection::vec(step(), 0..200)) {
            let mut turns = RoundRobin::default();
            let mut naive = Naive::default();
            for step in steps {
                match step {
                    Step::Insert(key) => {
                        turns.insert(key);
                        naive.insert(key);
                    }
                    Step::Remove(key) => {
                        turns.remove(key);
                        naive.remove(key);
                    }
                    Step::Advance => {
                        turns.advance();
                        naive.advance();
                    }
                }
                prop_assert_eq!(turns.iter().collect::<Vec<_>>(), naive.in_order());
                prop_assert_eq!(turns.current(), naive.in_order().first().copied());
                prop_assert_eq!(turns.len(), naive.all.len());
                prop_assert!((0..12).all(|key| turns.contains(key) == naive.all.contains(&key)));
            }
        }
    }
}
