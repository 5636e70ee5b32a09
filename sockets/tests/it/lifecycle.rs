//! The end: a context that is shut down or terminated wakes everyone, hangs never, and leaves nothing.

use crate::harness::{Address, Harness, PATIENCE, everywhere, over_wires, within_process};
use futures_lite::future::block_on;
use ringmq::{Context, Error, Interest, Message, Poller, SocketType};
use std::pin::pin;
use std::sync::{Arc, Barrier};
use std::task::{self, Wake, Waker};
use std::time::{Duration, Instant};

everywhere![
    shutdown_wakes_every_blocked_call,
    after_shutdown_every_call_fails,
    shutdown_can_be_asked_for_by_many,
    sockets_outlive_the_handle_of_their_context,
];

over_wires![
    threads_end_with_their_context,
    the_last_handle_may_go_with_the_memory_of_a_message,
    a_waker_may_end_the_context,
];

within_process![term_returns_when_there_is_nothing_to_wait_for, every_type_can_be_made];

fn is_over<T>(result: Result<T, Error>) {
    assert!(matches!(result, Err(Error::Terminated)));
}

fn shutdown_wakes_every_blocked_call(harness: &Harness) {
    let (pull, push, router, dealer) =
        (harness.pull(), harness.push(), harness.router(), harness.dealer());
    let (front, back, sub, watched) =
        (harness.router(), harness.dealer(), harness.subscriber(), harness.rep());
    pull.bind(&harness.anywhere()).unwrap();
    pull.set_recv_timeout(None).unwrap();
    harness.join(&router, &dealer);
    push.bind(&harness.anywhere()).unwrap();
    push.set_send_timeout(None).unwrap();
    router.set_recv_timeout(None).unwrap();
    front.bind(&harness.anywhere()).unwrap();
    back.bind(&harness.anywhere()).unwrap();
    let monitor = watched.monitor();
    let idle = harness.pair();
    let quiet = harness.pair();
    let quiet_monitor = quiet.monitor();
    // All of them are about to block when the shutdown comes, most are blocked already.
    let ready = Barrier::new(11);
    let begin = || {
        ready.wait();
    };
    std::thread::scope(|scope| {
        scope.spawn(|| (begin(), is_over(pull.recv())));
        scope.spawn(|| (begin(), is_over(router.recv_multipart())));
        scope.spawn(|| (begin(), is_over(push.send("nobody").map_err(Error::from))));
        scope.spawn(|| {
            begin();
            is_over(push.send_multipart(["nobody", "at all"]).map_err(Error::from));
        });
        scope.spawn(|| (begin(), is_over(block_on(dealer.recv_async()))));
        scope.spawn(|| (begin(), is_over(block_on(push.send_async("x")).map_err(Error::from))));
        scope.spawn(|| {
            let poller = Poller::new();
            poller.add(&sub, Interest::READABLE);
            poller.add(&idle, Interest::BOTH);
            begin();
            is_over(poller.wait(None));
        });
        scope.spawn(|| (begin(), is_over(ringmq::proxy(&front, &back))));
        scope.spawn(|| (begin(), is_over(monitor.recv())));
        scope.spawn(|| (begin(), is_over(block_on(quiet_monitor.recv_async()))));
        begin();
        harness.context.shutdown();
    });
}

fn after_shutdown_every_call_fails(harness: &Harness) {
    let socket = harness.context.socket(SocketType::Dealer).unwrap();
    let endpoint = socket.bind(&harness.anywhere()).unwrap();
    let monitor = socket.monitor();
    harness.context.shutdown();
    is_over(socket.recv());
    is_over(socket.try_recv());
    is_over(socket.recv_multipart());
    let failed = socket.send("given back").unwrap_err();
    assert_eq!(failed.message, "given back".into());
    is_over(Err::<(), _>(failed.error));
    is_over(socket.try_send("").map_err(Error::from));
    is_over(socket.bind(&harness.anywhere()));
    is_over(socket.connect(&endpoint));
    is_over(socket.unbind(&endpoint));
    is_over(socket.disconnect(&endpoint));
    is_over(socket.set_send_hwm(1));
    is_over(harness.context.pull());
    is_over(harness.context.socket(SocketType::Req));
    while monitor.try_recv().is_ok() {}
    is_over(monitor.recv());
    assert!(socket.stats().is_empty());
    assert_eq!(socket.topics(), 0);
}

fn shutdown_can_be_asked_for_by_many(harness: &Harness) {
    let (push, pull) = (harness.push(), harness.pull());
    harness.join(&pull, &push);
    let start = Barrier::new(5);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            start.wait();
            while push.try_send("x").is_ok() || pull.try_recv().is_ok() {}
        });
        for _ in 0..4 {
            scope.spawn(|| {
                start.wait();
                harness.context.shutdown();
            });
        }
    });
    harness.context.shutdown();
    drop((push, pull));
    harness.context.term();
    harness.context.term();
}

fn sockets_outlive_the_handle_of_their_context(harness: &Harness) {
    let context = Context::builder().backend(harness.backend).build().unwrap();
    let (push, pull) = (context.push().unwrap(), context.pull().unwrap());
    drop(context);
    push.connect(&pull.bind(&harness.anywhere()).unwrap()).unwrap();
    push.send("still there").unwrap();
    assert_eq!(pull.recv().unwrap(), "still there");
}

