//! `ringmq-bench curve`: throughput by the size of the bodies, how they are made and what becomes of them.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use crate::case::{Backend, Bodies, Handling, Transport};
use crate::cli::{seconds, size};
use crate::pin::Pin;
use crate::run::{self, Group};

/// Sizes of the curve, in KiB.
const KIB: [usize; 14] = [1, 2, 4, 6, 8, 12, 16, 24, 32, 48, 64, 128, 256, 1 << 10];
/// Those of a quick one: on both sides of every bend.
const FEW_KIB: [usize; 6] = [1, 4, 8, 12, 64, 1 << 10];
/// Length of each measurement, and of a quick one.
const TIME: Duration = Duration::from_millis(200);
const SHORT_TIME: Duration = Duration::from_millis(100);
/// Rounds, and those of a quick curve.
const ROUNDS: u16 = 3;

pub(crate) const CURVE_HELP: &str = "\
Examples:
  ringmq-bench curve --quick                               the bends of it, in about a minute
  ringmq-bench curve --transport tcp --size 8k,12k,16k     a part of it
  ringmq-bench curve --bodies fresh --handling keep,lines --backend floor,uring --json curve.json
  ringmq-bench curve                                       everything, in about a quarter of an hour

How the sender makes bodies (--bodies):
  fresh   a Vec for each, allocated and filled
  same    the buffer that came back last, by reference: what a program with a pool of its own does
  clone   one body by reference, again and again: Bytes::clone

What the receiver does with a message (--handling):
  drop    looks at its number and its last byte, and drops it (the whole of every 64th is compared)
  keep    the same, and keeps the last 64
  lines   reads one byte of each cache line, and drops it
  bytes   reads every byte, and drops it

PUSH to PULL, two processes. The floor is bare sockets, both sides spinning, whose sender makes the same
bodies in the same way (and copies those below 4 KiB into batches, and hands larger ones to the kernel
where they lie, 16 in a vectored write at most) and whose receiver does the same with each; over loopback
it does without BBR, as ringmq does. CPU s/GB: CPU time that all threads of both sides took for 10^9 bytes
of bodies. Clones carry no number of their own: that
none is lost is seen by their count.";

/// Options of `curve`.
#[derive(Debug, Args)]
pub(crate) struct CurveArgs {
    /// Six sizes, one round, short measurements; --handling is drop and lines
    #[arg(long)]
    pub(crate) quick: bool,
    /// The roads
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = roads())]
    transport: Vec<Transport>,
    /// Bodies [default: 1k,2k,4k,6k,8k,12k,16k,24k,32k,48k,64k,128k,256k,1m; with --quick:
    /// 1k,4k,8k,12k,64k,1m]
    #[arg(long, value_delimiter = ',', value_parser = size)]
    size: Vec<usize>,
    /// How the sender makes them
    #[arg(long, value_enum, value_delimiter = ',',
        default_values_t = [Bodies::Fresh, Bodies::Same, Bodies::Clone])]
    bodies: Vec<Bodies>,
    /// What the receiver does with each [default: keep,drop,lines]
    #[arg(long, value_enum, value_delimiter = ',')]
    handling: Vec<Handling>,
    /// Who moves them [default: floor and ringmq on all backends that this machine can run]
    #[arg(long, value_enum, value_delimiter = ',')]
    backend: Vec<Backend>,
    /// Length of each measurement [default: 0.2; with --quick 0.1]
    #[arg(long, value_parser = seconds)]
    seconds: Option<Duration>,
    /// Rounds; medians are reported [default: 3; with --quick 1]
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=1000))]
    repeat: Option<u16>,
    /// Cores: auto, off, SENDER,RECEIVER, or SENDER,RECEIVER,SENDER_IO,RECEIVER_IO
    #[arg(long, default_value = "auto")]
    pub(crate) pin: Pin,
    /// Write JSON, to stdout if no file (or -) is given; the table then goes to stderr
    #[arg(long, value_name = "FILE", num_args = 0..=1, default_missing_value = "-")]
    pub(crate) json: Option<PathBuf>,
}

impl CurveArgs {
    /// The backends asked for; `here` are those that this machine can run.
    pub(crate) fn backends(&self, here: &[Backend]) -> Vec<Backend> {
        if self.backend.is_empty() {
            [Backend::Floor].iter().chain(here).copied().collect()
        } else {
            self.backend.clone()
        }
    }

    /// How long each measurement takes.
    pub(crate) fn time(&self) -> Duration {
        self.seconds.unwrap_or(if self.quick { SHORT_TIME } else { TIME })
    }

    /// How many rounds there are.
    pub(crate) fn rounds(&self) -> u16 {
        self.repeat.unwrap_or(if self.quick { 1 } else { ROUNDS })
    }

    /// The points, one group each.
    pub(crate) fn plan(&self, backends: &[Backend]) -> Vec<Group> {
        let sizes = match (self.size.is_empty(), self.quick) {
            (false, _) => self.size.clone(),
            (true, true) => FEW_KIB.map(|kib| kib << 10).into(),
            (true, false) => sizes().into(),
        };
        let handlings = match (self.handling.is_empty(), self.quick) {
            (false, _) => self.handling.clone(),
            (true, true) => vec![Handling::Drop, Handling::Lines],
            (true, false) => vec![Handling::Keep, Handling::Drop, Handling::Lines],
        };
        let mut groups = Vec::new();
        for &transport in &self.transport {
            for &bodies in &self.bodies {
                for &handling in &handlings {
                    let point = |&size| run::point(transport, size, bodies, handling, backends);
                    groups.extend(sizes.iter().map(point));
                }
            }
        }
        groups
    }
}

/// The roads that are measured if none is asked for: those of two processes that this system has.
fn roads() -> impl Iterator<Item = Transport> {
    [Transport::Tcp, Transport::Ipc].into_iter().filter(|road| road.supported())
}

/// All sizes of the curve, in bytes.
pub(crate) fn sizes() -> [usize; 14] {
    KIB.map(|kib| kib << 10)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use clap::Parser as _;

    use super::*;
    use crate::cli::{Cli, Cmd};

    fn points(line: &str) -> Vec<Group> {
        match Cli::parse_from(line.split(' ')).command {
            Some(Cmd::Curve(args)) => args.plan(&args.backends(&[Backend::Mio])),
            _ => panic!("a curve"),
        }
    }

    #[test]
    fn a_curve_has_every_point_beside_its_floor() {
        let groups = points("ringmq-bench curve");
        assert_eq!(groups.len(), roads().count() * 3 * 3 * 14);
        for group in &groups {
            assert_eq!(group.len(), 2);
            assert!(group[0].backend.is_floor());
            assert!(group.iter().all(|case| case.check().is_ok()));
        }
        assert_eq!(points("ringmq-bench curve --quick").len(), roads().count() * 3 * 2 * 6);
        let some = "ringmq-bench curve --size 9k --handling bytes --bodies clone --transport ipc";
        let groups = points(some);
        assert_eq!((groups.len(), groups[0][0].size), (1, 9 << 10));
        assert_eq!(groups[0][0].handling, Handling::Bytes);
    }
}
