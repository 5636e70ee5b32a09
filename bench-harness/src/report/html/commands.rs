//! The commands that measure each section again, alone and for as long as one likes.

use maud::{Markup, html};

use super::super::Report;
use crate::case::{Case, Kind, Load, Sharing};
use crate::mechanism::Mechanism;
use crate::section::Section;

/// The command of the whole run, and one for each section of it.
pub(super) fn list(report: &Report) -> Markup {
    html! {
        p { "The whole run:" }
        pre { (report.machine.command) }
        p {
            "One section of it, with as many rounds (" code { "--repeat" } ") of as many seconds ("
            code { "--seconds" } ") as you like:"
        }
        pre { (section_commands(report).join("\n")) }
        p { "The comparison with other libraries, and this page with it:" }
        pre {
            "ci/versus --json versus.json\n"
            "cargo run --release -p ringmq-bench -- --versus versus.json"
        }
    }
}

/// A command for each section, transport, load and sharing of cores; those of the curve are one.
fn section_commands(report: &Report) -> Vec<String> {
    let cases = || report.measured.iter().map(|row| row.case);
    let of = |case: &Case| (Section::of(case), case.transport, case.load, case.sharing);
    let mut seen = Vec::new();
    let mut commands = Vec::new();
    for case in cases() {
        if !seen.contains(&of(&case)) {
            seen.push(of(&case));
            let alike: Vec<Case> = cases().filter(|other| of(other) == of(&case)).collect();
            commands.push(command(&case, &alike));
        }
    }
    commands
}

fn command(case: &Case, alike: &[Case]) -> String {
    if Section::of(case) == Section::Curve {
        let (bodies, handling) = (
            distinct(alike.iter().map(|case| case.bodies.to_string())),
            distinct(alike.iter().map(|case| case.handling.to_string())),
        );
        return format!(
            "cargo run --release -p ringmq-bench -- curve --transport {} --bodies {bodies} \
             --handling {handling}",
            case.transport
        );
    }
    let kind = match case.kind {
        Kind::Throughput => "throughput",
        Kind::Latency => "latency",
    };
    let load = match case.load {
        Load::Closed => String::new(),
        Load::Rate { per_s } => format!(" --rate {per_s}"),
        Load::Pause { us } => format!(" --pause {us}us"),
    };
    let sharing = match case.sharing {
        Sharing::AsPinned => "",
        Sharing::Side => " --share-core side",
        Sharing::All => " --share-core all",
    };
    let mechanism = match case.mechanism {
        Mechanism::Null => "",
        Mechanism::Curve => " --mechanism curve",
    };
    let spins = distinct(alike.iter().filter_map(|case| Some(format!("{}us", case.spin_us?))));
    let spin = if spins.is_empty() { String::new() } else { format!(" --spin {spins}") };
    let (sizes, backends) = (
        distinct(alike.iter().map(|case| case.size.to_string())),
        distinct(alike.iter().map(|case| case.backend.to_string())),
    );
    format!(
        "cargo run --release -p ringmq-bench -- {kind}{load}{spin}{sharing}{mechanism} --transport {} \
         --pattern {} --size {sizes} --backend {backends}",
        case.transport, case.pattern
    )
}

/// Each word once, with commas between them.
fn distinct(words: impl Iterator<Item = String>) -> String {
    let mut list: Vec<String> = Vec::new();
    for word in words {
        if !list.contains(&word) {
            list.push(word);
        }
    }
    list.join(",")
}
