//! Waiting, for as long as anything may take.

use std::time::Duration;

/// How long anything may take that happens by itself: much more than it takes on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Waits until `condition` holds. What counts is how often it was asked: a process that was stopped meanwhile
/// has not waited.
#[track_caller]
pub(crate) fn eventually(what: impl Fn() -> String, mut condition: impl FnMut() -> bool) {
    for _ in 0..PATIENCE.as_millis() {
        if condition() {
            return;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    panic!("in vain: {}", what());
}
