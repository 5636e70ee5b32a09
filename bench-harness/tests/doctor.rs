//! `doctor` through the program itself: on this machine, and where io_uring is forbidden to it.
#![allow(clippy::unwrap_used)]

mod common;

use std::process::{Command, Output};

use serde_json::Value;

/// The program, with nothing in the environment that decides for it.
fn doctor(args: &str) -> Command {
    let mut command = common::program("doctor");
    command.args(args.split_whitespace()).env_remove("RINGMQ_BACKEND");
    command
}

/// What was printed by a run that could report, whatever it found.
fn report(output: &Output) -> String {
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {errors}", output.status);
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn json(output: &Output) -> Value {
    serde_json::from_str(&report(output)).unwrap()
}

#[track_caller]
fn assert_says(text: &str, words: &[&str]) {
    for word in words {
        assert!(text.contains(word), "{word} is missing in:\n{text}");
    }
}

#[test]
fn the_report_has_every_part() {
    let text = report(&doctor("").output().unwrap());
    let parts = ["System", "kernel", "cores", "Backend", "because", "io_uring", "usable", "Limits"];
    assert_says(&text, &parts);
    assert_says(&text, &["Problems (!) and advice (+)", "RINGMQ_BACKEND"]);
    if cfg!(unix) {
        assert_says(&text, &["RLIMIT_NOFILE", "connections"]);
    }
    if cfg!(target_os = "linux") {
        assert_says(&text, &["To get the other backend", "expected to gain", "tcp, 64 B"]);
    }
}

#[test]
fn json_says_the_same_as_the_library() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("doctor.json");
    report(&doctor("--json").arg(&file).output().unwrap());
    let found: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    assert_eq!(found["schema"], 1);
    let works = ringmq::Context::uring_available().is_ok();
    assert_eq!(found["backend"]["backend"], if works { "uring" } else { "mio" });
    assert_eq!(found["io_uring"]["refusal"].is_null(), works);
    if works {
        let features = found["io_uring"]["features"].as_array().unwrap();
        let needed = features.iter().filter(|feature| feature["needed"] == true);
        assert!(needed.clone().count() > 10);
        for feature in needed {
            assert_eq!(feature["found"], true, "{feature}");
        }
    }
    let on_stdout = doctor("--json").output().unwrap();
    assert_eq!(json(&on_stdout)["schema"], 1);
    assert_says(&String::from_utf8_lossy(&on_stdout.stderr), &["Backend"]);
}

#[test]
fn a_file_that_cannot_be_written_is_a_failure() {
    let folder = tempfile::tempdir().unwrap();
    let output = doctor("--json").arg(folder.path().join("no/such/folder")).output().unwrap();
    assert!(!output.status.success());
    assert_says(&String::from_utf8_lossy(&output.stderr), &["writing"]);
}

#[test]
fn the_environment_has_its_say() {
    let found = json(&doctor("--json").env("RINGMQ_BACKEND", "mio").output().unwrap());
    assert_eq!(found["backend"]["backend"], "mio");
    assert_eq!(found["backend"]["requested"], "mio");
    let settings = found["problems"].as_array().unwrap().iter().map(|problem| &problem["setting"]);
    assert!(settings.clone().all(|setting| setting != "io_uring"), "it was not asked for: {found}");
}

#[test]
fn nonsense_in_the_environment_is_a_problem_and_no_failure() {
    let text = report(&doctor("").env("RINGMQ_BACKEND", "epoll").output().unwrap());
    assert_says(&text, &["! RINGMQ_BACKEND", "it takes auto, uring or mio", "remedy: unset it"]);
}

#[cfg(target_os = "linux")]
mod forbidden {
    use rustix::thread::{CapabilitySet, capabilities, remove_capability_from_bounding_set};
    use seccompiler::{SeccompAction, SeccompFilter, TargetArch, apply_filter};

    use super::*;

    /// Runs `command` from a thread that has prepared itself in a way that cannot be taken back, and that
    /// its children inherit.
    fn prepared<E: std::fmt::Debug + Send>(
        prepare: impl FnOnce() -> Result<(), E> + Send,
        mut command: Command,
    ) -> Result<Output, E> {
        let run = || prepare().map(|()| command.output().unwrap());
        std::thread::scope(|scope| scope.spawn(run).join().unwrap())
    }

    /// Makes io_uring_setup fail with `errno`, as the profiles of containers do.
    fn forbid(errno: u32) -> Result<(), seccompiler::Error> {
        /// The same on every architecture.
        const IO_URING_SETUP: i64 = 425;
        let filter = SeccompFilter::new(
            [(IO_URING_SETUP, Vec::new())].into(),
            SeccompAction::Allow,
            SeccompAction::Errno(errno),
            TargetArch::try_from(std::env::consts::ARCH).unwrap(),
        )
        .unwrap();
        let program: seccompiler::BpfProgram = filter.try_into().unwrap();
        apply_filter(&program)
    }

