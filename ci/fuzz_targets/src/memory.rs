//! That memory is taken for what has come in, and not for what was announced.

use peak_alloc::PeakAlloc;

#[global_allocator]
static ALLOCATED: PeakAlloc = PeakAlloc;

/// What a few objects of fixed size take, in bytes.
pub(crate) const FIXED: usize = 64 * 1024;
/// Bytes for each one that has come in, by those who list small things: frames of two bytes, or properties
/// of six. A list has twice as many places as it needs, and once more as many while it grows.
pub(crate) const LISTED: usize = 96;

/// Runs something that may have at most `limit` bytes more at once than there were. Nobody else is to
/// allocate much meanwhile: the whole process is counted.
pub(crate) fn bounded<R>(limit: usize, run: impl FnOnce() -> R) -> R {
    let before = ALLOCATED.current_usage();
    ALLOCATED.reset_peak_usage();
    let result = run();
    let most = ALLOCATED.peak_usage().saturating_sub(before);
    assert!(most <= limit, "{most} bytes at once, of {limit} that are in proportion");
    result
}
