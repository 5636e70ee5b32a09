//! Runs of datagrams as Linux knows them: sent with the length of their segments (`UDP_SEGMENT`),
//! received with it (`UDP_GRO`), either as control data.
#![allow(unsafe_code)]

use super::address::{CONTROL, find_control};
use socket2::Socket;
use std::num::NonZeroU16;
use std::os::fd::AsRawFd;

/// What the system tells the length in, and is told it in.
type TellsLength = libc::c_int;
type AsksLength = u16;

/// Bytes of the control data of a run that is sent.
// SAFETY: this is arithmetic.
const SPACE: usize = unsafe { libc::CMSG_SPACE(size_of::<AsksLength>() as libc::c_uint) } as usize;

const _: () = {
    // SAFETY: this is arithmetic.
    let (destination, segment) = unsafe {
        (
            libc::CMSG_SPACE(size_of::<libc::in6_pktinfo>() as libc::c_uint),
            libc::CMSG_SPACE(size_of::<TellsLength>() as libc::c_uint),
        )
    };
    assert!(destination as usize + segment as usize <= CONTROL, "both are told of one run");
};

/// Control data that makes what it is sent with a run.
#[repr(C, align(8))]
pub(super) struct SegmentControl([u8; SPACE]);

const _: () = assert!(align_of::<SegmentControl>() >= align_of::<libc::cmsghdr>());

impl SegmentControl {
    /// Of datagrams of so many bytes each.
    pub(super) fn new(segment: NonZeroU16) -> Self {
        let mut this = Self([0; SPACE]);
        // SAFETY: this is arithmetic.
        let (start, len) = unsafe {
            (libc::CMSG_LEN(0) as usize, libc::CMSG_LEN(size_of::<AsksLength>() as libc::c_uint))
        };
        // SAFETY: a header of zeroes is valid.
        let mut header: libc::cmsghdr = unsafe { std::mem::zeroed() };
        header.cmsg_len = len as _;
        header.cmsg_level = libc::SOL_UDP;
        header.cmsg_type = libc::UDP_SEGMENT;
        // SAFETY: there is room for a header, aligned as it has to be.
        unsafe { this.0.as_mut_ptr().cast::<libc::cmsghdr>().write(header) };
        this.0[start..][..size_of::<AsksLength>()].copy_from_slice(&segment.get().to_ne_bytes());
        this
    }

    pub(super) fn memory(&mut self) -> &mut [u8] {
        &mut self.0
    }
}

/// Bytes of each datagram of the run that this control data came with, if it is one.
pub(in crate::backend) fn segment(control: &[u8]) -> Option<NonZeroU16> {
    find_control(control, |level, kind, data| {
        if (level, kind) != (libc::SOL_UDP, libc::UDP_GRO) {
            return None;
        }
        let told = TellsLength::from_ne_bytes(*data.first_chunk()?);
        NonZeroU16::new(u16::try_from(told).ok()?)
    })
}

/// Whether `socket` sends a run in one. A kernel that knows nothing of runs, and a socket that is not
/// one of UDP, would take the run's length for nothing, and send one long datagram.
pub(super) fn takes_runs(socket: &Socket) -> bool {
    let mut value: libc::c_int = 0;
    let mut len = size_of_val(&value) as libc::socklen_t;
    let (fd, level, option) = (socket.as_raw_fd(), libc::SOL_UDP, libc::UDP_SEGMENT);
    // SAFETY: the system writes one integer, and how long it is.
    unsafe { libc::getsockopt(fd, level, option, (&raw mut value).cast(), &raw mut len) == 0 }
}

/// Has what `socket` receives come in runs or not. Without effect where the system does not do that:
/// then it comes datagram by datagram.
pub(crate) fn set_runs(socket: &Socket, wanted: bool) {
    let value = libc::c_int::from(wanted);
    let len = size_of_val(&value) as libc::socklen_t;
    let (fd, level, option) = (socket.as_raw_fd(), libc::SOL_UDP, libc::UDP_GRO);
    // SAFETY: the system reads one integer.
    unsafe { libc::setsockopt(fd, level, option, (&raw const value).cast(), len) };
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// As the system tells it.
    fn told(kind: libc::c_int, value: TellsLength) -> Vec<u8> {
        // SAFETY: this is arithmetic.
        let (start, len) = unsafe { (libc::CMSG_LEN(0) as usize, libc::CMSG_LEN(4)) };
        // SAFETY: a header of zeroes is valid.
        let mut header: libc::cmsghdr = unsafe { std::mem::zeroed() };
        header.cmsg_len = len as _;
        header.cmsg_level = libc::SOL_UDP;
        header.cmsg_type = kind;
        let mut control = vec![0; len as usize];
        // SAFETY: there is room for a header.
        unsafe { control.as_mut_ptr().cast::<libc::cmsghdr>().write_unaligned(header) };
        control[start..].copy_from_slice(&value.to_ne_bytes());
        control
    }

    #[test]
    fn a_segment_is_found_if_it_is_one() {
        assert_eq!(segment(&told(libc::UDP_GRO, 1200)), NonZeroU16::new(1200));
        for (kind, value) in [
            (libc::UDP_GRO, 0),
            (libc::UDP_GRO, -1),
            (libc::UDP_GRO, 1 << 16),
            (libc::UDP_SEGMENT, 100),
        ] {
            assert_eq!(segment(&told(kind, value)), None, "{kind} {value}");
        }
        let whole = told(libc::UDP_GRO, 1200);
        for len in 0..whole.len() {
            assert_eq!(segment(&whole[..len]), None, "{len}");
        }
    }
}
