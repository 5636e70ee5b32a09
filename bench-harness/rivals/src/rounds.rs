//! The rounds: every case once a round, and in each case everybody, one right after the other.
//!
//! Whoever begins changes from case to case and from round to round, so that nobody always runs after
//! the same neighbour, and a machine that changes its speed changes it for all. A contender that fails
//! or hangs loses its figure of that round, and after [`CHANCES`] failures in a case it is left out of
//! it; nothing that a rival does ends the run.

use anyhow::Result;

use crate::contender::Contender;
use crate::measure::{Manner, measure};
use crate::plan::Item;
use crate::table::digits;

/// How often a contender may fail in a case before it is left out.
const CHANCES: usize = 2;

/// How the rounds are run.
pub(crate) struct Settings {
    /// How each is measured.
    pub(crate) manner: Manner,
    /// How often everything is measured.
    pub(crate) rounds: usize,
    /// Who takes part.
    pub(crate) contenders: Vec<Contender>,
}

/// One case and what everybody did in it.
pub(crate) struct ItemResults {
    /// The case.
    pub(crate) item: Item,
    /// One for each contender that takes part, in the order of the settings.
    pub(crate) entries: Vec<Entry>,
}

/// What one contender did in one case.
pub(crate) struct Entry {
    /// Who.
    pub(crate) contender: Contender,
    /// Of each round the figures of the item.
    pub(crate) rounds: Vec<Option<Vec<f64>>>,
    /// Why there is no figure, or not one of each round.
    pub(crate) trouble: Option<String>,
    failures: usize,
    refused: bool,
}

impl ItemResults {
    fn new(item: Item, contenders: &[Contender]) -> Self {
        let entries = contenders
            .iter()
            .filter(|contender| contender.takes_part(&item))
            .map(|&contender| Entry::new(contender, &item))
            .collect();
        Self { item, entries }
    }

    /// The figures of a contender in one of the cases, round by round.
    pub(crate) fn figures(&self, contender: Contender, case: usize) -> Vec<Option<f64>> {
        let entry = self.entries.iter().find(|entry| entry.contender == contender);
        let rounds = entry.map(|entry| entry.rounds.as_slice()).unwrap_or_default();
        rounds.iter().map(|round| round.as_ref().and_then(|all| all.get(case).copied())).collect()
    }
}

impl Entry {
    fn new(contender: Contender, item: &Item) -> Self {
        let refusal = contender.refuses(item);
        Self {
            contender,
            rounds: Vec::new(),
            trouble: refusal.map(str::to_owned),
            failures: 0,
            refused: refusal.is_some(),
        }
    }

    /// Who found these figures in a single round.
    #[cfg(test)]
    pub(crate) fn found(contender: Contender, figures: Vec<f64>) -> Self {
        let rounds = vec![Some(figures)];
        Self { contender, rounds, trouble: None, failures: 0, refused: false }
    }

    /// Measures one round; what came out of it, in a few words.
    fn run(&mut self, item: &Item, manner: Manner) -> Option<String> {
        if self.refused || self.failures >= CHANCES {
            self.rounds.push(None);
            return None;
        }
        let figures = measure(item, self.contender, manner).and_then(|measured| {
            item.figures().iter().map(|figure| figure.value(&measured)).collect::<Result<Vec<_>>>()
        });
        let words = match figures {
            Ok(figures) => {
                let words = digits(figures[0]);
                self.rounds.push(Some(figures));
                words
            }
            Err(error) => {
                self.failures += 1;
                self.rounds.push(None);
                let why = format!("{error:#}");
                let words = format!("FAILED ({why})");
                self.trouble = Some(why);
                words
            }
        };
        Some(format!("{} {words}", self.contender))
    }
}

/// Runs all rounds of all cases.
pub(crate) fn run(items: &[Item], settings: &Settings) -> Vec<ItemResults> {
    let mut results: Vec<ItemResults> =
        items.iter().map(|&item| ItemResults::new(item, &settings.contenders)).collect();
    for round in 0..settings.rounds {
        for (at, result) in results.iter_mut().enumerate() {
            let item = result.item;
            let first = (round + at) % result.entries.len().max(1);
            let (later, sooner) = result.entries.split_at_mut(first);
            let entries = sooner.iter_mut().chain(later);
            let words: Vec<String> =
                entries.filter_map(|entry| entry.run(&item, settings.manner)).collect();
            let (name, words) = (item.name(), words.join(", "));
            eprintln!("{}/{} {name}: {words}", round + 1, settings.rounds);
        }
    }
    results
}
