//! The options of `ringmq-bench doctor`.

use std::path::PathBuf;

use clap::Args;

/// Closes the help of `doctor`.
pub(crate) const DOCTOR_EXAMPLES: &str = "\
Examples:
  ringmq-bench doctor                        the report
  ringmq-bench doctor --json -               JSON on stdout, the report on stderr
  RINGMQ_BACKEND=mio ringmq-bench doctor     what a program gets that is started like this

Reading the report:
  Backend is what a program gets that leaves the choice to ringmq, in this environment and with these
  limits: run doctor where the program is going to run, in its container and as its user.
  Features are found by trying each of them, never by the version of the kernel. Those that are needed
  decide whether io_uring can be used; without the others ringmq does what is written beside them.
  Lines that begin with ! are problems, those with + could be better; each says what to do. Neither is a
  failure: the status is 0 whenever there is a report.";

/// Options of `doctor`.
#[derive(Debug, Args)]
pub(crate) struct DoctorArgs {
    /// Write JSON, to stdout if no file (or -) is given; the report then goes to stderr
    #[arg(long, value_name = "FILE", num_args = 0..=1, default_missing_value = "-")]
    pub(crate) json: Option<PathBuf>,
}
