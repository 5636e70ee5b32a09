//! The io_uring backend: one ring for each I/O thread, completions as they are.
//!
//! Receives use multishot requests over one ring of provided buffers, so that idle connections hold
//! no buffer; an accept is one request, and what waits behind the connection that it has brought is
//! accepted at once, without the ring; a connection has one send under way, of as many stretches of
//! memory as its batch has. Requests run on the thread that owns the ring, when it enters the kernel
//! (`DEFER_TASKRUN`; a kernel that has all but that runs them as it likes).
//!
//! Datagram sockets are apart from that: see `datagram`.
//!
//! Ownership: what a request refers to (batch, vector, address, descriptor) lives in the backend's
//! table, under the request's token, until the request's last completion. Closing a token cancels its
//! requests and keeps the entry until they have all answered.
//!
//! # Not used, and why
//! * Waiting for several completions (`min_wait_usec`). Instead of polling while there is work, with
//!   20 us and as many completions as the last look brought, a ROUTER that echoes to 100 DEALERs fell from
//!   0.83 to 0.70 M/s, and a PUB with 100 SUBs stayed where it was; for waits that block it changed
//!   nothing, since those come only after 50 us without work.
//! * Bundles. A send is one request for a whole batch, and a buffer holds 64 KiB: there is nothing left to
//!   bundle.
//! * Multishot accepts. The kernel accepts for as long as somebody connects, up to the size of the completion
//!   queue, before anybody else gets a turn: with 4 threads that connected and left at once, over 4,000 of
//!   those descriptors were open at a time (now 40), and nothing was heard of others meanwhile.
//! * `SEND_ZC`. Over loopback the kernel copies all the same, and it took 1.3 to 1.8 times as long.
#![allow(unsafe_code)]

mod buffers;
mod connection;
mod datagram;
mod features;
mod operation;
mod probe;
mod refusal;
mod ring;
mod wake;

pub(crate) use probe::{explain, probe, proven, report};

use super::datagram::{Datagram, DatagramBatch, DatagramBuffer, DatagramReceive};
use super::{ACCEPTS, Backend, Buffer, Ended, Event, Receive, Stream, Wake, refused, socket};
use crate::batch::Batch;
use crate::discard::discard;
use crate::io_thread::token::Token;
use buffers::{BufferRing, STREAMS};
use connection::{ConnectionState, Spare};
use datagram::DatagramState;
use io_uring::{cqueue, squeue};
use operation::{OPERATIONS, OperationKind};
use ring::Ring;
use ringmq_pipe::Section;
use socket2::{SockAddr, Socket};
use std::collections::HashMap;
use std::io;
use std::os::fd::FromRawFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};
use wake::RingWaker;

/// How long a dropped backend waits for the kernel to let go; what it still holds then is leaked.
const DRAIN: Duration = Duration::from_secs(1);

/// See the [module's documentation](self).
pub(crate) struct Uring {
    ring: Ring,
    connections: HashMap<Token, ConnectionState>,
    buffers: BufferRing,
    /// Sockets without a connection, each with buffers of its own.
    datagrams: HashMap<Token, DatagramState>,
    spare: Spare,
    /// Tokens whose receive found no free buffer.
    starved: Vec<Token>,
    /// Answers that need no kernel, or have had it already.
    early: Vec<Event>,
    /// Tokens of the sends of datagrams that are among those.
    answered: Vec<Token>,
    wake: Arc<RingWaker>,
    /// Kept for its memory: empty between calls.
    completions: Vec<cqueue::Entry>,
}

impl Uring {
    /// The largest that there is memory for.
    pub(crate) fn new() -> io::Result<Self> {
        let mut result = Err(io::ErrorKind::OutOfMemory.into());
        for size in ring::SIZES {
            result = Ring::new(size).and_then(Self::on);
            let short = |error: &io::Error| error.raw_os_error() == Some(libc::ENOMEM);
            if !result.as_ref().is_err_and(short) {
                break;
            }
        }
        result
    }

