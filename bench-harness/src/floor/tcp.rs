//! The floor over TCP: `std` sockets with NODELAY and nothing else changed, since Linux tunes the
//! buffers of a connection by itself only as long as nobody sets them.

use std::io;
use std::net::{TcpListener, TcpStream, ToSocketAddrs};
use std::time::Duration;

use anyhow::{Context as _, Result};

use super::stream::{self, Stream};
use crate::case::Side;
use crate::connect;
use crate::end::Opening;
use crate::job::Job;

impl Stream for TcpStream {
    fn prepare(&self, blocking: bool, limit: Duration) -> io::Result<()> {
        self.set_nodelay(true)?;
        self.set_nonblocking(!blocking)?;
        if blocking {
            self.set_read_timeout(Some(limit))?;
            self.set_write_timeout(Some(limit))?;
        }
        Ok(())
    }

    /// BBR paces a connection by a rate that loopback does not have; ringmq does without it there.
    #[cfg(target_os = "linux")]
    fn unhindered(&self) {
        let socket = socket2::SockRef::from(self);
        let loopback = self.peer_addr().is_ok_and(|peer| peer.ip().is_loopback());
        if loopback && socket.tcp_congestion().is_ok_and(|name| name.starts_with(b"bbr")) {
            // Where the system has no other, it is as it was.
            let _ = socket.set_tcp_congestion(b"reno");
        }
    }
}

/// Opens one end of `job`.
pub(super) fn open(job: &Job, side: Side) -> Result<Opening> {
    let job = job.clone();
    match side {
        Side::Bind => {
            let address = bindable(&job.endpoint)?;
            let listener = TcpListener::bind(&address)
                .with_context(|| format!("binding a bare TCP socket to {address}"))?;
            listener.set_nonblocking(true)?;
            let opened = super::opened(&job, format!("tcp://{}", listener.local_addr()?));
            let finish = Box::new(move || {
                let stream = connect::until(job.patience(), || Ok(listener.accept()?.0))?;
                stream::end(stream, &job, side)
            });
            Ok(Opening { opened, finish })
        }
        Side::Connect => {
            let opened = super::opened(&job, job.endpoint.clone());
            let finish = Box::new(move || {
                let address = host_and_port(&job.endpoint)?;
                let stream = connect::until(job.patience(), || TcpStream::connect(&address))
                    .with_context(|| format!("connecting a bare TCP socket to {address}"))?;
                stream::end(stream, &job, side)
            });
            Ok(Opening { opened, finish })
        }
    }
}

/// The part of an endpoint behind `tcp://`.
fn host_and_port(endpoint: &str) -> Result<String> {
    let address = endpoint.strip_prefix("tcp://").unwrap_or(endpoint);
    address.to_socket_addrs().with_context(|| {
        format!("{endpoint}: write tcp://HOST:PORT, as in tcp://127.0.0.1:5555")
    })?;
    Ok(address.to_owned())
}

/// The same with ZeroMQ's wildcards replaced by what the operating system understands.
fn bindable(endpoint: &str) -> Result<String> {
    let address = endpoint.strip_prefix("tcp://").unwrap_or(endpoint);
    let address = address.strip_suffix(":*").map_or(address.to_owned(), |host| format!("{host}:0"));
    let address =
        address.strip_prefix("*:").map_or(address.clone(), |port| format!("0.0.0.0:{port}"));
    host_and_port(&address)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn wildcards_become_zeros() {
        assert_eq!(bindable("tcp://*:*").unwrap(), "0.0.0.0:0");
        assert_eq!(bindable("tcp://127.0.0.1:*").unwrap(), "127.0.0.1:0");
        assert_eq!(bindable("tcp://127.0.0.1:5555").unwrap(), "127.0.0.1:5555");
    }

    #[test]
    fn a_bad_address_is_explained() {
        let error = format!("{:#}", bindable("tcp://127.0.0.1").err().unwrap());
        assert!(error.contains("tcp://HOST:PORT"), "{error}");
    }
}
