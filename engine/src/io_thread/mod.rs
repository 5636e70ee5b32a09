//! An I/O thread as others see it: where to leave commands, and its beginning and end.
//!
//! Others leave a command in its mailbox and wake it if it sleeps. Commands that come after its end
//! are thrown away, handlers included.

mod event_loop;
pub(crate) mod handler;
mod handler_count;
pub(crate) mod timers;
pub(crate) mod token;

pub(crate) use handler_count::HandlerCount;

use crate::backend::{Backend, Chosen, Wake};
use crate::context_bytes::ContextBytes;
use crate::discard::discard;
use crate::engine::StartError;
use crate::io_thread::handler::{Handler, Notice};
use crate::io_thread::token::Token;
use crate::options::EngineOptions;
use crate::tuning::{self, Granted};
use event_loop::EventLoop;
use handler_count::{HandlerGuard, ThreadLoad};
use ringmq_pipe::{Mailbox, Notify, Section};
use std::cell::Cell;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering, fence};
use std::thread::JoinHandle;

pub(crate) enum ThreadCommand {
    Add(Token, HandlerSlot),
    Tell(Token, Notice),
    TellAll(fn() -> Notice),
    Stop,
    /// Stop as soon as there is no handler.
    Retire,
}

/// A handler in its place, or on its way there.
pub(crate) struct HandlerSlot {
    pub(crate) handler: Box<dyn Handler>,
    /// Dropped after the handler: whoever waits for there being none finds it gone.
    _guard: HandlerGuard,
}

struct ThreadMailbox {
    mailbox: Mailbox<ThreadCommand>,
    /// The thread is about to wait for events, or does so.
    parked: AtomicBool,
    /// Nobody takes commands any more.
    stopped: AtomicBool,
    waker: Arc<dyn Wake>,
    load: Arc<ThreadLoad>,
    /// What waits for the application in all threads of the engine.
    waiting_bytes: Arc<ContextBytes>,
}

impl ThreadMailbox {
    fn post(&self, command: ThreadCommand) {
        let first = self.mailbox.post(command);
        // Pairs with the fences in `IoHandle::park` and `IoHandle::stop`: either we see what is stored
        // before those, or the thread's look at the mailbox, which follows them, sees the command.
        fence(Ordering::SeqCst);
        if first && self.parked.swap(false, Ordering::Relaxed) {
            self.waker.wake();
        }
        if self.stopped.load(Ordering::Relaxed) {
            self.throw_away();
        }
    }

    fn throw_away(&self) {
        let _section = Section::enter();
        while let Some(command) = self.mailbox.take() {
            discard(command);
        }
    }
}

impl Notify for ThreadMailbox {
    fn readable(&self, key: usize) {
        self.post(ThreadCommand::Tell(Token::from_key(key), Notice::Readable));
    }

    fn writable(&self, key: usize) {
        self.post(ThreadCommand::Tell(Token::from_key(key), Notice::Writable));
    }
}

/// What the threads of an engine share.
#[derive(Clone)]
pub(crate) struct EngineShared {
    pub(crate) live: Arc<HandlerCount>,
    pub(crate) waiting_bytes: Arc<ContextBytes>,
}

/// Reaches one I/O thread.
#[derive(Clone)]
pub struct IoHandle(Arc<ThreadMailbox>);

impl IoHandle {
    fn new(waker: Arc<dyn Wake>, shared: EngineShared) -> Self {
        Self(Arc::new(ThreadMailbox {
            mailbox: Mailbox::new(),
            parked: AtomicBool::new(false),
            stopped: AtomicBool::new(false),
            waker,
            load: Arc::new(ThreadLoad::new(shared.live)),
            waiting_bytes: shared.waiting_bytes,
        }))
    }

    /// Puts a handler on the thread. One whose thread has ended is dropped.
    pub fn add(&self, handler: Box<dyn Handler>) -> Token {
        let token = Token::unique();
        self.0.post(ThreadCommand::Add(token, self.slot(handler)));
        token
    }

    /// Tells a handler of the thread; nothing happens if it is gone.
    pub fn tell(&self, token: Token, notice: Notice) {
        self.0.post(ThreadCommand::Tell(token, notice));
    }

    /// Tells every handler of the thread.
    pub fn tell_all(&self, notice: fn() -> Notice) {
        self.0.post(ThreadCommand::TellAll(notice));
    }

    /// This thread as the notifier of logs, under [`Token::key`].
    pub fn notifier(&self) -> Arc<dyn Notify> {
        self.0.clone()
    }

    /// Handlers on the thread.
    pub fn load(&self) -> usize {
        self.0.load.load()
    }

    /// What waits for the application in all connections of the engine.
    pub(crate) fn waiting_bytes(&self) -> &Arc<ContextBytes> {
        &self.0.waiting_bytes
    }

