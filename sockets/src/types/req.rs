//! REQ: one request, one reply, in lock-step (RFC 28).
//!
//! On the wire a request is `[id] · empty · body…`; the id only with the correlate option. A reply
//! counts if it comes from the peer that was asked and carries the same envelope; whatever else comes
//! is thrown away.

use super::{Pattern, Portion, Setting, probe};
use crate::Message;
use crate::error::Error;
use crate::inner::pipes::Pipes;
use crate::routing::fair_queue::FairQueue;
use crate::routing::load_balancer::LoadBalancer;
use crate::socket::payload::Outgoing;
use crate::wait::Wants;
use ringmq_engine::{DropReason, Problem};

const AWAITING: &str = "a REQ socket must receive the reply before it sends again";
const IDLE: &str = "a REQ socket must send a request before it receives";

/// Frames that came unasked are thrown away in turn, as they are found; where there are more, the pipes are
/// looked at one by one.
const UNASKED: usize = 64;

#[derive(Clone, Copy, PartialEq, Eq)]
enum ReqState {
    /// A request may be sent.
    Idle,
    /// Some frames of a request are sent.
    Sending,
    /// A reply is awaited.
    Awaiting,
    /// Some frames of the reply are received.
    Receiving,
}

pub(crate) struct Req {
    out: LoadBalancer,
    queue: FairQueue,
    state: ReqState,
    /// Who was asked; `None` if that peer is gone.
    asked: Option<usize>,
    /// The first frame of the reply's body, found by a look ahead.
    reply: Option<Message>,
    correlate: bool,
    relaxed: bool,
    probe: bool,
    /// The last request's id.
    id: u32,
    /// It was sent with the last request, so that its reply has it too.
    id_sent: bool,
}

impl Default for Req {
    fn default() -> Self {
        Self {
            out: LoadBalancer::default(),
            queue: FairQueue::default(),
            state: ReqState::Idle,
            asked: None,
            reply: None,
            correlate: false,
            relaxed: false,
            probe: false,
            // Another start each time, so that replies to a former process do not match.
            id: fastrand::u32(..),
            id_sent: false,
        }
    }
}

impl Req {
    /// Sends the envelope of a new request and notes who gets it.
    fn begin(&mut self, pipes: &mut Pipes) -> Result<(), Error> {
        // Before anything else: what is refused changes nothing.
        if !self.out.ready(pipes) {
            return Err(Error::WouldBlock);
        }
        self.discard_unasked(pipes);
        self.id_sent = self.correlate;
        let id = self.id_sent.then(|| {
            self.id = self.id.wrapping_add(1);
            Message::from(self.id.to_ne_bytes())
        });
        for mut frame in id.into_iter().chain([Message::new()]) {
            frame.set_more(true);
            self.asked = self.out.send(pipes, &mut Outgoing::Owned(&mut frame))?;
        }
        self.reply = None;
        Ok(())
    }

    /// What came meanwhile answers nothing that is going to be asked. What peers go on sending is not waited for.
    fn discard_unasked(&mut self, pipes: &mut Pipes) {
        for _ in 0..UNASKED {
            if self.queue.recv(pipes).is_none() {
                return;
            }
        }
        for key in pipes.keys() {
            let end = pipes.end(key);
            while pipes.taken(key) < end && pipes.read_into(key, &mut Message::new()) {}
        }
    }

    /// Looks for the start of the reply, throwing away what is none: a portion of it.
    fn seek(&mut self, pipes: &mut Pipes) -> bool {
        let mut portion = Portion::WHOLE;
        while self.reply.is_none() {
            if portion.is_used_up() {
                return false;
            }
            let Some((key, frame)) = self.queue.recv(pipes) else { return false };
            portion.take(frame.len());
            self.reply = self.strip(pipes, key, frame, &mut portion);
        }
        true
    }

