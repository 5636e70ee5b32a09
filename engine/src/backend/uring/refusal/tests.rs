//! Each cause with made-up surroundings.
#![allow(clippy::unwrap_used)]

use super::*;

/// A usual machine of today.
fn usual() -> SystemFacts {
    SystemFacts {
        disabled: Some(0),
        group: Some(-1),
        filtered: Some(false),
        lockable: Some(8 << 20),
    }
}

#[track_caller]
fn assert_told(errno: i32, around: SystemFacts, cause: UringCause, words: &[&str]) {
    let refusal = tell(&io::Error::from_raw_os_error(errno), &around);
    assert_eq!(refusal.cause, cause, "{refusal}");
    let text = refusal.to_string();
    for word in words {
        assert!(text.contains(word), "{word} is missing in: {text}");
    }
    assert!(text.contains(&format!("os error {errno}")), "{text}");
}

#[test]
fn a_filter_is_told_from_a_sysctl_and_from_a_security_module() {
    let filtered = SystemFacts { filtered: Some(true), ..usual() };
    let words = ["seccomp", "--security-opt", "kernel.io_uring_disabled is 0"];
    assert_told(libc::EPERM, filtered.clone(), UringCause::Filtered, &words);
    let older = SystemFacts { disabled: None, ..filtered };
    assert_told(libc::EPERM, older, UringCause::Filtered, &["io_uring_setup"]);
    assert_told(libc::EACCES, usual(), UringCause::Forbidden, &["SELinux"]);
    let silent = SystemFacts::default();
    assert_told(libc::EPERM, silent, UringCause::Forbidden, &["seccomp filter as a rule"]);
}

#[test]
fn the_sysctl_is_named_with_what_it_says() {
    let off = SystemFacts { disabled: Some(2), ..usual() };
    let words = ["kernel.io_uring_disabled is 2", "sysctl -w kernel.io_uring_disabled=0"];
    assert_told(libc::EPERM, off.clone(), UringCause::Disabled, &words);
    let both = SystemFacts { filtered: Some(true), ..off };
    assert_told(libc::EPERM, both, UringCause::Disabled, &["a seccomp filter is at work too"]);
    let some = SystemFacts { disabled: Some(1), ..usual() };
    let words = ["is 1", "a group that is not set", "kernel.io_uring_group=GID"];
    assert_told(libc::EPERM, some.clone(), UringCause::Disabled, &words);
    let group = SystemFacts { group: Some(42), ..some };
    assert_told(libc::EPERM, group, UringCause::Disabled, &["the group 42"]);
}

#[test]
fn a_kernel_without_is_told_from_one_that_is_hidden() {
    let old = SystemFacts { disabled: None, group: None, ..usual() };
    let words = ["no io_uring", "CONFIG_IO_URING"];
    assert_told(libc::ENOSYS, old.clone(), UringCause::Absent, &words);
    let either = SystemFacts { filtered: Some(true), ..old };
    assert_told(libc::ENOSYS, either, UringCause::Absent, &["or the seccomp filter"]);
    let hidden = SystemFacts { filtered: Some(true), ..usual() };
    let words = ["pretends that there is no io_uring", "seccomp"];
    assert_told(libc::ENOSYS, hidden, UringCause::Hidden, &words);
}

#[test]
fn limits_are_named_with_their_remedies() {
    let small = SystemFacts { lockable: Some(64 << 10), ..usual() };
    let words = ["RLIMIT_MEMLOCK is 64 KiB", "ulimit -l"];
    assert_told(libc::ENOMEM, small, UringCause::LockedMemory, &words);
    let unlimited = SystemFacts { lockable: None, ..usual() };
    assert_told(libc::ENOMEM, unlimited, UringCause::Other, &["no limit"]);
    for errno in [libc::EMFILE, libc::ENFILE] {
        assert_told(errno, usual(), UringCause::Descriptors, &["ulimit -n"]);
    }
}

#[test]
fn what_is_missing_or_mute_is_said() {
    assert_told(libc::EINVAL, usual(), UringCause::Feature, &["Linux 6.1"]);
    assert_told(libc::EIO, usual(), UringCause::Other, &["does not work here"]);
    let cause = |kind: io::ErrorKind| tell(&kind.into(), &usual()).cause;
    assert_eq!(cause(io::ErrorKind::Unsupported), UringCause::Feature);
    assert_eq!(cause(io::ErrorKind::TimedOut), UringCause::NoAnswer);
    assert_eq!(cause(io::ErrorKind::Other), UringCause::Other);
}

#[test]
fn proc_is_read_as_it_is_written() {
    assert_eq!(filtered("Name:\tx\nSeccomp:\t2\nSeccomp_filters:\t1\n"), Some(true));
    assert_eq!(filtered("Seccomp:\t0\n"), Some(false));
    assert_eq!(filtered("Name:\tx\n"), None);
    assert_eq!(SystemFacts::read(Path::new("/nowhere")), SystemFacts::default());
}
