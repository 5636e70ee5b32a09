//! The portable backend: readiness from mio (epoll, kqueue, IOCP), turned into completions.
//!
//! Every operation is tried at once where it is likely to succeed; what would block waits for its
//! socket to become ready. Readiness is edge-triggered: a socket is remembered as ready until
//! a call on it says that it would block.

mod buffers;
mod connection;
mod datagram;
mod readiness;
mod source;

use super::datagram::{Datagram, DatagramBatch, DatagramBuffer, DatagramReceive};
use super::{Backend, Buffer, Event, Receive, Stream, Wake};
use crate::batch::Batch;
use crate::discard::discard;
use crate::io_thread::token::Token;
use ::mio::{Events, Poll, Token as MioToken, Waker};
use buffers::Buffers;
use connection::ConnectionState;
use datagram::DatagramState;
use readiness::Progress;
use ringmq_pipe::Section;
use socket2::{SockAddr, Socket};
use std::collections::{HashMap, VecDeque};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Readiness events taken from the system at once.
const EVENTS: usize = 256;
/// The key of the waker among the tokens, which start at one.
const WAKER: MioToken = MioToken(0);

/// See the [module's documentation](self).
pub(crate) struct Mio {
    poll: Poll,
    ready: Events,
    waker: Arc<MioWake>,
    connections: HashMap<Token, ConnectionState>,
    /// Sockets without a connection, each with buffers of its own.
    datagrams: HashMap<Token, DatagramState>,
    /// Tokens with something to do before the next wait, each once.
    runnable: VecDeque<Token>,
    /// Tokens whose receive found no free buffer.
    starved: Vec<Token>,
    /// Answers that need no system call.
    early: Vec<Event>,
    buffers: Buffers,
}

impl Mio {
    pub(crate) fn new() -> io::Result<Self> {
        let poll = Poll::new()?;
        let waker = Waker::new(poll.registry(), WAKER)?;
        let waker = Arc::new(MioWake { waker, signalled: AtomicBool::new(false) });
        Ok(Self {
            poll,
            ready: Events::with_capacity(EVENTS),
            waker,
            connections: HashMap::new(),
            datagrams: HashMap::new(),
            runnable: VecDeque::new(),
            starved: Vec::new(),
            early: Vec::new(),
            buffers: Buffers::new(),
        })
    }

    fn connection(&mut self, token: Token, socket: &Arc<Socket>) -> &mut ConnectionState {
        self.connections.entry(token).or_insert_with(|| ConnectionState::new(socket.clone()))
    }

    fn datagram_state(&mut self, token: Token, socket: &Arc<Socket>) -> &mut DatagramState {
        self.datagrams.entry(token).or_insert_with(|| DatagramState::new(socket.clone()))
    }

    fn make_datagrams_runnable(&mut self, token: Token) {
        if let Some(state) = self.datagrams.get_mut(&token)
            && !std::mem::replace(&mut state.queued, true)
        {
            self.runnable.push_back(token);
        }
    }

    fn make_runnable(&mut self, token: Token) {
        if let Some(connection) = self.connections.get_mut(&token)
            && !std::mem::replace(&mut connection.queued, true)
        {
            self.runnable.push_back(token);
        }
    }

    /// Runs everything that can make progress without waiting.
    fn run(&mut self, events: &mut Vec<Event>) {
        for _ in 0..self.runnable.len() {
            let Some(token) = self.runnable.pop_front() else { break };
            let Some(connection) = self.connections.get_mut(&token) else {
                self.run_datagrams(token, events);
                continue;
            };
            connection.queued = false;
            match connection.run(token, &mut self.buffers, events) {
                Progress::Blocked => {
                    if !connection.arrange(self.poll.registry(), MioToken(token.key())) {
                        self.make_runnable(token);
                    }
                }
                Progress::More => self.make_runnable(token),
                Progress::Starved => self.starved.push(token),
            }
        }
    }

    fn run_datagrams(&mut self, token: Token, events: &mut Vec<Event>) {
        let Some(state) = self.datagrams.get_mut(&token) else { return };
        state.queued = false;
        state.run(token, events);
        if !state.arrange(self.poll.registry(), MioToken(token.key())) {
            self.make_datagrams_runnable(token);
        }
    }

    fn wait(&mut self, timeout: Option<Duration>) -> io::Result<()> {
        match self.poll.poll(&mut self.ready, timeout) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(()),
            result => result?,
        }
        for event in &self.ready {
            if event.token() == WAKER {
                self.waker.reset();
                continue;
            }
            let token = Token::from_key(event.token().0);
            let (readiness, queued) = match self.connections.get_mut(&token) {
                Some(connection) => (&mut connection.readiness, &mut connection.queued),
                None => match self.datagrams.get_mut(&token) {
                    Some(state) => (&mut state.readiness, &mut state.queued),
                    None => continue,
                },
            };
            readiness.news(event);
            if !std::mem::replace(queued, true) {
                self.runnable.push_back(token);
            }
        }
        Ok(())
    }
}

