//! What an I/O thread does: a backend, its handlers and their timers, in a loop.
//!
//! After work the thread stays awake for a while, yielding the processor, because the next message is
//! likely to come soon and waking a sleeper costs more than the message. With nothing to do it sleeps
//! until the backend, a timer or a command wakes it.
//!
//! What handlers ask of the thread is queued and done after they have returned: none of them runs
//! inside another. A handler that panics is removed; the others go on. What comes for a handler that is gone
//! is dropped as carefully, since that may run code of the application.

use crate::backend::{Backend, DatagramBuffer, Event};
use crate::discard::discard;
use crate::io_thread::handler::{Completion, Cx, Handler, Local, Notice};
use crate::io_thread::timers::Timers;
use crate::io_thread::token::Token;
use crate::io_thread::{HandlerSlot, IoHandle, ThreadCommand};
use ringmq_pipe::Section;
use std::collections::{HashMap, VecDeque};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

/// Time between two ticks of handlers that want to look at what others are doing: each look takes a
/// cache line from a thread that is at work.
const TICK: Duration = Duration::from_micros(5);

/// Commands taken in a row before the backend has its turn: what they close is only let go of there.
const COMMANDS: usize = 64;

/// How long a thread whose system call for events fails waits before it tries again.
const BACK_OFF: Duration = Duration::from_millis(10);

pub(crate) struct EventLoop {
    handle: IoHandle,
    backend: Box<dyn Backend>,
    timers: Timers,
    handlers: HashMap<Token, HandlerSlot>,
    /// Handlers that have asked for a tick.
    tick_requests: Vec<Token>,
    /// Memory for those that get one now.
    ticking: Vec<Token>,
    /// When handlers had the last.
    last_tick: Instant,
    /// What handlers have asked for, in order.
    local: VecDeque<Local>,
    now: Instant,
    patience: Duration,
    /// There may be more commands than were taken in a row.
    more_commands: bool,
    stopping: bool,
    /// Stop when there are no handlers any more.
    retiring: bool,
}

impl EventLoop {
    pub(crate) fn new(handle: IoHandle, backend: Box<dyn Backend>, patience: Duration) -> Self {
        Self {
            handle,
            backend,
            timers: Timers::default(),
            handlers: HashMap::new(),
            tick_requests: Vec::new(),
            ticking: Vec::new(),
            last_tick: Instant::now(),
            local: VecDeque::new(),
            now: Instant::now(),
            patience,
            more_commands: false,
            stopping: false,
            retiring: false,
        }
    }

    /// Runs until it is told to stop, and gives up everything that is there then.
    pub(crate) fn run(mut self) {
        // Unwind safe: all that follows is the end, of each thing by itself.
        if catch_unwind(AssertUnwindSafe(|| self.turn_round())).is_err() {
            Section::run_after(move || {
                tracing::error!("an I/O thread panicked: its connections are lost")
            });
        }
        // What is left of messages goes when the backend and all handlers have.
        let _section = Section::enter();
        let Self { backend, handlers, local, .. } = self;
        // First of all, so that the kernel has let go of what the handlers hold.
        discard(backend);
        handlers.into_values().for_each(discard);
        local.into_iter().for_each(discard);
    }

    fn turn_round(&mut self) {
        let mut events = Vec::new();
        let mut last_work = Instant::now();
        while !self.is_over() {
            self.now = Instant::now();
            let commands = self.run_commands();
            let timers = self.run_timers();
            self.run_ticks();
            // Without handlers there is nothing that a next message could be for.
            let idle = self.tick_requests.is_empty()
                && (self.handlers.is_empty()
                    || self.now.duration_since(last_work) >= self.patience);
            let result = if commands || timers || !idle {
                self.poll(Some(Duration::ZERO), &mut events)
            } else {
                self.wait(&mut events)
            };
            if let Err(error) = result {
                Section::run_after(move || tracing::error!(%error, "waiting for events failed"));
                std::thread::sleep(BACK_OFF);
            }
            if !events.is_empty() || commands {
                // Not after a timer: it says nothing of what comes next.
                self.now = Instant::now();
                last_work = self.now;
                events.drain(..).for_each(|event| self.dispatch(event));
            } else if !idle && !timers {
                std::thread::yield_now();
            }
        }
    }

    fn poll(&mut self, timeout: Option<Duration>, events: &mut Vec<Event>) -> io::Result<()> {
        let _section = Section::enter();
        self.backend.poll(timeout, events)
    }

    fn is_over(&self) -> bool {
        self.stopping || self.retiring && self.handlers.is_empty() && !self.more_commands
    }

    /// Waits for events unless a command came in meanwhile.
    fn wait(&mut self, events: &mut Vec<Event>) -> io::Result<()> {
        let timeout = if self.handle.park() {
            Some(Duration::ZERO)
        } else {
            self.timers.next().map(|at| at.saturating_duration_since(self.now))
        };
        let result = self.poll(timeout, events);
        self.handle.unpark();
        result
    }

    fn run_commands(&mut self) -> bool {
        if !self.more_commands && !self.handle.begin_commands() {
            return false;
        }
        self.more_commands = true;
        for _ in 0..COMMANDS {
            let Some(command) = self.handle.take_command() else {
                self.more_commands = false;
                break;
            };
            match command {
                ThreadCommand::Add(token, slot) => self.add(token, slot),
                ThreadCommand::Tell(token, notice) => self.tell(token, notice),
                ThreadCommand::TellAll(notice) => self.tell_all(notice),
                ThreadCommand::Stop => self.stopping = true,
                ThreadCommand::Retire => self.retiring = true,
            }
            self.run_local();
        }
        true
    }

