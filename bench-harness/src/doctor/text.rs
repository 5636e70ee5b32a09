//! The report as it is read on a terminal.

use std::fmt::Write as _;

use super::Diagnosis;
use super::backend::selector;
use super::gain::Figure;
use super::uring::{Feature, Uring};

/// Width of the names in front of the values.
const NAMES: usize = 32;

/// Everything, in the order in which one asks.
pub(super) fn render(diagnosis: &Diagnosis) -> String {
    let mut page = Page::default();
    system(&mut page, diagnosis);
    backend(&mut page, diagnosis);
    io_uring(&mut page, &diagnosis.io_uring);
    page.title("Limits");
    if diagnosis.limits.is_empty() {
        page.line("none that this program knows of on this system");
    }
    for limit in &diagnosis.limits {
        page.fact(limit.name, &format!("{}: {}", limit.value, limit.meaning));
    }
    other(&mut page, diagnosis);
    problems(&mut page, diagnosis);
    page.0
}

/// Text under construction.
#[derive(Default)]
struct Page(String);

impl Page {
    fn title(&mut self, title: &str) {
        let gap = if self.0.is_empty() { "" } else { "\n" };
        let _ = writeln!(self.0, "{gap}{title}");
    }

    fn line(&mut self, text: &str) {
        let _ = writeln!(self.0, "  {text}");
    }

    fn fact(&mut self, name: &str, value: &str) {
        let _ = writeln!(self.0, "  {name:NAMES$} {value}");
    }
}

fn system(page: &mut Page, diagnosis: &Diagnosis) {
    let system = &diagnosis.system;
    page.title("System");
    let revision = match diagnosis.revision {
        "" => String::new(),
        revision => format!(" at revision {revision}"),
    };
    page.fact("ringmq", &format!("{}{revision}", diagnosis.version));
    page.fact("system", &format!("{} ({})", system.system, system.arch));
    page.fact("kernel", &system.kernel);
    page.fact("cores for this process", &system.cores.to_string());
    let pages = system.page_size.map(|size| format!("{} KiB", size / 1024));
    page.fact("pages of memory", pages.as_deref().unwrap_or("not told"));
    page.fact("container", system.container.as_deref().unwrap_or("no sign of docker or podman"));
}

fn backend(page: &mut Page, diagnosis: &Diagnosis) {
    let chosen = &diagnosis.backend;
    page.title("Backend");
    let value = match chosen.backend {
        Some("mio") => format!("mio, on {}", selector()),
        Some(name) => name.to_owned(),
        None => "none: sockets cannot bind or connect".to_owned(),
    };
    page.fact("chosen when left to ringmq", &value);
    page.fact("because", &chosen.reason);
    page.fact("RINGMQ_BACKEND", chosen.requested.as_deref().unwrap_or("not set, which is auto"));
}

fn io_uring(page: &mut Page, uring: &Uring) {
    page.title("io_uring");
    if let Some(ring) = &uring.ring {
        page.fact(
            "usable",
            &format!(
                "yes; a ring takes {} submissions and {} completions",
                ring.submissions, ring.completions
            ),
        );
    }
    if let Some(refusal) = &uring.refusal {
        page.fact("usable", &format!("no: {}", refusal.reason));
        if !refusal.error.is_empty() {
            page.fact("the system said", &refusal.error);
        }
    }
    if uring.features.is_empty() {
        page.fact("features", "none could be tried without a ring");
        return;
    }
    for feature in &uring.features {
        page.fact(feature.name, &found(feature));
    }
}

fn found(feature: &Feature) -> String {
    let trial = feature.trial.as_deref().unwrap_or_default();
    match feature.found {
        Some(true) => format!("found: {}", feature.purpose),
        Some(false) => {
            format!("NOT FOUND ({trial}): {}; without it {}", feature.purpose, feature.without)
        }
        None => format!("could not be tried ({trial}): {}", feature.purpose),
    }
}

fn other(page: &mut Page, diagnosis: &Diagnosis) {
    let other = &diagnosis.other;
    page.title(&match other.backend {
        Some(name) => format!("To get the other backend, {name}"),
        None => "The other backend".to_owned(),
    });
    other.how.iter().for_each(|how| page.line(how));
    if other.figures.is_empty() {
        return;
    }
    page.title("What that is expected to gain");
    page.line(
        "As measured for the README of this version (section Measured, with machine and method;",
    );
    page.line("rounds differ by a fifth there, so that smaller differences mean nothing):");
    page.0.push_str(&table(&other.figures));
    page.line("Here: ringmq-bench throughput --backend uring,mio,floor --size 16,64,1k,64k");
    page.line("      ringmq-bench latency --backend uring,mio,floor");
}

fn table(figures: &[Figure]) -> String {
    let width = figures.iter().map(|figure| figure.case.len()).max().unwrap_or(0);
    let mut text = format!("    {:width$} {:>8} {:>8}   io_uring is\n", "", "io_uring", "mio");
    for figure in figures {
        let Figure { case, uring, mio, uring_ahead_percent: ahead } = figure;
        let better = if *ahead < 0.0 { "behind" } else { "ahead" };
        let percent = ahead.abs().round();
        let _ = writeln!(text, "    {case:width$} {uring:>8} {mio:>8}   {percent} % {better}");
    }
    text
}

fn problems(page: &mut Page, diagnosis: &Diagnosis) {
    page.title("Problems (!) and advice (+)");
    if diagnosis.problems.is_empty() {
        page.line("none");
    }
    for problem in &diagnosis.problems {
        page.line(&format!("{} {}: {}", problem.level.mark(), problem.setting, problem.what));
        if !problem.remedy.is_empty() {
            page.line(&format!("  remedy: {}", problem.remedy));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_feature_says_whether_it_is_there_and_what_is_done_without() {
        let mut feature = Feature {
            name: "F",
            purpose: "speed",
            found: Some(true),
            trial: None,
            needed: false,
            without: "it is slower",
        };
        assert_eq!(found(&feature), "found: speed");
        feature.found = Some(false);
        feature.trial = Some("EINVAL".to_owned());
        assert_eq!(found(&feature), "NOT FOUND (EINVAL): speed; without it it is slower");
        feature.found = None;
        assert_eq!(found(&feature), "could not be tried (EINVAL): speed");
    }

    #[test]
    fn figures_are_in_columns() {
        let figure = |case: &str, uring_ahead_percent| Figure {
            case: case.to_owned(),
            uring: 3.0,
            mio: 2.5,
            uring_ahead_percent,
        };
        let text = table(&[figure("a", 20.4), figure("longer", -7.6)]);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[1], "    a             3      2.5   20 % ahead");
        assert_eq!(lines[2], "    longer        3      2.5   8 % behind");
    }
}
