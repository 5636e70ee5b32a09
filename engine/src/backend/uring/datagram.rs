//! Datagram sockets of the io_uring backend.
//!
//! A receive is one multishot request, and every socket has a group of buffers of its own: a busy
//! one uses those up, which ends its request for this `poll`, and takes nothing from others. (A
//! kernel that has no multishot receive of messages has none of bytes either, and then there is no
//! backend.) A send is not the ring's: one call sends all that goes out, at once, in order, and past
//! those that are refused; only if there is no room the ring is asked when the socket can be written
//! to. Requests for each datagram would be as many entries and completions, for a kernel path that
//! takes ten times as long.
#![allow(unsafe_code)]

use super::buffers::{BufferGroup, BufferRing};
use super::operation::{self, OperationKind};
use super::{Uring, outcome};
use crate::backend::datagram::{
    self, DATAGRAMS, Datagram, DatagramBatch, DatagramBuffer, DatagramInfo, DatagramReceive,
    Segmentation,
    address::{CONTROL, NAME, destination, source},
    segment::segment,
};
use crate::backend::{Buffer, Ended, Event, refused};
use crate::io_thread::token::Token;
use io_uring::cqueue;
use io_uring::types::RecvMsgOut;
use ringmq_pipe::Section;
use socket2::Socket;
use std::io;
use std::sync::Arc;

/// What the kernel writes in front of a datagram: the lengths of all that follows, the source, and
/// control data.
const HEADROOM: usize = 4 * size_of::<u32>() + NAME + CONTROL;

const _: () = assert!(DATAGRAMS.is_power_of_two() && DATAGRAMS <= u16::MAX as usize);

/// A datagram socket's requests: everything they refer to stays here until the last of them has
/// answered.
pub(super) struct DatagramState {
    socket: Arc<Socket>,
    /// Nobody listens any more; the entry waits for its requests to end.
    closed: bool,
    /// Requests that have not had their last completion.
    in_flight: u32,
    receiving: bool,
    pausing: bool,
    /// A receive is with the kernel: not while all buffers are lent.
    armed: bool,
    /// How much room for a source and for control data there is; boxed, because the kernel may read
    /// it.
    header: Box<libc::msghdr>,
    /// From the first receive on.
    buffers: Option<BufferRing>,
    /// Bytes that are kept of each datagram.
    longest: usize,
    /// A send that is under way.
    sending: Option<DatagramSend>,
    runs: Segmentation,
}

/// How far a send has come.
enum DatagramSend {
    /// It waits until the socket can be written to.
    Waiting(DatagramBatch),
    /// Its answer is among those that the next `poll` tells: until then, it is under way.
    Answered,
}

impl DatagramState {
    fn new(socket: Arc<Socket>) -> Self {
        // SAFETY: a msghdr of zeroes is valid: no name, no vector, no control data.
        let mut header: Box<libc::msghdr> = Box::new(unsafe { std::mem::zeroed() });
        header.msg_namelen = NAME as _;
        header.msg_controllen = CONTROL as _;
        Self {
            socket,
            closed: false,
            in_flight: 0,
            receiving: false,
            pausing: false,
            armed: false,
            header,
            buffers: None,
            longest: 0,
            sending: None,
            runs: Segmentation::default(),
        }
    }

    /// What lies in a buffer, if it came from an address of IP.
    pub(super) fn datagram(&self, buffer: &Buffer) -> Option<Datagram<'_>> {
        let buffers = self.buffers.as_ref().filter(|_| !self.closed)?;
        let written = buffers.bytes(buffer);
        let message = RecvMsgOut::parse(written, &self.header).ok()?;
        let control = message.control_data();
        let info = DatagramInfo {
            len: message.payload_data().len(),
            source: source(message.name_data())?,
            destination: destination(control),
            truncated: message.is_payload_truncated(),
            segment: segment(control),
        };
        Some(info.datagram(written.get(HEADROOM..)?, self.longest))
    }

    /// The batch that waits, which does not any more.
    fn take_waiting(&mut self) -> Option<DatagramBatch> {
        match self.sending.take() {
            Some(DatagramSend::Waiting(batch)) => Some(batch),
            other => {
                self.sending = other;
                None
            }
        }
    }

    /// Whether a receive is to be given to the kernel, and can be: there is a buffer for it.
    fn may_arm(&self) -> bool {
        let has_room = self.buffers.as_ref().is_some_and(|buffers| buffers.left() > 0);
        self.receiving && !self.armed && !self.closed && has_room
    }
}