    /// Gives a tick to those that have asked for one, if it is time.
    fn run_ticks(&mut self) {
        if self.tick_requests.is_empty() || self.now.duration_since(self.last_tick) < TICK {
            return;
        }
        self.last_tick = self.now;
        let mut ticking = std::mem::take(&mut self.ticking);
        std::mem::swap(&mut self.tick_requests, &mut ticking);
        ticking.drain(..).for_each(|token| self.with(token, |handler, cx| handler.tick(cx)));
        self.ticking = ticking;
        self.run_local();
    }

    fn run_timers(&mut self) -> bool {
        let mut any = false;
        // No more than there are now: one that is set for the past again waits for the next round.
        for _ in 0..self.timers.len() {
            let Some((token, kind)) = self.timers.pop_due(self.now) else { break };
            any = true;
            self.with(token, |handler, cx| handler.timer(cx, kind));
            self.run_local();
        }
        any
    }

    fn dispatch(&mut self, event: Event) {
        let _section = Section::enter();
        let (token, completion) = match event {
            Event::Received(token, buffer) => {
                let mut buffer = Some(buffer);
                self.with(token, |handler, cx| {
                    if let Some(filled) = &buffer {
                        handler.received(cx.now, cx.backend.bytes(filled));
                    }
                    // Given back first: what the handler asks for now may need it.
                    buffer.take().into_iter().for_each(|empty| cx.backend.release(empty));
                    handler.drive(cx);
                });
                // There was no such handler, or it panicked.
                buffer.into_iter().for_each(|buffer| self.backend.release(buffer));
                return self.run_local();
            }
            Event::Datagram(token, buffer) => return self.dispatch_datagram(token, buffer),
            Event::Accepted(token, result) => (token, Completion::Accepted(result)),
            Event::Connected(token, result) => (token, Completion::Connected(result)),
            Event::ReceiveEnded(token, ended) => (token, Completion::ReceiveEnded(ended)),
            Event::Sent(token, batch, result) => (token, Completion::Sent(batch, result)),
            Event::DatagramsSent(token, batch, result) => {
                (token, Completion::DatagramsSent(batch, result))
            }
        };
        self.with(token, |handler, cx| handler.completed(cx, completion));
        self.run_local();
    }

    /// As the bytes of a stream.
    fn dispatch_datagram(&mut self, token: Token, buffer: DatagramBuffer) {
        let mut buffer = Some(buffer);
        self.with(token, |handler, cx| {
            if let Some(datagram) = buffer.as_ref().and_then(|filled| cx.backend.datagram(filled)) {
                handler.datagram(cx.now, &datagram);
            }
            buffer.take().into_iter().for_each(|empty| cx.backend.release_datagram(empty));
            handler.drive(cx);
        });
        buffer.into_iter().for_each(|buffer| self.backend.release_datagram(buffer));
        self.run_local();
    }

    fn add(&mut self, token: Token, slot: HandlerSlot) {
        self.handlers.insert(token, slot);
        self.with(token, |handler, cx| handler.start(cx));
    }

    fn tell(&mut self, token: Token, notice: Notice) {
        self.with(token, |handler, cx| handler.notified(cx, notice));
    }

    fn tell_all(&mut self, notice: fn() -> Notice) {
        let all: Vec<Token> = self.handlers.keys().copied().collect();
        all.into_iter().for_each(|token| self.tell(token, notice()));
    }

    /// Runs one handler, if it is still there.
    fn with(&mut self, token: Token, f: impl FnOnce(&mut dyn Handler, &mut Cx<'_>)) {
        let Some(slot) = self.handlers.get_mut(&token) else { return discard(f) };
        // Of those it wakes, and of the owners of what it sends, none runs inside of it.
        let _section = Section::enter();
        let handler = &mut *slot.handler;
        let mut cx = Cx {
            token,
            now: self.now,
            backend: &mut *self.backend,
            io: &self.handle,
            timers: &mut self.timers,
            local: &mut self.local,
        };
        // Unwind safe: what the panic left behind in the handler is only ever asked to give up, and
        // what is outside of it never calls back while it is changed.
        if catch_unwind(AssertUnwindSafe(|| f(handler, &mut cx))).is_err() {
            Section::run_after(move || tracing::error!(?token, "a handler panicked: removing it"));
            if catch_unwind(AssertUnwindSafe(|| handler.panicked(&mut cx))).is_err() {
                Section::run_after(move || {
                    tracing::error!(?token, "the handler panicked again as it gave up")
                });
            }
            cx.finish();
        }
    }

    /// Does what handlers have asked for, and what those ask for that are run by that.
    fn run_local(&mut self) {
        while let Some(request) = self.local.pop_front() {
            match request {
                Local::Add(token, handler) => {
                    let slot = self.handle.slot(handler);
                    self.add(token, slot);
                }
                Local::Tell(token, notice) => self.tell(token, notice),
                Local::Tick(token) => self.tick_requests.push(token),
                Local::Remove(token) => self.remove(token),
            }
        }
    }

    fn remove(&mut self, token: Token) {
        let Some(slot) = self.handlers.remove(&token) else { return };
        let _section = Section::enter();
        self.backend.close(token);
        self.timers.forget(token);
        discard(slot);
    }
}
