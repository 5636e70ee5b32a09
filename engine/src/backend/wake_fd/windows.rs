//! A socket that sends to itself: only sockets can be waited for together with sockets here.

use std::io;
use std::net::{Ipv4Addr, UdpSocket};

/// A socket that sends to itself, and hears nobody else: only sockets can be waited for together with
/// sockets here.
pub(super) struct Ends(UdpSocket);

impl Ends {
    pub(super) fn new() -> io::Result<Self> {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        socket.connect(socket.local_addr()?)?;
        socket.set_nonblocking(true)?;
        Ok(Self(socket))
    }

    pub(super) const fn pollable(&self) -> &UdpSocket {
        &self.0
    }

    pub(super) fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        self.0.send(bytes)
    }

    pub(super) fn read(&self, bytes: &mut [u8]) -> io::Result<usize> {
        self.0.recv(bytes)
    }
}
