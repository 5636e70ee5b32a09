//! A datagram socket of the portable backend: what is wanted of it, and how ready it is.

use super::readiness::{Readiness, interest};
use crate::backend::datagram::{
    self, DATAGRAMS, Datagram, DatagramBatch, DatagramBuffer, DatagramReceive, DatagramSlot,
    Segmentation,
};
use crate::backend::{Buffer, Ended, Event, refused};
use crate::io_thread::token::Token;
use ::mio::{Registry, Token as MioToken};
use socket2::Socket;
use std::io;
use std::sync::Arc;

pub(super) struct DatagramState {
    socket: Arc<Socket>,
    pub(super) readiness: Readiness,
    /// Stands in the backend's queue.
    pub(super) queued: bool,
    receiving: bool,
    pausing: bool,
    /// From the first receive on: those that are to be received into, and those that are lent, by
    /// index.
    idle: Vec<DatagramSlot>,
    lent: Vec<Option<DatagramSlot>>,
    sending: Option<DatagramBatch>,
    runs: Segmentation,
}

impl DatagramState {
    pub(super) fn new(socket: Arc<Socket>) -> Self {
        Self {
            socket,
            readiness: Readiness::new(),
            queued: false,
            receiving: false,
            pausing: false,
            idle: Vec::new(),
            lent: Vec::new(),
            sending: None,
            runs: Segmentation::default(),
        }
    }

    pub(super) fn start_receive(&mut self, how: DatagramReceive) {
        if self.receiving {
            return;
        }
        if self.lent.is_empty() {
            datagram::set_runs(&self.socket, how.runs);
            self.idle.extend((0..DATAGRAMS).map(|_| DatagramSlot::new(how)));
            self.lent.extend((0..DATAGRAMS).map(|_| None));
        }
        self.receiving = true;
        self.pausing = false;
    }

    pub(super) fn pause(&mut self) {
        self.pausing = self.receiving;
    }

    /// Answers at once if one is under way.
    pub(super) fn start_send(&mut self, token: Token, batch: DatagramBatch) -> Option<Event> {
        if self.sending.is_some() {
            return Some(Event::DatagramsSent(token, batch, Err(refused())));
        }
        self.sending = Some(batch);
        None
    }

    /// Ends it all; a send under way is answered: nothing of it went out.
    pub(super) fn close(mut self, token: Token, registry: &Registry) -> Option<Event> {
        self.readiness.deregister(registry, &self.socket);
        let batch = self.sending.take()?;
        Some(Event::DatagramsSent(token, batch, Err(io::ErrorKind::NotConnected.into())))
    }

    /// Has the poll tell of the socket if it is to become ready for something; `false` if that
    /// failed, which is for the next [`run`](Self::run) to tell.
    pub(super) fn arrange(&mut self, registry: &Registry, token: MioToken) -> bool {
        // Whoever waits for a buffer has something to read already.
        let read = self.receiving && !self.readiness.readable;
        match interest(read, self.sending.is_some()) {
            Some(wanted) => self.readiness.arrange(registry, token, &self.socket, wanted),
            None if !self.receiving => {
                self.readiness.deregister(registry, &self.socket);
                true
            }
            None => true,
        }
    }

    /// Does what can be done now.
    pub(super) fn run(&mut self, token: Token, events: &mut Vec<Event>) {
        if let Some(error) = self.readiness.failure() {
            return self.fail(token, &error, events);
        }
        if std::mem::take(&mut self.pausing) {
            self.end(token, Ended::Stopped, events);
        }
        // No more than there are buffers.
        while self.receiving && self.readiness.readable && !self.idle.is_empty() {
            self.receive(token, events);
        }
        if self.readiness.writable {
            self.send(token, events);
        }
    }

    /// Ends every operation under way with an error.
    fn fail(&mut self, token: Token, error: &dyn Fn() -> io::Error, events: &mut Vec<Event>) {
        if let Some(batch) = self.sending.take() {
            events.push(Event::DatagramsSent(token, batch, Err(error())));
        }
        if self.receiving {
            self.end(token, Ended::Failed(error()), events);
        }
    }

    fn end(&mut self, token: Token, ended: Ended, events: &mut Vec<Event>) {
        self.receiving = false;
        events.push(Event::ReceiveEnded(token, ended));
    }

    /// Receives what one call brings.
    fn receive(&mut self, token: Token, events: &mut Vec<Event>) {
        match datagram::receive(&self.socket, &mut self.idle) {
            Ok(count) => {
                for slot in self.idle.drain(..count).collect::<Vec<_>>() {
                    self.lend(token, slot, events);
                }
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                self.readiness.readable = false;
            }
            Err(error) => self.end(token, Ended::Failed(error), events),
        }
    }

    /// Tells of the datagram in a slot.
    fn lend(&mut self, token: Token, slot: DatagramSlot, events: &mut Vec<Event>) {
        let len = slot.datagram().map(|datagram| datagram.bytes.len());
        let free = self.lent.iter().position(Option::is_none);
        let (Some(len), Some(index)) = (len, free) else { return self.idle.push(slot) };
        self.lent[index] = Some(slot);
        let buffer = Buffer { index: index as u16, len };
        events.push(Event::Datagram(token, DatagramBuffer { token, buffer }));
    }

    fn send(&mut self, token: Token, events: &mut Vec<Event>) {
        let Some(batch) = self.sending.take() else { return };
        match datagram::send(&self.socket, &batch, &mut self.runs) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                self.readiness.writable = false;
                self.sending = Some(batch);
            }
            result => events.push(Event::DatagramsSent(token, batch, result)),
        }
    }

    pub(super) fn datagram(&self, buffer: &Buffer) -> Option<Datagram<'_>> {
        self.lent.get(usize::from(buffer.index))?.as_ref()?.datagram()
    }

    /// Takes a buffer back.
    pub(super) fn release(&mut self, buffer: &Buffer) {
        let lent = self.lent.get_mut(usize::from(buffer.index));
        self.idle.extend(lent.and_then(Option::take));
    }
}
