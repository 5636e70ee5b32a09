//! Many datagrams with a call: `recvmmsg` and `sendmmsg`.
#![allow(unsafe_code)]

use super::address::{CONTROL, Control, NAME, Told, source, told};
use super::{DATAGRAMS, DatagramInfo, DatagramSlot, OutgoingDatagram};
use arrayvec::ArrayVec;
use socket2::{SockAddr, Socket};
use std::io;
use std::num::NonZeroU16;
use std::os::fd::AsRawFd;

pub use super::address::report_destination;

/// Bytes that it takes to receive datagrams of which `longest` are kept: the system cuts what is
/// longer, and says so.
pub(super) const fn memory_for(longest: usize) -> usize {
    longest
}

/// One for each datagram of a call.
type Each<T> = ArrayVec<T, DATAGRAMS>;

/// This system may take a run of datagrams at once.
pub(super) const SENDS_RUNS: bool = true;

/// The message that says how many bytes each datagram of a run has.
#[repr(C, align(8))]
struct SegmentControl {
    header: libc::cmsghdr,
    segment: u16,
    /// Up to where the next message would stand.
    _rest: [u8; 6],
}

const _: () = {
    // SAFETY: this is arithmetic.
    let (space, from) = unsafe {
        (libc::CMSG_SPACE(size_of::<u16>() as libc::c_uint) as usize, libc::CMSG_LEN(0) as usize)
    };
    assert!(size_of::<SegmentControl>() == space);
    assert!(std::mem::offset_of!(SegmentControl, segment) == from);
};

impl SegmentControl {
    fn new(segment: u16) -> Self {
        // SAFETY: a header of zeroes is valid.
        let mut header: libc::cmsghdr = unsafe { std::mem::zeroed() };
        // SAFETY: this is arithmetic.
        header.cmsg_len = unsafe { libc::CMSG_LEN(size_of::<u16>() as libc::c_uint) } as _;
        header.cmsg_level = libc::SOL_UDP;
        header.cmsg_type = libc::UDP_SEGMENT;
        Self { header, segment, _rest: [0; 6] }
    }
}

/// Whether the system refuses a run because it is one, or may do so: it has none, the device cannot sum them up, or one
/// of the datagrams is longer than the way carries.
pub(super) fn refuses_run(error: &io::Error) -> bool {
    matches!(
        error.raw_os_error(),
        Some(libc::EIO | libc::EINVAL | libc::EMSGSIZE | libc::ENOPROTOOPT | libc::EOPNOTSUPP)
    )
}

/// Has the system put datagrams of one source together, if it does that; whether it does.
pub(in crate::backend) fn receive_runs(socket: &Socket) -> bool {
    let on: libc::c_int = 1;
    let len = size_of_val(&on) as libc::socklen_t;
    // SAFETY: the system reads one integer.
    let set = unsafe {
        let fd = socket.as_raw_fd();
        libc::setsockopt(fd, libc::SOL_UDP, libc::UDP_GRO, (&raw const on).cast(), len)
    };
    set == 0
}

/// How many bytes each datagram of a run has, if a message of control data tells that.
pub(super) fn segment(message: &libc::cmsghdr, content: &[u8]) -> Option<NonZeroU16> {
    if (message.cmsg_level, message.cmsg_type) != (libc::SOL_UDP, libc::UDP_GRO) {
        return None;
    }
    let segment = libc::c_int::from_ne_bytes(*content.first_chunk()?);
    u16::try_from(segment).ok().and_then(NonZeroU16::new)
}

fn empty_header() -> libc::mmsghdr {
    // SAFETY: a header of zeroes is valid: no name, no vector, no control data.
    unsafe { std::mem::zeroed() }
}

/// How many messages a call has moved.
fn outcome(result: libc::c_int) -> io::Result<usize> {
    usize::try_from(result).map_err(|_| io::Error::last_os_error())
}

