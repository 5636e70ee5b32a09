//! What of io_uring there is on this machine, in detail: for people who want to know why a backend was
//! chosen and what to change. Engines only ask whether it works, which is [`uring_available`].
//!
//! [`uring_available`]: super::uring_available

use std::fmt;

/// Why there is no io_uring to be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum UringCause {
    /// Another operating system.
    NotLinux,
    /// The kernel is too old for it, or was built without it.
    Absent,
    /// The kernel has it, but a seccomp filter answers as if it had not.
    Hidden,
    /// The sysctl `kernel.io_uring_disabled` switches it off.
    Disabled,
    /// A seccomp filter forbids it, as those of containers do by default.
    Filtered,
    /// Something else forbids it: a security module, or what could not be told from here.
    Forbidden,
    /// A ring is locked memory, and too little of that is allowed.
    LockedMemory,
    /// The process has as many file descriptors as it may have.
    Descriptors,
    /// There is an io_uring, but it lacks something that the backend cannot do without.
    Feature,
    /// A ring was set up, and did not do what it was asked for in time.
    NoAnswer,
    /// Something that nobody has thought of; the system's message has to do.
    Other,
}

impl UringCause {
    /// One word for it, which stays as it is: for programs.
    ///
    /// # Examples
    /// ```
    /// assert_eq!(ringmq_engine::UringCause::LockedMemory.name(), "locked-memory");
    /// ```
    pub const fn name(self) -> &'static str {
        match self {
            Self::NotLinux => "not-linux",
            Self::Absent => "absent",
            Self::Hidden => "hidden",
            Self::Disabled => "disabled",
            Self::Filtered => "filtered",
            Self::Forbidden => "forbidden",
            Self::LockedMemory => "locked-memory",
            Self::Descriptors => "descriptors",
            Self::Feature => "feature",
            Self::NoAnswer => "no-answer",
            Self::Other => "other",
        }
    }
}

/// Why there is no io_uring, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UringRefusal {
    /// The cause, told apart from the others.
    pub cause: UringCause,
    /// The cause in words.
    pub reason: String,
    /// What to change to get it; empty where nothing can be.
    pub remedy: String,
    /// What the system said; empty if it was not asked.
    pub error: String,
}

impl fmt::Display for UringRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)?;
        if !self.remedy.is_empty() {
            write!(f, "; {}", self.remedy)?;
        }
        if !self.error.is_empty() {
            write!(f, " ({})", self.error)?;
        }
        Ok(())
    }
}

/// Whether something was found by trying it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// It works.
    Yes,
    /// It does not; what came of the trial.
    No(String),
    /// It could not be tried, and why.
    Unknown(String),
}

/// One thing that the io_uring backend uses or tries to use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UringFeature {
    /// What the kernel's headers call it.
    pub name: &'static str,
    /// What it is good for here.
    pub purpose: &'static str,
    /// What happens without it; `None` if the backend cannot do without, so that mio is used instead.
    pub without: Option<&'static str>,
    /// Whether it is there.
    pub found: Found,
}

/// The size of the ring that an I/O thread gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RingSize {
    /// Entries of its submission queue.
    pub submissions: u32,
    /// Entries of its completion queue.
    pub completions: u32,
    /// Whether that is less than was asked for first, because too little memory may be locked.
    pub reduced: bool,
}

/// What of io_uring there is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UringReport {
    /// Whether the backend works, by having it set up a ring and move bytes through it.
    pub usable: Result<RingSize, UringRefusal>,
    /// What the backend needs and likes to have, each tried by itself; empty where no ring at all can
    /// be had to try it on.
    pub features: Vec<UringFeature>,
}

/// Tries whether io_uring works here, and each feature that the backend uses. It takes some
/// milliseconds and a thread of its own.
pub fn uring_report() -> UringReport {
    #[cfg(target_os = "linux")]
    return super::uring::report();
    #[cfg(not(target_os = "linux"))]
    UringReport { usable: Err(not_linux()), features: Vec::new() }
}

#[cfg(not(target_os = "linux"))]
pub(super) fn not_linux() -> UringRefusal {
    UringRefusal {
        cause: UringCause::NotLinux,
        reason: "io_uring is a Linux interface".into(),
        remedy: String::new(),
        error: String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_says_the_reason_the_remedy_and_the_error() {
        let mut refusal = UringRefusal {
            cause: UringCause::Other,
            reason: "no".into(),
            remedy: "try it".into(),
            error: "EIO".into(),
        };
        assert_eq!(refusal.to_string(), "no; try it (EIO)");
        refusal.remedy.clear();
        refusal.error.clear();
        assert_eq!(refusal.to_string(), "no");
    }

    #[test]
    fn a_report_has_features_wherever_a_ring_works() {
        let report = uring_report();
        if report.usable.is_ok() {
            for feature in report.features.iter().filter(|feature| feature.without.is_none()) {
                assert_eq!(feature.found, Found::Yes, "{}", feature.name);
            }
            assert!(!report.features.is_empty());
        }
    }
}
