//! A set from which one can be drawn by lot.

use std::collections::HashMap;
use std::hash::Hash;

/// See the [module's documentation](self).
pub(super) struct Lots<T> {
    all: Vec<T>,
    /// Where in there each is.
    places: HashMap<T, usize>,
}

impl<T> Default for Lots<T> {
    fn default() -> Self {
        Self { all: Vec::new(), places: HashMap::new() }
    }
}

impl<T: Clone + Eq + Hash> Lots<T> {
    /// Adds one that is not in it.
    pub(super) fn insert(&mut self, one: T) {
        self.places.insert(one.clone(), self.all.len());
        self.all.push(one);
    }

    pub(super) fn remove(&mut self, one: &T) {
        let Some(place) = self.places.remove(one) else { return };
        self.all.swap_remove(place);
        if let Some(moved) = self.all.get(place) {
            self.places.insert(moved.clone(), place);
        }
    }

    /// One of them, each as likely as any other.
    pub(super) fn draw(&self, random: &mut fastrand::Rng) -> Option<&T> {
        (!self.all.is_empty()).then(|| &self.all[random.usize(..self.all.len())])
    }

    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_drawn_that_is_in_it_and_no_other() {
        let (mut lots, mut random) = (Lots::default(), fastrand::Rng::with_seed(1));
        assert_eq!(lots.draw(&mut random), None);
        (0..10).for_each(|number| lots.insert(number));
        for gone in [3, 9, 0, 0, 11] {
            lots.remove(&gone);
        }
        let mut drawn = [0; 10];
        for _ in 0..7000 {
            drawn[*lots.draw(&mut random).expect("some are left")] += 1;
        }
        for (number, times) in drawn.into_iter().enumerate() {
            let usual = if [0, 3, 9].contains(&number) { 0..1 } else { 800..1200 };
            assert!(usual.contains(&times), "{number}: {times}");
        }
        [1, 2, 4, 5, 6, 7, 8].iter().for_each(|number| lots.remove(number));
        assert!(lots.is_empty() && lots.places.is_empty());
    }
}