impl Uring {
    fn datagram_state(&mut self, token: Token, socket: &Arc<Socket>) -> &mut DatagramState {
        self.datagrams.entry(token).or_insert_with(|| DatagramState::new(socket.clone()))
    }

    pub(super) fn start_datagrams(
        &mut self,
        token: Token,
        socket: &Arc<Socket>,
        how: DatagramReceive,
    ) {
        let state = self.datagram_state(token, socket);
        if state.receiving || state.closed {
            return;
        }
        if state.buffers.is_none() {
            let made = self.make_buffers(how);
            let state = self.datagram_state(token, socket);
            match made {
                Ok(buffers) => {
                    datagram::set_runs(socket, how.runs);
                    state.longest = how.kept();
                    state.buffers = Some(buffers);
                }
                Err(error) => {
                    let ended = Ended::Failed(error);
                    return self.early.push(Event::ReceiveEnded(token, ended));
                }
            }
        }
        let state = self.datagram_state(token, socket);
        state.receiving = true;
        state.pausing = false;
        self.arm_datagrams(token);
    }

    /// A group of buffers for one socket, with an id that no other has.
    fn make_buffers(&self, how: DatagramReceive) -> io::Result<BufferRing> {
        let used = |id: &u16| {
            let of = |state: &DatagramState| state.buffers.as_ref().map(BufferRing::id);
            self.datagrams.values().any(|state| of(state) == Some(*id))
        };
        // The first is that of the streams.
        let id = (1..u16::MAX).find(|id| !used(id)).ok_or(io::ErrorKind::OutOfMemory)?;
        // No larger: where a buffer ends the kernel cuts what is in it.
        let size = HEADROOM + how.room();
        let group = BufferGroup { id, count: DATAGRAMS as u16, size, zeroed: HEADROOM };
        BufferRing::new(&self.ring, group)
    }

    fn arm_datagrams(&mut self, token: Token) {
        let Some(state) = self.datagrams.get_mut(&token).filter(|state| state.may_arm()) else {
            return;
        };
        let Some(group) = state.buffers.as_ref().map(BufferRing::id) else { return };
        state.armed = true;
        state.in_flight += 1;
        let header = &raw const *state.header;
        let request = operation::receive_datagrams(token, &state.socket, header, group);
        self.ring.push(&request);
    }

    /// A completion of a receive.
    pub(super) fn datagram_arrived(
        &mut self,
        token: Token,
        entry: &cqueue::Entry,
        events: &mut Vec<Event>,
    ) {
        let Some(state) = self.datagrams.get_mut(&token) else { return };
        let result = outcome(entry.result());
        if let (Some(index), Some(buffers)) =
            (cqueue::buffer_select(entry.flags()), &mut state.buffers)
        {
            buffers.taken();
            let buffer = Buffer { index, len: *result.as_ref().unwrap_or(&0) };
            if state.datagram(&buffer).is_some() {
                events.push(Event::Datagram(token, DatagramBuffer { token, buffer }));
            } else if let Some(buffers) = &mut state.buffers {
                // Of a socket that is closed, or not one of IP.
                buffers.give(index);
            }
        }
        if cqueue::more(entry.flags()) {
            return;
        }
        state.in_flight -= 1;
        state.armed = false;
        if state.closed {
            return self.forget_datagrams_if_done(token);
        }
        let ended = match result {
            _ if state.pausing => Ended::Stopped,
            // Goes on at once if buffers have come back meanwhile, or when they do.
            Ok(_) => return self.arm_datagrams(token),
            Err(error) if error.raw_os_error() == Some(libc::ENOBUFS) => {
                return self.arm_datagrams(token);
            }
            Err(error) => Ended::Failed(error),
        };
        state.receiving = false;
        state.pausing = false;
        events.push(Event::ReceiveEnded(token, ended));
    }

    pub(super) fn give_datagram_back(&mut self, token: Token, buffer: Buffer) {
        let Some(state) = self.datagrams.get_mut(&token).filter(|state| !state.closed) else {
            return; // Its memory goes with the socket's entry.
        };
        if let Some(buffers) = &mut state.buffers {
            buffers.give(buffer.index);
        }
        self.arm_datagrams(token);
    }

