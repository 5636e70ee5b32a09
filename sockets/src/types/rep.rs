//! REP: takes one request, gives one reply, in lock-step (RFC 28).
//!
//! A request starts with the frames of its way back, up to the first empty one; they are kept and put
//! before the reply. A request without such an envelope is thrown away.

use super::{Pattern, Portion};
use crate::Message;
use crate::error::Error;
use crate::inner::pipes::Pipes;
use crate::routing::fair_queue::FairQueue;
use crate::socket::payload::Outgoing;
use crate::wait::Wants;
use ringmq_engine::{DropReason, Problem};
use ringmq_pipe::WriteError;

const REPLY_FIRST: &str = "a REP socket must send the reply before it receives again";
const REQUEST_FIRST: &str = "a REP socket must receive a request before it sends";

#[derive(Clone, Copy, PartialEq, Eq)]
enum RepState {
    /// A request may be received.
    Idle,
    /// Some frames of the request's body are received.
    Receiving,
    /// A reply may be sent.
    Replying,
    /// Some frames of the reply are sent.
    Sending,
}

pub(crate) struct Rep {
    queue: FairQueue,
    state: RepState,
    /// Whom to reply to; `None` if that peer is gone.
    requester: Option<usize>,
    /// The reply in progress was dropped and counted, because the requester had no room.
    counted: bool,
    /// The way back, with the empty frame that ends it.
    envelope: Vec<Message>,
    /// The first frame of the next request's body, found by a look ahead.
    request: Option<Message>,
}

impl Default for Rep {
    fn default() -> Self {
        Self {
            queue: FairQueue::default(),
            state: RepState::Idle,
            requester: None,
            counted: false,
            envelope: Vec::new(),
            request: None,
        }
    }
}

impl Rep {
    /// Looks for the start of a request's body, throwing away messages without an envelope: a portion of them.
    fn seek(&mut self, pipes: &mut Pipes) -> bool {
        let mut portion = Portion::WHOLE;
        while self.request.is_none() {
            self.envelope.clear();
            if portion.is_used_up() {
                return false;
            }
            let Some((key, mut frame)) = self.queue.recv(pipes) else { return false };
            self.requester = Some(key);
            portion.take(frame.len());
            while frame.more() {
                let end = frame.is_empty();
                self.envelope.push(frame);
                let Some((_, next)) = self.queue.recv(pipes) else { return false };
                portion.take(next.len());
                frame = next;
                if end {
                    self.request = Some(frame);
                    return true;
                }
            }
            pipes.count_drop(key, DropReason::Unwanted);
            pipes.tell_problem_once(Problem::NoEnvelope, key);
        }
        true
    }

    /// Writes to the requester; `false` if it is gone or has no room, and then the reply is
    /// dropped.
    fn write(&mut self, pipes: &mut Pipes, frame: &mut Outgoing<'_>) -> bool {
        let Some(key) = self.requester else { return self.drop_reply(pipes, frame) };
        match pipes.write(key, frame) {
            Ok(()) => true,
            Err(refused) => {
                if refused == WriteError::Full {
                    pipes.count_drop(key, DropReason::Full);
                    self.counted = true;
                }
                pipes.rollback(key);
                self.requester = None;
                self.drop_reply(pipes, frame)
            }
        }
    }

    /// A frame of a reply that nobody gets; with the last one the reply is counted, unless it was already.
    #[cold]
    fn drop_reply(&mut self, pipes: &mut Pipes, frame: &Outgoing<'_>) -> bool {
        if !frame.more() && !std::mem::take(&mut self.counted) {
            pipes.count_to_nobody();
        }
        false
    }
}

impl Pattern for Rep {
    fn attach(&mut self, _: &mut Pipes, _: usize) {}

    fn detach(&mut self, _: &mut Pipes, key: usize) {
        if self.requester == Some(key) {
            self.requester = None;
        }
        self.queue.remove(key);
    }

    fn readable(&mut self, _: &mut Pipes, key: usize) {
        self.queue.activate(key);
    }

    fn send(&mut self, pipes: &mut Pipes, frame: &mut Outgoing<'_>) -> Result<(), Error> {
        match self.state {
            RepState::Idle | RepState::Receiving => return Err(Error::State(REQUEST_FIRST)),
            RepState::Replying => {
                let mut envelope = std::mem::take(&mut self.envelope);
                for mut address in envelope.drain(..) {
                    address.set_more(true);
                    self.write(pipes, &mut Outgoing::Owned(&mut address));
                }
                // Its memory is for the next request.
                self.envelope = envelope;
            }
            RepState::Sending => {}
        }
        self.state = if frame.more() { RepState::Sending } else { RepState::Idle };
        self.write(pipes, frame);
        frame.drop_body();
        Ok(())
    }

    fn recv(&mut self, pipes: &mut Pipes, into: &mut Message) -> Result<(), Error> {
        let frame = match self.state {
            RepState::Replying | RepState::Sending => return Err(Error::State(REPLY_FIRST)),
            RepState::Idle => {
                if !self.seek(pipes) {
                    return Err(Error::WouldBlock);
                }
                self.request.take().ok_or(Error::WouldBlock)?
            }
            RepState::Receiving => self.queue.recv(pipes).ok_or(Error::WouldBlock)?.1,
        };
        self.state = if frame.more() { RepState::Receiving } else { RepState::Replying };
        *into = frame;
        Ok(())
    }

    fn can_send(&mut self, _: &mut Pipes) -> bool {
        // A reply is always taken: it is dropped if nobody is there to get it.
        matches!(self.state, RepState::Replying | RepState::Sending)
    }

    fn can_recv(&mut self, pipes: &mut Pipes) -> bool {
        match self.state {
            RepState::Replying | RepState::Sending => false,
            RepState::Idle => self.seek(pipes),
            RepState::Receiving => true,
        }
    }

    fn settle(&mut self, pipes: &mut Pipes) -> bool {
        match self.state {
            // Requests that wait are for later.
            RepState::Replying | RepState::Sending => false,
            RepState::Receiving => true,
            RepState::Idle => self.seek(pipes) || self.queue.settle(pipes),
        }
    }

    fn is_out_of_turn(&self, wants: Wants) -> bool {
        let replying = matches!(self.state, RepState::Replying | RepState::Sending);
        replying == (wants == Wants::Messages)
    }

    fn take_ended(&mut self) -> Option<usize> {
        self.queue.take_ended()
    }
}
