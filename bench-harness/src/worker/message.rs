//! What the parent and a worker say to each other, one JSON value a line.

use serde::{Deserialize, Serialize};

/// From the parent to a worker.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Command<Job, Step> {
    /// Make the sockets.
    Open(Job),
    /// Do one step.
    Run(Step),
}

/// From a worker to the parent.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Reply<Outcome> {
    /// The sockets are there.
    Opened(Opened),
    /// The step is done.
    Ran(Outcome),
    /// Something went wrong; the worker is of no more use.
    Failed(String),
}

/// What a worker knows once its sockets exist.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Opened {
    /// The endpoint with its port where this side binds; where it connects, what it connects to.
    pub endpoint: String,
    /// What moves the messages, in words: the backend and why it was chosen.
    pub subject: String,
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::case::Load;
    use crate::job::{Job, Phase};

    #[test]
    fn a_command_is_one_line_and_reads_back() {
        let phase = Phase { count: 7, load: Load::Pause { us: 100 } };
        let line = serde_json::to_string(&Command::<&Job, _>::Run(phase)).unwrap();
        assert_eq!(line, "{\"run\":{\"count\":7,\"load\":{\"pause\":{\"us\":100}}}}");
        let Command::<Job, Phase>::Run(read) = serde_json::from_str(&line).unwrap() else {
            panic!("the command that was written");
        };
        assert_eq!(read, phase);
    }
}
