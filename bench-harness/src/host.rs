//! What Linux says about a machine beyond its name: everything that moves a latency figure.
//!
//! All of it is read from files of `/proc` and `/sys`; what is not there is not said.

use std::fs;
use std::path::Path;

use serde::Serialize;

/// Settings and surroundings of the machine.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Host {
    /// The kind of virtual machine, if it is one.
    pub(crate) virtualised: Option<String>,
    /// How the kernel chooses the frequency of the first core.
    pub(crate) governor: Option<String>,
    /// What the kernel reads the time from.
    pub(crate) clock: Option<String>,
    /// Weaknesses of the processor that the kernel works around, at a cost to system calls.
    pub(crate) mitigated: Vec<String>,
    /// Weaknesses that are left open.
    pub(crate) vulnerable: Vec<String>,
}

impl Host {
    /// Looks at this machine.
    pub(crate) fn look() -> Self {
        Self::read(Path::new("/"))
    }

    /// Looks at the machine whose files are below `root`.
    fn read(root: &Path) -> Self {
        let line = |path: &str| {
            let text = fs::read_to_string(root.join(path)).ok()?;
            let text = text.trim();
            (!text.is_empty()).then(|| text.to_owned())
        };
        let (mitigated, vulnerable) = weaknesses(root);
        Self {
            virtualised: virtualised(line),
            governor: line("sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"),
            clock: line("sys/devices/system/clocksource/clocksource0/current_clocksource"),
            mitigated,
            vulnerable,
        }
    }

    /// Facts for a reader, as pairs of name and value.
    pub(crate) fn facts(&self) -> Vec<(&'static str, String)> {
        let told = |fact: &Option<String>| fact.clone().unwrap_or_else(|| "not told".to_owned());
        let list = |names: &[String]| match names {
            [] => "none".to_owned(),
            names => names.join(", "),
        };
        vec![
            ("virtual machine", self.virtualised.clone().unwrap_or_else(|| "no sign".to_owned())),
            ("frequency governor", told(&self.governor)),
            ("clock", told(&self.clock)),
            ("mitigations on", list(&self.mitigated)),
            ("left vulnerable", list(&self.vulnerable)),
        ]
    }
}

/// By the flag that a hypervisor sets, with the name that it gives its machines.
fn virtualised(line: impl Fn(&str) -> Option<String>) -> Option<String> {
    let info = line("proc/cpuinfo")?;
    let flags = info.lines().find(|line| line.starts_with("flags"))?;
    if !flags.split_ascii_whitespace().any(|flag| flag == "hypervisor") {
        return None;
    }
    let names =
        ["sys_vendor", "product_name"].map(|name| line(&format!("sys/class/dmi/id/{name}")));
    let names: Vec<String> = names.into_iter().flatten().collect();
    Some(if names.is_empty() { "yes".to_owned() } else { format!("yes, {}", names.join(" ")) })
}

/// The names of what the kernel works around, and of what it does not.
fn weaknesses(root: &Path) -> (Vec<String>, Vec<String>) {
    let (mut mitigated, mut vulnerable) = (Vec::new(), Vec::new());
    let folder = root.join("sys/devices/system/cpu/vulnerabilities");
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        match fs::read_to_string(entry.path()) {
            Ok(text) if text.starts_with("Mitigation") => mitigated.push(name),
            Ok(text) if text.starts_with("Vulnerable") => vulnerable.push(name),
            _ => {}
        }
    }
    mitigated.sort();
    vulnerable.sort();
    (mitigated, vulnerable)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn write(root: &Path, path: &str, text: &str) {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    #[test]
    fn a_machine_that_says_everything_is_understood() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path();
        write(root, "proc/cpuinfo", "processor : 0\nflags\t\t: fpu hypervisor sse2\n");
        write(root, "sys/class/dmi/id/product_name", "KVM\n");
        write(root, "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", "performance\n");
        let weak = "sys/devices/system/cpu/vulnerabilities";
        write(root, &format!("{weak}/spectre_v2"), "Mitigation: Enhanced IBRS\n");
        write(root, &format!("{weak}/spectre_v1"), "Mitigation: usercopy\n");
        write(root, &format!("{weak}/mds"), "Vulnerable: no microcode\n");
        write(root, &format!("{weak}/meltdown"), "Not affected\n");
        let host = Host::read(root);
        assert_eq!(host.virtualised.as_deref(), Some("yes, KVM"));
        assert_eq!(host.governor.as_deref(), Some("performance"));
        assert_eq!(host.mitigated, ["spectre_v1", "spectre_v2"]);
        assert_eq!(host.vulnerable, ["mds"]);
    }

    #[test]
    fn a_machine_that_says_nothing_is_no_error() {
        let root = tempfile::tempdir().unwrap();
        let host = Host::read(root.path());
        assert_eq!(host, Host::default());
        assert!(host.facts().iter().any(|(_, value)| value == "not told"));
    }
}
