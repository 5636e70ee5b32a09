//! A connection of an attacker: nobody at the other end makes it wait.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use rustix::net::sockopt::{set_socket_linger, set_socket_recv_buffer_size};

/// How long the system may take to make a connection.
const PATIENCE: Duration = Duration::from_secs(20);

#[derive(Debug)]
enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

/// One connection, over tcp or ipc.
#[derive(Debug)]
pub(crate) struct Wire {
    stream: Stream,
    /// Said, and not taken by the system yet.
    unsent: Vec<u8>,
    over: bool,
}

impl Wire {
    /// Connects to what a bind has returned.
    pub(crate) fn connect(endpoint: &str) -> io::Result<Self> {
        let stream = if let Some(path) = endpoint.strip_prefix("ipc://") {
            let stream = UnixStream::connect(path)?;
            stream.set_nonblocking(true)?;
            Stream::Unix(stream)
        } else {
            let address =
                endpoint.trim_start_matches("tcp://").parse().map_err(io::Error::other)?;
            let stream = TcpStream::connect_timeout(&address, PATIENCE)?;
            stream.set_nodelay(true)?;
            stream.set_nonblocking(true)?;
            Stream::Tcp(stream)
        };
        Ok(Self { stream, unsent: Vec::new(), over: false })
    }

    /// The same, around a connection that is there.
    pub(crate) fn around(stream: TcpStream) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        Ok(Self { stream: Stream::Tcp(stream), unsent: Vec::new(), over: false })
    }

    /// Says something; what the system does not take now goes out before what is said next.
    pub(crate) fn say(&mut self, bytes: &[u8]) {
        self.unsent.extend_from_slice(bytes);
        self.flush();
    }

    /// Whether all that was said has been taken by the system, or never will be.
    pub(crate) fn has_room(&mut self) -> bool {
        self.flush();
        self.unsent.is_empty() || self.over
    }

    fn flush(&mut self) {
        while !self.unsent.is_empty() && !self.over {
            let written = match &mut self.stream {
                Stream::Tcp(stream) => stream.write(&self.unsent),
                Stream::Unix(stream) => stream.write(&self.unsent),
            };
            match written {
                Ok(count) => drop(self.unsent.drain(..count)),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => self.over = true,
            }
        }
    }

    /// Reads what there is, at most as much as there is room for; the connection is over when the other
    /// end has ended it.
    pub(crate) fn hear(&mut self, into: &mut [u8]) -> usize {
        loop {
            let read = match &mut self.stream {
                Stream::Tcp(stream) => stream.read(into),
                Stream::Unix(stream) => stream.read(into),
            };
            match read {
                Ok(0) => self.over = true,
                Ok(count) => return count,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(_) => self.over = true,
            }
            return 0;
        }
    }

    /// Whether the other end has ended the connection; what it has said before is thrown away.
    pub(crate) fn is_over(&mut self) -> bool {
        let mut heard = [0; 16 * 1024];
        while !self.over && self.hear(&mut heard) > 0 {}
        self.over
    }

    /// Whether the connection has been found to be over.
    pub(crate) fn is_ended(&self) -> bool {
        self.over
    }

    /// Ends it the rude way: the other end is told of an error, and nothing of it stays in the system.
    pub(crate) fn reset(self) {
        if let Stream::Tcp(stream) = &self.stream {
            // Without it the connection ends in the polite way, which is an attack too.
            let _ = set_socket_linger(stream, Some(Duration::ZERO));
        }
    }

    /// Says that nothing more will be said.
    pub(crate) fn half_close(&mut self) {
        let shut = match &self.stream {
            Stream::Tcp(stream) => stream.shutdown(Shutdown::Write),
            Stream::Unix(stream) => stream.shutdown(Shutdown::Write),
        };
        // It fails of a connection that is over.
        self.over |= shut.is_err();
    }

    /// Has the system keep little of what the other end says.
    pub(crate) fn narrow(&self) {
        // Without it only more fits in between.
        let _ = match &self.stream {
            Stream::Tcp(stream) => set_socket_recv_buffer_size(stream, 4096),
            Stream::Unix(stream) => set_socket_recv_buffer_size(stream, 4096),
        };
    }
}
