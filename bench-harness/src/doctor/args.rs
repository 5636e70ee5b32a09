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
  Backend is what a program gets that leaves the choice to ringmq, in this environment and with
  these limits: run doctor where the program is going to run, in its container, as its user.
  Features of io_uring are found by trying each of them, never by the version of the kernel. A
  needed one that is not found means mio; without others ringmq does what stands beside them.
  Limits are those of the process and of the system, with what they mean for sockets.
  The last part says what is wrong (!) or could be better (+), and what to do about it. Neither
  is a failure: the status is 0 whenever there is a report.";

/// Options of `doctor`.
#[derive(Debug, Args)]
pub(crate) struct DoctorArgs {
    /// Write JSON, to stdout if no file (or -) is given; the report then goes to stderr
    #[arg(long, value_name = "FILE", num_args = 0..=1, default_missing_value = "-")]
    pub(crate) json: Option<PathBuf>,
}
