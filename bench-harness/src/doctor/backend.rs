//! Which backend a program gets that leaves the choice to ringmq, and how to get the other one.

use ringmq::{BackendKind, Context};
use serde::Serialize;

use super::gain::{self, Figure};
use super::problem::{Level, Problem};
use super::uring::Uring;

/// What decides when a program does not.
const VARIABLE: &str = "RINGMQ_BACKEND";

/// What is chosen here.
#[derive(Debug, Serialize)]
pub(super) struct Chosen {
    /// `uring` or `mio`; nothing if what was asked for cannot be had.
    pub(super) backend: Option<&'static str>,
    /// Why.
    pub(super) reason: String,
    /// The value of `RINGMQ_BACKEND`, if it says anything.
    pub(super) requested: Option<String>,
}

impl Chosen {
    /// Starts a context to see what it gets.
    pub(super) fn look() -> Self {
        let requested = std::env::var_os(VARIABLE)
            .map(|value| value.to_string_lossy().into_owned())
            .filter(|value| !value.is_empty());
        match Context::new().backend() {
            Ok(report) => {
                let backend = Some(report.kind.name());
                Self { backend, reason: report.reason, requested }
            }
            Err(error) => Self { backend: None, reason: error.to_string(), requested },
        }
    }

    /// A choice that cannot be had.
    pub(super) fn problems(&self) -> Vec<Problem> {
        if self.backend.is_some() {
            return Vec::new();
        }
        let (setting, remedy) = match &self.requested {
            Some(_) => (
                VARIABLE,
                "unset it, or set it to auto or mio: until then no socket can bind or \
                                   connect",
            ),
            None => ("backend", "until then no socket can bind or connect"),
        };
        vec![Problem::new(Level::Problem, setting, self.reason.clone(), remedy)]
    }
}

/// The backend that is not chosen.
#[derive(Debug, Serialize)]
pub(super) struct Other {
    /// Its name; nothing where there is no other.
    pub(super) backend: Option<&'static str>,
    /// Ways to get it.
    pub(super) how: Vec<String>,
    /// What both did where the project measured them.
    pub(super) figures: Vec<Figure>,
}

impl Other {
    /// The other one, on this system.
    pub(super) fn than(chosen: &Chosen, uring: &Uring) -> Self {
        if !cfg!(target_os = "linux") {
            let how =
                format!("there is none: io_uring is Linux's; mio runs on {} here", selector());
            return Self { backend: None, how: vec![how], figures: Vec::new() };
        }
        let (backend, how) = match chosen.backend {
            Some(name) if name == BackendKind::Uring.name() => (BackendKind::Mio, to_mio()),
            _ => (BackendKind::Uring, to_uring(chosen, uring)),
        };
        Self { backend: Some(backend.name()), how, figures: gain::figures() }
    }
}

/// What mio waits with.
pub(super) const fn selector() -> &'static str {
    if cfg!(windows) {
        "I/O completion ports"
    } else if cfg!(target_os = "linux") {
        "epoll"
    } else {
        "kqueue"
    }
}

fn to_mio() -> Vec<String> {
    vec![
        format!(
            "a program: Context::builder().backend(BackendChoice::Mio), which {VARIABLE} does not change"
        ),
        format!("an environment: {VARIABLE}=mio, for programs that leave the choice to ringmq"),
    ]
}

fn to_uring(chosen: &Chosen, uring: &Uring) -> Vec<String> {
    let mut how = Vec::new();
    if let Some(refusal) = uring.refusal.as_ref().filter(|refusal| !refusal.remedy.is_empty()) {
        how.push(format!("first: {}", refusal.remedy));
    }
    if let Some(value) = chosen.requested.as_deref().filter(|value| *value != "uring") {
        how.push(format!("an environment: unset {VARIABLE}, which is {value}, or set it to uring"));
    }
    how.push(
        "a program: BackendChoice::Auto takes it wherever it works, BackendChoice::Uring takes it \
              or fails with the reason"
            .to_owned(),
    );
    how
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(backend: Option<&'static str>, requested: Option<&str>) -> Chosen {
        Chosen { backend, reason: "because".to_owned(), requested: requested.map(str::to_owned) }
    }

    #[test]
    fn a_choice_that_cannot_be_had_is_a_problem_of_whoever_made_it() {
        assert!(chosen(Some("mio"), None).problems().is_empty());
        let problems = chosen(None, Some("epoll")).problems();
        assert_eq!(problems[0].setting, "RINGMQ_BACKEND");
        assert_eq!(chosen(None, None).problems()[0].setting, "backend");
    }

    #[test]
    fn this_machine_has_a_backend() {
        let looked = Chosen::look();
        assert!(looked.requested.is_some() || looked.backend.is_some());
    }

    #[cfg(target_os = "linux")]
    mod linux {
        use super::super::super::uring::Refusal;
        use super::*;

        fn works() -> Uring {
            Uring { ring: None, refusal: None, features: Vec::new() }
        }

        fn forbidden() -> Uring {
            let refusal = Refusal {
                cause: "disabled",
                reason: "off".to_owned(),
                remedy: "sysctl".to_owned(),
                error: "EPERM".to_owned(),
            };
            Uring { refusal: Some(refusal), ..works() }
        }

        #[test]
        fn each_backend_is_shown_the_way_to_the_other() {
            let other = Other::than(&chosen(Some("uring"), None), &works());
            assert_eq!(other.backend, Some("mio"));
            assert!(other.how.iter().any(|how| how.contains("RINGMQ_BACKEND=mio")));
            assert!(!other.figures.is_empty());
            let other = Other::than(&chosen(Some("mio"), None), &forbidden());
            assert_eq!(other.backend, Some("uring"));
            assert_eq!(other.how[0], "first: sysctl");
            let other = Other::than(&chosen(Some("mio"), Some("mio")), &works());
            assert!(other.how[0].contains("unset RINGMQ_BACKEND"));
        }
    }
}
