//! No message of up to 8 KiB costs an allocation, on either side, once things run: neither one of up to four
//! frames, nor a future.
//!
//! Every allocation of the process is counted: of the application's threads and of the I/O threads, of
//! the sender and of the receiver, which are one process here. One test at a time, because others beside
//! it would be counted too.
//!
//! What was found to allocate is listed, with call stacks, in the file that the environment variable
//! `RINGMQ_ALLOCATIONS` names, if it is set, as DHAT's viewer reads it.

#![allow(clippy::unwrap_used)]

use ringmq::{
    BackendChoice, Context, Message, Multipart, Pull, Push, Rep, Req, Socket, kind::Kind,
};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Barrier, Mutex, PoisonError};
use std::time::{Duration, Instant};

#[global_allocator]
static ALLOCATOR: dhat::Alloc = dhat::Alloc;

/// Messages before counting, so that buffers and pools have grown to what they need, and then of a stretch
/// that is counted: of a stream, and of round trips, each of which has two threads woken, which takes some
/// 8 ms a time beside ten others that want the processor.
const STREAM: [usize; 2] = [6_000, 10_000];
const TRIPS: [usize; 2] = [200, 500];
/// So many stretches are counted until one has no more than is allowed. What is done now and then, such as
/// when a thread is kept from running for long, takes memory too; what is done for messages is done in all.
const STRETCHES: usize = 20;
/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(20);
/// Allocations that are allowed for each message. Not quite none: how many blocks of memory a stream
/// fills at once depends on how far its receiver lags behind, and the most there ever were may be more
/// after the warm-up than in it.
const ALLOWED: f64 = 0.01;
/// The same for a round trip of futures: at both ends one is woken each time, by a command in a mailbox, whose
/// memory is made for 31 of them.
const ALLOWED_WOKEN: f64 = 2.0 / 31.0 + ALLOWED;

/// Frames of a message of several: as many as need no memory of their own.
const FRAMES: usize = 4;

/// Sends and receives over one connection; gives the allocations of each counted message.
type Traffic = fn(&Context, &str, usize) -> f64;

fn patient<K: Kind>(socket: Socket<K>) -> Socket<K> {
    socket.set_send_timeout(Some(PATIENCE)).unwrap();
    socket.set_recv_timeout(Some(PATIENCE)).unwrap();
    socket
}

