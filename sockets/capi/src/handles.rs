//! What a C program holds of contexts, sockets and the like: pointers to nothing in particular.
//!
//! A handle is never followed here. It is the address of a mark, and there are several marks to a place in a table,
//! one for each time that the place is taken, in turn: so that one that is NULL, has been given back, or never was one
//! is told from those that stand for something, whatever it is; and who uses one while somebody else gives it back is
//! left with what it has.
//!
//! A mark is memory all the same, as there are programs that look: czmq reads the first bytes of whatever it is given,
//! to find out whether it is a socket of its own or of libzmq's.

use std::cell::Cell;
use std::collections::VecDeque;
use std::ffi::c_void;
use std::ptr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock};
use std::thread::LocalKey;

/// Places of the first shelf; each one after it has twice as many as the one before.
const FIRST: usize = 64;
const SHELVES: usize = 16;
/// Marks of a place: a handle that was given back is told from the present one until the place was taken so often,
/// and there are [`FIRST`] of those in turn at least.
const MARKS: usize = 64;
/// Numbers of a mark: as many as anybody reads who takes it for something of his own.
const MARK: usize = 2;
/// Bytes of a mark, and of all those of a place.
const MARK_BYTES: usize = MARK * size_of::<u64>();
const PLACE_BYTES: usize = MARKS * MARK_BYTES;

/// All that handles of one kind stand for.
pub(crate) struct Handles<T> {
    shelves: [OnceLock<Shelf<T>>; SHELVES],
    places: Mutex<Places>,
    /// How many were given back.
    removed: AtomicUsize,
}

/// What a thread has used last of what handles stand for: most threads use one thing again and again. It is kept
/// until the thread uses another one, at the longest, though its handle may have been given back.
pub(crate) struct LastUsed<T> {
    /// 0 while it is lent, or if there is nothing.
    handle: Cell<usize>,
    /// How many handles had been given back.
    removed: Cell<usize>,
    /// As of [`Arc::into_raw`]; stays as it is while it is lent. NULL is nothing.
    what: Cell<*const T>,
}

impl<T> LastUsed<T> {
    pub(crate) const fn nothing() -> Self {
        Self { handle: Cell::new(0), removed: Cell::new(0), what: Cell::new(ptr::null()) }
    }

    fn is_lent(&self) -> bool {
        self.handle.get() == 0 && !self.what.get().is_null()
    }

    /// What a handle stands for, if that is what was used last, until it is given back.
    #[inline]
    fn lend(&self, handle: usize, removed: usize) -> Option<*const T> {
        let known = self.handle.get() == handle && self.removed.get() == removed;
        (known && handle != 0).then(|| {
            self.handle.set(0);
            self.what.get()
        })
    }

    /// Keeps something, unless what is here is lent.
    fn keep(&self, handle: usize, removed: usize, what: Arc<T>) {
        self.forget();
        if self.what.get().is_null() {
            self.removed.set(removed);
            self.what.set(Arc::into_raw(what));
            self.handle.set(handle);
        }
    }

    /// Keeps nothing, unless it is lent.
    pub(crate) fn forget(&self) {
        if !self.is_lent() {
            self.handle.set(0);
            let what = self.what.replace(ptr::null());
            if !what.is_null() {
                // SAFETY: it came from there, and is here no more.
                drop(unsafe { Arc::from_raw(what) });
            }
        }
    }
}

impl<T> Drop for LastUsed<T> {
    fn drop(&mut self) {
        self.forget();
    }
}

/// Gives back what was lent, also if there is a panic.
struct Lent<T> {
    last: *const LastUsed<T>,
    at: usize,
}

impl<T> Drop for Lent<T> {
    #[inline(always)]
    fn drop(&mut self) {
        // SAFETY: this thread's own, from which it was lent on this stack. What a thread has of its own it drops
        // itself, once it has left its functions.
        unsafe { &*self.last }.handle.set(self.at);
    }
}

/// Keeps what was used, unless the thread is ending.
#[cold]
#[inline(never)]
fn keep<T>(last: &'static LocalKey<LastUsed<T>>, at: usize, removed: usize, what: Arc<T>) {
    let _ = last.try_with(|last| last.keep(at, removed, what));
}

/// Places beside each other, and their marks, which are zeros.
struct Shelf<T> {
    places: Box<[RwLock<Occupant<T>>]>,
    marks: Box<[u64]>,
}

impl<T> Shelf<T> {
    fn new(number: usize) -> Self {
        let len = FIRST << number;
        let places = (0..len).map(|_| RwLock::new(Occupant { times: 0, what: None })).collect();
        Self { places, marks: vec![0; len * MARKS * MARK].into_boxed_slice() }
    }

