//! Options onto tcp descriptors.
//!
//! What a listener sets before it listens is inherited by what it accepts; the rest is set on each
//! stream. An option left at its default causes no system call, `TCP_NODELAY` and what is done for a
//! peer on the same machine apart. An option that this system does not have is refused, never ignored;
//! busy polling alone is a wish.

use std::io;
use std::net::SocketAddr;

use socket2::{Socket, TcpKeepalive};

use crate::error::OptionError;
use crate::options::{Keepalive, TcpOptions};
use ringmq_pipe::Section;

/// Sets what a connected or accepted tcp stream needs: no delay, keep-alive, time limit, priority.
///
/// # Errors
/// Names the option that the system refused. The stream works without it; whether to keep it is
/// the caller's choice.
pub fn tune_stream(stream: &Socket, options: &TcpOptions) -> Result<(), OptionError> {
    // Batches are made above this layer; the kernel's waiting for more would only add to them.
    set("nodelay", stream.set_tcp_nodelay(true))?;
    keepalive(stream, &options.keepalive)?;
    if options.max_rt.is_some() {
        linux::max_rt(stream, options)?;
    }
    if options.priority != 0 {
        // What a listener accepts begins with none.
        linux::priority(stream, options)?;
    }
    // One that is about to connect has no peer yet: see `before_use`.
    if let Some(peer) = stream.peer_addr().ok().and_then(|address| address.as_socket()) {
        linux::unpaced_on_loopback(stream, peer);
    }
    Ok(())
}

/// Sets what must stand before a descriptor is bound or connected. `address` tells the family.
pub(crate) fn before_use(
    socket: &Socket,
    address: SocketAddr,
    options: &TcpOptions,
) -> Result<(), OptionError> {
    if let Some(bytes) = options.send_buffer {
        set("send_buffer", socket.set_send_buffer_size(bytes))?;
    }
    if let Some(bytes) = options.recv_buffer {
        set("recv_buffer", socket.set_recv_buffer_size(bytes))?;
    }
    linux::unpaced_on_loopback(socket, address);
    if options.tos != 0 {
        set("tos", type_of_service(socket, address, options.tos))?;
    }
    if options.bind_to_device.is_some() {
        linux::bind_to_device(socket, options)?;
    }
    if options.priority != 0 {
        linux::priority(socket, options)?;
    }
    if options.busy_poll != 0 {
        // Everything works without, and whether it is granted may change with a sysctl.
        if let Err(error) = linux::busy_poll(socket, options) {
            Section::run_after(move || tracing::warn!(%error, "going on without busy polling"));
        }
    }
    Ok(())
}

fn set(option: &'static str, outcome: io::Result<()>) -> Result<(), OptionError> {
    outcome.map_err(|source| OptionError::Refused { option, source })
}

fn keepalive(stream: &Socket, keepalive: &Keepalive) -> Result<(), OptionError> {
    match keepalive.enabled {
        None => return Ok(()),
        Some(false) => return set("keepalive", stream.set_keepalive(false)),
        Some(true) => {}
    }
    let mut probes = TcpKeepalive::new();
    if let Some(idle) = keepalive.idle {
        probes = probes.with_time(idle);
    }
    if let Some(interval) = keepalive.interval {
        probes = probes.with_interval(interval);
    }
    if let Some(count) = keepalive.count {
        probes = probes.with_retries(count);
    }
    set("keepalive", stream.set_tcp_keepalive(&probes))
}

/// Whether the system has no such device, for now.
pub(super) fn is_no_device(error: &OptionError) -> bool {
    #[cfg(unix)]
    if let OptionError::Refused { option: "bind_to_device", source } = error {
        return source.raw_os_error() == Some(libc::ENODEV);
    }
    let _ = error;
    false
}

#[cfg(unix)]
fn type_of_service(socket: &Socket, address: SocketAddr, tos: u32) -> io::Result<()> {
    if address.is_ipv4() {
        return socket.set_tos_v4(tos);
    }
    // A dual-stack socket carries IPv4 too; not every system lets it say so.
    let _ = socket.set_tos_v4(tos);
    socket.set_tclass_v6(tos)
}

#[cfg(not(unix))]
fn type_of_service(socket: &Socket, address: SocketAddr, tos: u32) -> io::Result<()> {
    if address.is_ipv4() {
        return socket.set_tos_v4(tos);
    }
    Err(io::Error::new(io::ErrorKind::Unsupported, "IPv6 has no type of service on this system"))
}

/// What only Linux has.
#[cfg(target_os = "linux")]
mod linux {
    use super::{OptionError, Socket, SocketAddr, TcpOptions, set};
    use ringmq_pipe::Section;

    pub(super) fn max_rt(stream: &Socket, options: &TcpOptions) -> Result<(), OptionError> {
        set("max_rt", stream.set_tcp_user_timeout(options.max_rt))
    }

    /// BBR sends no faster than it has measured the path to be. Where that is the memory of one machine,
    /// it measures how soon the receiver had its turn: bodies of 64 KiB got 43 to 100 % of the rate of
    /// bare sockets, and with an algorithm that does not pace 92 to 98 %. Every Linux has reno. A wish.
    pub(super) fn unpaced_on_loopback(stream: &Socket, peer: SocketAddr) {
        if peer.ip().to_canonical().is_loopback()
            && stream.tcp_congestion().is_ok_and(|algorithm| algorithm.starts_with(b"bbr"))
            && let Err(error) = stream.set_tcp_congestion(b"reno")
        {
            Section::run_after(move || tracing::debug!(%error, "going on with BBR on loopback"));
        }
    }

    pub(super) fn bind_to_device(socket: &Socket, options: &TcpOptions) -> Result<(), OptionError> {
        let device = options.bind_to_device.as_deref().map(str::as_bytes);
        set("bind_to_device", socket.bind_device(device))
    }

    pub(super) fn priority(socket: &Socket, options: &TcpOptions) -> Result<(), OptionError> {
        set("priority", socket.set_priority(options.priority))
    }

    pub(super) fn busy_poll(socket: &Socket, options: &TcpOptions) -> Result<(), OptionError> {
        set("busy_poll", socket.set_busy_poll(options.busy_poll))
    }
}

/// The same options where they do not exist.
#[cfg(not(target_os = "linux"))]
mod linux {
    use super::{OptionError, Socket, SocketAddr, TcpOptions};

    pub(super) fn max_rt(_: &Socket, _: &TcpOptions) -> Result<(), OptionError> {
        Err(OptionError::NotSupported { option: "max_rt" })
    }

    pub(super) fn unpaced_on_loopback(_: &Socket, _: SocketAddr) {}

    pub(super) fn bind_to_device(_: &Socket, _: &TcpOptions) -> Result<(), OptionError> {
        Err(OptionError::NotSupported { option: "bind_to_device" })
    }

    pub(super) fn priority(_: &Socket, _: &TcpOptions) -> Result<(), OptionError> {
        Err(OptionError::NotSupported { option: "priority" })
    }

    pub(super) fn busy_poll(_: &Socket, _: &TcpOptions) -> Result<(), OptionError> {
        Err(OptionError::NotSupported { option: "busy_poll" })
    }
}
