//! Two hosts with a cable between them: network namespaces that end with this program, however it ends.
//!
//! A namespace is there for as long as a process is in it: a `cat` each, which ends when this program closes its input.
//! So nothing is left behind, and nothing has a name that another run could take.

use std::cell::Cell;
use std::io::Write as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use std::{fs, thread};

use anyhow::{Context as _, Result, bail, ensure};

use super::job;
use crate::case::Side;

/// The ends of the cable.
const DEVICES: [&str; 2] = ["ringmq0", "ringmq1"];
/// How long a namespace may take to be there.
const MAKING: Duration = Duration::from_secs(5);
/// Datagrams that cross the cable in one piece where nothing is lost: as many as the kernel puts together.
const WHOLE: u32 = 65_535;

/// What the cable does with what crosses it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cable {
    /// Runs of datagrams cross it as they were sent, as between two processes of one machine.
    Whole,
    /// Each datagram by itself, and of a hundred so many get lost. What decides that is there for none of a hundred, too:
    /// what it costs has nothing to do with how losses are repaired.
    Loses(u32),
}

/// The two hosts.
pub(crate) struct Hosts {
    sender: Holder,
    receiver: Holder,
    /// How many of a hundred get lost, if that is decided at all.
    loss: Cell<Option<u32>>,
}

impl Hosts {
    /// Makes them.
    ///
    /// # Errors
    ///
    /// What is missing, or is not allowed.
    pub(crate) fn make() -> Result<Self> {
        let made = Self::try_make();
        made.context("two network namespaces with a cable between them cannot be made here")
    }

    fn try_make() -> Result<Self> {
        ensure!(cfg!(target_os = "linux"), "that takes Linux");
        let sender = Holder::first()?;
        let receiver = sender.another()?;
        let hosts = Self { sender, receiver, loss: Cell::new(None) };
        let [here, there] = DEVICES;
        let (held, pid) = (&hosts.sender, hosts.receiver.child.id().to_string());
        let cable = ["link", "add", here, "type", "veth", "peer", "name", there, "netns", &pid];
        held.run("ip", &cable)?;
        for side in [Side::Connect, Side::Bind] {
            let (holder, device) = hosts.of(side);
            let address = format!("{}/24", job::host(side));
            holder.run("ip", &["address", "add", &address, "dev", device])?;
            holder.run("ip", &["link", "set", "lo", "up"])?;
            holder.run("ip", &["link", "set", device, "up"])?;
            holder.run("ip", &["route", "add", "default", "dev", device])?;
        }
        Ok(hosts)
    }

    fn of(&self, side: Side) -> (&Holder, &'static str) {
        match side {
            Side::Connect => (&self.sender, DEVICES[0]),
            Side::Bind => (&self.receiver, DEVICES[1]),
        }
    }

    /// Has the cable do that from now on.
    ///
    /// # Errors
    ///
    /// What is missing, or is not allowed.
    pub(crate) fn set(&self, cable: Cable) -> Result<()> {
        let (run, loss) = match cable {
            Cable::Whole => (WHOLE, None),
            Cable::Loses(percent) => (1, Some(percent)),
        };
        for side in [Side::Connect, Side::Bind] {
            let (holder, device) = self.of(side);
            holder.run("ip", &["link", "set", device, "gso_max_segs", &run.to_string()])?;
            if loss != self.loss.get() {
                holder.lose(loss)?;
            }
        }
        self.loss.set(loss);
        Ok(())
    }

    /// A command that runs `program` on one of them.
    pub(crate) fn command(&self, side: Side, program: &Path) -> Command {
        let mut command = self.of(side).0.enter();
        command.arg(program);
        command
    }
}

/// A process that keeps a namespace.
struct Holder {
    child: Child,
    /// Whether it is root only among its own.
    own_users: bool,
}

impl Holder {
    /// A namespace of this process's own users, or of others where it may not make one.
    fn first() -> Result<Self> {
        let plain = Self::start(Command::new("unshare").arg("--net"), false);
        plain.or_else(|_| {
            let mut command = Command::new("unshare");
            Self::start(command.args(["--user", "--map-root-user", "--net"]), true)
        })
    }

    /// A second one, beside the first.
    fn another(&self) -> Result<Self> {
        let mut command = Command::new("unshare");
        if self.own_users {
            command = self.enter();
            command.arg("unshare");
        }
        Self::start(command.arg("--net"), self.own_users)
    }

    fn start(command: &mut Command, own_users: bool) -> Result<Self> {
        command.arg("cat").stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
        let child = command.spawn().context("starting unshare, of util-linux")?;
        let mut holder = Self { child, own_users };
        holder.await_it()?;
        Ok(holder)
    }

    /// Waits until its process is a `cat`: then it is where it is to be.
    fn await_it(&mut self) -> Result<()> {
        let name = format!("/proc/{}/comm", self.child.id());
        let since = Instant::now();
        while fs::read_to_string(&name).is_ok_and(|name| name.trim() != "cat") {
            if self.child.try_wait()?.is_some() {
                break;
            }
            ensure!(since.elapsed() < MAKING, "unshare does not come to an end");
            thread::sleep(Duration::from_millis(1));
        }
        if let Some(status) = self.child.try_wait()? {
            let mut said = String::new();
            if let Some(mut from) = self.child.stderr.take() {
                std::io::Read::read_to_string(&mut from, &mut said)?;
            }
            bail!("unshare ended with {status}: {}", said.trim());
        }
        Ok(())
    }

    /// A command that begins in this namespace.
    fn enter(&self) -> Command {
        let mut command = Command::new("nsenter");
        command.args(["--target", &self.child.id().to_string(), "--net"]);
        if self.own_users {
            command.args(["--user", "--preserve-credentials"]);
        }
        command
    }

    fn run(&self, program: &str, words: &[&str]) -> Result<()> {
        let output = self.enter().arg(program).args(words).output().context("starting nsenter")?;
        said_well(program, words, &output)
    }

    /// Has it lose so many percent of what arrives, or ends that.
    fn lose(&self, percent: Option<u32>) -> Result<()> {
        let mut command = self.enter();
        command.args(["nft", "-f", "-"]).stdin(Stdio::piped()).stdout(Stdio::null());
        let mut child = command.stderr(Stdio::piped()).spawn().context("starting nsenter")?;
        let mut rules = String::from("table inet loss {}\ndelete table inet loss\n");
        if let Some(percent) = percent {
            rules += &format!(
                "table inet loss {{\n  chain arriving {{\n    type filter hook input priority 0;\n    \
                 meta l4proto udp numgen random mod 100 < {percent} drop\n  }}\n}}\n"
            );
        }
        if let Some(mut input) = child.stdin.take() {
            // One that has ended says why itself.
            let _ = input.write_all(rules.as_bytes());
        }
        let output = child.wait_with_output()?;
        said_well("nft", &["-f", "-"], &output).context("nft, of nftables, makes packets get lost")
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        // Fails only where it has ended by itself and been waited for.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn said_well(program: &str, words: &[&str], output: &std::process::Output) -> Result<()> {
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{program} {}: {}", words.join(" "), said.trim());
    Ok(())
}