    /// The first body frame of a message that is the reply; otherwise the message is swallowed.
    fn strip(
        &mut self,
        pipes: &mut Pipes,
        key: usize,
        first: Message,
        portion: &mut Portion,
    ) -> Option<Message> {
        let expected = self.asked.is_none_or(|asked| asked == key);
        let mut frame = first;
        let mut good = expected;
        if self.id_sent && good {
            good = frame.more() && frame == self.id.to_ne_bytes();
            if good {
                frame = self.queue.recv(pipes)?.1;
            }
        }
        if good && frame.more() && frame.is_empty() {
            return Some(self.queue.recv(pipes)?.1);
        }
        // Replies to what was asked before, and of those who were not asked, are no mistake of anybody's.
        if good {
            pipes.tell_problem_once(Problem::NoEnvelope, key);
            pipes.count_drop(key, DropReason::Unwanted);
        }
        while frame.more() {
            frame = self.queue.recv(pipes)?.1;
            portion.take(frame.len());
        }
        None
    }
}

impl Pattern for Req {
    fn attach(&mut self, pipes: &mut Pipes, key: usize) {
        if self.probe {
            probe(pipes, key);
        }
        self.out.activate(key);
    }

    fn detach(&mut self, _: &mut Pipes, key: usize) {
        if self.asked == Some(key) {
            self.asked = None;
        }
        self.out.remove(key);
        self.queue.remove(key);
    }

    fn readable(&mut self, _: &mut Pipes, key: usize) {
        self.queue.activate(key);
    }

    fn writable(&mut self, _: &mut Pipes, key: usize) {
        self.out.activate(key);
    }

    fn send(&mut self, pipes: &mut Pipes, frame: &mut Outgoing<'_>) -> Result<(), Error> {
        match self.state {
            ReqState::Idle => self.begin(pipes)?,
            ReqState::Sending => {}
            ReqState::Awaiting | ReqState::Receiving if self.relaxed => self.begin(pipes)?,
            ReqState::Awaiting | ReqState::Receiving => return Err(Error::State(AWAITING)),
        }
        let more = frame.more();
        self.state = if more { ReqState::Sending } else { ReqState::Awaiting };
        self.out.send(pipes, frame).map(drop)
    }

    fn recv(&mut self, pipes: &mut Pipes, into: &mut Message) -> Result<(), Error> {
        let frame = match self.state {
            ReqState::Idle | ReqState::Sending => return Err(Error::State(IDLE)),
            ReqState::Awaiting => {
                if !self.seek(pipes) {
                    return Err(Error::WouldBlock);
                }
                self.reply.take().ok_or(Error::WouldBlock)?
            }
            ReqState::Receiving => self.queue.recv(pipes).ok_or(Error::WouldBlock)?.1,
        };
        self.state = if frame.more() { ReqState::Receiving } else { ReqState::Idle };
        *into = frame;
        Ok(())
    }

    fn can_send(&mut self, pipes: &mut Pipes) -> bool {
        let turn = self.relaxed || matches!(self.state, ReqState::Idle | ReqState::Sending);
        turn && self.out.ready(pipes)
    }

    fn can_recv(&mut self, pipes: &mut Pipes) -> bool {
        match self.state {
            ReqState::Idle | ReqState::Sending => false,
            ReqState::Awaiting => self.seek(pipes),
            ReqState::Receiving => true,
        }
    }

    fn settle(&mut self, pipes: &mut Pipes) -> bool {
        match self.state {
            // What comes unasked is thrown away before the next request.
            ReqState::Idle | ReqState::Sending => false,
            ReqState::Receiving => true,
            ReqState::Awaiting => self.seek(pipes) || self.queue.settle(pipes),
        }
    }

    fn is_out_of_turn(&self, wants: Wants) -> bool {
        let asking = matches!(self.state, ReqState::Idle | ReqState::Sending);
        asking == (wants == Wants::Messages) && !(self.relaxed && wants == Wants::Room)
    }

    fn take_ended(&mut self) -> Option<usize> {
        self.queue.take_ended()
    }

    fn set(&mut self, _: &mut Pipes, setting: Setting<'_>) -> Result<bool, Error> {
        match setting {
            Setting::Correlate(on) => self.correlate = on,
            Setting::Relaxed(on) => self.relaxed = on,
            Setting::ProbeRouter(on) => self.probe = on,
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn settings(&self) -> Vec<Setting<'_>> {
        vec![
            Setting::Correlate(self.correlate),
            Setting::Relaxed(self.relaxed),
            Setting::ProbeRouter(self.probe),
        ]
    }
}
