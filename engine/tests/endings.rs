//! Engines that end in odd places, and code of the application that panics while its memory is given back.
#![cfg(unix)]
#![allow(clippy::unwrap_used)]

mod common;

use bytes::Bytes;
use common::{DEADLINE, on_each_backend, on_each_backend_alone, stream_pair};
use ringmq_engine::{
    BackendChoice, BackendKind, Batch, BatchPart, Completion, Cx, Engine, EngineOptions, Handler,
    IoHandle, Notice, Stream, Token,
};
use socket2::Socket;
#[cfg(target_os = "linux")]
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
#[cfg(target_os = "linux")]
use std::time::{Duration, Instant};

fn start(kind: BackendKind, io_threads: usize) -> Engine {
    let backend = match kind {
        BackendKind::Mio => BackendChoice::Mio,
        BackendKind::Uring => BackendChoice::Uring,
    };
    Engine::start(&EngineOptions { backend, io_threads, ..EngineOptions::default() }).unwrap()
}

/// What to do on the I/O thread.
type Deed = Box<dyn FnOnce(&mut Cx<'_>) + Send>;

/// Does what it is told, and tells of its end.
struct Puppet(Sender<&'static str>);

impl Handler for Puppet {
    fn start(&mut self, _: &mut Cx<'_>) {}

    fn completed(&mut self, _: &mut Cx<'_>, _: Completion) {}

    fn notified(&mut self, cx: &mut Cx<'_>, notice: Notice) {
        match notice {
            Notice::Custom(deed) => deed.downcast::<Deed>().unwrap()(cx),
            Notice::Close => cx.finish(),
            _ => {}
        }
    }
}

impl Drop for Puppet {
    fn drop(&mut self) {
        let _ = self.0.send("dropped");
    }
}

fn puppet(io: &IoHandle) -> (Token, Receiver<&'static str>) {
    let (sender, news) = channel();
    (io.add(Box::new(Puppet(sender))), news)
}

fn make(io: &IoHandle, puppet: Token, deed: impl FnOnce(&mut Cx<'_>) + Send + 'static) {
    let deed: Deed = Box::new(deed);
    io.tell(puppet, Notice::Custom(Box::new(deed)));
}

/// The thread still does what it is told.
fn is_well(io: &IoHandle) {
    let (token, news) = puppet(io);
    io.tell(token, Notice::Close);
    assert_eq!(news.recv_timeout(DEADLINE).unwrap(), "dropped");
}

/// Memory of the application, which panics when it gets it back.
struct Bomb(Sender<&'static str>);

impl AsRef<[u8]> for Bomb {
    fn as_ref(&self) -> &[u8] {
        &[7; 8 << 20]
    }
}

impl Drop for Bomb {
    fn drop(&mut self) {
        let _ = self.0.send("given back");
        panic!("on purpose");
    }
}

/// Far more than the other end takes without reading.
fn bomb(sender: &Sender<&'static str>) -> Batch {
    let mut batch = Batch::default();
    batch.push(BatchPart::Bytes { bytes: Bytes::from_owner(Bomb(sender.clone())), messages: 1 });
    batch
}

fn connection() -> (Stream, Socket) {
    let (near, far) = stream_pair();
    near.set_nonblocking(true).unwrap();
    (near.into(), far)
}

fn what_comes_for_a_handler_that_is_gone_may_panic(kind: BackendKind) {
    let engine = start(kind, 1);
    let io = engine.choose(0).clone();
    let (sender, given_back) = channel();
    let ((near, _far), (token, _news)) = (connection(), puppet(&io));
    let batch = bomb(&sender);
    make(&io, token, move |cx| {
        cx.backend.send(cx.token, &near, batch);
        cx.finish();
    });
    assert_eq!(given_back.recv_timeout(DEADLINE).unwrap(), "given back");
    is_well(&io);
    // A notice, too, may be the last to hold something.
    struct Grenade;
    impl Drop for Grenade {
        fn drop(&mut self) {
            panic!("on purpose");
        }
    }
    io.tell(token, Notice::Custom(Box::new(Grenade)));
    is_well(&io);
}

/// Several at once: a second panic while the first one unwinds would end the process.
fn a_thread_ends_with_memory_that_panics(kind: BackendKind) {
    const BOMBS: usize = 3;
    let before = std::fs::read_dir("/dev/fd").unwrap().count();
    let engine = start(kind, 1);
    let io = engine.choose(0).clone();
    let (sender, given_back) = channel();
    let connections: Vec<_> = (0..BOMBS).map(|_| connection()).collect();
    let mut others = Vec::new();
    for (near, far) in connections {
        let (token, news) = puppet(&io);
        let batch = bomb(&sender);
        make(&io, token, move |cx| cx.backend.send(cx.token, &near, batch));
        others.push((far, news));
    }
    is_well(&io);
    drop(engine);
    drop(sender);
    assert_eq!(given_back.iter().count(), BOMBS);
    for (_, news) in &others {
        assert_eq!(news.try_recv().unwrap(), "dropped", "before the engine is gone");
    }
    drop((others, io));
    assert_eq!(std::fs::read_dir("/dev/fd").unwrap().count(), before);
}

/// Handlers that drop something of the kind.
fn a_thread_ends_with_handlers_that_panic(kind: BackendKind) {
    struct Bad(#[expect(dead_code, reason = "dropped")] Bomb);
    impl Handler for Bad {
        fn start(&mut self, _: &mut Cx<'_>) {}

        fn completed(&mut self, _: &mut Cx<'_>, _: Completion) {}

        fn notified(&mut self, _: &mut Cx<'_>, _: Notice) {}
    }
    let engine = start(kind, 1);
    let io = engine.choose(0).clone();
    let (sender, given_back) = channel();
    for _ in 0..3 {
        io.add(Box::new(Bad(Bomb(sender.clone()))));
    }
    is_well(&io);
    drop(engine);
    assert_eq!(io.load(), 0, "all of them are gone");
    // One that comes too late is not its sender's problem.
    io.add(Box::new(Bad(Bomb(sender.clone()))));
    drop(sender);
    assert_eq!(given_back.iter().count(), 4);
}

/// Runs something that must not hang.
fn in_time(what: impl FnOnce() + Send + 'static) {
    let (done, is_done) = channel();
    std::thread::spawn(move || {
        what();
        done.send(()).unwrap();
    });
    is_done.recv_timeout(DEADLINE).expect("it hangs");
}

fn an_engine_finishes_when_its_handlers_have(kind: BackendKind) {
    let engine = start(kind, 2);
    let ends: Vec<_> = (0..2).map(|index| engine.choose(1 << index).clone()).collect();
    let puppets: Vec<_> = ends.iter().map(puppet).collect();
    let finishing = std::thread::spawn(move || assert!(engine.wait_until_idle(None)));
    for (io, (token, news)) in ends.iter().zip(puppets) {
        is_well(io);
        io.tell(token, Notice::Close);
        assert_eq!(news.recv_timeout(DEADLINE).unwrap(), "dropped");
    }
    in_time(move || finishing.join().unwrap());
}

#[cfg(target_os = "linux")]
fn resources() -> (usize, usize) {
    let count = |path| std::fs::read_dir(path).unwrap().count();
    (count("/proc/self/fd"), count("/proc/self/task"))
}

/// It cannot wait for itself: it goes on until there is nothing left to do, and ends then.
#[cfg(target_os = "linux")]
fn an_engine_is_retired_by_one_of_its_own_threads(kind: BackendKind) {
    let before = resources();
    let engine = start(kind, 2);
    let ends: Vec<_> = (0..2).map(|index| engine.choose(1 << index).clone()).collect();
    let puppets: Vec<_> = (0..4).map(|index| puppet(&ends[index % 2])).collect();
    let (sender, finished) = channel();
    make(&ends[0], puppets[0].0, move |cx| {
        engine.retire();
        cx.finish();
        sender.send(()).unwrap();
    });
    finished.recv_timeout(DEADLINE).expect("it does not wait for itself");
    // Those who are there are served, with what they ask for, as long as they live.
    for index in [1, 2, 3] {
        let (io, (token, news)) = (&ends[index % 2], &puppets[index]);
        let (sender, successors) = channel();
        make(io, *token, move |cx| {
            let (successor, news) = channel();
            sender.send((cx.add(Box::new(Puppet(successor))), news)).unwrap();
            cx.finish();
        });
        assert_eq!(news.recv_timeout(DEADLINE).unwrap(), "dropped");
        let (successor, news) = successors.recv_timeout(DEADLINE).unwrap();
        io.tell(successor, Notice::Close);
        assert_eq!(news.recv_timeout(DEADLINE).unwrap(), "dropped");
    }
    let deadline = Instant::now() + DEADLINE;
    drop((puppets, ends));
    while resources() != before {
        assert!(Instant::now() < deadline, "{before:?} before, now {:?}", resources());
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Each waits for nobody, so that none of them waits for the other.
#[cfg(target_os = "linux")]
fn engines_end_on_each_others_threads(kind: BackendKind) {
    for retire in [false, true] {
        let engines = [start(kind, 1), start(kind, 1)];
        let ends = [0, 1].map(|index: usize| engines[index].choose(0).clone());
        let puppets = [0, 1].map(|index: usize| puppet(&ends[index]));
        let barrier = Arc::new(std::sync::Barrier::new(2));
        for (index, engine) in engines.into_iter().enumerate() {
            let (other, barrier) = (1 - index, barrier.clone());
            make(&ends[other], puppets[other].0, move |cx| {
                barrier.wait();
                if retire {
                    engine.retire()
                } else {
                    drop(engine)
                }
                cx.finish();
            });
        }
        for (_, news) in puppets {
            assert_eq!(news.recv_timeout(DEADLINE).unwrap(), "dropped");
        }
    }
}

on_each_backend!(
    what_comes_for_a_handler_that_is_gone_may_panic,
    an_engine_finishes_when_its_handlers_have
);
on_each_backend_alone!(
    a_thread_ends_with_memory_that_panics,
    a_thread_ends_with_handlers_that_panic,
);
#[cfg(target_os = "linux")]
on_each_backend!(engines_end_on_each_others_threads);
#[cfg(target_os = "linux")]
on_each_backend_alone!(an_engine_is_retired_by_one_of_its_own_threads);
