//! What happens when the kernel refuses.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::{LogReader, Notify, Sleep, log};
use std::sync::atomic::{AtomicI32, AtomicUsize};
use std::sync::{Arc, mpsc};
use std::thread::Thread;

/// A system that carries out the commands whose bits are set.
#[derive(Default)]
struct Model {
    granted: AtomicI32,
    registered: AtomicBool,
    done: AtomicUsize,
    waited: AtomicUsize,
}

impl System for Arc<Model> {
    fn membarrier(&self, command: i32) -> bool {
        if self.granted.load(Ordering::SeqCst) & command == 0 {
            return false;
        }
        match command {
            REGISTER_PRIVATE_EXPEDITED => self.registered.store(true, Ordering::SeqCst),
            PRIVATE_EXPEDITED if !self.registered.load(Ordering::SeqCst) => return false,
            _ => _ = self.done.fetch_add(1, Ordering::SeqCst),
        }
        true
    }

    fn wait_for_stores(&self) {
        // Long enough for another to come, as a rule; nothing depends on it.
        std::thread::yield_now();
        self.waited.fetch_add(1, Ordering::SeqCst);
    }
}

const ALL: i32 = GLOBAL | PRIVATE_EXPEDITED | REGISTER_PRIVATE_EXPEDITED;

fn made(granted: i32) -> (Arc<Model>, Pair<Arc<Model>>) {
    let model = Arc::new(Model::default());
    model.granted.store(granted, Ordering::SeqCst);
    let pair = Pair::new(model.clone());
    pair.init();
    (model, pair)
}

/// Calls a heavy barrier; whether the kernel carried one out.
fn heavy(model: &Model, pair: &Pair<Arc<Model>>) -> bool {
    let before = model.done.load(Ordering::SeqCst);
    pair.heavy();
    model.done.load(Ordering::SeqCst) > before
}

#[test]
fn a_light_barrier_is_free_only_if_the_heavy_one_was_tried() {
    for granted in [0, GLOBAL, REGISTER_PRIVATE_EXPEDITED, PRIVATE_EXPEDITED] {
        let (model, pair) = made(granted);
        assert!(!pair.free.load(Ordering::SeqCst));
        assert!(!heavy(&model, &pair));
        assert_eq!(model.waited.load(Ordering::SeqCst), 0, "nothing to make up for");
    }
    let (model, pair) = made(ALL);
    assert!(pair.free.load(Ordering::SeqCst) && heavy(&model, &pair));
}

#[test]
fn want_of_memory_and_a_lost_registration_are_got_over() {
    let (model, pair) = made(ALL);
    model.granted.store(GLOBAL, Ordering::SeqCst);
    assert!(heavy(&model, &pair));
    model.granted.store(PRIVATE_EXPEDITED | REGISTER_PRIVATE_EXPEDITED, Ordering::SeqCst);
    model.registered.store(false, Ordering::SeqCst);
    assert!(heavy(&model, &pair) && pair.free.load(Ordering::SeqCst));
    assert_eq!(model.waited.load(Ordering::SeqCst), 0);
}

#[test]
fn everybody_who_meets_a_refusal_waits_for_the_end_of_the_change() {
    for _ in 0..200 {
        let (model, pair) = made(ALL);
        model.granted.store(0, Ordering::SeqCst);
        std::thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    pair.heavy();
                    assert_eq!(model.waited.load(Ordering::SeqCst), 1, "once, and before this");
                });
            }
        });
        assert!(!pair.free.load(Ordering::SeqCst));
        // What is granted again later changes nothing.
        model.granted.store(ALL, Ordering::SeqCst);
        assert!(!heavy(&model, &pair));
        assert_eq!(model.waited.load(Ordering::SeqCst), 1);
    }
}

struct Unpark(Thread);

impl Notify for Unpark {
    fn readable(&self, _: usize) {
        self.0.unpark();
    }

    fn writable(&self, _: usize) {
        self.0.unpark();
    }
}

/// Forbids `membarrier(2)` to the calling thread and those that it starts; `false` if that cannot be done.
fn forbid() -> bool {
    let op = |code: u32, k: u32| libc::sock_filter { code: code as u16, jt: 0, jf: 0, k };
    let refused = libc::SECCOMP_RET_ERRNO | libc::EPERM as u32;
    let mut skip = op(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, libc::SYS_membarrier as u32);
    skip.jf = 1;
    let mut filter = [
        // The number of the call is the first word of what a filter sees.
        op(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0),
        skip,
        op(libc::BPF_RET | libc::BPF_K, refused),
        op(libc::BPF_RET | libc::BPF_K, libc::SECCOMP_RET_ALLOW),
    ];
    let program = libc::sock_fprog { len: filter.len() as u16, filter: filter.as_mut_ptr() };
    // SAFETY: both take integers and a pointer to a program that lives until they return.
    unsafe {
        libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
            && libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const program) == 0
    }
}

/// Takes a message, asleep until there is one.
fn receive(reader: &mut LogReader) -> bool {
    loop {
        if reader.read().is_some() {
            return true;
        }
        if reader.ended() {
            return false;
        }
        if reader.fall_asleep() == Sleep::Asleep {
            std::thread::park();
        }
    }
}

#[test]
fn a_filter_that_comes_later_loses_no_message() {
    // One message at a time, there and back, so that every one finds its reader asleep or about to be.
    const ROUNDS: usize = 2_000;
    let (go, goes) = mpsc::channel();
    let player = |serves: bool, mut writer: crate::LogWriter, mut reader: LogReader| {
        reader.install(Arc::new(Unpark(std::thread::current())), 0);
        for round in 0..ROUNDS {
            if serves || round > 0 {
                assert!(receive(&mut reader));
            }
            writer.write_body(0, b"ball").unwrap();
            if round == ROUNDS / 2 && !serves && !forbid() {
                eprintln!("SKIPPED: no filters of system calls here");
            }
        }
        if !serves {
            assert!(receive(&mut reader));
            go.send(()).unwrap();
        }
    };
    let ((there, there_reader), (back, back_reader)) = (log(0), log(0));
    std::thread::scope(|scope| {
        scope.spawn(|| player(true, back, there_reader));
        scope.spawn(|| player(false, there, back_reader));
    });
    goes.recv().unwrap();
}