pub(super) fn receive(socket: &Socket, slots: &mut [DatagramSlot]) -> io::Result<usize> {
    let mut names = [[0; NAME]; DATAGRAMS];
    let mut controls = [Control([0; CONTROL]); DATAGRAMS];
    let mut vectors: Each<libc::iovec> = slots
        .iter_mut()
        .take(DATAGRAMS)
        .map(|slot| libc::iovec {
            iov_base: slot.memory.as_mut_ptr().cast(),
            iov_len: slot.memory.len(),
        })
        .collect();
    let mut headers: Each<libc::mmsghdr> = vectors
        .iter_mut()
        .zip(names.iter_mut().zip(&mut controls))
        .map(|(vector, (name, control))| {
            let mut header = empty_header();
            header.msg_hdr.msg_name = name.as_mut_ptr().cast();
            header.msg_hdr.msg_namelen = NAME as _;
            header.msg_hdr.msg_control = control.0.as_mut_ptr().cast();
            header.msg_hdr.msg_controllen = CONTROL as _;
            header.msg_hdr.msg_iov = vector;
            header.msg_hdr.msg_iovlen = 1;
            header
        })
        .collect();
    let (start, count) = (headers.as_mut_ptr(), headers.len() as libc::c_uint);
    // SAFETY: there are so many headers; each has a name, a vector of one and control data of its
    // own, as long as it says, which stay where they are until the call is over.
    let received = outcome(unsafe {
        let (fd, no_time) = (socket.as_raw_fd(), std::ptr::null_mut());
        libc::recvmmsg(fd, start, count, libc::MSG_DONTWAIT, no_time)
    })?;
    let filled = headers.iter().zip(names.iter().zip(&controls));
    for (slot, (header, (name, control))) in slots.iter_mut().zip(filled).take(received) {
        let (len, header) = (header.msg_len as usize, &header.msg_hdr);
        let name = &name[..NAME.min(header.msg_namelen as usize)];
        let control = &control.0[..CONTROL.min(header.msg_controllen as _)];
        let Told { destination, segment } = told(control);
        slot.info = source(name).map(|source| DatagramInfo {
            len,
            source,
            destination,
            truncated: header.msg_flags & libc::MSG_TRUNC != 0,
            segment,
        });
    }
    Ok(received)
}

pub(super) fn send(socket: &Socket, datagrams: &[OutgoingDatagram]) -> io::Result<usize> {
    let datagrams = datagrams.iter().take(DATAGRAMS);
    let names: Each<Option<SockAddr>> =
        datagrams.clone().map(|datagram| datagram.to.map(SockAddr::from)).collect();
    let mut controls: Each<Option<SegmentControl>> =
        datagrams.clone().map(|datagram| datagram.run().map(SegmentControl::new)).collect();
    let mut vectors: Each<libc::iovec> = datagrams
        .map(|datagram| libc::iovec {
            iov_base: datagram.bytes.as_ptr().cast_mut().cast(),
            iov_len: datagram.bytes.len(),
        })
        .collect();
    let mut headers: Each<libc::mmsghdr> = vectors
        .iter_mut()
        .zip(names.iter().zip(&mut controls))
        .map(|(vector, (name, control))| {
            let mut header = empty_header();
            if let Some(name) = name {
                header.msg_hdr.msg_name = name.as_ptr().cast_mut().cast();
                header.msg_hdr.msg_namelen = name.len();
            }
            if let Some(control) = control {
                header.msg_hdr.msg_control = (&raw mut *control).cast();
                header.msg_hdr.msg_controllen = size_of::<SegmentControl>() as _;
            }
            header.msg_hdr.msg_iov = vector;
            header.msg_hdr.msg_iovlen = 1;
            header
        })
        .collect();
    let (start, count) = (headers.as_mut_ptr(), headers.len() as libc::c_uint);
    // SAFETY: there are so many headers; each has a name of its length or none, one message of control data or none,
    // and a vector of one, which the system reads, and which stay where they are until the call is over.
    outcome(unsafe {
        let flags = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;
        libc::sendmmsg(socket.as_raw_fd(), start, count, flags as _)
    })
}