/// The threads of this process that are called so.
#[cfg(target_os = "linux")]
fn threads_called(name: &str) -> usize {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    let named = |path: std::path::PathBuf| {
        std::fs::read_to_string(path.join("comm")).is_ok_and(|comm| comm.starts_with(name))
    };
    tasks.filter(|task| task.as_ref().is_ok_and(|task| named(task.path()))).count()
}

fn threads_end_with_their_context(harness: &Harness) {
    let name = format!("tl-{:?}-{:?}", harness.transport, harness.backend);
    let context = Context::builder()
        .backend(harness.backend)
        .io_threads(3)
        .thread_name(&name)
        .build()
        .unwrap();
    let sockets: Vec<_> = (0..6).map(|_| context.pull().unwrap()).collect();
    for (bit, socket) in sockets.iter().enumerate() {
        socket.set_affinity(1 << (bit % 3)).unwrap();
        let push = context.push().unwrap();
        push.connect(&socket.bind(&harness.anywhere()).unwrap()).unwrap();
        push.send("hello").unwrap();
        assert_eq!(socket.recv().unwrap(), "hello");
    }
    #[cfg(target_os = "linux")]
    assert_eq!(threads_called(&name), 3);
    drop(sockets);
    drop(context);
    #[cfg(target_os = "linux")]
    // A thread that has ended is to be seen a moment longer.
    crate::harness::eventually("all threads are gone", || threads_called(&name) == 0);
}

/// A context of its own, with a name to know its threads by.
fn named(harness: &Harness, what: &str) -> (Context, String) {
    let name = format!("{what}-{:?}-{:?}", harness.transport, harness.backend);
    let builder = Context::builder().backend(harness.backend).io_threads(2);
    (builder.thread_name(&name).build().unwrap(), name)
}

#[cfg_attr(not(target_os = "linux"), expect(unused_variables))]
fn await_end(name: &str) {
    #[cfg(target_os = "linux")]
    crate::harness::eventually("all threads are gone", || threads_called(name) == 0);
}

fn the_last_handle_may_go_with_the_memory_of_a_message(harness: &Harness) {
    struct Owner(Vec<u8>, #[expect(dead_code, reason = "dropped with it")] Context);
    impl AsRef<[u8]> for Owner {
        fn as_ref(&self) -> &[u8] {
            &self.0
        }
    }
    let (context, name) = named(harness, "lm");
    let address = Address::new(harness);
    let push = context.push().unwrap();
    push.set_reconnect_interval(Some(Duration::from_millis(5))).unwrap();
    push.connect(&address.endpoint).unwrap();
    push.send(Message::from_owner(Owner(vec![7; 100_000], context.clone()))).unwrap();
    // More than goes out with it.
    (0..200u8).for_each(|number| push.send(vec![number; 20_000]).unwrap());
    // Nobody waits: there is another handle.
    drop((push, context));
    let pull = harness.pull();
    address.bind(&pull);
    assert_eq!(pull.recv().unwrap(), vec![7; 100_000][..]);
    for number in 0..200u8 {
        assert_eq!(pull.recv().unwrap(), vec![number; 20_000][..], "nothing of it is lost");
    }
    await_end(&name);
}

fn a_waker_may_end_the_context(harness: &Harness) {
    struct Ender(Context);
    impl Wake for Ender {
        fn wake(self: Arc<Self>) {
            self.0.term();
        }
    }
    let (context, name) = named(harness, "lw");
    let (pull, push) = (crate::harness::patient(context.pull().unwrap()), harness.push());
    harness.join(&pull, &push);
    let waker = Waker::from(Arc::new(Ender(context)));
    let mut waiting = pin!(pull.recv_async());
    assert!(waiting.as_mut().poll(&mut task::Context::from_waker(&waker)).is_pending());
    push.send("the end").unwrap();
    crate::harness::eventually("the context has ended", || {
        pull.try_recv().is_err_and(|error| matches!(error, Error::Terminated))
    });
    await_end(&name);
}

fn term_returns_when_there_is_nothing_to_wait_for(_: &Harness) {
    let start = Instant::now();
    Context::new().term();
    for _ in 0..20 {
        let context = Context::new();
        let socket = context.pull().unwrap();
        socket.bind("tcp://127.0.0.1:*").unwrap();
        // The socket is still open: it ends with the context.
        context.term();
        is_over(socket.recv());
    }
    assert!(start.elapsed() < PATIENCE);
}

fn every_type_can_be_made(harness: &Harness) {
    use SocketType::{Dealer, Pair, Pub, Pull, Push, Rep, Req, Router, Sub, XPub, XSub};
    for socket_type in [Pair, Pub, Sub, XPub, XSub, Req, Rep, Dealer, Router, Push, Pull] {
        assert_eq!(harness.context.socket(socket_type).unwrap().socket_type(), socket_type);
    }
    for (socket_type, sends, receives) in [(Push, true, false), (Pull, false, true)] {
        let socket = harness.context.socket(socket_type).unwrap();
        let unsupported = |error: Error| matches!(error, Error::NotSupported { .. });
        assert_eq!(unsupported(socket.try_send("").unwrap_err().error), !sends);
        assert_eq!(unsupported(socket.try_recv().unwrap_err()), !receives);
        assert!(matches!(socket.subscribe(""), Err(Error::InvalidOption { .. })));
    }
}
