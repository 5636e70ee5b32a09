//! The requests of the io_uring backend, each told from the others by its user data.

use crate::backend::Receive;
use crate::backend::uring::buffers::STREAMS;
use crate::io_thread::token::{TOKEN_BITS, Token};
use io_uring::types::Fd;
use io_uring::{opcode, squeue};
use socket2::{SockAddr, Socket};
use std::os::fd::AsRawFd;

/// What a completion is about: the low bits of its user data, below the token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OperationKind {
    Accept = 0,
    Connect = 1,
    Receive = 2,
    Send = 3,
    Cancel = 4,
    Wake = 5,
    /// A receive of datagrams.
    Datagrams = 6,
    /// A datagram socket that is to be written to.
    Writable = 7,
}

/// What the token of a connection may have under way.
pub(super) const OPERATIONS: [OperationKind; 4] =
    [OperationKind::Accept, OperationKind::Connect, OperationKind::Receive, OperationKind::Send];

const KIND_BITS: u32 = u64::BITS - TOKEN_BITS;

pub(super) fn encode(token: Token, kind: OperationKind) -> u64 {
    token.raw() << KIND_BITS | kind as u64
}

pub(super) fn decode(user_data: u64) -> (Token, Option<OperationKind>) {
    let kind = match user_data & ((1 << KIND_BITS) - 1) {
        0 => Some(OperationKind::Accept),
        1 => Some(OperationKind::Connect),
        2 => Some(OperationKind::Receive),
        3 => Some(OperationKind::Send),
        4 => Some(OperationKind::Cancel),
        5 => Some(OperationKind::Wake),
        6 => Some(OperationKind::Datagrams),
        7 => Some(OperationKind::Writable),
        _ => None,
    };
    (Token::from_raw(user_data >> KIND_BITS), kind)
}

pub(super) fn accept(token: Token, listener: &Socket) -> squeue::Entry {
    opcode::Accept::new(Fd(listener.as_raw_fd()), std::ptr::null_mut(), std::ptr::null_mut())
        .flags(libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK)
        .build()
        .user_data(encode(token, OperationKind::Accept))
}

pub(super) fn connect(token: Token, socket: &Socket, address: &SockAddr) -> squeue::Entry {
    opcode::Connect::new(Fd(socket.as_raw_fd()), address.as_ptr().cast(), address.len())
        .build()
        .user_data(encode(token, OperationKind::Connect))
}

pub(super) fn receive(token: Token, socket: &Socket, how: Receive) -> squeue::Entry {
    let fd = Fd(socket.as_raw_fd());
    let entry = match how {
        Receive::Stream => opcode::RecvMulti::new(fd, STREAMS.id).build(),
        Receive::Once => opcode::Recv::new(fd, std::ptr::null_mut(), 0)
            .buf_group(STREAMS.id)
            .build()
            .flags(squeue::Flags::BUFFER_SELECT),
    };
    entry.user_data(encode(token, OperationKind::Receive))
}

/// Receives datagrams, many of them with one request, into buffers of `group`: what `header` has
/// room for, and their bytes behind that. The kernel may read `header` until the last completion.
pub(super) fn receive_datagrams(
    token: Token,
    socket: &Socket,
    header: *const libc::msghdr,
    group: u16,
) -> squeue::Entry {
    opcode::RecvMsgMulti::new(Fd(socket.as_raw_fd()), header, group)
        .build()
        .user_data(encode(token, OperationKind::Datagrams))
}

/// Completes when `socket` can be written to, or has failed.
pub(super) fn writable(token: Token, socket: &Socket) -> squeue::Entry {
    opcode::PollAdd::new(Fd(socket.as_raw_fd()), libc::POLLOUT as u32)
        .build()
        .user_data(encode(token, OperationKind::Writable))
}

pub(super) fn cancel(token: Token, kind: OperationKind) -> squeue::Entry {
    opcode::AsyncCancel::new(encode(token, kind))
        .build()
        .user_data(encode(token, OperationKind::Cancel))
}
