//! The worker's side: commands from stdin, replies to stdout.

use std::io::{self, BufRead, Write};

use anyhow::{Context as _, Result};

use super::Work;
use super::message::{Command, Reply};

/// Does what the parent says until it has had enough and closes stdin.
///
/// # Errors
///
/// If the parent sends something that is no command, or does not take the answer. What goes wrong
/// in the work itself is a reply.
pub fn serve<W: Work>(mut work: W) -> Result<()> {
    for line in io::stdin().lock().lines() {
        let command = serde_json::from_str(&line.context("reading from the parent")?)
            .context("the parent sent something else than a command")?;
        let reply = answer(&mut work, command);
        let mut out = io::stdout().lock();
        serde_json::to_writer(&mut out, &reply).context("answering the parent")?;
        out.write_all(b"\n").and_then(|()| out.flush()).context("answering the parent")?;
    }
    Ok(())
}

fn answer<W: Work>(work: &mut W, command: Command<W::Job, W::Step>) -> Reply<W::Outcome> {
    let done = match command {
        Command::Open(job) => work.open(job).map(Reply::Opened),
        Command::Run(step) => work.run(step).map(Reply::Ran),
    };
    done.unwrap_or_else(|error| Reply::Failed(format!("{error:#}")))
}

#[cfg(test)]
mod tests {
    use anyhow::ensure;

    use super::super::Opened;
    use super::*;

    /// Adds up, to no more than its job says.
    #[derive(Default)]
    struct Sum {
        most: u32,
        sum: u32,
    }

    impl Work for Sum {
        type Job = u32;
        type Step = u32;
        type Outcome = u32;

        fn open(&mut self, most: u32) -> Result<Opened> {
            self.most = most;
            Ok(Opened { endpoint: "here".to_owned(), subject: String::new() })
        }

        fn run(&mut self, step: u32) -> Result<u32> {
            self.sum += step;
            ensure!(self.sum <= self.most, "{} is too much", self.sum);
            Ok(self.sum)
        }
    }

    #[test]
    fn every_command_has_its_reply_and_a_failure_is_one_in_its_own_words() {
        let mut work = Sum::default();
        let reply = answer(&mut work, Command::Open(5));
        assert!(matches!(reply, Reply::Opened(Opened { endpoint, .. }) if endpoint == "here"));
        assert!(matches!(answer(&mut work, Command::Run(3)), Reply::Ran(3)));
        let reply = answer(&mut work, Command::Run(3));
        assert!(matches!(reply, Reply::Failed(why) if why == "6 is too much"));
    }
}
