//! Waiting says what it waits for: once after a second, and then rarely. Who says so in the background also sees
//! to the linger times of what waits within the process, which no I/O thread does.

use super::alarms::{Alarm, Alarms};
use super::lingering::Lingering;
use super::unfinished::{Unfinished, Waiting};
use ringmq_engine::spawn_in_background;
use ringmq_pipe::Section;
use ringmq_transports::inproc::Inproc;
use std::sync::Arc;
use std::task::Waker;
use std::time::{Duration, Instant};

/// A wait that takes longer than this says so.
const FIRST: Duration = Duration::from_secs(1);
/// Each time it says so it waits so many times longer before it does again,
const SELDOMER: u32 = 10;
/// and so long at most.
const LONGEST: Duration = Duration::from_secs(600);

/// When one who waits is to say so.
pub(crate) struct Reminder {
    pause: Duration,
    /// A time too far away to be told never comes.
    pub(crate) next: Option<Instant>,
}

impl Reminder {
    /// For a wait that begins now.
    pub(crate) fn new() -> Self {
        Self { pause: FIRST, next: Instant::now().checked_add(FIRST) }
    }

    /// Says what is waited for, if it is time.
    pub(crate) fn remind(&mut self, what: &'static str, left: impl FnOnce() -> Unfinished) {
        let now = Instant::now();
        if self.next.is_none_or(|next| now < next) {
            return;
        }
        self.pause = (self.pause * SELDOMER).min(LONGEST);
        self.next = now.checked_add(self.pause);
        warn(what, left());
    }
}

/// Writes it to the log, which is code of the application: one who waits may do so inside of a call on another
/// socket.
fn warn(what: &'static str, left: Unfinished) {
    Section::run_after(move || {
        let messages = left.messages();
        tracing::warn!(messages, "{what}: {left}");
    });
}

/// Has a thread say what lingers until nothing does any more.
pub(super) fn remind_in_background(
    what: &'static str,
    lingering: &Arc<Lingering>,
    inproc: &Arc<Inproc>,
) {
    let (lingering, inproc) = (lingering.clone(), inproc.clone());
    start(move || watch(what, &lingering, &inproc));
}

/// The reminder of a future, which is polled again when it is time.
#[derive(Default)]
pub(crate) struct TaskReminder {
    reminder: Option<Reminder>,
    alarm: Option<Alarm>,
}

impl TaskReminder {
    /// To be asked whenever the future is pending: says what is waited for, if it is time, and has the task
    /// woken when it is, or at another time.
    pub(crate) fn remind(
        &mut self,
        task: (&Arc<Alarms>, &Waker),
        other: Option<Instant>,
        what: &'static str,
        left: impl FnOnce() -> Unfinished,
    ) {
        let reminder = self.reminder.get_or_insert_with(Reminder::new);
        reminder.remind(what, left);
        let next = reminder.next.into_iter().chain(other).min();
        self.alarm = next.map(|next| task.0.set(next, task.1));
    }
}

/// Gives up what has lingered within the process for long enough; when to look again, if something still does.
pub(crate) fn sweep(inproc: &Inproc) -> Option<Instant> {
    let deadline = inproc.sweep();
    // Its time may be changed meanwhile.
    let at_most = (inproc.waiting() > 0).then(|| Instant::now() + FIRST);
    deadline.into_iter().chain(at_most).min()
}

/// Starts a thread. It is not needed: where there is none to be had, nothing is said.
fn start(watch: impl FnOnce() + Send + 'static) {
    if let Err(error) = spawn_in_background("ringmq-linger", watch) {
        Section::run_after(move || tracing::debug!(%error, "no thread to say what lingers"));
    }
}

fn watch(what: &'static str, lingering: &Lingering, inproc: &Inproc) {
    let mut reminder = Reminder::new();
    let began = Instant::now();
    loop {
        let deadline = sweep(inproc);
        let waiting: Vec<Waiting> = lingering.waiting();
        // At first sockets may not have been closed yet.
        let may_begin = began.elapsed() < FIRST;
        if waiting.is_empty() && !may_begin {
            return;
        }
        reminder.remind(what, || Unfinished { waiting, open_sockets: Vec::new() });
        let now = Instant::now();
        let next = reminder.next.into_iter().chain(deadline).min();
        let pause = next.map_or(LONGEST, |next| next.saturating_duration_since(now));
        std::thread::sleep(pause.min(LONGEST));
    }
}