    fn on(mut ring: Ring) -> io::Result<Self> {
        let buffers = BufferRing::new(&ring, STREAMS)?;
        let wake = Arc::new(RingWaker::new()?);
        ring.push(&wake.request());
        Ok(Self {
            ring,
            connections: HashMap::new(),
            buffers,
            datagrams: HashMap::new(),
            spare: Spare::default(),
            starved: Vec::new(),
            early: Vec::new(),
            answered: Vec::new(),
            wake,
            completions: Vec::new(),
        })
    }

    fn connection(&mut self, token: Token, socket: &Arc<Socket>) -> &mut ConnectionState {
        self.connections.entry(token).or_insert_with(|| ConnectionState::new(socket.clone()))
    }

    /// Queues a request of a token that there is, and counts its completion to come.
    fn push(&mut self, token: Token, kind: OperationKind, request: &squeue::Entry) {
        if let Some(connection) = self.connections.get_mut(&token) {
            connection.begin(kind);
            self.ring.push(request);
        }
    }

    fn cancel(&mut self, token: Token, kind: OperationKind) {
        self.push(token, OperationKind::Cancel, &operation::cancel(token, kind));
    }

    fn arm_accept(&mut self, token: Token) {
        let Some(connection) = self.connections.get(&token) else { return };
        if !connection.closed && !connection.is_under_way(OperationKind::Accept) {
            let request = operation::accept(token, &connection.socket);
            self.push(token, OperationKind::Accept, &request);
        }
    }

    fn arm_receive(&mut self, token: Token) {
        let Some(connection) = self.connections.get_mut(&token) else { return };
        if let Some(how) = connection.receiving.filter(|_| !connection.closed) {
            let request = operation::receive(token, &connection.socket, how);
            self.push(token, OperationKind::Receive, &request);
        }
    }

    fn complete(&mut self, entry: &cqueue::Entry, events: &mut Vec<Event>) {
        let (token, kind) = operation::decode(entry.user_data());
        let more = cqueue::more(entry.flags());
        let Some(kind) = kind else { return };
        match kind {
            OperationKind::Wake => {
                if !more {
                    self.ring.push(&self.wake.request());
                }
                return;
            }
            OperationKind::Datagrams => return self.datagram_arrived(token, entry, events),
            OperationKind::Writable => return self.datagrams_can_go(token, entry.result(), events),
            _ => {}
        }
        let buffer = cqueue::buffer_select(entry.flags());
        buffer.iter().for_each(|_| self.buffers.taken());
        let Some(connection) = self.connections.get_mut(&token) else {
            // Entries outlive their requests, so there is no buffer; if there were, it would be
            // lost for good.
            buffer.into_iter().for_each(|index| self.buffers.give(index));
            return self.datagrams_cancelled(token);
        };
        if !more {
            connection.end(kind);
        }
        let result = entry.result();
        match kind {
            OperationKind::Accept => self.accepted(token, result, events),
            OperationKind::Connect => {
                connection.address = None;
                if !connection.closed {
                    events.push(Event::Connected(token, outcome(result).map(drop)));
                }
            }
            OperationKind::Receive => self.received(token, result, buffer, more, events),
            OperationKind::Send => {
                if let Some(operation) = connection.sending.take() {
                    let batch = self.spare.finish(operation);
                    events.push(Event::Sent(token, batch, outcome(result)));
                }
            }
            _ => {}
        }
        self.forget_if_done(token);
    }

