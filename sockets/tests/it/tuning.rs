//! Settings of threads and of the process, read back from the system.
#![cfg(target_os = "linux")]

use crate::harness::{Harness, over_tcp, within_process};
use ringmq::{BackendChoice, BackendKind, Context, ContextBuilder, Error, Granted};
use rustix::process::{Pid, Resource, Rlimit, setrlimit};
use rustix::thread::{
    CapabilitySet, CpuSet, sched_getaffinity, sched_setaffinity, set_capabilities,
};
use std::process::Command;
use std::time::Duration;

within_process![
    impossible_values_name_their_setting,
    an_error_says_which_core_is_not_to_be_had,
    a_socket_may_poll_for_another_time,
];

over_tcp![
    timers_of_io_threads_are_as_exact_as_asked,
    io_threads_run_in_real_time,
    busy_polling_is_granted_or_explained,
    memory_is_locked_or_the_limit_named,
    a_process_without_rights_hears_what_it_lacks,
];

fn builder(harness: &Harness) -> ContextBuilder {
    Context::builder().backend(harness.backend)
}

/// The one I/O thread of that name.
fn thread(name: &str) -> u32 {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    let mut ids = tasks.filter_map(|task| task.unwrap().file_name().to_str()?.parse().ok());
    let named = |id: &u32| {
        let found = std::fs::read_to_string(format!("/proc/self/task/{id}/comm"));
        found.is_ok_and(|comm| comm.trim_end() == name)
    };
    ids.find(named).unwrap_or_else(|| panic!("no thread {name}"))
}

/// A name that no other thread of this process has, short enough for the system.
fn unique(harness: &Harness, name: &str) -> String {
    format!("{name}-{:?}", harness.backend).to_lowercase()
}

#[track_caller]
fn refused(builder: ContextBuilder) -> String {
    match builder.build() {
        Err(error @ Error::InvalidOption { .. }) => error.to_string(),
        Err(error) => panic!("{error:?}"),
        Ok(_) => panic!("it was granted"),
    }
}

fn impossible_values_name_their_setting(harness: &Harness) {
    for (builder, name) in [
        (builder(harness).busy_poll(Some(Duration::ZERO)), "busy_poll"),
        (builder(harness).busy_poll(Some(Duration::MAX)), "busy_poll"),
        (builder(harness).timer_slack(Duration::ZERO), "timer_slack"),
        (builder(harness).timer_slack(Duration::MAX), "timer_slack"),
        (builder(harness).realtime(0), "realtime"),
        (builder(harness).realtime(100), "realtime"),
        (builder(harness).pin_io_threads([1 << 40]), "pin_io_threads"),
    ] {
        let error = refused(builder);
        assert!(error.starts_with(&format!("option {name} cannot be set: ")), "{error}");
    }
    let dealer = harness.dealer();
    for time in [Duration::from_nanos(1), Duration::MAX] {
        assert!(matches!(dealer.set_busy_poll(time), Err(Error::InvalidOption { .. })));
    }
}

fn an_error_says_which_core_is_not_to_be_had(harness: &Harness) {
    let allowed = sched_getaffinity(None).unwrap();
    let Some(other) = (0..1024).rev().find(|core| !allowed.is_set(*core)) else { return };
    let error = refused(builder(harness).pin_io_threads([other]));
    assert!(error.contains(&format!("core {other}")), "{error}");
}

#[test]
fn the_io_thread_runs_where_the_thread_may_that_made_the_context() {
    let all = sched_getaffinity(None).unwrap();
    let context = Context::new();
    std::thread::spawn(move || {
        let first = (0..1024).find(|core| all.is_set(*core)).unwrap();
        let mut one = CpuSet::new();
        one.set(first);
        sched_setaffinity(None, &one).unwrap();
        // This starts the I/O thread.
        let pull = context.pull().unwrap();
        pull.bind("tcp://127.0.0.1:*").unwrap();
        let id = Pid::from_raw(thread("ringmq-io/0").try_into().unwrap());
        assert!(sched_getaffinity(id).unwrap() == all);
        assert!(sched_getaffinity(None).unwrap() == one);
    })
    .join()
    .unwrap();
}

fn a_socket_may_poll_for_another_time(harness: &Harness) {
    let (push, pull) = (harness.push(), harness.pull());
    push.set_busy_poll(Duration::from_micros(100)).unwrap();
    let endpoint = pull.bind("tcp://127.0.0.1:*").unwrap();
    push.connect(&endpoint).unwrap();
    push.send("hello").unwrap();
    assert_eq!(pull.recv().unwrap(), "hello");
}

fn timers_of_io_threads_are_as_exact_as_asked(harness: &Harness) {
    let name = unique(harness, "slack");
    let context = builder(harness).timer_slack(Duration::from_nanos(1)).thread_name(&name);
    let _context = context.build().unwrap();
    let id = thread(&format!("{name}/0"));
    // Threads have it under `/proc` as processes of their own do.
    let slack = std::fs::read_to_string(format!("/proc/{id}/timerslack_ns")).unwrap();
    assert_eq!(slack.trim(), "1");
}