    /// The handle of a place that is taken so often.
    fn handle(&self, place: usize, times: usize) -> *mut c_void {
        let mark = &self.marks[(place * MARKS + times % MARKS) * MARK];
        ptr::from_ref(mark).cast_mut().cast()
    }

    /// The place that a handle names, and how often that was taken, if it is one of these.
    fn find(&self, handle: usize) -> Option<(usize, usize)> {
        let at = handle.checked_sub(self.marks.as_ptr().addr())?;
        let (place, mark) = (at / PLACE_BYTES, at % PLACE_BYTES);
        let is_mark = place < self.places.len() && mark.is_multiple_of(MARK_BYTES);
        is_mark.then_some((place, mark / MARK_BYTES))
    }
}

struct Occupant<T> {
    times: usize,
    what: Option<Arc<T>>,
}

struct Places {
    free: VecDeque<usize>,
    /// Those from here on were never taken.
    next: usize,
}

impl<T> Handles<T> {
    pub(crate) const fn new() -> Self {
        let shelves = [const { OnceLock::new() }; SHELVES];
        let places = Mutex::new(Places { free: VecDeque::new(), next: 0 });
        Self { shelves, places, removed: AtomicUsize::new(0) }
    }

    fn places(&self) -> MutexGuard<'_, Places> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The handle of something new, unless there are more than any program has.
    pub(crate) fn add(&self, what: Arc<T>) -> Option<*mut c_void> {
        let at = {
            let mut places = self.places();
            // Those first that were free for longest, so that it takes long until a mark is used again.
            let free = if places.next < FIRST { None } else { places.free.pop_front() };
            match free {
                Some(at) => at,
                None if places.next < FIRST * ((1 << SHELVES) - 1) => {
                    places.next += 1;
                    places.next - 1
                }
                None => return None,
            }
        };
        let (shelf, place) = find(at);
        let shelf = self.shelves[shelf].get_or_init(|| Shelf::new(shelf));
        let mut occupant = shelf.places[place].write().unwrap_or_else(PoisonError::into_inner);
        occupant.what = Some(what);
        Some(shelf.handle(place, occupant.times))
    }

    /// The place that a handle names, and which mark of it that is.
    fn place(&self, handle: *const c_void) -> Option<(usize, usize, &RwLock<Occupant<T>>)> {
        self.shelves.iter().enumerate().find_map(|(number, shelf)| {
            let shelf = shelf.get()?;
            let (place, mark) = shelf.find(handle.addr())?;
            Some((FIRST * ((1 << number) - 1) + place, mark, &shelf.places[place]))
        })
    }

    /// What a handle stands for, if it does.
    #[inline(never)]
    pub(crate) fn get(&self, handle: *const c_void) -> Option<Arc<T>> {
        let (_, mark, place) = self.place(handle)?;
        let place = place.read().unwrap_or_else(PoisonError::into_inner);
        place.what.clone().filter(|_| place.times % MARKS == mark)
    }

    /// Does something with what a handle stands for, if it does.
    #[inline]
    pub(crate) fn with<R>(
        &self,
        last: &'static LocalKey<LastUsed<T>>,
        handle: *const c_void,
        run: impl FnOnce(&T) -> R,
    ) -> Option<R> {
        // Relaxed: of a handle that was given back before, the caller knows because of something that orders the
        // two, and with them the counts; if nothing does, either comes first.
        let removed = self.removed.load(Ordering::Relaxed);
        let at = handle.addr();
        let lend = |last: &LastUsed<T>| Some((last.lend(at, removed)?, Lent { last, at }));
        let (what, lent, own) = match last.try_with(lend) {
            Ok(Some((what, lent))) => (what, Some(lent), None),
            _ => {
                let own = self.get(handle)?;
                (Arc::as_ptr(&own), None, Some(own))
            }
        };
        // Called once, whichever way it was found, so that the compiler puts it in this place.
        // SAFETY: what is lent stays where it is until it is given back, below, and with it a count of the `Arc`; if
        // nothing is lent, there is an `Arc` of our own.
        let result = run(unsafe { &*what });
        drop(lent);
        if let Some(own) = own {
            keep(last, at, removed, own);
        }
        Some(result)
    }

