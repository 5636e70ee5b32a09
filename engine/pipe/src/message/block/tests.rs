//! What a block counts.
#![allow(clippy::unwrap_used)]

use super::*;

/// What is kept is counted for the whole process.
static ONE_AT_A_TIME: std::sync::Mutex<()> = std::sync::Mutex::new(());
/// Much more than other tests keep.
const MUCH: usize = 64 << 20;

fn much_is_kept() -> bool {
    KEPT.load(Ordering::Relaxed) >= MUCH
}

/// Runs `test` again in a process of its own, with `name` set in its environment; `None` in there.
#[cfg(not(miri))]
fn in_a_child(test: &str, name: &str) -> Option<std::process::ExitStatus> {
    if std::env::var_os(name).is_some() {
        return None;
    }
    let program = std::env::current_exe().unwrap();
    let arguments = ["--exact", test, "--nocapture"];
    let child = std::process::Command::new(program).args(arguments).env(name, "1").output();
    Some(child.unwrap().status)
}

#[test]
#[cfg(not(miri))]
fn a_count_that_is_about_to_overflow_ends_the_process() {
    const NAME: &str = "RINGMQ_TEST_OVERFLOW";
    let test = "message::block::tests::a_count_that_is_about_to_overflow_ends_the_process";
    if let Some(status) = in_a_child(test, NAME) {
        assert!(!status.success() && status.code() != Some(101), "{status}: not an abort");
        return;
    }
    let block = Block::new(100);
    let kept = block.refer();
    // As after so many clones that were forgotten.
    block.header().refs.store(MOST_REFERENCES + 1, Ordering::Relaxed);
    std::mem::forget(kept.clone());
    std::process::exit(0);
}

#[test]
fn what_messages_keep_is_counted_until_they_are_gone() {
    let _alone = crate::sync::lock(&ONE_AT_A_TIME);
    let block = Block::new(MUCH);
    let (second, message) = (block.clone(), block.refer());
    drop(block);
    assert!(!much_is_kept(), "still in use");
    drop(second);
    assert!(much_is_kept() && scarce(100));
    let copy = message.clone();
    std::thread::spawn(|| drop(copy)).join().unwrap();
    assert!(much_is_kept());
    drop(message);
    // What this thread has dropped is put aside until it drops something else.
    drop(Block::new(100).refer());
    assert!(!much_is_kept());
}

#[test]
fn what_is_dropped_by_the_thread_that_ends_the_use_is_not_kept() {
    let _alone = crate::sync::lock(&ONE_AT_A_TIME);
    let block = Block::new(MUCH);
    drop([block.refer(), block.refer()]);
    drop(block);
    assert!(!much_is_kept());
}
