//! The I/O thread: a backend, its handlers and their timers, in a loop.
//!
//! Others reach it through an [`IoHandle`]: they leave a command in its mailbox and wake it if it
//! sleeps. After work it stays awake for a while, yielding the processor, because the next message is
//! likely to come soon and waking a sleeper costs more than the message.

use crate::backend::{Backend, Chosen, Event, Wake};
use crate::handler::{Completion, Cx, Handler, Local, Notice};
use crate::options::EngineOptions;
use crate::timers::Timers;
use crate::token::Token;
use ringmq_pipe::{Mailbox, Notify};
use std::collections::HashMap;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How long a thread whose system call for events fails waits before it tries again.
const BACK_OFF: Duration = Duration::from_millis(10);

enum Command {
    Add(Token, Box<dyn Handler>),
    Tell(Token, Notice),
    Stop,
}

struct Shared {
    mailbox: Mailbox<Command>,
    /// The thread is about to wait for events, or does so.
    parked: AtomicBool,
    waker: Arc<dyn Wake>,
    /// Handlers added and not yet removed.
    live: Arc<Population>,
    load: AtomicUsize,
}

/// How many handlers there are on all threads, and a way to wait until there are none.
#[derive(Default)]
pub(crate) struct Population {
    count: Mutex<usize>,
    empty: Condvar,
}

impl Population {
    fn change(&self, by: isize) {
        let mut count = self.count.lock().unwrap_or_else(PoisonError::into_inner);
        *count = count.saturating_add_signed(by);
        if *count == 0 {
            self.empty.notify_all();
        }
    }