    fn accepted(&mut self, token: Token, result: i32, events: &mut Vec<Event>) {
        let mut next = outcome(result).map(|fd| {
            // SAFETY: a descriptor that the kernel has just made for us, owned by nobody else.
            unsafe { Socket::from_raw_fd(fd as i32) }
        });
        let Some(connection) = self.connections.get(&token).filter(|c| !c.closed) else { return };
        for count in 1.. {
            let failed = next.is_err();
            events.push(Event::Accepted(token, next));
            if failed {
                // Descriptors used up, for instance: the listener decides when to go on.
                return;
            }
            if count == ACCEPTS {
                break;
            }
            next = socket::accept(&connection.socket);
            if next.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock) {
                break;
            }
        }
        self.arm_accept(token);
    }

    fn received(
        &mut self,
        token: Token,
        result: i32,
        buffer: Option<u16>,
        more: bool,
        events: &mut Vec<Event>,
    ) {
        let Some(connection) = self.connections.get_mut(&token) else { return };
        let filled = usize::try_from(result).unwrap_or(0);
        match buffer {
            Some(index) if filled > 0 && !connection.closed => {
                events.push(Event::Received(token, Buffer { index, len: filled }));
            }
            Some(index) => self.buffers.give(index),
            None => {}
        }
        if more || connection.closed {
            return;
        }
        let stream = connection.receiving == Some(Receive::Stream);
        let ended = match result {
            1.. if stream && !connection.pausing => {
                self.arm_receive(token);
                return;
            }
            1.. => Ended::Stopped,
            0 => Ended::Eof,
            _ if -result == libc::ENOBUFS && !connection.pausing => {
                self.starved.push(token);
                return;
            }
            _ if matches!(-result, libc::ECANCELED | libc::ENOBUFS) => Ended::Stopped,
            _ => Ended::Failed(io::Error::from_raw_os_error(-result)),
        };
        connection.receiving = None;
        connection.pausing = false;
        events.push(Event::ReceiveEnded(token, ended));
    }

    fn forget_if_done(&mut self, token: Token) {
        if self.connections.get(&token).is_some_and(|c| c.closed && c.is_idle()) {
            self.connections.remove(&token);
        }
    }

    /// Goes on with receives that found no buffer, if some have been given back.
    fn feed_starved(&mut self, events: &mut Vec<Event>) {
        // No more of them than there are buffers: the others would only starve again.
        let mut left = self.buffers.left();
        for token in std::mem::take(&mut self.starved) {
            let Some(connection) = self.connections.get_mut(&token) else { continue };
            if connection.closed {
                continue;
            }
            if std::mem::take(&mut connection.pausing) {
                // There was no request that the pause could have cancelled.
                connection.receiving = None;
                events.push(Event::ReceiveEnded(token, Ended::Stopped));
            } else if left > 0 {
                left -= 1;
                self.arm_receive(token);
            } else {
                self.starved.push(token);
            }
        }
    }

    fn reap(&mut self, events: &mut Vec<Event>) {
        let mut completions = std::mem::take(&mut self.completions);
        self.ring.reap(&mut completions);
        for entry in completions.drain(..) {
            self.complete(&entry, events);
        }
        self.completions = completions;
    }
}

/// A completion's result as a value or an error.
fn outcome(result: i32) -> io::Result<usize> {
    usize::try_from(result).map_err(|_| io::Error::from_raw_os_error(-result))
}

impl Backend for Uring {
    fn waker(&self) -> Arc<dyn Wake> {
        self.wake.clone()
    }

    fn busy_poll(&mut self, time: Duration) -> io::Result<()> {
        self.ring.busy_poll(time)
    }

    fn accept(&mut self, token: Token, listener: &Arc<Socket>) {
        self.connection(token, listener);
        self.arm_accept(token);
    }

    fn connect(&mut self, token: Token, socket: &Arc<Socket>, address: &SockAddr) {
        let connection = self.connection(token, socket);
        if connection.closed || connection.is_under_way(OperationKind::Connect) {
            return self.early.push(Event::Connected(token, Err(refused())));
        }
        let address: &SockAddr = connection.address.insert(Box::new(address.clone()));
        let request = operation::connect(token, &connection.socket, address);
        self.push(token, OperationKind::Connect, &request);
    }

    fn receive(&mut self, token: Token, stream: &Stream, how: Receive) {
        let connection = self.connection(token, stream.socket());
        if connection.receiving.is_some() {
            return;
        }
        connection.receiving = Some(how);
        connection.pausing = false;
        self.arm_receive(token);
    }

    fn pause(&mut self, token: Token) {
        let Some(connection) = self.connections.get_mut(&token) else {
            return self.pause_datagrams(token);
        };
        if connection.receiving.is_some() && !std::mem::replace(&mut connection.pausing, true) {
            self.cancel(token, OperationKind::Receive);
        }
    }

