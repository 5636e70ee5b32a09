//! The machine: its kernel and what it gives to a process.

use std::path::Path;

use serde::Serialize;

/// What a reader must know of the machine.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct System {
    /// Operating system with its version.
    pub(super) system: String,
    /// Release of the kernel.
    pub(super) kernel: String,
    /// Processor architecture.
    pub(super) arch: String,
    /// Cores that this process may use.
    pub(super) cores: usize,
    /// Bytes of a page of memory.
    pub(super) page_size: Option<usize>,
    /// The sign of a container, if there is one.
    pub(super) container: Option<String>,
}

impl System {
    pub(super) fn look() -> Self {
        let unknown = || "unknown".to_owned();
        Self {
            system: sysinfo::System::long_os_version().unwrap_or_else(unknown),
            kernel: sysinfo::System::kernel_version().unwrap_or_else(unknown),
            arch: sysinfo::System::cpu_arch(),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            page_size: page_size(),
            container: cfg!(unix).then(|| container(Path::new("/"))).flatten(),
        }
    }
}

#[cfg(unix)]
fn page_size() -> Option<usize> {
    Some(rustix::param::page_size())
}

#[cfg(not(unix))]
fn page_size() -> Option<usize> {
    None
}

/// By the files that two makers of containers leave in each of them. There are containers without.
fn container(root: &Path) -> Option<String> {
    let marks = [(".dockerenv", "docker"), ("run/.containerenv", "podman")];
    let found = |(file, maker): &(&str, &str)| {
        root.join(file).exists().then(|| format!("{maker}, by its file /{file}"))
    };
    marks.iter().find_map(found)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_container_is_known_by_its_mark() {
        let root = tempfile::tempdir().unwrap();
        assert_eq!(container(root.path()), None);
        std::fs::create_dir(root.path().join("run")).unwrap();
        std::fs::write(root.path().join("run/.containerenv"), "").unwrap();
        assert!(container(root.path()).unwrap().starts_with("podman"));
        std::fs::write(root.path().join(".dockerenv"), "").unwrap();
        assert!(container(root.path()).unwrap().starts_with("docker"));
    }

    #[test]
    fn this_machine_says_what_it_is() {
        let system = System::look();
        assert!(system.cores >= 1);
        assert!(system.page_size.is_none_or(|size| size.is_power_of_two()));
    }
}
