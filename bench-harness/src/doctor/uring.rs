//! io_uring: whether it works, why not, and each feature that ringmq uses.

use ringmq::{Context, Found, RingSize, UringFeature, UringRefusal, UringReport};
use serde::Serialize;

use super::problem::{Level, Problem};

/// What was found of it.
#[derive(Debug, Serialize)]
pub(super) struct Uring {
    /// The ring of an I/O thread, if there can be one.
    pub(super) ring: Option<Ring>,
    /// Why there cannot.
    pub(super) refusal: Option<Refusal>,
    /// Empty if nothing could be tried.
    pub(super) features: Vec<Feature>,
}

/// How large a ring gets.
#[derive(Debug, Serialize)]
pub(super) struct Ring {
    pub(super) submissions: u32,
    pub(super) completions: u32,
    /// Whether it is smaller than ringmq would have it.
    pub(super) reduced: bool,
}

/// Why io_uring cannot be used, and what to do.
#[derive(Debug, Serialize)]
pub(super) struct Refusal {
    /// One word for programs.
    pub(super) cause: &'static str,
    pub(super) reason: String,
    pub(super) remedy: String,
    /// What the system said.
    pub(super) error: String,
}

/// A feature that ringmq uses or tries.
#[derive(Debug, Serialize)]
pub(super) struct Feature {
    pub(super) name: &'static str,
    pub(super) purpose: &'static str,
    /// Whether it is there; nothing if that could not be tried.
    pub(super) found: Option<bool>,
    /// What came of the trial where the feature was not found.
    pub(super) trial: Option<String>,
    /// Whether mio is used without it.
    pub(super) needed: bool,
    /// What ringmq does without.
    pub(super) without: &'static str,
}

impl Uring {
    /// Tries everything.
    pub(super) fn look() -> Self {
        Self::from(Context::uring_report())
    }

    /// What is wrong with it.
    pub(super) fn problems(&self) -> Vec<Problem> {
        // Elsewhere it is not missed.
        if !cfg!(target_os = "linux") {
            return Vec::new();
        }
        let mut problems = Vec::new();
        if let Some(refusal) = &self.refusal {
            let what = format!("{} ({})", refusal.reason, refusal.error);
            problems.push(Problem::new(Level::Problem, "io_uring", what, &refusal.remedy));
        }
        if let Some(ring) = self.ring.as_ref().filter(|ring| ring.reduced) {
            let what = format!(
                "rings have room for {} completions only, because too little memory may be locked; \
                 many connections at once take more system calls",
                ring.completions
            );
            let remedy = "ulimit -l unlimited (LimitMEMLOCK=infinity, docker run --ulimit memlock=-1), \
                          or CAP_IPC_LOCK";
            problems.push(Problem::new(Level::Problem, "RLIMIT_MEMLOCK", what, remedy));
        }
        // A ring that works and lacks something needed would fail later; that is worth a report.
        let lacking = |feature: &&Feature| feature.needed && feature.found == Some(false);
        if self.ring.is_some() {
            problems.extend(self.features.iter().filter(lacking).map(|feature| {
                let what = format!(
                    "a ring works, but not this feature ({}): {}",
                    feature.trial.as_deref().unwrap_or("not found"),
                    feature.purpose
                );
                Problem::new(Level::Problem, feature.name, what, "use RINGMQ_BACKEND=mio")
            }));
        }
        problems
    }
}

impl From<UringReport> for Uring {
    fn from(report: UringReport) -> Self {
        let features = report.features.into_iter().map(Feature::from).collect();
        match report.usable {
            Ok(size) => Self { ring: Some(size.into()), refusal: None, features },
            Err(refusal) => Self { ring: None, refusal: Some(refusal.into()), features },
        }
    }
}

impl From<RingSize> for Ring {
    fn from(size: RingSize) -> Self {
        let RingSize { submissions, completions, reduced } = size;
        Self { submissions, completions, reduced }
    }
}

impl From<UringRefusal> for Refusal {
    fn from(refusal: UringRefusal) -> Self {
        let UringRefusal { cause, reason, remedy, error } = refusal;
        Self { cause: cause.name(), reason, remedy, error }
    }
}

impl From<UringFeature> for Feature {
    fn from(feature: UringFeature) -> Self {
        let (found, trial) = match feature.found {
            Found::Yes => (Some(true), None),
            Found::No(why) => (Some(false), Some(why)),
            Found::Unknown(why) => (None, Some(why)),
        };
        Self {
            name: feature.name,
            purpose: feature.purpose,
            found,
            trial,
            needed: feature.without.is_none(),
            without: feature.without.unwrap_or("the backend mio is used"),
        }
    }
}

#[cfg(test)]
mod tests {
    use ringmq::UringCause;

    use super::*;

    fn size(completions: u32, reduced: bool) -> RingSize {
        RingSize { submissions: 64, completions, reduced }
    }

    fn refused() -> Uring {
        let refusal = UringRefusal {
            cause: UringCause::Disabled,
            reason: "switched off".to_owned(),
            remedy: "switch it on".to_owned(),
            error: "EPERM".to_owned(),
        };
        UringReport { usable: Err(refusal), features: Vec::new() }.into()
    }

    #[test]
    fn what_works_is_no_problem() {
        let report = UringReport { usable: Ok(size(4096, false)), features: Vec::new() };
        assert!(Uring::from(report).problems().is_empty());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_refusal_and_a_smaller_ring_come_with_their_remedies() {
        let problems = refused().problems();
        assert_eq!(problems[0].what, "switched off (EPERM)");
        assert_eq!(problems[0].remedy, "switch it on");
        let report = UringReport { usable: Ok(size(1024, true)), features: Vec::new() };
        let problems = Uring::from(report).problems();
        assert_eq!(problems[0].setting, "RLIMIT_MEMLOCK");
        assert!(problems[0].remedy.contains("ulimit -l"));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_needed_feature_that_is_missing_beside_a_ring_that_works_is_told() {
        let feature = |name, without, found| UringFeature { name, purpose: "x", without, found };
        let features = vec![
            feature("NEEDED", None, Found::No("EINVAL".to_owned())),
            feature("LIKED", Some("less"), Found::No("EINVAL".to_owned())),
            feature("UNTRIED", None, Found::Unknown("ENOMEM".to_owned())),
        ];
        let report = Uring::from(UringReport { usable: Ok(size(4096, false)), features });
        let problems = report.problems();
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert_eq!(problems[0].setting, "NEEDED");
        assert_eq!(report.features[2].found, None);
    }

    #[test]
    fn programs_find_the_cause_in_a_word() {
        assert_eq!(refused().refusal.map(|refusal| refusal.cause), Some("disabled"));
    }
}
