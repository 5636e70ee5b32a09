//! The page of options is what the table says.
#![allow(clippy::unwrap_used)]

use super::context_table::{AnyContextRow, ROWS};
use super::row::{AnyRow, Applies};
use super::*;
use crate::context_builder::ContextOptions;
use std::fmt::Write;

const INTRODUCTION: &str = "\
The options of sockets and contexts: what there are, and how they are reached by number and by name.

Rust programs set an option with its method, `set_linger` for instance, and read it with the one that has
no `set_` before its name. The C interface has libzmq's numbers, files and command lines have libzmq's
names, in lower case and without `ZMQ_`: a [`SocketOption`] is found by either, and says all that is known
of the option. [`Socket::set_option`](crate::Socket::set_option) sets it and
[`Socket::option`](crate::Socket::option) reads it, as an [`OptionValue`], which is what C has in memory
and what is written as text.

Numbers are in the option's unit. A number that does not fit is read as the largest that does, a time that
is no whole number of its unit as the next one.

| name | number | type | unit | default | takes | sockets | counts for | Rust | notes |
|---|---|---|---|---|---|---|---|---|---|
";

const OF_CONTEXTS: &str = "
# Options of contexts
They are set with the methods of a [`ContextBuilder`](crate::ContextBuilder), or by
[`ContextBuilder::option`](crate::ContextBuilder::option) as a [`ContextOption`], before the context is
built, which is when they are checked.

| name | number | type | unit | default | takes | Rust | notes |
|---|---|---|---|---|---|---|---|
";

fn or_dash(text: &str) -> &str {
    if text.is_empty() { "–" } else { text }
}

fn sockets(row: &dyn AnyRow) -> String {
    let (Applies::Only(which) | Applies::Varies(which)) = row.facts().applies else {
        return "all".into();
    };
    let having = SocketType::ALL.into_iter().filter(|of| which(*of));
    having.map(SocketType::name).collect::<Vec<_>>().join(" ")
}

fn line(row: &dyn AnyRow) -> String {
    let facts = row.facts();
    let number = facts.number.map_or("–".into(), |number| number.to_string());
    let default = match row.default_value(SocketType::Push) {
        _ if !row.can_set() => String::new(),
        OptionValue::Bytes(_) => String::new(),
        value => value.to_string(),
    };
    let access = match (row.can_set(), row.can_get()) {
        (true, true) => "",
        (true, false) => " (set only)",
        _ => " (read only)",
    };
    let counts = if row.can_set() { facts.effect.to_string() } else { String::new() };
    let method = match facts.method {
        "" => "–".into(),
        method => format!("[`{method}`](crate::Socket::{method})"),
    };
    format!(
        "| `{}` | {number} | {}{access} | {} | {} | {} | {} | {} | {method} | {} |\n",
        facts.name,
        row.value_type().name(),
        or_dash(facts.unit),
        or_dash(&default),
        if row.can_set() { row.takes() } else { "–" },
        sockets(row),
        or_dash(&counts),
        or_dash(facts.note),
    )
}

fn context_line(row: &dyn AnyContextRow) -> String {
    let facts = row.facts();
    let default = match facts.name {
        // That depends on the machine.
        "max_waiting_bytes" => "half of the memory".to_owned(),
        _ => row.value(&ContextOptions::default()).to_string(),
    };
    format!(
        "| `{}` | {} | {} | {} | {} | {} | [`{method}`](crate::ContextBuilder::{method}) | {} |\n",
        facts.name,
        facts.number.map_or("–".into(), |number| number.to_string()),
        row.value_type().name(),
        or_dash(facts.unit),
        or_dash(&default),
        row.takes(),
        or_dash(facts.note),
        method = facts.method,
    )
}

#[test]
fn the_page_is_made_from_the_table() {
    let mut page = INTRODUCTION.to_owned();
    table::rows().for_each(|row| page.write_str(&line(row)).unwrap());
    page.push_str(OF_CONTEXTS);
    ROWS.iter().for_each(|row| page.write_str(&context_line(*row)).unwrap());
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/options/page.md");
    if std::env::var_os("RINGMQ_WRITE_OPTIONS").is_some() {
        return std::fs::write(path, &page).unwrap();
    }
    let written = include_str!("page.md").replace("\r\n", "\n");
    assert!(written == page, "run the test with RINGMQ_WRITE_OPTIONS=1, which writes {path} anew");
}

#[test]
fn names_and_numbers_are_of_one_option_each() {
    let options: Vec<_> = SocketOption::all().collect();
    for option in &options {
        let same = |other: &&SocketOption| {
            other.name() == option.name()
                || other.number().is_some() && other.number() == option.number()
        };
        assert_eq!(options.iter().filter(same).count(), 1, "{option:?}");
    }
}
