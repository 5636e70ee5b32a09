//! What is wrong or could be better, and what to do about it.

use serde::Serialize;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Level {
    /// Something does not work, or works in a lesser way.
    Problem,
    /// Everything works and could be better.
    Advice,
}

impl Level {
    /// What a line about it begins with.
    pub(super) const fn mark(self) -> char {
        match self {
            Self::Problem => '!',
            Self::Advice => '+',
        }
    }
}

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Problem {
    pub(super) level: Level,
    /// The setting, limit or feature that it is about.
    pub(super) setting: String,
    /// What there is, and what follows.
    pub(super) what: String,
    /// What to do; empty where nothing can be done.
    pub(super) remedy: String,
}

impl Problem {
    pub(super) fn new(level: Level, setting: &str, what: String, remedy: &str) -> Self {
        Self { level, setting: setting.to_owned(), what, remedy: remedy.to_owned() }
    }
}
