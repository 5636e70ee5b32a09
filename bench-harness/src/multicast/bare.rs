//! The floor: bare UDP sockets in the group, which send and receive runs of datagrams where the kernel has them
//! (UDP_SEGMENT, UDP_GRO).
//!
//! Over udp each datagram holds one body; as the floor of epgm as many as fit an Ethernet frame. Nothing is paced and
//! nothing sent again: what the receiver has no room for is lost, and shown.

use std::io::ErrorKind;
use std::net::{SocketAddrV4, UdpSocket};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use socket2::{Domain, Protocol, Socket, Type};

use super::args::GroupTransport;
use super::job::{GROUP, PeerJob, Subject};
use super::peer::{Hears, Look, Sockets, Speaks};
use crate::case::{Backend, Side};

/// Bytes of UDP in an Ethernet frame.
const FRAME: usize = 1472;
/// Bytes of a run, at most, and datagrams.
const LONGEST_RUN: usize = 65_507;
const MOST_IN_RUN: usize = 64;
/// What the kernel is asked to hold for a receiver, as ringmq does.
const RECEIVE_BUFFER: usize = 8 << 20;

/// Opens one side.
pub(super) fn open(job: &PeerJob) -> Result<Sockets> {
    let spins = job.subject == Subject::Backend(Backend::Floor);
    let mut hears: Vec<Box<dyn Hears>> = Vec::new();
    if job.echo || job.side == Side::Bind {
        for _ in 0..job.receivers {
            hears.push(Box::new(BareEar::open(job, spins)?));
        }
    }
    let sends = job.echo || job.side == Side::Connect;
    let speaks = sends.then(|| BareSpeaker::open(job)).transpose()?;
    let speaks = speaks.map(|speaker| Box::new(speaker) as Box<dyn Speaks>);
    let how = if spins { "spinning" } else { "blocking" };
    Ok(Sockets { subject: format!("bare UDP sockets, {how}"), speaks, hears })
}

fn socket() -> Result<Socket> {
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_reuse_address(true)?;
    Ok(socket)
}

/// Puts bodies into datagrams, and those into runs.
struct BareSpeaker {
    socket: UdpSocket,
    run: Vec<u8>,
    longest: usize,
}

impl BareSpeaker {
    fn open(job: &PeerJob) -> Result<Self> {
        let socket = socket()?;
        socket.set_multicast_if_v4(&job.host())?;
        socket.connect(&SocketAddrV4::new(GROUP, PeerJob::port_of(job.side)).into())?;
        let bodies = match (job.over, job.echo) {
            (GroupTransport::Epgm, false) => (FRAME / job.size).max(1),
            _ => 1,
        };
        let datagram = bodies * job.size;
        ensure!(datagram <= LONGEST_RUN, "a datagram has {LONGEST_RUN} bytes at the most");
        // The kernel cuts no run into datagrams that it would have to cut again.
        let is_alone = job.echo || datagram > FRAME;
        let most = if is_alone { 1 } else { MOST_IN_RUN.min(LONGEST_RUN / datagram).max(1) };
        if most > 1 {
            runs::send(&socket, datagram)?;
        }
        let longest = most * datagram;
        Ok(Self { socket: socket.into(), run: Vec::with_capacity(longest), longest })
    }
}

impl Speaks for BareSpeaker {
    #[inline]
    fn speak(&mut self, body: &[u8]) -> Result<()> {
        self.run.extend_from_slice(body);
        if self.run.len() >= self.longest { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<()> {
        if !self.run.is_empty() {
            self.socket.send(&self.run).context("sending on a bare UDP socket")?;
            self.run.clear();
        }
        Ok(())
    }
}

/// Takes runs apart again.
struct BareEar {
    socket: UdpSocket,
    run: Box<[u8]>,
    /// Of it, what has been received and not looked at.
    left: std::ops::Range<usize>,
    size: usize,
    spins: bool,
    limit: Duration,
}

impl BareEar {
    fn open(job: &PeerJob, spins: bool) -> Result<Self> {
        let socket = socket()?;
        // The kernel grants as much of it as it may.
        socket.set_recv_buffer_size(RECEIVE_BUFFER)?;
        socket.bind(&SocketAddrV4::new(GROUP, PeerJob::port_of(job.other())).into())?;
        socket.join_multicast_v4(&GROUP, &job.host())?;
        runs::receive(&socket)?;
        socket.set_nonblocking(spins)?;
        let (run, size, limit) = (vec![0; 1 << 16].into(), job.size, Duration::ZERO);
        Ok(Self { socket: socket.into(), run, left: 0..0, size, spins, limit })
    }

    /// Receives a run; false if none came in time.
    fn fill(&mut self) -> Result<bool> {
        let mut since = None;
        loop {
            match self.socket.recv(&mut self.run) {
                Ok(length) => {
                    self.left = 0..length;
                    return Ok(true);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    let since = since.get_or_insert_with(Instant::now);
                    if !self.spins || since.elapsed() >= self.limit {
                        return Ok(false);
                    }
                }
                Err(error) => return Err(error).context("receiving on a bare UDP socket"),
            }
        }
    }
}

impl Hears for BareEar {
    fn wait_for(&mut self, limit: Duration) -> Result<()> {
        self.limit = limit;
        Ok(self.socket.set_read_timeout(Some(limit))?)
    }

    #[inline]
    fn hear(&mut self, look: &mut Look<'_>) -> Result<bool> {
        if self.left.is_empty() && !self.fill()? {
            return Ok(false);
        }
        let end = (self.left.start + self.size).min(self.left.end);
        look(&self.run[self.left.start..end])?;
        self.left.start = end;
        Ok(true)
    }
}

/// Runs of datagrams, which Linux has.
#[cfg(target_os = "linux")]
mod runs {
    use anyhow::{Context as _, Result};
    use nix::sys::socket::{setsockopt, sockopt};
    use socket2::Socket;

    /// Has what is sent at once be cut into datagrams of that many bytes.
    pub(super) fn send(socket: &Socket, datagram: usize) -> Result<()> {
        let datagram = datagram as i32;
        setsockopt(socket, sockopt::UdpGsoSegment, &datagram).context("asking for UDP_SEGMENT")
    }

    /// Takes what comes in runs.
    pub(super) fn receive(socket: &Socket) -> Result<()> {
        setsockopt(socket, sockopt::UdpGroSegment, &true).context("asking for UDP_GRO")
    }
}

#[cfg(not(target_os = "linux"))]
mod runs {
    use anyhow::{Result, bail};
    use socket2::Socket;

    pub(super) fn send(_: &Socket, _: usize) -> Result<()> {
        bail!("this system has no runs of datagrams")
    }

    pub(super) fn receive(_: &Socket) -> Result<()> {
        bail!("this system has no runs of datagrams")
    }
}