fn join<A: Kind, B: Kind>(binds: &Socket<A>, connects: &Socket<B>, endpoint: &str) {
    let endpoint = binds.bind(endpoint).unwrap();
    connects.connect(&endpoint).unwrap();
    let start = Instant::now();
    let connected = |stats: Vec<ringmq::PipeStats>| stats.iter().any(|pipe| pipe.connected);
    while !(connected(binds.stats()) && connected(connects.stats())) {
        assert!(start.elapsed() < PATIENCE, "no connection");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// All systems have but old versions of Windows, and Wine.
fn has_unix_sockets() -> bool {
    !cfg!(windows) || Context::new().pull().unwrap().bind("ipc://*").is_ok()
}

fn allocations() -> u64 {
    dhat::HeapStats::get().total_blocks
}

/// Runs `other` beside `this`, first to warm up and then stretch after stretch; gives the allocations of each
/// message of the one that had the fewest.
fn counted(
    [warm_up, stretch]: [usize; 2],
    other: impl Fn(usize) + Sync,
    this: impl Fn(usize),
) -> f64 {
    let (barrier, enough) = (Barrier::new(2), AtomicBool::new(false));
    let mut fewest = f64::MAX;
    std::thread::scope(|scope| {
        scope.spawn(|| {
            other(warm_up);
            loop {
                barrier.wait();
                if enough.load(Ordering::SeqCst) {
                    return;
                }
                other(stretch);
                barrier.wait();
            }
        });
        this(warm_up);
        for _ in 0..STRETCHES {
            let before = allocations();
            barrier.wait();
            this(stretch);
            barrier.wait();
            fewest = fewest.min((allocations() - before) as f64 / stretch as f64);
            if fewest <= ALLOWED {
                break;
            }
        }
        enough.store(true, Ordering::SeqCst);
        barrier.wait();
    });
    fewest
}

fn round_trips(context: &Context, endpoint: &str, size: usize) -> f64 {
    let (rep, req): (Rep, Req) = (patient(context.rep().unwrap()), patient(context.req().unwrap()));
    join(&rep, &req, endpoint);
    let body = vec![b'x'; size];
    let serve = |count| {
        for _ in 0..count {
            let request = rep.recv().unwrap();
            rep.send(request).unwrap();
        }
    };
    let ask = |count| {
        for _ in 0..count {
            req.send(&body[..]).unwrap();
            assert_eq!(req.recv().unwrap().len(), size);
        }
    };
    counted(TRIPS, serve, ask)
}

/// A message of several frames that the application keeps.
fn kept(size: usize) -> Multipart {
    let frame = Message::from(vec![b'x'; size]);
    [&frame; FRAMES].into_iter().cloned().collect()
}

/// As a future does it, of messages of several frames.
fn round_trips_of_futures(context: &Context, endpoint: &str, size: usize) -> f64 {
    let (rep, req): (Rep, Req) = (patient(context.rep().unwrap()), patient(context.req().unwrap()));
    join(&rep, &req, endpoint);
    let message = kept(size);
    let serve = |count| {
        run(async {
            for _ in 0..count {
                let request = rep.recv_multipart_async().await.unwrap();
                rep.send_multipart_async(request).await.unwrap();
            }
        });
    };
    let ask = |count| {
        run(async {
            for _ in 0..count {
                req.send_multipart_async(message.clone()).await.unwrap();
                assert_eq!(req.recv_multipart_async().await.unwrap().len(), FRAMES);
            }
        });
    };
    counted(TRIPS, serve, ask)
}

/// A connected pair of which what waits stays within the pool of blocks (16 MiB): beyond it, blocks come
/// and go.
fn pipeline(context: &Context, endpoint: &str) -> (Pull, Push) {
    let (pull, push) = (patient(context.pull().unwrap()), patient(context.push().unwrap()));
    pull.set_recv_hwm(500 / FRAMES as u32).unwrap();
    push.set_send_hwm(500 / FRAMES as u32).unwrap();
    join(&pull, &push, endpoint);
    (pull, push)
}

fn stream_of_futures(context: &Context, endpoint: &str, size: usize) -> f64 {
    let (pull, push) = pipeline(context, endpoint);
    let body = vec![b'x'; size];
    let receive = |count| {
        run(async {
            for _ in 0..count {
                assert_eq!(pull.recv_async().await.unwrap().len(), size);
            }
        });
    };
    let send = |count| {
        run(async {
            for _ in 0..count {
                push.send_async(&body[..]).await.unwrap();
            }
        });
    };
    counted(STREAM, receive, send)
}

fn stream_of_multiparts(context: &Context, endpoint: &str, size: usize) -> f64 {
    let (pull, push) = pipeline(context, endpoint);
    let message = kept(size);
    let receive = |count| {
        for _ in 0..count {
            let message = pull.recv_multipart().unwrap();
            assert_eq!(message.into_iter().map(|frame| frame.len()).sum::<usize>(), FRAMES * size);
        }
    };
    let send = |count| {
        for _ in 0..count {
            push.send_multipart(message.clone()).unwrap();
        }
    };
    counted(STREAM, receive, send)
}

/// Runs a future on the calling thread: one side of a traffic under a runtime if there is a feature for it.
fn run(future: impl Future<Output = ()>) {
    #[cfg(feature = "tokio")]
    RUNTIME.with(|runtime| runtime.block_on(future));
    #[cfg(not(feature = "tokio"))]
    futures_lite::future::block_on(future);
}

#[cfg(feature = "tokio")]
thread_local! {
    static RUNTIME: tokio::runtime::Runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
}

fn stream(context: &Context, endpoint: &str, size: usize) -> f64 {
    let (pull, push): (Pull, Push) =
        (patient(context.pull().unwrap()), patient(context.push().unwrap()));
    // What waits stays within the pool of blocks (16 MiB): beyond it, blocks come and go.
    pull.set_recv_hwm(500).unwrap();
    push.set_send_hwm(500).unwrap();
    join(&pull, &push, endpoint);
    let body = vec![b'x'; size];
    let receive = |count| {
        for _ in 0..count {
            assert_eq!(pull.recv().unwrap().len(), size);
        }
    };
    let send = |count| (0..count).for_each(|_| push.send(&body[..]).unwrap());
    // As much as can ever wait, so that the pools have it from here on.
    receive((0..).take_while(|_| push.try_send(&body[..]).is_ok()).count());
    counted(STREAM, receive, send)
}

/// Has as much wait at once as the pools of blocks and segments hold, 16 MiB, so that they are full from
/// here on: how much of that a stream needs depends on how far its receiver lags behind.
fn fill_pools() {
    const WAITING: usize = (17 << 20) / 8192;
    let context = Context::new();
    let (pull, push): (Pull, Push) =
        (patient(context.pull().unwrap()), patient(context.push().unwrap()));
    pull.set_recv_hwm(0).unwrap();
    push.set_send_hwm(0).unwrap();
    join(&pull, &push, "inproc://pools");
    (0..WAITING).for_each(|_| push.send(&[0; 8192][..]).unwrap());
    (0..WAITING).for_each(|_| drop(pull.recv().unwrap()));
}

/// One backend's traffic over one transport, with nothing else in the process that would be counted.
fn check(backend: BackendChoice, endpoint: &str, size: usize) {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    // Another test that has failed is no reason.
    let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    if std::env::var_os("RINGMQ_TEST_UNDER_WINE").is_some() {
        eprintln!(
            "SKIPPED: a round trip takes a millisecond under Wine, and what is done now and then"
        );
        eprintln!("would count as if it were done for messages");
        return;
    }
    if backend == BackendChoice::Uring && Context::uring_available().is_err() {
        eprintln!("SKIPPED: no io_uring here");
        return;
    }
    if endpoint.starts_with("ipc") && !has_unix_sockets() {
        eprintln!("SKIPPED: no Unix sockets here");
        return;
    }
    let file = std::env::var_os("RINGMQ_ALLOCATIONS");
    let _profiler = match &file {
        Some(file) => dhat::Profiler::builder().file_name(file).build(),
        None => dhat::Profiler::builder().testing().build(),
    };
    fill_pools();
    let traffics = [
        ("round trips", round_trips as Traffic, ALLOWED),
        ("stream", stream, ALLOWED),
        ("round trips of futures", round_trips_of_futures, ALLOWED_WOKEN),
        ("stream of futures", stream_of_futures, ALLOWED_WOKEN),
        ("stream of multiparts", stream_of_multiparts, ALLOWED),
    ];
    for (name, traffic, allowed) in traffics {
        let context = Context::builder().backend(backend).build().unwrap();
        let each = traffic(&context, endpoint, size);
        println!("{name}: {each:.4} a message");
        assert!(each <= allowed, "{name}: {each:.4} allocations a message");
    }
}

/// A test of each way.
macro_rules! nothing_is_allocated_for_messages_of {
    ($($size:literal $name:ident: $what:literal)*) => {$(
        #[doc = $what]
        mod $name {
            use super::*;

            #[test]
            fn within_a_process() {
                check(BackendChoice::Auto, "inproc://allocations", $size);
            }

            #[test]
            fn over_ipc_on_mio() {
                check(BackendChoice::Mio, "ipc://*", $size);
            }

            #[test]
            fn over_ipc_on_io_uring() {
                check(BackendChoice::Uring, "ipc://*", $size);
            }

            #[test]
            fn over_tcp_on_mio() {
                check(BackendChoice::Mio, "tcp://127.0.0.1:*", $size);
            }

            #[test]
            fn over_tcp_on_io_uring() {
                check(BackendChoice::Uring, "tcp://127.0.0.1:*", $size);
            }
        }
    )*};
}

nothing_is_allocated_for_messages_of! {
    16 sixteen_bytes: "Inline in a message."
    64 sixty_four_bytes: "A cache line."
    1024 one_kib: "A quarter of a page."
    8192 eight_kib: "The largest that is copied."
}