    pub(crate) fn wait_empty(&self) {
        let mut count = self.count.lock().unwrap_or_else(PoisonError::into_inner);
        while *count > 0 {
            count = self.empty.wait(count).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// Reaches one I/O thread.
#[derive(Clone)]
pub struct IoHandle(Arc<Shared>);

impl IoHandle {
    /// Puts a handler on the thread.
    pub fn add(&self, handler: Box<dyn Handler>) -> Token {
        let token = Token::unique();
        self.0.live.change(1);
        self.0.load.fetch_add(1, Ordering::Relaxed);
        self.post(Command::Add(token, handler));
        token
    }

    /// Tells a handler of the thread; nothing happens if it is gone.
    pub fn tell(&self, token: Token, notice: Notice) {
        self.post(Command::Tell(token, notice));
    }

    /// This thread as the notifier of logs, under [`Token::key`].
    pub fn notifier(&self) -> Arc<dyn Notify> {
        self.0.clone()
    }

    /// Handlers on the thread.
    pub fn load(&self) -> usize {
        self.0.load.load(Ordering::Relaxed)
    }

    fn post(&self, command: Command) {
        self.0.post(command);
    }
}

impl Shared {
    fn post(&self, command: Command) {
        // SeqCst swaps on both sides (`Mailbox::post`, and `parked` before the thread's last look at
        // the mailbox): either we see it parked, or it sees the command.
        if self.mailbox.post(command) && self.parked.swap(false, Ordering::SeqCst) {
            self.waker.wake();
        }
    }

    fn count(&self, by: isize) {
        self.live.change(by);
        if by < 0 {
            self.load.fetch_sub(1, Ordering::Relaxed);
        } else {
            self.load.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Notify for Shared {
    fn readable(&self, key: usize) {
        self.post(Command::Tell(Token::from_key(key), Notice::Readable));
    }

    fn writable(&self, key: usize) {
        self.post(Command::Tell(Token::from_key(key), Notice::Writable));
    }
}

/// A running I/O thread.
pub(crate) struct IoThread {
    pub(crate) handle: IoHandle,
    thread: Option<JoinHandle<()>>,
}

impl IoThread {
    /// Starts thread number `index`.
    pub(crate) fn start(
        index: usize,
        chosen: &Chosen,
        options: &EngineOptions,
        live: &Arc<Population>,
    ) -> io::Result<Self> {
        let (sender, receiver) = std::sync::mpsc::sync_channel(1);
        let core = options.cores.get(index).copied();
        let (chosen, live) = (chosen.clone(), live.clone());
        let patience = options.patience;
        let name = format!("{}/{index}", options.thread_name);
        let thread = std::thread::Builder::new().name(name).spawn(move || {
            if let Some(id) = core
                && !core_affinity::set_for_current(core_affinity::CoreId { id })
            {
                tracing::warn!(core = id, "cannot pin an I/O thread to this core");
            }
            let backend = match chosen.make() {
                Ok(backend) => backend,
                Err(error) => {
                    // The receiver waits for exactly one answer.
                    let _ = sender.send(Err(error));
                    return;
                }
            };
            let shared = Arc::new(Shared {
                mailbox: Mailbox::new(),
                parked: AtomicBool::new(false),
                waker: backend.waker(),
                live,
                load: AtomicUsize::new(0),
            });
            let handle = IoHandle(shared);
            let _ = sender.send(Ok(handle.clone()));
            Loop::new(handle, backend, patience).run();
        })?;
        match receiver.recv() {
            Ok(Ok(handle)) => Ok(Self { handle, thread: Some(thread) }),
            Ok(Err(error)) => Err(error),
            Err(_) => Err(io::Error::other("an I/O thread ended before it had begun")),
        }
    }
}

impl Drop for IoThread {
    fn drop(&mut self) {
        self.handle.post(Command::Stop);
        if let Some(thread) = self.thread.take()
            && thread.thread().id() != std::thread::current().id()
            && thread.join().is_err()
        {
            tracing::error!("an I/O thread panicked");
        }
    }
}

struct Loop {
    handle: IoHandle,
    backend: Box<dyn Backend>,
    timers: Timers,
    /// `None` while the handler runs.
    handlers: HashMap<Token, Option<Box<dyn Handler>>>,
    local: Vec<Local>,
    now: Instant,
    patience: Duration,
    stopping: bool,
}

impl Loop {
    fn new(handle: IoHandle, backend: Box<dyn Backend>, patience: Duration) -> Self {
        Self {
            handle,
            backend,
            timers: Timers::default(),
            handlers: HashMap::new(),
            local: Vec::new(),
            now: Instant::now(),
            patience,
            stopping: false,
        }
    }

    fn run(&mut self) {
        let mut events = Vec::new();
        let mut last_work = Instant::now();
        while !self.stopping {
            self.now = Instant::now();
            let commands = self.run_commands();
            let timers = self.run_timers();
            let idle = self.now.duration_since(last_work) >= self.patience;
            let result = if commands || timers || !idle {
                self.backend.poll(Some(Duration::ZERO), &mut events)
            } else {
                self.wait(&mut events)
            };
            if let Err(error) = result {
                tracing::error!(%error, "waiting for events failed");
                std::thread::sleep(BACK_OFF);
            }
            if !events.is_empty() || commands || timers {
                self.now = Instant::now();
                last_work = self.now;
                events.drain(..).for_each(|event| self.dispatch(event));
            } else if !idle {
                std::thread::yield_now();
            }
        }
    }

    /// Waits for events unless a command came in meanwhile.
    fn wait(&mut self, events: &mut Vec<Event>) -> io::Result<()> {
        let shared = self.handle.0.clone();
        shared.parked.store(true, Ordering::SeqCst);
        let timeout = if shared.mailbox.pending_for_waiter() {
            Some(Duration::ZERO)
        } else {
            self.timers.next().map(|at| at.saturating_duration_since(self.now))
        };
        let result = self.backend.poll(timeout, events);
        shared.parked.store(false, Ordering::SeqCst);
        result
    }

    fn run_commands(&mut self) -> bool {
        let shared = self.handle.0.clone();
        if !shared.mailbox.pending() {
            return false;
        }
        shared.mailbox.begin();
        while let Some(command) = shared.mailbox.take() {
            match command {
                Command::Add(token, handler) => self.add(token, handler),
                Command::Tell(token, notice) => self.tell(token, notice),
                Command::Stop => self.stopping = true,
            }
        }
        true
    }

    fn run_timers(&mut self) -> bool {
        let mut any = false;
        while let Some((token, kind)) = self.timers.pop_due(self.now) {
            any = true;
            self.with(token, |handler, cx| handler.timer(cx, kind));
        }
        any
    }

    fn add(&mut self, token: Token, handler: Box<dyn Handler>) {
        self.handlers.insert(token, Some(handler));
        self.with(token, |handler, cx| handler.start(cx));
    }

    fn tell(&mut self, token: Token, notice: Notice) {
        self.with(token, |handler, cx| handler.notified(cx, notice));
    }

    fn dispatch(&mut self, event: Event) {
        let (token, completion) = match event {
            Event::Received(token, buffer) => {
                if let Some(Some(handler)) = self.handlers.get_mut(&token) {
                    handler.received(self.now, self.backend.bytes(&buffer));
                }
                self.backend.release(buffer);
                self.with(token, |handler, cx| handler.drive(cx));
                return;
            }
            Event::Accepted(token, result) => (token, Completion::Accepted(result)),
            Event::Connected(token, result) => (token, Completion::Connected(result)),
            Event::ReceiveEnded(token, ended) => (token, Completion::ReceiveEnded(ended)),
            Event::Sent(token, batch, result) => (token, Completion::Sent(batch, result)),
        };
        self.with(token, |handler, cx| handler.completed(cx, completion));
    }

    /// Runs one handler, if it is still there, and then what it asked of the thread.
    fn with(&mut self, token: Token, f: impl FnOnce(&mut dyn Handler, &mut Cx<'_>)) {
        let Some(mut handler) = self.handlers.get_mut(&token).and_then(Option::take) else {
            return;
        };
        let mut cx = Cx {
            token,
            now: self.now,
            backend: &mut *self.backend,
            io: &self.handle,
            timers: &mut self.timers,
            local: &mut self.local,
        };
        f(&mut *handler, &mut cx);
        self.handlers.insert(token, Some(handler));
        self.run_local();
    }

    fn run_local(&mut self) {
        for request in std::mem::take(&mut self.local) {
            match request {
                Local::Add(token, handler) => {
                    self.handle.0.count(1);
                    self.add(token, handler);
                }
                Local::Tell(token, notice) => self.tell(token, notice),
                Local::Remove(token) => {
                    if self.handlers.remove(&token).is_some() {
                        self.backend.close(token);
                        self.handle.0.count(-1);
                    }
                }
            }
        }
    }
}
