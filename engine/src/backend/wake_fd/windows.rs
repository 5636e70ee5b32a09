//! Two sockets that hear each other and nobody else: only sockets can be waited for together with sockets here.

use std::io;
use std::net::{Ipv4Addr, UdpSocket};

/// A socket that is waited for and one that sends to it. Not one that sends to itself: to be read it must not
/// block, and one that does not block refuses to send now and then, while another thread does something with it
/// (seen under Wine). That signal would be lost. The one that sends may block, which it has no reason to.
pub(super) struct Ends {
    waited_for: UdpSocket,
    signalled: UdpSocket,
}

impl Ends {
    pub(super) fn new() -> io::Result<Self> {
        let waited_for = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        let signalled = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        signalled.connect(waited_for.local_addr()?)?;
        waited_for.connect(signalled.local_addr()?)?;
        waited_for.set_nonblocking(true)?;
        Ok(Self { waited_for, signalled })
    }

    pub(super) const fn pollable(&self) -> &UdpSocket {
        &self.waited_for
    }

    pub(super) fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        self.signalled.send(bytes)
    }

    pub(super) fn read(&self, bytes: &mut [u8]) -> io::Result<usize> {
        self.waited_for.recv(bytes)
    }
}
