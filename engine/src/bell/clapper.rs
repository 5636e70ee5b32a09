//! A descriptor that can be read once it was struck: what a bell is made of on each system.

use rustix::fd::{AsFd, BorrowedFd};
use std::io;

/// What every strike writes: as much as an eventfd takes, and no more than one read takes back.
const STRIKE: [u8; 8] = 1u64.to_ne_bytes();

#[cfg(target_os = "linux")]
mod system {
    use rustix::event::{EventfdFlags, eventfd};
    use rustix::fd::OwnedFd;
    use std::io;

    /// One descriptor, which counts.
    pub(super) struct Pair(OwnedFd);

    impl Pair {
        pub(super) fn new() -> io::Result<Self> {
            Ok(Self(eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?))
        }

        pub(super) const fn ear(&self) -> &OwnedFd {
            &self.0
        }

        pub(super) fn write(&self, bytes: &[u8]) -> io::Result<usize> {
            Ok(rustix::io::write(&self.0, bytes)?)
        }

        pub(super) fn read(&self, bytes: &mut [u8]) -> io::Result<usize> {
            Ok(rustix::io::read(&self.0, bytes)?)
        }
    }
}

#[cfg(all(unix, not(target_os = "linux")))]
mod system {
    use rustix::fd::OwnedFd;
    use rustix::io::{FdFlags, fcntl_setfd, ioctl_fionbio};
    use std::io;

    /// Both ends of a pipe.
    pub(super) struct Pair {
        ear: OwnedFd,
        hand: OwnedFd,
    }

    impl Pair {
        pub(super) fn new() -> io::Result<Self> {
            let (ear, hand) = rustix::pipe::pipe()?;
            for end in [&ear, &hand] {
                ioctl_fionbio(end, true)?;
                fcntl_setfd(end, FdFlags::CLOEXEC)?;
            }
            Ok(Self { ear, hand })
        }

        pub(super) const fn ear(&self) -> &OwnedFd {
            &self.ear
        }

        pub(super) fn write(&self, bytes: &[u8]) -> io::Result<usize> {
            Ok(rustix::io::write(&self.hand, bytes)?)
        }

        pub(super) fn read(&self, bytes: &mut [u8]) -> io::Result<usize> {
            Ok(rustix::io::read(&self.ear, bytes)?)
        }
    }
}

#[cfg(windows)]
mod system {
    use std::io;
    use std::net::{Ipv4Addr, UdpSocket};

    /// A socket that sends to itself, and hears nobody else: only sockets can be waited for together with
    /// sockets here.
    pub(super) struct Pair(UdpSocket);

    impl Pair {
        pub(super) fn new() -> io::Result<Self> {
            let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
            socket.connect(socket.local_addr()?)?;
            socket.set_nonblocking(true)?;
            Ok(Self(socket))
        }

        pub(super) const fn ear(&self) -> &UdpSocket {
            &self.0
        }

        pub(super) fn write(&self, bytes: &[u8]) -> io::Result<usize> {
            self.0.send(bytes)
        }

        pub(super) fn read(&self, bytes: &mut [u8]) -> io::Result<usize> {
            self.0.recv(bytes)
        }
    }
}

pub(super) struct Clapper(system::Pair);

impl Clapper {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self(system::Pair::new()?))
    }

    pub(super) fn strike(&self) {
        // Fails only if it was struck to the full, and then it can be read.
        let _ = self.0.write(&STRIKE);
    }

    /// Takes one strike back.
    pub(super) fn hold(&self) {
        // Nothing to read yet if whoever strikes is between two steps: then it can be read once more.
        let _ = self.0.read(&mut [0; STRIKE.len()]);
    }
}

impl AsFd for Clapper {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.ear().as_fd()
    }
}