    /// Has a handle stand for something else, and returns what it stood for.
    pub(crate) fn replace(&self, handle: *const c_void, what: Arc<T>) -> Option<Arc<T>> {
        let (_, mark, place) = self.place(handle)?;
        let mut place = place.write().unwrap_or_else(PoisonError::into_inner);
        if place.what.is_none() || place.times % MARKS != mark {
            return None;
        }
        // What threads have at hand is not it any more.
        self.removed.fetch_add(1, Ordering::Relaxed);
        place.what.replace(what)
    }

    /// Makes a handle stand for nothing, and returns what it stood for.
    pub(crate) fn remove(&self, handle: *const c_void) -> Option<Arc<T>> {
        let (at, mark, place) = self.place(handle)?;
        let what = {
            let mut place = place.write().unwrap_or_else(PoisonError::into_inner);
            if place.times % MARKS != mark {
                return None;
            }
            let what = place.what.take()?;
            place.times = place.times.wrapping_add(1);
            // Before anybody can be told that it is given back.
            self.removed.fetch_add(1, Ordering::Relaxed);
            what
        };
        self.places().free.push_back(at);
        Some(what)
    }
}

/// The shelf of a place, and where it is there.
const fn find(at: usize) -> (usize, usize) {
    let shelf = (at / FIRST + 1).ilog2();
    (shelf as usize, at - FIRST * ((1 << shelf) - 1))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn every_place_is_on_one_shelf() {
        let mut seen = std::collections::HashSet::new();
        for at in 0..FIRST * 63 {
            let (shelf, place) = find(at);
            assert!(place < FIRST << shelf, "{at}");
            assert!(seen.insert((shelf, place)));
        }
    }

    #[test]
    fn a_handle_stands_for_one_thing_until_it_is_given_back() {
        let handles = Handles::new();
        let all: Vec<_> = (0..1000).map(|n| handles.add(Arc::new(n)).unwrap()).collect();
        for (n, handle) in all.iter().enumerate() {
            assert_eq!(handles.get(*handle).as_deref(), Some(&n));
        }
        assert_eq!(handles.remove(all[7]).as_deref(), Some(&7));
        assert_eq!((handles.get(all[7]), handles.remove(all[7])), (None, None));
        assert_eq!(handles.replace(all[8], Arc::new(80)).as_deref(), Some(&8));
        assert_eq!(handles.get(all[8]).as_deref(), Some(&80));
        assert_eq!(handles.replace(all[7], Arc::new(70)), None);
        let next = handles.add(Arc::new(5)).unwrap();
        assert_ne!(next, all[7]);
        assert_eq!((handles.get(next).as_deref(), handles.get(all[7])), (Some(&5), None));
    }

    #[test]
    fn what_was_used_last_is_found_again_until_it_is_given_back() {
        thread_local! {
            static LAST: LastUsed<u32> = const { LastUsed::nothing() };
        }
        let handles = Handles::new();
        let all: Vec<_> = (0..3).map(|n| handles.add(Arc::new(n)).unwrap()).collect();
        let with = |handle: *mut c_void| handles.with(&LAST, handle, |n| *n);
        for (n, handle) in (0..).zip(&all) {
            assert_eq!((with(*handle), with(*handle)), (Some(n), Some(n)));
        }
        // One within the use of another, and the same again.
        let nested = handles.with(&LAST, all[0], |n| (*n, with(all[1]), with(all[0])));
        assert_eq!(nested, Some((0, Some(1), Some(0))));
        assert_eq!(handles.remove(all[0]).as_deref(), Some(&0));
        assert_eq!((with(all[0]), with(all[1])), (None, Some(1)));
        // While it is used it stays, and then it is gone.
        let given_back = handles.with(&LAST, all[1], |n| (handles.remove(all[1]), *n).1);
        assert_eq!((given_back, with(all[1])), (Some(1), None));
        assert_eq!(with(ptr::null_mut()), None);
    }

    #[test]
    fn what_is_no_handle_stands_for_nothing() {
        let handles = Handles::new();
        let sockets = handles.add(Arc::new(())).unwrap();
        let contexts = Handles::new();
        let context = contexts.add(Arc::new(())).unwrap();
        let local = 5u64;
        let elsewhere = [ptr::null(), context.cast_const(), (&raw const local).cast()];
        let at = sockets.addr();
        let numbers = [1, 16, at + 1, at + 8, at + 16, at - 16, at + (1 << 16), usize::MAX];
        let numbers = numbers.map(ptr::without_provenance);
        for handle in elsewhere.into_iter().chain(numbers) {
            assert_eq!((handles.get(handle), handles.remove(handle)), (None, None), "{handle:?}");
        }
        assert!(handles.get(sockets).is_some());
    }
}
