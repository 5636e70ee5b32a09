//! The machine and the build that the figures belong to.

use serde::Serialize;
use sysinfo::{CpuRefreshKind, RefreshKind, System};

use crate::host::Host;
use crate::job::Cores;

/// What a reader must know to compare one report with another.
#[derive(Debug, Serialize)]
pub(crate) struct Machine {
    /// Model of the processor.
    pub(crate) cpu: String,
    /// Cores that this process may use.
    pub(crate) cores: usize,
    /// Operating system with its version.
    pub(crate) system: String,
    /// Version of the kernel.
    pub(crate) kernel: String,
    /// Processor architecture.
    pub(crate) arch: String,
    /// What else moves the figures.
    pub(crate) host: Host,
    /// Processes that wanted a core during the minute before; over 1 means company.
    pub(crate) load_before: f64,
    /// Cores that the threads were kept on.
    pub(crate) pinned: Cores,
    /// Version of this program, which is that of ringmq.
    pub(crate) version: &'static str,
    /// Revision of the source that it was built from; empty where there was no repository.
    pub(crate) revision: &'static str,
    /// Compiler that built it.
    pub(crate) rustc: &'static str,
    /// `release`, or something whose figures mean nothing.
    pub(crate) profile: &'static str,
    /// The command that made the figures.
    pub(crate) command: String,
}

impl Machine {
    /// Looks around; call it before the load of the measurement itself.
    pub(crate) fn look(pinned: Cores) -> Self {
        let cpus = RefreshKind::nothing().with_cpu(CpuRefreshKind::nothing());
        let system = System::new_with_specifics(cpus);
        let unknown = || "unknown".to_owned();
        Self {
            cpu: system.cpus().first().map_or_else(unknown, |cpu| cpu.brand().trim().to_owned()),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            system: System::long_os_version().unwrap_or_else(unknown),
            kernel: System::kernel_version().unwrap_or_else(unknown),
            arch: System::cpu_arch(),
            host: Host::look(),
            load_before: System::load_average().one,
            pinned,
            version: env!("CARGO_PKG_VERSION"),
            revision: env!("RINGMQ_BENCH_REVISION"),
            rustc: env!("RINGMQ_BENCH_RUSTC"),
            profile: if cfg!(debug_assertions) { "debug" } else { "release" },
            command: command(),
        }
    }

    /// Facts for a reader, as pairs of name and value.
    pub(crate) fn facts(&self) -> Vec<(&'static str, String)> {
        vec![
            ("processor", format!("{} ({}), {} cores", self.cpu, self.arch, self.cores)),
            ("system", format!("{}, kernel {}", self.system, self.kernel)),
            ("load before the run", format!("{:.2}", self.load_before)),
            ("threads pinned to", pinned(&self.pinned)),
            ("versions", format!("{}, {}, {} build", self.ringmq(), self.rustc, self.profile)),
            ("command", self.command.clone()),
        ]
    }

    /// Name, version and revision.
    fn ringmq(&self) -> String {
        match self.revision {
            "" => format!("ringmq {}", self.version),
            revision => format!("ringmq {} at revision {revision}", self.version),
        }
    }

    /// What makes the figures of this run doubtful.
    pub(crate) fn doubts(&self) -> Vec<String> {
        let mut doubts = Vec::new();
        if self.profile != "release" {
            doubts.push("This is a debug build: its figures mean nothing.".to_owned());
        }
        if self.load_before > 0.5 {
            doubts.push(format!(
                "The machine was not idle before the run (load {:.2}): trust the ratios, not the \
                 absolute figures.",
                self.load_before
            ));
        }
        if self.cores < 2 {
            doubts.push("One core only: both sides take turns on it.".to_owned());
        }
        doubts
    }
}

fn pinned(cores: &Cores) -> String {
    match (cores.connect, cores.bind) {
        (Some(connect), Some(bind)) => {
            let io = match (cores.connect_io, cores.bind_io) {
                (Some(a), Some(b)) => format!(", their I/O threads to {a} and {b}"),
                _ => String::new(),
            };
            format!("core {connect} (sends, asks) and core {bind} (receives, answers){io}")
        }
        _ => "nothing".to_owned(),
    }
}

/// The command as it was typed, or as cargo was asked to run it.
fn command() -> String {
    let mut args = std::env::args();
    let program = args.next().unwrap_or_default();
    let args: Vec<String> = args.map(|arg| quoted(&arg)).collect();
    let by_cargo = std::env::var("CARGO_PKG_NAME").is_ok_and(|name| name == "ringmq-bench");
    let mut words = match (by_cargo, args.is_empty()) {
        (true, true) => vec!["cargo run --release -p ringmq-bench".to_owned()],
        (true, false) => vec!["cargo run --release -p ringmq-bench --".to_owned()],
        (false, _) => vec![quoted(&program)],
    };
    words.extend(args);
    words.join(" ")
}

/// Quotes an argument for a shell, where it needs it.
fn quoted(arg: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,+@".contains(c);
    if !arg.is_empty() && arg.chars().all(plain) {
        arg.to_owned()
    } else {
        format!("'{}'", arg.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_shell_would_touch_is_quoted() {
        assert_eq!(quoted("--size=64"), "--size=64");
        assert_eq!(quoted("tcp://*:5555"), "'tcp://*:5555'");
        assert_eq!(quoted("it's"), r"'it'\''s'");
    }

    #[test]
    fn a_machine_knows_what_it_is() {
        let machine = Machine::look(Cores::default());
        assert!(machine.cores >= 1);
        assert!(machine.rustc.starts_with("rustc "));
        assert_eq!(machine.facts().len(), 6);
    }
}
