//! Signs of life of a peer that does not speak: what the kernel knows of a connection.

#![allow(unsafe_code)]

use super::Descriptor;
use ringmq_zmtp::Line;
use std::mem::MaybeUninit;

/// Whether octets have come that nobody has read yet, or the end.
pub(crate) fn has_unread(socket: &Descriptor) -> bool {
    socket.peek(&mut [MaybeUninit::uninit()]).is_ok()
}

/// What the kernel knows of the way to the peer; `None` if that is not tcp, or not Linux.
#[cfg(target_os = "linux")]
pub(crate) fn line(socket: &Descriptor) -> Option<Line> {
    use std::os::fd::AsRawFd;

    let mut info = TcpInfo::default();
    let mut len = size_of::<TcpInfo>() as libc::socklen_t;
    // SAFETY: the kernel writes `len` octets of plain integers at the most, and says how many.
    let result = unsafe {
        let info = (&raw mut info).cast();
        libc::getsockopt(socket.as_raw_fd(), libc::IPPROTO_TCP, libc::TCP_INFO, info, &raw mut len)
    };
    if result != 0 || (len as usize) < size_of::<TcpInfo>() {
        return None;
    }
    // Within the kernel's tick it cannot be told which of the two was first. If it was the question,
    // nothing is amiss; if it was the answer, the kernel repeats the question soon, and that is counted.
    let after_the_last_answer = info.since_data_sent < info.since_heard;
    Some(Line {
        heard: info.segments_in,
        asked: info.probes > 0 || info.on_the_way > 0 && after_the_last_answer,
        repeats: if info.on_the_way > 0 { u32::from(info.retransmits) } else { 0 },
    })
}

/// What the kernel knows of the way to the peer: nothing that it would tell.
#[cfg(not(target_os = "linux"))]
pub(crate) fn line(_: &Descriptor) -> Option<Line> {
    None
}

/// The beginning of the kernel's `struct tcp_info` (`linux/tcp.h`), as far as Linux 4.2 has it.
#[cfg(target_os = "linux")]
#[derive(Default)]
#[repr(C)]
struct TcpInfo {
    _state: [u8; 2],
    /// Repetitions since something was last acknowledged.
    retransmits: u8,
    /// Probes of a closed window that were not answered.
    probes: u8,
    _options: [u8; 4],
    _sizes: [u32; 4],
    /// Segments that were sent and not acknowledged.
    on_the_way: u32,
    _losses: [u32; 4],
    /// Milliseconds.
    since_data_sent: u32,
    _since: [u32; 2],
    /// Milliseconds since an acknowledgement came, which all segments are.
    since_heard: u32,
    _estimates: [u32; 11],
    _octets: [u64; 4],
    _segments_out: u32,
    segments_in: u32,
}

#[cfg(target_os = "linux")]
const _: () = {
    assert!(std::mem::offset_of!(TcpInfo, on_the_way) == 24);
    assert!(std::mem::offset_of!(TcpInfo, since_data_sent) == 44);
    assert!(std::mem::offset_of!(TcpInfo, since_heard) == 56);
    assert!(std::mem::offset_of!(TcpInfo, segments_in) == 140);
};