/// Signals once for each wait: what the system keeps of a wake may be a packet in a queue without
/// an end.
struct MioWake {
    waker: Waker,
    signalled: AtomicBool,
}

impl Wake for MioWake {
    fn wake(&self) {
        // AcqRel: pairs with `reset`, so that what was done before a wake that found it signalled
        // is seen by whoever resets it.
        if self.signalled.swap(true, Ordering::AcqRel) {
            return;
        }
        if let Err(error) = self.waker.wake() {
            self.signalled.store(false, Ordering::Release);
            Section::run_after(move || tracing::error!(%error, "cannot wake an I/O thread"));
        }
    }
}

impl MioWake {
    /// The wait it was signalled for is over; what it was signalled for is looked at after this.
    fn reset(&self) {
        self.signalled.swap(false, Ordering::AcqRel);
    }
}

impl Backend for Mio {
    fn waker(&self) -> Arc<dyn Wake> {
        self.waker.clone()
    }

    fn accept(&mut self, token: Token, listener: &Arc<Socket>) {
        self.connection(token, listener).start_accept();
        self.make_runnable(token);
    }

    fn connect(&mut self, token: Token, socket: &Arc<Socket>, address: &SockAddr) {
        let answer = self.connection(token, socket).start_connect(token, address);
        self.early.extend(answer);
        self.make_runnable(token);
    }

    fn receive(&mut self, token: Token, stream: &Stream, how: Receive) {
        self.connection(token, stream.socket()).start_receive(how);
        self.make_runnable(token);
    }

    fn pause(&mut self, token: Token) {
        if let Some(connection) = self.connections.get_mut(&token) {
            connection.pause();
            self.make_runnable(token);
        } else if let Some(state) = self.datagrams.get_mut(&token) {
            state.pause();
            self.make_datagrams_runnable(token);
        }
    }

    fn send(&mut self, token: Token, stream: &Stream, batch: Batch) {
        let answer = self.connection(token, stream.socket()).start_send(token, batch);
        self.early.extend(answer);
        self.make_runnable(token);
    }

    fn close(&mut self, token: Token) {
        if let Some(connection) = self.connections.remove(&token) {
            self.early.extend(connection.close(token, self.poll.registry()));
        } else if let Some(state) = self.datagrams.remove(&token) {
            self.early.extend(state.close(token, self.poll.registry()));
        }
    }

    fn poll(&mut self, timeout: Option<Duration>, events: &mut Vec<Event>) -> io::Result<()> {
        events.append(&mut self.early);
        self.run(events);
        let timeout = match events.is_empty() && self.runnable.is_empty() {
            true => timeout,
            false => Some(Duration::ZERO),
        };
        self.wait(timeout)?;
        self.run(events);
        Ok(())
    }

    fn bytes(&self, buffer: &Buffer) -> &[u8] {
        self.buffers.bytes(buffer)
    }

    fn release(&mut self, buffer: Buffer) {
        self.buffers.release(buffer);
        for token in std::mem::take(&mut self.starved) {
            self.make_runnable(token);
        }
    }

    fn receive_datagrams(&mut self, token: Token, socket: &Arc<Socket>, how: DatagramReceive) {
        self.datagram_state(token, socket).start_receive(how);
        self.make_datagrams_runnable(token);
    }

    fn send_datagrams(&mut self, token: Token, socket: &Arc<Socket>, batch: DatagramBatch) {
        let answer = self.datagram_state(token, socket).start_send(token, batch);
        self.early.extend(answer);
        self.make_datagrams_runnable(token);
    }

    fn datagram(&self, buffer: &DatagramBuffer) -> Option<Datagram<'_>> {
        self.datagrams.get(&buffer.token)?.datagram(&buffer.buffer)
    }

    fn release_datagram(&mut self, buffer: DatagramBuffer) {
        if let Some(state) = self.datagrams.get_mut(&buffer.token) {
            state.release(&buffer.buffer);
            self.make_datagrams_runnable(buffer.token);
        }
    }
}

impl Drop for Mio {
    fn drop(&mut self) {
        // One by one: what they were to send may be the application's.
        self.connections.drain().for_each(|(_, connection)| discard(connection));
        self.datagrams.drain().for_each(|(_, state)| discard(state));
        self.early.drain(..).for_each(discard);
    }
}
