//! What a run tells: a line and what happened for each attack as it ends, a table, and JSON.

use std::fs;
use std::io;
use std::path::Path;

use super::outcome::{Course, Outcome};

/// Events that are told of each attack: the most frequent.
const EVENTS: usize = 5;

/// Tells of one attack.
pub(crate) fn tell(outcome: &Outcome) {
    let Outcome { name, sentence, backend, seconds, .. } = outcome;
    println!("{name} ({backend}, {seconds:.1} s): {sentence}");
    println!("    what happened: {}", happened(outcome));
    println!(
        "    messages/s of the good client: {} before, {} under attack, {} after, {} beside an idle attacker \
         that takes the same {:.0} % of a core: kept {:.0} %",
        thousands(outcome.before),
        thousands(outcome.during),
        thousands(outcome.after),
        thousands(outcome.control),
        outcome.share * 100.0,
        outcome.kept * 100.0,
    );
    println!(
        "    before / at most / after: allocated {} MiB, resident {} MiB, descriptors {}",
        course(outcome.heap_mib, 1),
        course(outcome.rss_mib, 1),
        course(outcome.descriptors, 0),
    );
    for fault in &outcome.faults {
        println!("    FAULT: {fault}");
    }
}

fn happened(outcome: &Outcome) -> String {
    let mut events: Vec<_> =
        outcome.events.iter().filter(|(name, _)| *name != "Accepted").collect();
    events.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
    let mut parts: Vec<String> =
        events.iter().take(EVENTS).map(|(name, count)| format!("{count} x {name}")).collect();
    if events.len() > EVENTS {
        parts.push(format!("{} other kinds of events", events.len() - EVENTS));
    }
    if outcome.refused > 0 {
        parts.push(format!("{} counted as refused", outcome.refused));
    }
    if outcome.foreign > 0 {
        parts.push(format!("{} messages of attackers", outcome.foreign));
    }
    if parts.is_empty() { "nothing that is told of".to_owned() } else { parts.join(", ") }
}

/// The table at the end.
pub(crate) fn table(outcomes: &[Outcome]) {
    println!(
        "\n{:<22} {:<6} {:>8} {:>8} {:>8} {:>8} {:>5}  {:>17} {:>17} {:>13}  verdict",
        "attack",
        "",
        "before",
        "during",
        "after",
        "control",
        "kept",
        "allocated MiB",
        "resident MiB",
        "descriptors",
    );
    for outcome in outcomes {
        println!(
            "{:<22} {:<6} {:>8} {:>8} {:>8} {:>8} {:>4.0}%  {:>17} {:>17} {:>13}  {}",
            outcome.name,
            outcome.backend,
            thousands(outcome.before),
            thousands(outcome.during),
            thousands(outcome.after),
            thousands(outcome.control),
            outcome.kept * 100.0,
            course(outcome.heap_mib, 1),
            course(outcome.rss_mib, 0),
            course(outcome.descriptors, 0),
            if outcome.faults.is_empty() { "ok" } else { "FAULT" },
        );
    }
    println!(
        "messages/s are those of the good client; control: beside as much use of the processor, without the \
         attack; kept: during over control; memory and descriptors: before/at most/after"
    );
}

/// Writes all of it.
pub(crate) fn json(outcomes: &[Outcome], file: &Path) -> io::Result<()> {
    fs::write(file, serde_json::to_string_pretty(outcomes).map_err(io::Error::from)? + "\n")
}

fn course(course: Course, digits: usize) -> String {
    let Course { before, most, after } = course;
    format!("{before:.digits$}/{most:.digits$}/{after:.digits$}")
}

fn thousands(speed: f64) -> String {
    format!("{:.1} k", speed / 1000.0)
}
