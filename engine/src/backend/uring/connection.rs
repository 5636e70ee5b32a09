//! What the requests of a connection refer to while the kernel has them, and its sends.
#![allow(unsafe_code)]

use super::operation::{OperationKind, encode};
use crate::backend::Receive;
use crate::batch::Batch;
use crate::io_thread::token::Token;
use io_uring::types::Fd;
use io_uring::{opcode, squeue};
use socket2::{SockAddr, Socket};
use std::os::fd::AsRawFd;
use std::sync::Arc;

/// Stretches of memory in one send: `IOV_MAX` is 1024, and a batch of 64 KiB rarely has more than a
/// few of them.
const SLICES: usize = 256;

/// A token's requests: everything they refer to stays here until the last of them has answered.
pub(super) struct ConnectionState {
    pub(super) socket: Arc<Socket>,
    /// Nobody listens any more; the entry waits for its requests to end.
    pub(super) closed: bool,
    /// Completions still to come, multishot requests counted once.
    in_flight: u32,
    /// Which kinds of requests they belong to, one bit each; cancellations have none.
    under_way: u8,
    pub(super) receiving: Option<Receive>,
    pub(super) pausing: bool,
    /// Read by the kernel during a connect; boxed, so that it does not move with the table.
    pub(super) address: Option<Box<SockAddr>>,
    pub(super) sending: Option<Box<SendOperation>>,
}

/// A send under way: read by the kernel, boxed so that it does not move.
pub(super) struct SendOperation {
    batch: Batch,
    vector: Vec<libc::iovec>,
    header: libc::msghdr,
}

/// Descriptions of sends that are over, for later ones: a connection that streams has one after another.
#[derive(Default)]
#[expect(clippy::vec_box, reason = "the boxes are what is kept: they do not move while in use")]
pub(super) struct Spare(Vec<Box<SendOperation>>);

impl Spare {
    /// Kept at the most: sends of so many connections are seldom under way at once.
    const MOST: usize = 16;

    /// Takes the batch out of a send that is over.
    pub(super) fn finish(&mut self, mut operation: Box<SendOperation>) -> Batch {
        let batch = std::mem::take(&mut operation.batch);
        operation.vector.clear();
        if self.0.len() < Self::MOST {
            self.0.push(operation);
        }
        batch
    }

    fn take(&mut self) -> Box<SendOperation> {
        self.0.pop().unwrap_or_else(|| {
            Box::new(SendOperation {
                batch: Batch::default(),
                vector: Vec::new(),
                // SAFETY: a msghdr of zeroes is valid: no name, no vector, no control data.
                header: unsafe { std::mem::zeroed() },
            })
        })
    }
}

impl ConnectionState {
    pub(super) fn new(socket: Arc<Socket>) -> Self {
        Self {
            socket,
            closed: false,
            in_flight: 0,
            under_way: 0,
            receiving: None,
            pausing: false,
            address: None,
            sending: None,
        }
    }

    /// Notes that a request is on its way to the kernel.
    pub(super) fn begin(&mut self, kind: OperationKind) {
        self.in_flight += 1;
        if kind != OperationKind::Cancel {
            self.under_way |= 1 << kind as u8;
        }
    }

    /// Notes that a request has had its last completion.
    pub(super) fn end(&mut self, kind: OperationKind) {
        self.in_flight -= 1;
        self.under_way &= !(1 << kind as u8);
    }

    pub(super) fn is_under_way(&self, kind: OperationKind) -> bool {
        self.under_way & 1 << kind as u8 != 0
    }

    /// Whether the kernel refers to nothing of this any more.
    pub(super) fn is_idle(&self) -> bool {
        self.in_flight == 0
    }

    /// Keeps `batch` and describes it to the kernel.
    pub(super) fn start_send(
        &mut self,
        token: Token,
        batch: Batch,
        spare: &mut Spare,
    ) -> squeue::Entry {
        let operation = self.sending.insert(spare.take());
        operation.batch = batch;
        operation.vector.extend(operation.batch.slices(SLICES).map(|slice| libc::iovec {
            iov_base: slice.as_ptr().cast_mut().cast(),
            iov_len: slice.len(),
        }));
        let fd = Fd(self.socket.as_raw_fd());
        // MSG_WAITALL makes the kernel go on after a short send, so that a batch is one completion.
        let flags = libc::MSG_NOSIGNAL | libc::MSG_WAITALL;
        let entry = if let [one] = operation.vector.as_slice() {
            // It fits: see `CALL`.
            opcode::Send::new(fd, one.iov_base.cast(), one.iov_len as u32).flags(flags).build()
        } else {
            operation.header.msg_iov = operation.vector.as_mut_ptr();
            operation.header.msg_iovlen = operation.vector.len() as _;
            opcode::SendMsg::new(fd, &raw const operation.header).flags(flags as u32).build()
        };
        entry.user_data(encode(token, OperationKind::Send))
    }
}
