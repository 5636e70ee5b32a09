//! How much memory this process takes.

use std::fs;

use sysinfo::{ProcessRefreshKind, ProcessesToUpdate, System};

/// Bytes of memory that this process has to itself: what would be free if it were not there.
pub(super) fn now() -> u64 {
    proportional().or_else(resident).unwrap_or(0)
}

/// As Linux counts: pages shared with others in proportion.
fn proportional() -> Option<u64> {
    let rollup = fs::read_to_string("/proc/self/smaps_rollup").ok()?;
    let line = rollup.lines().find_map(|line| line.strip_prefix("Pss:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

/// As every system counts.
fn resident() -> Option<u64> {
    let me = sysinfo::get_current_pid().ok()?;
    let mut system = System::new();
    let wanted = ProcessRefreshKind::nothing().with_memory();
    system.refresh_processes_specifics(ProcessesToUpdate::Some(&[me]), true, wanted);
    Some(system.process(me)?.memory())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_that_is_touched_counts() {
        if std::env::var_os("RINGMQ_TEST_UNDER_WINE").is_some() {
            eprintln!("SKIPPED: Wine does not tell how much memory a program takes");
            return;
        }
        let before = now();
        let block = std::hint::black_box(vec![1_u8; 64 << 20]);
        let after = now();
        assert!(before > 0 && after >= before + (block.len() as u64 / 10 * 9));
    }
}
