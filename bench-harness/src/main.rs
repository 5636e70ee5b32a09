//! `ringmq-bench`: measures ringmq on this machine, beside the floor of bare sockets.

use std::process::ExitCode;

fn main() -> ExitCode {
    ringmq_bench::main()
}