    const EPERM: u32 = 1;
    const ENOSYS: u32 = 38;

    /// A sysctl that forbids it as well is named first.
    fn cause_of_eperm() -> &'static str {
        match std::fs::read_to_string("/proc/sys/kernel/io_uring_disabled") {
            Ok(value) if value.trim() != "0" => "disabled",
            _ => "filtered",
        }
    }

    #[test]
    fn by_a_seccomp_filter_it_is_mio_with_reason_and_remedy() {
        let text = report(&prepared(|| forbid(EPERM), doctor("")).unwrap());
        assert_says(&text, &["mio, on epoll", "auto: ", "usable", "no: ", "seccomp"]);
        assert_says(&text, &["! io_uring: ", "remedy: ", "Operation not permitted"]);
        assert_says(&text, &["To get the other backend, uring", "none could be tried"]);
        let found = json(&prepared(|| forbid(EPERM), doctor("--json")).unwrap());
        assert_eq!(found["io_uring"]["refusal"]["cause"], cause_of_eperm());
        if cause_of_eperm() == "filtered" {
            let words = ["--security-opt", "io_uring_setup", "io_uring_enter", "io_uring_register"];
            assert_says(&text, &words);
        }
    }

    #[test]
    fn by_a_filter_that_pretends_it_is_told_from_an_old_kernel() {
        let found = json(&prepared(|| forbid(ENOSYS), doctor("--json")).unwrap());
        let knows = std::path::Path::new("/proc/sys/kernel/io_uring_disabled").exists();
        let cause = if knows { "hidden" } else { "absent" };
        assert_eq!(found["io_uring"]["refusal"]["cause"], cause);
        assert_eq!(found["backend"]["backend"], "mio");
    }

    #[test]
    fn by_name_it_is_a_problem_of_the_variable() {
        let mut command = doctor("");
        command.env("RINGMQ_BACKEND", "uring");
        let text = report(&prepared(|| forbid(EPERM), command).unwrap());
        assert_says(&text, &["none: sockets cannot", "! RINGMQ_BACKEND", "was asked for by"]);
    }

    /// With so many KiB of locked memory, and without the privilege that sets the limit aside.
    fn limited(kib: u32) -> Option<Value> {
        let mut command = Command::new("sh");
        command
            .args(["-c", &format!("ulimit -l {kib} && exec \"$0\" doctor --json")])
            .arg(env!("CARGO_BIN_EXE_ringmq-bench"))
            .env_remove("RINGMQ_BACKEND");
        let without = || {
            let set = capabilities(None)?;
            if set.effective.contains(CapabilitySet::IPC_LOCK) {
                remove_capability_from_bounding_set(CapabilitySet::IPC_LOCK)?;
            }
            Ok::<(), rustix::io::Errno>(())
        };
        match prepared(without, command) {
            Ok(output) => Some(json(&output)),
            Err(error) => {
                eprintln!("SKIPPED: the privilege cannot be given up: {error}");
                None
            }
        }
    }

    #[test]
    fn by_a_limit_of_locked_memory_the_limit_is_named() {
        if let Err(reason) = ringmq::Context::uring_available() {
            return eprintln!("SKIPPED: {reason}");
        }
        let Some(found) = limited(0) else { return };
        if found["backend"]["backend"] == "uring" {
            return eprintln!("SKIPPED: this kernel does not count rings as locked memory");
        }
        assert_eq!(found["io_uring"]["refusal"]["cause"], "locked-memory");
        let reason = found["backend"]["reason"].as_str().unwrap();
        assert_says(reason, &["RLIMIT_MEMLOCK is 0 KiB", "ulimit -l"]);
    }

    #[test]
    fn with_a_smaller_limit_rings_are_smaller_and_it_says_so() {
        if let Err(reason) = ringmq::Context::uring_available() {
            return eprintln!("SKIPPED: {reason}");
        }
        let Some(found) = limited(64) else { return };
        if found["io_uring"]["ring"]["reduced"] != true {
            return eprintln!("SKIPPED: not counted, or others of this user have locked too much");
        }
        let problems = found["problems"].as_array().unwrap();
        let named = |problem: &&Value| problem["setting"] == "RLIMIT_MEMLOCK";
        let problem = problems.iter().find(named).unwrap();
        assert_says(problem["remedy"].as_str().unwrap(), &["ulimit -l"]);
    }
}
