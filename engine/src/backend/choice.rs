//! Which backend: what was asked for, what this machine allows, and why.

use super::{Backend, UringRefusal, mio};
use crate::engine::StartError;
use std::fmt;
use std::io;

/// Environment variable that decides when a program has not: `auto`, `uring` or `mio`.
const ENVIRONMENT: &str = "RINGMQ_BACKEND";

/// Which backend a context is to use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BackendChoice {
    /// `RINGMQ_BACKEND` if it is set, else io_uring where it works, else mio.
    #[default]
    Auto,
    /// io_uring or an error.
    Uring,
    /// mio: epoll, kqueue or IOCP.
    Mio,
}

impl BackendChoice {
    /// `auto`, `uring` or `mio`.
    ///
    /// # Examples
    /// ```
    /// assert_eq!(ringmq_engine::BackendChoice::Uring.name(), "uring");
    /// ```
    pub const fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Uring => "uring",
            Self::Mio => "mio",
        }
    }

    /// The one of that name; the empty one is [`Auto`](Self::Auto) too.
    ///
    /// # Examples
    /// ```
    /// use ringmq_engine::BackendChoice;
    /// assert_eq!(BackendChoice::from_name("mio"), Some(BackendChoice::Mio));
    /// assert_eq!(BackendChoice::from_name(""), Some(BackendChoice::Auto));
    /// assert_eq!(BackendChoice::from_name("epoll"), None);
    /// ```
    pub fn from_name(name: &str) -> Option<Self> {
        let all = [Self::Auto, Self::Uring, Self::Mio];
        if name.is_empty() {
            return Some(Self::Auto);
        }
        all.into_iter().find(|choice| choice.name() == name)
    }
}

/// A backend that there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BackendKind {
    /// io_uring.
    Uring,
    /// mio.
    Mio,
}

impl BackendKind {
    /// `uring` or `mio`.
    ///
    /// # Examples
    /// ```
    /// assert_eq!(ringmq_engine::BackendKind::Mio.name(), "mio");
    /// ```
    pub const fn name(self) -> &'static str {
        match self {
            Self::Uring => "uring",
            Self::Mio => "mio",
        }
    }
}

impl fmt::Display for BackendKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Which backend is in use, and the reason in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackendReport {
    /// The backend.
    pub kind: BackendKind,
    /// Why this one.
    pub reason: String,
}

impl fmt::Display for BackendReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.kind, self.reason)
    }
}

/// The backend that was asked for cannot be had.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct BackendUnavailable {
    /// What is missing, and what to do.
    pub reason: String,
}

/// Whether io_uring works here, by setting up a ring and moving bytes through it.
///
/// # Errors
/// Why it does not, in words, with a remedy where there is one.
pub fn uring_available() -> Result<(), String> {
    #[cfg(target_os = "linux")]
    return super::uring::probe().map_err(|refusal| refusal.to_string());
    #[cfg(not(target_os = "linux"))]
    Err(super::survey::not_linux().to_string())
}

/// A decision: makes a backend for each I/O thread.
#[derive(Clone, Debug)]
pub(crate) struct Chosen {
    pub(crate) report: BackendReport,
    /// The choice was left to us, so that there may be another.
    auto: bool,
}

impl Chosen {
    /// What is tried first. Whether that can be had [each thread finds out](Self::make).
    pub(crate) fn new(choice: BackendChoice) -> Result<Self, BackendUnavailable> {
        let (choice, because) = match choice {
            BackendChoice::Auto => from_environment()?,
            asked => (asked, "asked for".to_owned()),
        };
        let auto = choice == BackendChoice::Auto;
        let (kind, reason) = match choice {
            BackendChoice::Mio => (BackendKind::Mio, because),
            BackendChoice::Uring => (BackendKind::Uring, because),
            #[cfg(target_os = "linux")]
            BackendChoice::Auto => (BackendKind::Uring, "auto: io_uring works here".to_owned()),
            #[cfg(not(target_os = "linux"))]
            BackendChoice::Auto => {
                (BackendKind::Mio, format!("auto: {}", super::survey::not_linux()))
            }
        };
        Ok(Self { report: BackendReport { kind, reason }, auto })
    }

    /// What to do when there is no io_uring, and why there is none.
    pub(crate) fn without_uring(self, refused: &str) -> Result<Self, BackendUnavailable> {
        if self.auto {
            return Ok(Self::auto_mio(format!("auto: {refused}")));
        }
        let because = self.report.reason;
        let reason = format!("the backend uring was {because}, but {refused}");
        Err(BackendUnavailable { reason })
    }

    /// What to do when an I/O thread could not be started because of `error`.
    pub(crate) fn instead(&self, error: &io::Error) -> Option<Self> {
        if !self.auto || self.report.kind == BackendKind::Mio {
            return None;
        }
        let reason = format!("auto: io_uring works here, but not on every I/O thread ({error})");
        Some(Self::auto_mio(reason))
    }

    fn auto_mio(reason: String) -> Self {
        Self { report: BackendReport { kind: BackendKind::Mio, reason }, auto: true }
    }

    /// Makes the backend of I/O thread number `index`. Call it on that thread.
    pub(crate) fn make(&self, index: usize) -> Result<Box<dyn Backend>, StartError> {
        if self.report.kind == BackendKind::Uring && index == 0 {
            // The first ring says whether it works at all.
            return proven_uring()
                .map_err(|refusal| BackendUnavailable { reason: refusal.to_string() }.into());
        }
        Ok(open(self.report.kind)?)
    }
}

fn proven_uring() -> Result<Box<dyn Backend>, UringRefusal> {
    #[cfg(target_os = "linux")]
    return Ok(Box::new(super::uring::proven()?));
    #[cfg(not(target_os = "linux"))]
    Err(super::survey::not_linux())
}

/// Makes a backend, for the calling thread alone.
///
/// # Errors
/// Of the system: no io_uring, or no descriptor or memory left for it.
pub fn open(kind: BackendKind) -> io::Result<Box<dyn Backend>> {
    match kind {
        #[cfg(target_os = "linux")]
        BackendKind::Uring => match super::uring::Uring::new() {
            Ok(uring) => Ok(Box::new(uring)),
            Err(error) => Err(io::Error::new(error.kind(), super::uring::explain(&error))),
        },
        #[cfg(not(target_os = "linux"))]
        BackendKind::Uring => Err(io::ErrorKind::Unsupported.into()),
        BackendKind::Mio => Ok(Box::new(mio::Mio::new()?)),
    }
}

fn from_environment() -> Result<(BackendChoice, String), BackendUnavailable> {
    // Text that is not UTF-8 is none of the three either.
    let text = std::env::var_os(ENVIRONMENT).unwrap_or_default();
    let text = text.to_string_lossy();
    let choice = BackendChoice::from_name(&text).ok_or_else(|| BackendUnavailable {
        reason: format!("{ENVIRONMENT} is {text:?}: it takes auto, uring or mio"),
    })?;
    Ok((choice, format!("asked for by {ENVIRONMENT}={text}")))
}
