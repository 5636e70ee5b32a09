//! Which backend there is when io_uring is really forbidden, by a filter of system calls or by a limit
//! of memory, and when the environment has its say. Each in a process of its own, for neither can be
//! taken back.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)]

mod common;

use common::{alone, skipped};
use ringmq_engine::{
    BackendChoice, BackendKind, BackendUnavailable, Engine, EngineOptions, StartError,
    uring_available,
};
use rustix::process::{Resource, Rlimit, setrlimit};
use rustix::thread::{CapabilitySet, capabilities, set_capabilities};
use seccompiler::{SeccompAction, SeccompFilter, TargetArch, apply_filter_all_threads};

/// The name of a test here, as [`alone`] wants it.
macro_rules! name {
    ($name:literal) => {
        concat!("fallback::", $name)
    };
}

fn start(backend: BackendChoice) -> Result<Engine, StartError> {
    Engine::start(&EngineOptions { backend, ..EngineOptions::default() })
}

fn unavailable(backend: BackendChoice) -> String {
    match start(backend).err() {
        Some(StartError::Backend(BackendUnavailable { reason })) => reason,
        Some(StartError::Thread(error)) => panic!("not for want of a thread: {error}"),
        Some(StartError::Setting(error)) => panic!("no setting was asked for: {error}"),
        None => panic!("there must be none"),
    }
}

/// Makes io_uring_setup fail with `errno`, as the profiles of containers do.
fn forbid(errno: u32) {
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
    apply_filter_all_threads(&program).unwrap();
}

/// Without io_uring, for a reason that says `what`: mio is chosen, and uring is refused.
fn expect_mio(what: &str) {
    let reason = uring_available().unwrap_err();
    assert!(reason.contains(what), "{reason}");
    let engine = start(BackendChoice::Auto).unwrap();
    assert_eq!(engine.backend().kind, BackendKind::Mio);
    assert!(engine.backend().reason.starts_with("auto: "), "{}", engine.backend());
    assert!(engine.backend().reason.contains(what), "{}", engine.backend());
    let reason = unavailable(BackendChoice::Uring);
    assert!(reason.starts_with("the backend uring was asked for, but"), "{reason}");
    assert!(reason.contains(what), "{reason}");
    assert_eq!(start(BackendChoice::Mio).unwrap().backend().reason, "asked for");
}

#[test]
fn a_seccomp_filter_leaves_mio() {
    alone(name!("a_seccomp_filter_leaves_mio"), &[], || {
        const EPERM: u32 = 1;
        forbid(EPERM);
        expect_mio("seccomp");
        expect_mio("kernel.io_uring_disabled");
    });
}

#[test]
fn a_filter_that_hides_io_uring_leaves_mio() {
    alone(name!("a_filter_that_hides_io_uring_leaves_mio"), &[], || {
        const ENOSYS: u32 = 38;
        forbid(ENOSYS);
        expect_mio("no io_uring");
    });
}

/// Without the privilege that sets the limit aside, in this thread and those it starts.
fn limit_locked_memory(bytes: u64) -> Result<(), String> {
    let limit = Rlimit { current: Some(bytes), maximum: Some(bytes) };
    setrlimit(Resource::Memlock, limit).map_err(|error| error.to_string())?;
    let mut sets = capabilities(None).map_err(|error| error.to_string())?;
    sets.effective -= CapabilitySet::IPC_LOCK;
    set_capabilities(None, sets).map_err(|error| error.to_string())
}

#[test]
fn too_little_locked_memory_leaves_mio() {
    let name = name!("too_little_locked_memory_leaves_mio");
    alone(name, &[], || {
        if let Err(reason) = uring_available() {
            return skipped(name, &reason);
        }
        if let Err(reason) = limit_locked_memory(0) {
            return skipped(name, &reason);
        }
        if uring_available().is_ok() {
            return skipped(name, "this kernel does not count rings as locked memory");
        }
        expect_mio("ulimit -l");
    });
}

/// Enough for one ring or two, which is what the trial needs, but not for many.
#[test]
fn too_little_locked_memory_for_every_thread_leaves_mio() {
    let name = name!("too_little_locked_memory_for_every_thread_leaves_mio");
    alone(name, &[], || {
        if let Err(reason) = uring_available() {
            return skipped(name, &reason);
        }
        // A ring of the smaller size takes some 20 KiB, one of the larger some 100.
        if let Err(reason) = limit_locked_memory(320 << 10) {
            return skipped(name, &reason);
        }
        let options = EngineOptions { io_threads: 64, ..EngineOptions::default() };
        if uring_available().is_err() {
            return skipped(name, "others of this user have locked too much already");
        }
        let engine = Engine::start(&options).unwrap();
        assert_eq!(engine.backend().kind, BackendKind::Mio, "{}", engine.backend());
        assert!(engine.backend().reason.contains("not on every I/O thread"));
        let forced = EngineOptions { backend: BackendChoice::Uring, ..options };
        let error = Engine::start(&forced).err().unwrap().to_string();
        assert!(error.contains("ulimit -l"), "{error}");
    });
}

#[test]
fn the_environment_decides_when_the_program_does_not() {
    let name = name!("the_environment_decides_when_the_program_does_not");
    alone(name, &[("RINGMQ_BACKEND", "mio")], || {
        let engine = start(BackendChoice::Auto).unwrap();
        let report = engine.backend().to_string();
        assert_eq!(report, "mio (asked for by RINGMQ_BACKEND=mio)");
        if uring_available().is_ok() {
            let engine = start(BackendChoice::Uring).unwrap();
            assert_eq!(engine.backend().to_string(), "uring (asked for)");
        }
    });
}

#[test]
fn the_environment_can_ask_for_uring() {
    alone(name!("the_environment_can_ask_for_uring"), &[("RINGMQ_BACKEND", "uring")], || {
        if uring_available().is_ok() {
            let report = start(BackendChoice::Auto).unwrap().backend().to_string();
            assert_eq!(report, "uring (asked for by RINGMQ_BACKEND=uring)");
        }
        forbid(1);
        let reason = unavailable(BackendChoice::Auto);
        assert!(reason.starts_with("the backend uring was asked for by RINGMQ_BACKEND=uring, but"));
        assert!(reason.contains("seccomp"), "{reason}");
    });
}

#[test]
fn auto_and_nothing_in_the_environment_are_the_same() {
    for value in ["auto", ""] {
        let name = name!("auto_and_nothing_in_the_environment_are_the_same");
        alone(name, &[("RINGMQ_BACKEND", value)], || {
            let engine = start(BackendChoice::Auto).unwrap();
            let expected = match uring_available() {
                Ok(()) => BackendKind::Uring,
                Err(_) => BackendKind::Mio,
            };
            assert_eq!(engine.backend().kind, expected);
            assert!(engine.backend().reason.starts_with("auto: "));
        });
    }
}

#[test]
fn nonsense_in_the_environment_is_an_error() {
    let name = name!("nonsense_in_the_environment_is_an_error");
    alone(name, &[("RINGMQ_BACKEND", "epoll")], || {
        let reason = unavailable(BackendChoice::Auto);
        assert_eq!(reason, "RINGMQ_BACKEND is \"epoll\": it takes auto, uring or mio");
        // Whoever has decided is not asked.
        assert_eq!(start(BackendChoice::Mio).unwrap().backend().kind, BackendKind::Mio);
    });
}
