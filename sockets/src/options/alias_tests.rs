//! Whoever looks for an option by libzmq's name finds the methods that set and read it: what the table says of
//! them is what the documentation is told.
#![allow(clippy::unwrap_used)]

use super::context_table::ROWS;
use super::row::OptionFacts;
use super::table;
use std::collections::HashSet;

/// Where the methods of socket options are.
const OF_SOCKETS: [&str; 10] = [
    include_str!("security_setters.rs"),
    include_str!("setters.rs"),
    include_str!("limit_setters.rs"),
    include_str!("xpub_setters.rs"),
    include_str!("word_setters.rs"),
    include_str!("pattern_setters.rs"),
    include_str!("tcp_setters.rs"),
    include_str!("multicast_setters.rs"),
    include_str!("getters.rs"),
    include_str!("../socket/mod.rs"),
];
/// Where those of options of contexts are.
const OF_CONTEXTS: [&str; 2] =
    [include_str!("../context_builder.rs"), include_str!("context_getters.rs")];

fn alias(facts: &OptionFacts) -> String {
    format!("ZMQ_{}", facts.name.to_uppercase())
}

/// Whether a line begins a method, or stands for one that a macro makes: `name: type = ROW, ..`.
fn begins(line: &str, method: &str) -> bool {
    let made = |line: &str| {
        let name = line.split(": ").next().unwrap().split(' ').next_back().unwrap();
        name == method && line.contains(" = ")
    };
    line.starts_with(&format!("pub fn {method}(")) || made(line)
}

/// Whether each method of that name has the alias, and how many there are.
fn check(sources: &[&str], method: &str, alias: &str) -> usize {
    let mut found = 0;
    for source in sources {
        let lines: Vec<_> = source.lines().map(str::trim).collect();
        for at in (0..lines.len()).filter(|&at| begins(lines[at], method)) {
            let mut above = lines[..at].iter().rev().take_while(|line| line.starts_with('#'));
            let attribute = format!("#[doc(alias = \"{alias}\")]");
            assert!(above.any(|line| **line == *attribute), "{method} has no {attribute}");
            found += 1;
        }
    }
    found
}

#[test]
fn the_methods_of_an_option_are_found_by_its_name() {
    for facts in table::rows().map(|row| row.facts()).filter(|facts| !facts.method.is_empty()) {
        if facts.number.is_some() {
            let (alias, setter) = (alias(facts), format!("set_{}", facts.method));
            let found = check(&OF_SOCKETS, facts.method, &alias);
            assert!(
                found + check(&OF_SOCKETS, &setter, &alias) > 0,
                "{} has no method",
                facts.name
            );
        }
    }
    for facts in ROWS.iter().map(|row| row.facts()).filter(|facts| facts.number.is_some()) {
        assert!(check(&OF_CONTEXTS, facts.method, &alias(facts)) > 0, "{} has none", facts.name);
    }
}

#[test]
fn no_method_is_found_by_the_name_of_an_option_that_is_not() {
    let of_contexts = ROWS.iter().map(|row| row.facts());
    let known: HashSet<_> =
        table::rows().map(|row| row.facts()).chain(of_contexts).map(alias).collect();
    for source in OF_SOCKETS.iter().chain(&OF_CONTEXTS) {
        for line in source.lines() {
            let Some((_, rest)) = line.split_once("doc(alias = \"ZMQ_") else { continue };
            let name = format!("ZMQ_{}", rest.split('"').next().unwrap());
            assert!(known.contains(&name), "{name} is no option");
        }
    }
}
