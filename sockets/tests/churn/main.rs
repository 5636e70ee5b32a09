//! Connections that come and go by the thousand, with messages in flight in both directions, over tcp and ipc,
//! in clear and under CURVE: nothing is left of them, and nothing is lost that was promised to arrive.
//!
//! `RINGMQ_CHURN_CONNECTS` says how many there are; `ci/test churn` is the long form, in which memory that is not
//! given back adds up. The process's descriptors, threads and memory are looked at, so a test has the process to
//! itself.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)]

mod door;
mod harness;
mod ledger;
mod peers;
mod usage;

/// What peers say byte by byte.
#[path = "../it/raw.rs"]
#[allow(dead_code)]
mod raw;

use door::{Door, Place};
use harness::eventually;
use peers::Crowd;
use ringmq::{BackendChoice, Context};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};
use usage::Usage;

/// Connects of each test, if nothing is said; enough to use each kind of peer at each door often.
const CONNECTS: usize = 2_000;
/// Threads that play peers of each door.
const WORKERS: usize = 2;
/// Descriptors that a thread may keep for its waiting, and a socket for those it waits for.
const WAITING: usize = 2;
/// From so many connects on the process's memory is looked at: before, pools and the allocator still grow.
const LONG: usize = 50_000;
/// By how much the process may grow in the second half of those, in KiB. A pipe is 1.5 KiB: one of ten that
/// stayed would be seen.
const GROWTH: usize = 4 * 1024;
/// What the threads of all contexts here are called, beside those that wait for the end of one.
pub(crate) const THREADS: &str = "ringmq-churn";

#[test]
fn come_and_go_on_mio() {
    come_and_go(BackendChoice::Mio);
}

#[test]
fn come_and_go_on_uring() {
    if let Err(reason) = Context::uring_available() {
        // `backends::io_uring_is_here_or_its_tests_are_skipped` fails where that must not be.
        eprintln!("SKIPPED: no io_uring here: {reason}");
        return;
    }
    come_and_go(BackendChoice::Uring);
}

fn connects() -> usize {
    let asked = std::env::var("RINGMQ_CHURN_CONNECTS").ok();
    asked.map_or(CONNECTS, |text| text.parse().expect("RINGMQ_CHURN_CONNECTS is a number"))
}

fn come_and_go(backend: BackendChoice) {
    static TURN: Mutex<()> = Mutex::new(());
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let (start, before) = (Instant::now(), Usage::now());
    let connects = connects();
    let make = || Context::builder().backend(backend).io_threads(2).thread_name(THREADS).build();
    let (server, clients) = (make().unwrap(), make().unwrap());
    let doors = Place::ALL.map(|place| Door::open(&server, place, connects / Place::ALL.len() + 2));
    thread::scope(|scope| {
        let service = Service(&server);
        let servers = doors.each_ref().map(|door| scope.spawn(|| door.serve()));
        let part = |count: usize| {
            let each = count / doors.len();
            thread::scope(|scope| {
                for door in &doors {
                    let crowd = Crowd { door, backend, clients: &clients };
                    for worker in 0..WORKERS {
                        let share = each / WORKERS + usize::from(worker < each % WORKERS);
                        scope.spawn(move || crowd.come_and_go(share));
                    }
                }
            });
            doors.iter().for_each(Door::await_silence);
        };
        let idle = idle(&doors, &clients);
        part(connects / 2);
        let half = settle(idle);
        part(connects - connects / 2);
        let end = settle(idle);
        println!("{backend:?}: {connects} connects in {:?}", start.elapsed());
        println!("  before {before:?}\n  idle {idle:?}\n  half {half:?}\n  end {end:?}");
        let grown = end.rss_kib.saturating_sub(half.rss_kib);
        // What a sanitizer keeps of memory that was freed grows.
        let counts = connects >= LONG && !cfg!(any(asan, tsan));
        assert!(!counts || grown < GROWTH, "{grown} KiB more than at half time");
        drop(service);
        servers.into_iter().for_each(|server| server.join().unwrap());
    });
    doors.iter().for_each(Door::check_figures);
    drop((doors, clients, server));
    settle(before);
}

/// What is there before anybody comes, once both contexts have done what they do.
fn idle(doors: &[Door], clients: &Context) -> Usage {
    for door in doors {
        // A thread that waits may keep a descriptor to be woken by until it ends.
        thread::scope(|scope| _ = scope.spawn(|| door.greet(clients)));
        door.await_silence();
    }
    // A descriptor of the greeting may be closed a little later: then the first look is not the least.
    let idle = (0..50).fold(Usage::now(), |least, _| {
        thread::sleep(Duration::from_millis(1));
        let now = Usage::now();
        if now.fds < least.fds || now.threads < least.threads { now } else { least }
    });
    // Whoever serves a door waits for many at once now and then.
    Usage { fds: idle.fds + WAITING * doors.len(), ..idle }
}

/// A context that is shut down whether or not the test fails, so that nobody waits in it for ever.
struct Service<'a>(&'a Context);

impl Drop for Service<'_> {
    fn drop(&mut self) {
        self.0.shutdown();
    }
}

/// Waits until no more descriptors and threads are there than there were.
#[track_caller]
fn settle(before: Usage) -> Usage {
    let what = || format!("{:?} become {before:?}", Usage::now());
    eventually(what, || {
        let now = Usage::now();
        now.fds <= before.fds && now.threads <= before.threads
    });
    Usage::now()
}
