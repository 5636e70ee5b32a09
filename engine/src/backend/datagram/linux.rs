//! Many datagrams with a call: `recvmmsg` and `sendmmsg`.
#![allow(unsafe_code)]

use super::address::{CONTROL, Control, NAME, destination, source};
use super::batch::SendPiece;
use super::segment::{SegmentControl, segment};
use super::{DATAGRAMS, DatagramInfo, DatagramSlot};
use arrayvec::ArrayVec;
use socket2::{SockAddr, Socket};
use std::io;
use std::os::fd::AsRawFd;

pub use super::address::report_destination;
pub(crate) use super::segment::set_runs;
pub(super) use super::segment::takes_runs;

/// Bytes that it takes to receive datagrams of which `longest` are kept: the system cuts what is
/// longer, and says so.
pub(super) const fn memory_for(longest: usize) -> usize {
    longest
}

/// One for each datagram of a call.
type Each<T> = ArrayVec<T, DATAGRAMS>;

fn empty_header() -> libc::mmsghdr {
    // SAFETY: a header of zeroes is valid: no name, no vector, no control data.
    unsafe { std::mem::zeroed() }
}

/// How many messages a call has moved.
fn outcome(result: libc::c_int) -> io::Result<usize> {
    usize::try_from(result).map_err(|_| io::Error::last_os_error())
}

pub(super) fn receive(socket: &Socket, slots: &mut [DatagramSlot]) -> io::Result<usize> {
    let mut names: Each<[u8; NAME]> = slots.iter().take(DATAGRAMS).map(|_| [0; NAME]).collect();
    let mut controls: Each<Control> = names.iter().map(|_| Control([0; CONTROL])).collect();
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
    let told = headers.iter().zip(names.iter().zip(&controls));
    for (slot, (header, (name, control))) in slots.iter_mut().zip(told).take(received) {
        let (len, header) = (header.msg_len as usize, &header.msg_hdr);
        let name = &name[..NAME.min(header.msg_namelen as usize)];
        let control = &control.0[..CONTROL.min(header.msg_controllen as _)];
        slot.info = source(name).map(|source| DatagramInfo {
            len,
            source,
            destination: destination(control),
            truncated: header.msg_flags & libc::MSG_TRUNC != 0,
            segment: segment(control),
        });
    }
    Ok(received)
}

pub(super) fn send(socket: &Socket, pieces: &[SendPiece<'_>]) -> io::Result<usize> {
    let pieces = pieces.iter().take(DATAGRAMS);
    let names: Each<Option<SockAddr>> =
        pieces.clone().map(|piece| piece.to.map(SockAddr::from)).collect();
    let mut controls: Each<Option<SegmentControl>> =
        pieces.clone().map(|piece| piece.segment.map(SegmentControl::new)).collect();
    let mut vectors: Each<libc::iovec> = pieces
        .map(|piece| libc::iovec {
            iov_base: piece.bytes.as_ptr().cast_mut().cast(),
            iov_len: piece.bytes.len(),
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
                let memory = control.memory();
                header.msg_hdr.msg_control = memory.as_mut_ptr().cast();
                header.msg_hdr.msg_controllen = memory.len() as _;
            }
            header.msg_hdr.msg_iov = vector;
            header.msg_hdr.msg_iovlen = 1;
            header
        })
        .collect();
    let (start, count) = (headers.as_mut_ptr(), headers.len() as libc::c_uint);
    // SAFETY: there are so many headers; each has a name of its length or none, control data of
    // their length or none, and a vector of one, which the system reads, and which stay where they
    // are until the call is over.
    outcome(unsafe {
        let flags = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;
        libc::sendmmsg(socket.as_raw_fd(), start, count, flags as _)
    })
}