    fn send(&mut self, token: Token, stream: &Stream, batch: Batch) {
        let Self { connections, spare, early, .. } = self;
        let connection = connections
            .entry(token)
            .or_insert_with(|| ConnectionState::new(stream.socket().clone()));
        if connection.closed || connection.is_under_way(OperationKind::Send) {
            return early.push(Event::Sent(token, batch, Err(refused())));
        }
        let request = connection.start_send(token, batch, spare);
        self.push(token, OperationKind::Send, &request);
    }

    fn close(&mut self, token: Token) {
        let Some(connection) = self.connections.get_mut(&token) else {
            return self.close_datagrams(token);
        };
        if std::mem::replace(&mut connection.closed, true) {
            return;
        }
        let under_way = OPERATIONS.map(|kind| connection.is_under_way(kind).then_some(kind));
        under_way.into_iter().flatten().for_each(|kind| self.cancel(token, kind));
        self.forget_if_done(token);
    }

    fn poll(&mut self, timeout: Option<Duration>, events: &mut Vec<Event>) -> io::Result<()> {
        self.end_answered_sends();
        events.append(&mut self.early);
        self.feed_starved(events);
        let timeout = if events.is_empty() { timeout } else { Some(Duration::ZERO) };
        let entered = self.ring.enter(timeout);
        self.reap(events);
        entered
    }

    fn bytes(&self, buffer: &Buffer) -> &[u8] {
        self.buffers.bytes(buffer)
    }

    fn release(&mut self, buffer: Buffer) {
        self.buffers.give(buffer.index);
    }

    fn receive_datagrams(&mut self, token: Token, socket: &Arc<Socket>, how: DatagramReceive) {
        self.start_datagrams(token, socket, how);
    }

    fn send_datagrams(&mut self, token: Token, socket: &Arc<Socket>, batch: DatagramBatch) {
        self.start_datagram_send(token, socket, batch);
    }

    fn datagram(&self, buffer: &DatagramBuffer) -> Option<Datagram<'_>> {
        self.datagrams.get(&buffer.token)?.datagram(&buffer.buffer)
    }

    fn release_datagram(&mut self, buffer: DatagramBuffer) {
        self.give_datagram_back(buffer.token, buffer.buffer);
    }
}

impl Uring {
    /// Whether the kernel may refer to something, or something is not forgotten yet.
    fn has_requests(&self) -> bool {
        !(self.connections.is_empty() && self.datagrams.is_empty())
    }

    /// Ends everything and waits until the kernel has let go of it, for [`DRAIN`] at the most.
    fn drain(&mut self) {
        let tokens = self.connections.keys().chain(self.datagrams.keys());
        let tokens: Vec<Token> = tokens.copied().collect();
        tokens.into_iter().for_each(|token| self.close(token));
        let deadline = Instant::now() + DRAIN;
        let mut events = Vec::new();
        while self.has_requests() && Instant::now() < deadline {
            let polled = self.poll(Some(DRAIN / 10), &mut events);
            // Buffers of late events are not needed any more, batches go with their events: one by one,
            // since that may run code of the application.
            events.drain(..).for_each(discard);
            if polled.is_err() {
                break;
            }
        }
        self.early.drain(..).for_each(discard);
    }
}

impl Drop for Uring {
    fn drop(&mut self) {
        // Unwind safe: only whether connections are left is looked at afterwards. This may be called by a
        // thread that unwinds, and must not let go of what the kernel holds, whatever happens.
        if catch_unwind(AssertUnwindSafe(|| self.drain())).is_err() {
            Section::run_after(move || tracing::error!("ending the requests of a ring panicked"));
        }
        if self.has_requests() {
            // The kernel still holds memory of ours: giving it up beats freeing it.
            let left = self.connections.len() + self.datagrams.len();
            Section::run_after(move || tracing::error!(left, "requests did not end; leaking them"));
            std::mem::forget(std::mem::take(&mut self.connections));
            std::mem::forget(std::mem::take(&mut self.datagrams));
            self.buffers.leak();
        }
    }
}
