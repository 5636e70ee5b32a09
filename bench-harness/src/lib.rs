//! How ringmq is measured on one machine: the program `ringmq-bench`, and what another program
//! needs to measure something else in the same way.
//!
//! The parent plans and reports; workers, processes of their own, move the messages. How the two
//! talk is in [`worker`]. What moves messages is an [`end`] of a connection: of ringmq, or of the
//! bare sockets beside which it is set ([`ends`]). The loops of [`end`] stamp, check and time every
//! message of all of them alike ([`payload`]). A [`case`] is what is measured, a [`job`] what one
//! worker does of it, and [`stats`] sums the outcomes up.

pub mod case;
pub mod cpu;
pub mod end;
pub mod endpoint;
pub mod ends;
pub mod job;
pub mod mechanism;
pub mod patience;
pub mod payload;
pub mod pin;
pub mod pool;
pub mod stats;
pub mod worker;

mod cli;
mod commands;
mod connect;
mod curve;
mod doctor;
mod floor;
mod host;
mod machine;
mod measure;
mod multicast;
mod plan;
mod print;
mod progress;
mod report;
mod run;
mod scale;
mod schedule;
mod section;
mod solo;
mod subject;
mod table;
mod versus;

pub use commands::main;
