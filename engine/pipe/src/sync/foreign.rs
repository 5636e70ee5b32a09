//! Foreign code: wakers, and the owners of buffers that an application has lent us.
//!
//! What a waker or the `Drop` of a buffer's owner does is not ours to know. It may use the very socket
//! whose message has brought it about, poll the future that is being woken, take long, or panic. So none
//! of it runs while something of ours is locked or half done: within a [`Section`] it is put on a list of
//! the thread's, and run when the outermost section ends. A lock is such a section, and so is whatever
//! an I/O thread does for one of its handlers.
//!
//! What always holds: foreign code never unwinds into the library, nor through it to a thread of the
//! application that has nothing to do with it. Its panic was told by the panic hook; there is nothing to be
//! undone, and nobody to be told.

use crate::sync::thread_number::{NOTHING, sections};
use bytes::Bytes;
use std::cell::{Cell, RefCell};
use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::Waker;

/// Room on the list that a thread keeps for the next time.
const KEPT: usize = 64;

/// Something foreign that is due.
enum Due {
    Wake(Waker),
    Waker(#[expect(dead_code, reason = "to be dropped")] Waker),
    ForeignBytes(#[expect(dead_code, reason = "to be dropped")] Bytes),
    /// Ours, but of no use inside.
    Run(Box<dyn FnOnce()>),
}

#[cfg(not(loom))]
thread_local! {
    static LIST: RefCell<Vec<Due>> = const { RefCell::new(Vec::new()) };
    /// Whether foreign code is run by the library on this thread.
    static RUNS: Cell<bool> = const { Cell::new(false) };
}

// Models run all their threads on one of the system's.
#[cfg(loom)]
loom::thread_local! {
    static LIST: RefCell<Vec<Due>> = RefCell::new(Vec::new());
    static RUNS: Cell<bool> = Cell::new(false);
}

/// While it lives, the thread runs no foreign code. Ends on the thread that has entered it.
pub struct Section(PhantomData<*const ()>);

impl Section {
    /// Begins a section, within others perhaps.
    #[inline(always)]
    pub fn enter() -> Self {
        sections(|sections| sections.set(sections.get() + 1));
        Self(PhantomData)
    }
}

impl Section {
    /// Runs something when the calling thread is in no section any more: at once if it is in none.
    pub fn run_after(then: impl FnOnce() + 'static) {
        run_or_defer(Due::Run(Box::new(then)));
    }

    /// Whether the calling thread runs foreign code that the library has called. Whoever has called the library
    /// waits for that, with a time limit perhaps, and knows nothing of it; so it must not wait for long in turn.
    pub fn runs_foreign_code() -> bool {
        RUNS.try_with(Cell::get).unwrap_or(false)
    }

    /// Whether the calling thread is in a section.
    pub fn is_entered() -> bool {
        sections(Cell::get) & !NOTHING != 0
    }
}

impl Drop for Section {
    #[inline(always)]
    fn drop(&mut self) {
        let left = sections(|sections| {
            sections.set(sections.get() - 1);
            sections.get()
        });
        if left == 0 {
            run_all();
        }
    }
}

/// Runs what has come together. What that brings about is run at once, unless it is in a section of its
/// own: there the list is used anew.
#[cold]
#[inline(never)]
fn run_all() {
    sections(|sections| sections.set(sections.get() | NOTHING));
    let Ok(mut due) = LIST.try_with(RefCell::take) else { return };
    due.drain(..).for_each(run);
    if due.capacity() <= KEPT {
        // Its memory is for the next time, unless there is a list again already.
        let _ = LIST.try_with(|list| {
            let mut list = list.borrow_mut();
            if list.capacity() == 0 {
                *list = due;
            }
        });
    }
}

fn run(due: Due) {
    let outer = RUNS.try_with(|runs| runs.replace(true));
    // Whatever state it leaves behind is its own.
    let _ = catch_unwind(AssertUnwindSafe(|| match due {
        Due::Wake(waker) => waker.wake(),
        Due::Run(then) => then(),
        Due::Waker(_) | Due::ForeignBytes(_) => {}
    }));
    // A thread that ends has none, and none before.
    let _ = outer.map(|outer| RUNS.try_with(|runs| runs.set(outer)));
}

/// Puts something on the list; gives it back where there is no list any more: the thread is ending.
fn defer(due: Due) -> Result<(), Due> {
    let mut due = Some(due);
    let _ = LIST.try_with(|list| list.borrow_mut().extend(due.take()));
    if let Some(due) = due {
        return Err(due);
    }
    sections(|sections| sections.set(sections.get() & !NOTHING));
    Ok(())
}

fn run_or_defer(due: Due) {
    let now = if Section::is_entered() { defer(due).err() } else { Some(due) };
    now.into_iter().for_each(run);
}

/// Wakes a task or thread: now, or when the section ends.
pub(crate) fn wake(waker: Waker) {
    run_or_defer(Due::Wake(waker));
}

/// Drops a waker: now, or when the section ends.
pub(crate) fn drop_waker(waker: Waker) {
    run_or_defer(Due::Waker(waker));
}

/// A buffer that may have an owner outside of this library.
#[derive(Clone)]
pub(crate) struct ForeignBytes(ManuallyDrop<Bytes>);

impl ForeignBytes {
    #[inline]
    pub(crate) fn new(bytes: Bytes) -> Self {
        Self(ManuallyDrop::new(bytes))
    }

    #[inline]
    pub(crate) fn as_slice(&self) -> &[u8] {
        &self.0
    }

    /// The buffer, for an application.
    #[inline]
    pub(crate) fn into_bytes(mut self) -> Bytes {
        std::mem::take(&mut self.0)
    }
}

impl Drop for ForeignBytes {
    // Not inlined: too much code for each place where a message ends, and most end otherwise.
    #[inline(never)]
    fn drop(&mut self) {
        run_or_defer(Due::ForeignBytes(std::mem::take(&mut self.0)));
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use crate::Message;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::{Arc, Mutex};
    use std::task::Wake;

    /// A buffer whose owner does something when it goes.
    struct Owner<F: FnMut() + Send>(F);

    impl<F: FnMut() + Send> AsRef<[u8]> for Owner<F> {
        fn as_ref(&self) -> &[u8] {
            &[7; 100]
        }
    }

    impl<F: FnMut() + Send> Drop for Owner<F> {
        fn drop(&mut self) {
            (self.0)();
        }
    }

    fn counted(count: &Arc<AtomicUsize>) -> Message {
        let count = count.clone();
        Message::from_owner(Owner(move || _ = count.fetch_add(1, Ordering::Relaxed)))
    }

    struct Hook(Mutex<Box<dyn FnMut() + Send>>);

    impl Wake for Hook {
        fn wake(self: Arc<Self>) {
            (self.0.lock().expect("no panic"))();
        }
    }

    fn waker(hook: impl FnMut() + Send + 'static) -> Waker {
        Arc::new(Hook(Mutex::new(Box::new(hook)))).into()
    }

    #[test]
    fn what_is_foreign_waits_for_the_end_of_the_outermost_section() {
        let count = Arc::<AtomicUsize>::default();
        let seen = || count.load(Ordering::Relaxed);
        let outer = Section::enter();
        let inner = Section::enter();
        drop(counted(&count));
        let woken = count.clone();
        wake(waker(move || _ = woken.fetch_add(10, Ordering::Relaxed)));
        drop(inner);
        assert_eq!(seen(), 0);
        drop(outer);
        assert_eq!(seen(), 11);
        drop(counted(&count));
        assert_eq!(seen(), 12, "at once, outside");
    }

    #[test]
    fn foreign_code_is_known_as_such() {
        assert!(!Section::runs_foreign_code());
        let count = Arc::<AtomicUsize>::default();
        let seen = count.clone();
        let look = move || {
            _ = seen.fetch_add(usize::from(Section::runs_foreign_code()), Ordering::Relaxed)
        };
        let later = look.clone();
        wake(waker(move || {
            drop(Message::from_owner(Owner(later.clone())));
            look();
        }));
        wake(waker(|| panic!("on purpose: a waker")));
        assert_eq!(count.load(Ordering::Relaxed), 2, "also after some within it");
        assert!(!Section::runs_foreign_code());
    }

    #[test]
    fn a_panic_in_foreign_code_is_nobody_elses() {
        let count = Arc::<AtomicUsize>::default();
        let section = Section::enter();
        drop(Message::from_owner(Owner(|| panic!("on purpose: an owner"))));
        wake(waker(|| panic!("on purpose: a waker")));
        drop(counted(&count));
        drop(section);
        assert_eq!(count.load(Ordering::Relaxed), 1, "the others have run");
        wake(waker(|| panic!("on purpose: a waker, at once")));
        drop(Message::from_owner(Owner(|| panic!("on purpose: an owner, at once"))));
    }

    #[test]
    fn foreign_code_may_enter_sections_and_leave_more_of_its_kind() {
        let count = Arc::<AtomicUsize>::default();
        let again = count.clone();
        let section = Section::enter();
        wake(waker(move || {
            let _section = Section::enter();
            drop(counted(&again));
            assert_eq!(again.load(Ordering::Relaxed), 0);
        }));
        drop(section);
        assert_eq!(count.load(Ordering::Relaxed), 1);
    }
}