    /// Whether so much waits for the application that nobody new should be let in.
    pub fn is_overfull(&self) -> bool {
        self.0.waiting_bytes.is_overfull()
    }

    /// Counts a handler.
    pub(crate) fn slot(&self, handler: Box<dyn Handler>) -> HandlerSlot {
        HandlerSlot { handler, _guard: HandlerGuard::new(&self.0.load) }
    }

    /// The thread is about to sleep: from here on it is woken for a command. Tells whether there is
    /// one already.
    pub(crate) fn park(&self) -> bool {
        self.0.parked.store(true, Ordering::Relaxed);
        fence(Ordering::SeqCst);
        self.0.mailbox.pending()
    }

    /// The thread is awake.
    pub(crate) fn unpark(&self) {
        self.0.parked.store(false, Ordering::Relaxed);
    }

    /// Whether there may be commands; if so, declares that all of them are about to be taken.
    pub(crate) fn begin_commands(&self) -> bool {
        let any = self.0.mailbox.pending();
        if any {
            self.0.mailbox.begin();
        }
        any
    }

    pub(crate) fn take_command(&self) -> Option<ThreadCommand> {
        self.0.mailbox.take()
    }

    fn stop(&self) {
        self.0.stopped.store(true, Ordering::Relaxed);
        fence(Ordering::SeqCst);
        self.0.throw_away();
    }
}

thread_local! {
    /// Whether this is an I/O thread, of whatever engine.
    static IS_IO: Cell<bool> = const { Cell::new(false) };
}

/// Whether the calling thread is an I/O thread, of whatever engine: it must not wait for another one, which
/// may be waiting for it.
pub fn is_io_thread() -> bool {
    IS_IO.get()
}

/// Ends a handle's life with its thread, also when that panics.
struct StopOnDrop(IoHandle);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.stop();
    }
}

/// A running I/O thread.
pub(crate) struct IoThread {
    pub(crate) handle: IoHandle,
    /// Whether it polls devices.
    pub(crate) busy_poll: Granted,
    thread: Option<JoinHandle<()>>,
}

impl IoThread {
    /// Starts thread number `index`.
    pub(crate) fn start(
        index: usize,
        chosen: &Chosen,
        options: &EngineOptions,
        shared: &EngineShared,
    ) -> Result<Self, StartError> {
        let (sender, receiver) = std::sync::mpsc::sync_channel(1);
        let name = format!("{}/{index}", options.thread_name);
        let (chosen, options, shared) = (chosen.clone(), options.clone(), shared.clone());
        let thread = crate::backend::background::spawn_in_background(name, move || {
            IS_IO.set(true);
            // The receiver waits for exactly one answer.
            match begin(index, &chosen, &options, shared) {
                Ok((handle, backend, busy_poll)) => {
                    let _ = sender.send(Ok((handle.clone(), busy_poll)));
                    let _end = StopOnDrop(handle.clone());
                    EventLoop::new(handle, backend, options.patience).run();
                }
                Err(error) => drop(sender.send(Err(error))),
            }
        })?;
        match receiver.recv() {
            Ok(Ok((handle, busy_poll))) => Ok(Self { handle, busy_poll, thread: Some(thread) }),
            Ok(Err(error)) => Err(error),
            Err(_) => Err(io::Error::other("an I/O thread ended before it had begun").into()),
        }
    }
}

/// What an I/O thread does first.
fn begin(
    index: usize,
    chosen: &Chosen,
    options: &EngineOptions,
    shared: EngineShared,
) -> Result<(IoHandle, Box<dyn Backend>, Granted), StartError> {
    tuning::tune_thread(index, options)?;
    let mut backend = chosen.make(index)?;
    let busy_poll = match options.busy_poll {
        Some(time) => tuning::ring_busy_poll(backend.busy_poll(time)),
        None => Granted::NotAsked,
    };
    Ok((IoHandle::new(backend.waker(), shared), backend, busy_poll))
}

impl IoThread {
    /// Lets the thread end by itself when the last of its handlers has gone; nobody waits for that.
    pub(crate) fn retire(mut self) {
        self.thread = None;
        self.retire_when_idle();
    }

    /// Has the thread end by itself when the last of its handlers has gone.
    pub(crate) fn retire_when_idle(&self) {
        self.handle.0.post(ThreadCommand::Retire);
    }
}

impl Drop for IoThread {
    fn drop(&mut self) {
        let Some(thread) = self.thread.take() else { return };
        self.handle.0.post(ThreadCommand::Stop);
        if !is_io_thread() && thread.join().is_err() {
            Section::run_after(move || tracing::error!("an I/O thread panicked"));
        }
    }
}
