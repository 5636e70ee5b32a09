//! The table of options: one row for each, from which everything else is made.
//!
//! A new option is a row here, a method in `setters.rs` (or beside it), a line in `getters.rs` and
//! a case in `tests/it/option_cases.rs`, where a test misses it otherwise; the page of documentation is
//! written anew by its own test.

mod connections;
mod descriptors;
mod known;
mod limits;
mod multicast;
mod patterns;
mod queues;
mod security;
mod ways;
mod words;

pub(crate) use connections::*;
pub(crate) use descriptors::*;
pub(crate) use limits::*;
pub(crate) use multicast::*;
pub(crate) use patterns::*;
pub(crate) use queues::*;
pub(crate) use security::*;
pub(crate) use ways::*;
pub(crate) use words::*;

use super::row::AnyRow;

/// All rows, in groups.
pub(crate) fn rows() -> impl Iterator<Item = &'static dyn AnyRow> {
    let groups = [
        queues::ROWS,
        connections::ROWS,
        descriptors::ROWS,
        ways::ROWS,
        multicast::ROWS,
        patterns::ROWS,
        words::ROWS,
        limits::ROWS,
        security::ROWS,
        security::CURVE_ROWS,
        known::ROWS,
    ];
    groups.into_iter().flatten().copied()
}

/// Makes the rows of a group and the list of them.
macro_rules! group {
    ($($row:ident: $type:ty = $value:expr;)*) => {
        $(pub(crate) static $row: $crate::options::row::OptionRow<$type> = $value;)*
        pub(super) static ROWS: &[&dyn $crate::options::row::AnyRow] = &[$(&$row),*];
    };
}

/// Where an option is a field of the socket's options.
macro_rules! field {
    ($($field:ident).+) => {
        $crate::options::row::Access {
            set: Some(|core, value| {
                core.options.$($field).+ = value;
                Ok(())
            }),
            get: Some(|core| Ok(core.options.$($field).+.clone())),
        }
    };
}

use {field, group};
