//! What the parent and the actors say to each other: one JSON value a line.
//!
//! An actor is cast once, then told step by step what to do, and answers each with what it found.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::figure::Metric;
use super::scene::Scene;
use crate::case::Side;

/// Longest that an actor waits for any one thing.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// All that an actor has to know at the beginning.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Part {
    /// What is played.
    pub(crate) scene: Scene,
    /// By whom.
    pub(crate) side: Side,
    /// Where to connect, or to bind.
    pub(crate) endpoint: String,
}

/// From the parent to an actor.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Order {
    /// Take a part: make a context, and bind.
    Cast(Part),
    /// Bring all peers together.
    Join,
    /// Do what is measured, with so many messages or for so long, whichever the play is about.
    Measure(Amount),
    /// Take it all down again.
    Leave,
}

/// How much of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Amount {
    /// Messages of each sender.
    pub(crate) messages: u64,
    /// Milliseconds.
    pub(crate) millis: u64,
}

/// From an actor to the parent.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Reply {
    /// The context is there, and the endpoint bound.
    Ready {
        /// Where the peers are to connect.
        endpoint: String,
        /// What moves the messages, in words.
        subject: String,
    },
    /// The step is done.
    Found(Found),
    /// Something went wrong; the actor is of no more use.
    Failed(String),
}

/// What a step has brought.
pub(crate) type Found = Vec<(Metric, f64)>;