    pub(super) fn pause_datagrams(&mut self, token: Token) {
        let Some(state) = self.datagrams.get_mut(&token) else { return };
        if !state.receiving || std::mem::replace(&mut state.pausing, true) {
            return;
        }
        if state.armed {
            return self.cancel_datagrams(token, OperationKind::Datagrams);
        }
        // All buffers are lent: there is no request that could be cancelled.
        state.receiving = false;
        state.pausing = false;
        self.early.push(Event::ReceiveEnded(token, Ended::Stopped));
    }

    fn cancel_datagrams(&mut self, token: Token, kind: OperationKind) {
        if let Some(state) = self.datagrams.get_mut(&token) {
            state.in_flight += 1;
            self.ring.push(&operation::cancel(token, kind));
        }
    }

    pub(super) fn datagrams_cancelled(&mut self, token: Token) {
        if let Some(state) = self.datagrams.get_mut(&token) {
            state.in_flight -= 1;
            self.forget_datagrams_if_done(token);
        }
    }

    pub(super) fn start_datagram_send(
        &mut self,
        token: Token,
        socket: &Arc<Socket>,
        batch: DatagramBatch,
    ) {
        let state = self.datagram_state(token, socket);
        if state.closed || state.sending.is_some() {
            return self.early.push(Event::DatagramsSent(token, batch, Err(refused())));
        }
        // Nearly always there is room.
        match datagram::send(&state.socket, &batch, &mut state.runs) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                state.sending = Some(DatagramSend::Waiting(batch));
                self.await_writable(token);
            }
            result => {
                state.sending = Some(DatagramSend::Answered);
                self.answered.push(token);
                self.early.push(Event::DatagramsSent(token, batch, result));
            }
        }
    }

    /// Has the sends of which the answers are told now be over.
    pub(super) fn end_answered_sends(&mut self) {
        for token in self.answered.drain(..) {
            if let Some(state) = self.datagrams.get_mut(&token)
                && matches!(state.sending, Some(DatagramSend::Answered))
            {
                state.sending = None;
            }
        }
    }

    fn await_writable(&mut self, token: Token) {
        if let Some(state) = self.datagrams.get_mut(&token) {
            state.in_flight += 1;
            self.ring.push(&operation::writable(token, &state.socket));
        }
    }

    /// The socket can be written to, or the wait for that is over for another reason.
    pub(super) fn datagrams_can_go(&mut self, token: Token, result: i32, events: &mut Vec<Event>) {
        let Some(state) = self.datagrams.get_mut(&token) else { return };
        state.in_flight -= 1;
        let Some(batch) = state.take_waiting() else {
            return self.forget_datagrams_if_done(token);
        };
        let sent = outcome(result);
        match sent.and_then(|_| datagram::send(&state.socket, &batch, &mut state.runs)) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                state.sending = Some(DatagramSend::Waiting(batch));
                self.await_writable(token);
            }
            result => events.push(Event::DatagramsSent(token, batch, result)),
        }
    }

    pub(super) fn close_datagrams(&mut self, token: Token) {
        let Some(state) = self.datagrams.get_mut(&token) else { return };
        if std::mem::replace(&mut state.closed, true) {
            return;
        }
        let (armed, batch) = (state.armed, state.take_waiting());
        // Nobody is to be told any more that a receive has ended.
        self.early.retain(|event| !matches!(event, Event::ReceiveEnded(of, _) if *of == token));
        if let Some(batch) = batch {
            // Nothing of it went out: it is sent by calls, not by requests.
            let result = Err(io::ErrorKind::NotConnected.into());
            self.early.push(Event::DatagramsSent(token, batch, result));
            self.cancel_datagrams(token, OperationKind::Writable);
        }
        if armed {
            self.cancel_datagrams(token, OperationKind::Datagrams);
        }
        self.forget_datagrams_if_done(token);
    }

    /// Forgets a socket that is closed when the kernel refers to nothing of it any more.
    fn forget_datagrams_if_done(&mut self, token: Token) {
        if !self.datagrams.get(&token).is_some_and(|state| state.closed && state.in_flight == 0) {
            return;
        }
        let Some(mut buffers) = self.datagrams.remove(&token).and_then(|state| state.buffers)
        else {
            return;
        };
        if let Err(error) = self.ring.unregister_buffers(buffers.id()) {
            // The kernel may still know them: giving them up beats freeing them.
            Section::run_after(
                move || tracing::error!(%error, "receive buffers cannot be had back; leaking them"),
            );
            buffers.leak();
        }
    }
}