fn io_threads_run_in_real_time(harness: &Harness) {
    let name = unique(harness, "fifo");
    let built = builder(harness).realtime(7).thread_name(&name).build();
    let _context = match built {
        Ok(context) => context,
        Err(error @ Error::InvalidOption { option: "realtime", .. }) => {
            assert!(error.to_string().contains("CAP_SYS_NICE"), "{error}");
            eprintln!("SKIPPED: {error}");
            return;
        }
        Err(error) => panic!("{error}"),
    };
    let id = thread(&format!("{name}/0"));
    let stat = std::fs::read_to_string(format!("/proc/self/task/{id}/stat")).unwrap();
    // Fields are counted from behind the name, which is the second and may have spaces.
    let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
    assert_eq!((fields[40 - 3], fields[41 - 3]), ("7", "1"), "priority, and SCHED_FIFO");
}

fn busy_polling_is_granted_or_explained(harness: &Harness) {
    let asked = builder(harness).busy_poll(Some(Duration::from_micros(50))).build().unwrap();
    let report = asked.tuning().unwrap();
    if harness.backend == BackendChoice::Mio {
        assert!(matches!(report.ring_busy_poll, Granted::No(_)), "{report:?}");
    }
    for granted in [report.ring_busy_poll, report.socket_busy_poll] {
        match granted {
            Granted::Yes => {}
            Granted::No(reason) => assert!(reason.contains("takes"), "{reason}"),
            Granted::NotAsked => panic!("it was asked for"),
        }
    }
    // It works either way.
    let (push, pull) = (asked.push().unwrap(), asked.pull().unwrap());
    push.connect(&pull.bind("tcp://127.0.0.1:*").unwrap()).unwrap();
    push.send("hello").unwrap();
    assert_eq!(pull.recv().unwrap(), "hello");
    let other = builder(harness).build().unwrap().tuning().unwrap();
    assert_eq!((other.ring_busy_poll, other.socket_busy_poll), Default::default());
}

/// Set for a child: which backend it uses.
const CHILD: &str = "RINGMQ_TEST_TUNED";

/// Runs a child's part in a process of its own: it changes what belongs to the whole of it.
fn in_a_child(harness: &Harness, part: &str) {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", &format!("tuning::{part}"), "--nocapture"])
        .env(CHILD, format!("{:?}", harness.backend))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// What the child is to use; `None` when its part is run as a test.
fn child() -> Option<ContextBuilder> {
    let backend = std::env::var(CHILD).ok()?;
    let backend = if backend == "Uring" { BackendChoice::Uring } else { BackendChoice::Mio };
    Some(Context::builder().backend(backend))
}

fn memory_is_locked_or_the_limit_named(harness: &Harness) {
    in_a_child(harness, "locking_child");
}

#[test]
fn locking_child() {
    let Some(builder) = child() else { return };
    match builder.lock_memory(true).build() {
        Ok(_context) => {
            let status = std::fs::read_to_string("/proc/self/status").unwrap();
            let locked = status.lines().find_map(|line| line.strip_prefix("VmLck:")).unwrap();
            let kibibytes: u64 = locked.trim().trim_end_matches(" kB").parse().unwrap();
            assert!(kibibytes > 1024, "{locked}");
        }
        Err(error) => assert!(error.to_string().contains("RLIMIT_MEMLOCK"), "{error}"),
    }
}

fn a_process_without_rights_hears_what_it_lacks(harness: &Harness) {
    in_a_child(harness, "humble_child");
}

#[test]
fn humble_child() {
    let Some(builder) = child() else { return };
    setrlimit(Resource::Memlock, Rlimit { current: Some(4096), maximum: Some(4096) }).unwrap();
    setrlimit(Resource::Rtprio, Rlimit { current: Some(0), maximum: Some(0) }).unwrap();
    let none = CapabilitySet::empty();
    let sets =
        rustix::thread::CapabilitySets { effective: none, permitted: none, inheritable: none };
    set_capabilities(None, sets).unwrap();
    let mio = builder.clone().backend(BackendChoice::Mio);
    let error = refused(mio.clone().lock_memory(true));
    assert!(error.contains("RLIMIT_MEMLOCK, is 4096 bytes"), "{error}");
    let error = refused(mio.clone().realtime(1));
    assert!(error.contains("CAP_SYS_NICE"), "{error}");
    let context = mio.busy_poll(Some(Duration::from_micros(50))).build().unwrap();
    assert_eq!(context.backend().unwrap().kind, BackendKind::Mio);
    match context.tuning().unwrap().socket_busy_poll {
        Granted::No(reason) => assert!(reason.contains("CAP_NET_ADMIN"), "{reason}"),
        // Newer kernels ask for no capability.
        granted => assert_eq!(granted, Granted::Yes),
    }
}
