//! How many connections a process may have here.

/// Descriptors that a process needs besides those of its peers.
const OTHERS: usize = 256;

/// Raises this process's limit on descriptors, which its workers inherit, as far as is needed for
/// `wanted` peers and allowed; says how many peers there may be.
pub(super) fn peers(wanted: usize, notes: &mut Vec<String>) -> usize {
    let most = usize::try_from(raise((wanted + OTHERS) as u64)).unwrap_or(usize::MAX);
    let most = most.saturating_sub(OTHERS).max(1);
    if most < wanted {
        notes.push(format!(
            "A process may have {} descriptors here, so there are {most} peers at most where {wanted} \
             were asked for; `ulimit -n` says the limit.",
            most + OTHERS
        ));
    }
    most
}

#[cfg(unix)]
fn raise(wanted: u64) -> u64 {
    use rlimit::Resource;
    // A privileged process may go beyond its hard limit; for all others that fails.
    if Resource::NOFILE.get_hard().is_ok_and(|hard| hard < wanted) {
        let _ = Resource::NOFILE.set(wanted, wanted);
    }
    rlimit::increase_nofile_limit(wanted).unwrap_or(1024)
}

/// Elsewhere sockets do not count against such a limit.
#[cfg(not(unix))]
fn raise(_: u64) -> u64 {
    u64::MAX
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_peers_are_no_trouble_and_too_many_are_said() {
        let mut notes = Vec::new();
        assert!(peers(10, &mut notes) >= 10);
        assert!(notes.is_empty());
        if cfg!(unix) {
            assert!(peers(1 << 40, &mut notes) < 1 << 40);
            assert!(notes[0].contains("ulimit"), "{notes:?}");
        }
    }
}
