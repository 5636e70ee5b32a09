//! What the user sees while it runs: a bar on a terminal, a line for each group and round otherwise.

use std::io::{IsTerminal, stderr};

use indicatif::{ProgressBar, ProgressStyle};

use crate::print;

/// Progress on stderr.
pub(crate) struct Progress {
    bar: Option<ProgressBar>,
    total: usize,
    done: usize,
}

impl Progress {
    /// Announces `total` runs.
    pub(crate) fn new(total: usize) -> Self {
        let bar = stderr().is_terminal().then(|| {
            let style = ProgressStyle::with_template("{bar:30} {pos}/{len} [{elapsed}] {wide_msg}")
                .expect("the template is a constant that the bar accepts");
            ProgressBar::new(total as u64).with_style(style)
        });
        Self { bar, total, done: 0 }
    }

    /// Says what runs now.
    pub(crate) fn begin(&self, what: &str) {
        if let Some(bar) = &self.bar {
            bar.set_message(what.to_owned());
        }
    }

    /// One run is over.
    pub(crate) fn end(&mut self) {
        self.done += 1;
        if let Some(bar) = &self.bar {
            bar.inc(1);
        }
    }

    /// Says what a group of runs brought, to those who see no bar.
    pub(crate) fn line(&self, text: &str) {
        if self.bar.is_none() {
            print::remark(&format!("[{}/{}] {text}", self.done, self.total));
        }
    }

    /// Says something that must not be missed.
    pub(crate) fn note(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| print::remark(text)),
            None => print::remark(text),
        }
    }

    /// Takes the bar away.
    pub(crate) fn finish(self) {
        if let Some(bar) = self.bar {
            bar.finish_and_clear();
        }
    }
}
