//! How much memory there is for this process, as far as the system tells.

use std::sync::OnceLock;

/// The limit where the system does not tell.
const UNKNOWN: u64 = 8 * 1024 * 1024 * 1024;

/// What may wait for the application in a context unless it is set: half of the machine's memory, or of what the
/// process's control group has if that is less; 8 GiB where neither is known. Looked up once.
///
/// # Examples
/// ```
/// assert!(ringmq_engine::default_max_waiting_bytes() > 1_000_000);
/// ```
pub fn default_max_waiting_bytes() -> u64 {
    static HALF: OnceLock<u64> = OnceLock::new();
    *HALF.get_or_init(|| {
        let all = [physical(), group()].into_iter().flatten().min();
        all.map_or(UNKNOWN, |bytes| bytes / 2)
    })
}

/// The machine's memory.
#[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
#[allow(unsafe_code)]
fn physical() -> Option<u64> {
    // SAFETY: it takes a number and gives one.
    let ask = |name| u64::try_from(unsafe { libc::sysconf(name) }).ok().filter(|value| *value > 0);
    ask(libc::_SC_PHYS_PAGES)?.checked_mul(ask(libc::_SC_PAGESIZE)?)
}

#[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
fn physical() -> Option<u64> {
    None
}

/// What the control group of the process may have, and each that this is part of.
#[cfg(target_os = "linux")]
fn group() -> Option<u64> {
    let own = std::fs::read_to_string("/proc/self/cgroup").ok()?;
    least(&own, |path| std::fs::read_to_string(path).ok())
}

#[cfg(not(target_os = "linux"))]
fn group() -> Option<u64> {
    None
}

/// The least limit of the groups that `own` names, in the words of `/proc/self/cgroup`, and of those above them.
#[cfg(target_os = "linux")]
fn least(own: &str, read: impl Fn(&str) -> Option<String>) -> Option<u64> {
    let groups = own.lines().filter_map(|line| {
        let mut fields = line.splitn(3, ':').skip(1);
        let (controllers, path) = (fields.next()?, fields.next()?);
        let (root, file) = match controllers {
            "" => ("/sys/fs/cgroup", "memory.max"),
            _ if controllers.split(',').any(|name| name == "memory") => {
                ("/sys/fs/cgroup/memory", "memory.limit_in_bytes")
            }
            _ => return None,
        };
        let above = std::iter::successors(Some(path.trim_end_matches('/')), |path| {
            path.rsplit_once('/').map(|(above, _)| above)
        });
        // Without a limit it says "max", or names more than there is.
        above.filter_map(|path| read(&format!("{root}{path}/{file}"))?.trim().parse().ok()).min()
    });
    groups.min()
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    /// What the files say under a root.
    fn files<'a>(all: &'a [(&str, &str)]) -> impl Fn(&str) -> Option<String> + 'a {
        |path| all.iter().find(|(name, _)| *name == path).map(|(_, says)| (*says).to_owned())
    }

    #[test]
    fn the_tightest_group_counts() {
        let tree = [
            ("/sys/fs/cgroup/a/memory.max", "3000\n"),
            ("/sys/fs/cgroup/a/b/memory.max", "max\n"),
            ("/sys/fs/cgroup/a/b/c/memory.max", "4000\n"),
        ];
        assert_eq!(least("0::/a/b/c\n", files(&tree)), Some(3000));
        assert_eq!(least("0::/\n", files(&[("/sys/fs/cgroup/memory.max", "77")])), Some(77));
        assert_eq!(least("0::/elsewhere\n", files(&tree)), None);
    }

    #[test]
    fn groups_of_the_first_version_count_as_well() {
        let tree = [
            ("/sys/fs/cgroup/memory/x/memory.limit_in_bytes", "500"),
            ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712"),
        ];
        let own = "12:cpu,cpuacct:/y\n4:memory:/x\n0::/z\n";
        assert_eq!(least(own, files(&tree)), Some(500));
        assert_eq!(least("nonsense\n\n1:\n", files(&tree)), None);
    }

    #[test]
    fn there_is_some_memory() {
        let half = default_max_waiting_bytes();
        assert!(half > 1024 * 1024, "{half}");
        assert!(physical().is_some_and(|all| half <= all));
    }
}
