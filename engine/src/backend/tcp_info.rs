//! Signs of life of a peer that does not speak: what the kernel knows of a tcp connection.

#![allow(unsafe_code)]

use ringmq_zmtp::Line;
use socket2::Socket;

/// What the kernel knows of the way to the peer; `None` if that is not tcp, or not Linux.
#[cfg(target_os = "linux")]
pub(super) fn line(socket: &Socket) -> Option<Line> {
    use std::os::fd::AsRawFd;

    let mut info = TcpInfo::default();
    let mut len = size_of::<TcpInfo>() as libc::socklen_t;
    // SAFETY: the kernel writes `len` bytes of plain integers at the most, and says how many.
    let result = unsafe {
        let info = (&raw mut info).cast();
        libc::getsockopt(socket.as_raw_fd(), libc::IPPROTO_TCP, libc::TCP_INFO, info, &raw mut len)
    };
    if result != 0 || (len as usize) < size_of::<TcpInfo>() {
        return None;
    }
    Some(info.line())
}

/// Has the kernel repeat questions that the peer's does not answer, also those whether its window is still
/// closed, at least every `longest` time, or every second. Systems other than Linux from 6.15 on go on
/// as they like: up to two minutes.
#[cfg(target_os = "linux")]
pub(super) fn limit_back_off(socket: &Socket, longest: std::time::Duration) {
    use std::os::fd::AsRawFd;

    const TCP_RTO_MAX_MS: libc::c_int = 44;
    let limits = 1_000..=120_000;
    let millis = longest.as_millis().clamp(*limits.start(), *limits.end()) as libc::c_int;
    // SAFETY: the kernel reads one integer. Where it does not know the option nothing happens.
    unsafe {
        let len = size_of_val(&millis) as libc::socklen_t;
        let millis = (&raw const millis).cast();
        libc::setsockopt(socket.as_raw_fd(), libc::IPPROTO_TCP, TCP_RTO_MAX_MS, millis, len);
    }
}

/// That is the kernel's affair.
#[cfg(not(target_os = "linux"))]
pub(super) fn limit_back_off(_: &Socket, _: std::time::Duration) {}

/// What the kernel knows of the way to the peer: nothing that it would tell.
#[cfg(not(target_os = "linux"))]
pub(super) fn line(_: &Socket) -> Option<Line> {
    None
}

/// The beginning of the kernel's `struct tcp_info` (`linux/tcp.h`), as far as Linux 4.2 has it.
#[cfg(target_os = "linux")]
#[derive(Clone, Copy, Default)]
#[repr(C)]
struct TcpInfo {
    _state: [u8; 2],
    /// Repetitions since something was last acknowledged.
    retransmits: u8,
    /// Probes of a closed window that were not answered.
    probes: u8,
    /// How often the time between probes was doubled.
    back_off: u8,
    _options: [u8; 3],
    /// Microseconds to the first probe, or to the next repetition.
    time_out: u32,
    _sizes: [u32; 3],
    /// Segments that were sent and not acknowledged.
    on_the_way: u32,
    _losses: [u32; 4],
    /// Milliseconds.
    since_data_sent: u32,
    _since: [u32; 2],
    /// Milliseconds since an acknowledgement came, which all segments are.
    since_heard: u32,
    _estimates: [u32; 11],
    _bytes: [u64; 4],
    _segments_out: u32,
    segments_in: u32,
}

/// In microseconds: a system that is asked again within this time may not answer again (Linux:
/// `net.ipv4.tcp_invalid_ratelimit`).
#[cfg(target_os = "linux")]
const ANSWER_LIMIT: u64 = 500_000;

#[cfg(target_os = "linux")]
impl TcpInfo {
    fn line(&self) -> Line {
        let mut line = Line { heard: self.segments_in, ..Line::default() };
        // Each pause is twice the one before.
        let next = u64::from(self.time_out);
        if self.on_the_way > 0 {
            // Within the kernel's tick it cannot be told which of the two was first. If it was the
            // question, nothing is amiss; if it was the answer, the question is repeated soon.
            line.asked = self.since_data_sent < self.since_heard;
            line.repeats = u32::from(self.retransmits);
            line.spaced = next / 2 >= ANSWER_LIMIT;
        } else if self.probes > 0 {
            line.spaced = next << self.back_off.saturating_sub(1).min(16) >= ANSWER_LIMIT;
            line.asked = line.spaced;
        }
        line
    }
}

#[cfg(target_os = "linux")]
const _: () = {
    assert!(std::mem::offset_of!(TcpInfo, back_off) == 4);
    assert!(std::mem::offset_of!(TcpInfo, time_out) == 8);
    assert!(std::mem::offset_of!(TcpInfo, on_the_way) == 24);
    assert!(std::mem::offset_of!(TcpInfo, since_data_sent) == 44);
    assert!(std::mem::offset_of!(TcpInfo, since_heard) == 56);
    assert!(std::mem::offset_of!(TcpInfo, segments_in) == 140);
};

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use crate::backend::Stream;
    use std::net::{TcpListener, TcpStream};

    /// Figures as Linux 6.18 gave them for a peer behind a cable.
    #[test]
    fn a_closed_window_is_told_from_a_cut_cable() {
        let window = TcpInfo { time_out: 212_000, segments_in: 8, ..TcpInfo::default() };
        // The probe 0.4 seconds after the last was not answered, for it came too soon.
        let soon = TcpInfo { probes: 1, back_off: 2, since_heard: 1108, ..window };
        let late = TcpInfo { probes: 1, back_off: 4, since_heard: 1108, ..window };
        assert!(!window.line().asked && !soon.line().asked && late.line().asked);
        assert_eq!(late.line().heard, 8);
        // Data on its way, the kernel's first repetition, and one that comes late enough.
        let sent = TcpInfo { on_the_way: 3, since_data_sent: 4, since_heard: 8, ..window };
        let again = TcpInfo { retransmits: 1, time_out: 424_000, ..sent };
        let later = TcpInfo { retransmits: 3, time_out: 1_696_000, ..sent };
        assert!(sent.line().asked && again.line().asked && !again.line().spaced);
        assert!(later.line().asked && later.line().spaced);
        let answered = TcpInfo { since_heard: 4, ..again };
        assert!(!answered.line().asked);
    }

    #[test]
    fn what_has_come_is_seen_and_not_taken() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let near = TcpStream::connect(listener.local_addr().expect("an address")).expect("a peer");
        let (far, _) = listener.accept().expect("a peer");
        near.set_nonblocking(true).expect("an option");
        let near = Stream::from(Socket::from(near));
        let before = near.line().expect("tcp");
        assert!(!near.has_unread() && !before.asked);
        std::io::Write::write_all(&mut &far, b"x").expect("room");
        while !near.has_unread() {
            std::thread::yield_now();
        }
        assert!(near.line().expect("tcp").heard != before.heard);
        near.limit_back_off(std::time::Duration::MAX);
        let mut one = [0];
        assert_eq!(near.receive(&mut one).expect("a byte"), 1);
    }
}
