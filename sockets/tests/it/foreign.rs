//! Code of the application that the library runs: wakers, owners of buffers, what looks at a frame. It may
//! use the very sockets it is about, and it may panic.

use crate::harness::{Address, GLANCE, Harness, Transport, eventually, everywhere, patient};
use futures_lite::future::poll_once;
use ringmq::{BackendChoice, Context, Error, Message, MonitorEvent, Pull, Push, SocketType};
use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::task::{Context as TaskContext, Wake, Waker};

everywhere![
    a_waker_may_use_both_sockets,
    a_waker_may_use_the_socket_that_is_closed,
    a_waker_that_panics_stops_nobody,
    an_owner_may_use_the_sockets,
    an_owner_that_panics_stops_nobody,
    many_owners_that_panic_leave_a_backlog_whole,
    what_is_lent_is_given_back_when_it_is_sent_and_not_before,
    what_is_lent_is_given_back_by_a_publisher,
    a_monitors_waker_may_use_the_socket,
];

/// A waker that does what it is told to.
struct Does<F: Fn() + Send + Sync>(F);

impl<F: Fn() + Send + Sync> Wake for Does<F> {
    fn wake(self: Arc<Self>) {
        (self.0)();
    }
}

fn waker(does: impl Fn() + Send + Sync + 'static) -> Waker {
    Arc::new(Does(does)).into()
}

/// A buffer whose owner does something when it is not needed any more.
struct Owner<F: FnMut() + Send>(Vec<u8>, F);

impl<F: FnMut() + Send> AsRef<[u8]> for Owner<F> {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl<F: FnMut() + Send> Drop for Owner<F> {
    fn drop(&mut self) {
        (self.1)();
    }
}

fn owned(len: usize, does: impl FnMut() + Send + 'static) -> Message {
    Message::from_owner(Owner(vec![7; len], does))
}

/// A PUSH and a PULL that know each other.
fn pipeline(harness: &Harness) -> (Arc<Push>, Arc<Pull>) {
    let (push, pull) = (Arc::new(harness.push()), Arc::new(harness.pull()));
    harness.join(&*pull, &*push);
    (push, pull)
}

fn a_waker_may_use_both_sockets(harness: &Harness) {
    let (push, pull) = pipeline(harness);
    let woken = Arc::<AtomicUsize>::default();
    let waker = {
        let (push, pull, woken) = (push.clone(), pull.clone(), woken.clone());
        waker(move || {
            // Neither a panic nor a wait for itself: whatever these find.
            push.stats();
            pull.stats();
            assert!(!matches!(pull.set_recv_timeout(None), Err(Error::Reentered)));
            assert!(!matches!(push.set_send_timeout(None), Err(Error::Reentered)));
            woken.fetch_add(1, Ordering::SeqCst);
        })
    };
    for round in 0..100u8 {
        // One that lets others have a turn wakes its task at once.
        let before = woken.load(Ordering::SeqCst);
        let mut future = pin!(pull.recv_async());
        let poll = future.as_mut().poll(&mut TaskContext::from_waker(&waker));
        assert!(poll.is_pending(), "round {round}");
        push.send([round]).unwrap();
        eventually("it is woken", || woken.load(Ordering::SeqCst) > before);
        eventually("the message is there", || {
            matches!(futures_lite::future::block_on(poll_once(future.as_mut())), Some(Ok(_)))
        });
    }
}

fn a_waker_may_use_the_socket_that_is_closed(harness: &Harness) {
    let (push, pull) = pipeline(harness);
    let seen = Arc::new(Mutex::new(None));
    let waker = {
        let (pull, seen) = (Arc::downgrade(&pull), seen.clone());
        waker(move || *seen.lock().unwrap() = Weak::upgrade(&pull).map(|pull| pull.try_recv()))
    };
    let mut future = pin!(pull.recv_async());
    assert!(future.as_mut().poll(&mut TaskContext::from_waker(&waker)).is_pending());
    harness.context.shutdown();
    assert!(matches!(*seen.lock().unwrap(), Some(Err(Error::Terminated))));
    drop(push);
}

fn a_waker_that_panics_stops_nobody(harness: &Harness) {
    let (push, pull) = pipeline(harness);
    let panics = Arc::<AtomicUsize>::default();
    let waker = {
        let panics = panics.clone();
        waker(move || {
            panics.fetch_add(1, Ordering::SeqCst);
            panic!("on purpose: a waker");
        })
    };
    for round in 0..10u8 {
        let before = panics.load(Ordering::SeqCst);
        {
            let mut future = pin!(pull.recv_async());
            assert!(future.as_mut().poll(&mut TaskContext::from_waker(&waker)).is_pending());
            push.send([round]).unwrap();
            eventually("it is woken", || panics.load(Ordering::SeqCst) > before);
        }
        assert_eq!(pull.recv().unwrap(), [round]);
    }
}

fn an_owner_may_use_the_sockets(harness: &Harness) {
    let (push, pull) = pipeline(harness);
    let freed = Arc::<AtomicUsize>::default();
    let message = |len| {
        let (push, pull, freed) = (push.clone(), pull.clone(), freed.clone());
        owned(len, move || {
            assert!(!matches!(push.set_send_timeout(None), Err(Error::Reentered)));
            assert!(!matches!(pull.set_recv_timeout(None), Err(Error::Reentered)));
            freed.fetch_add(1, Ordering::SeqCst);
        })
    };
    let mut received = Message::new();
    for (number, len) in [100, 20_000, 100, 300_000, 20_000].into_iter().enumerate() {
        push.send(message(len)).unwrap();
        // What it held before goes within this call.
        pull.recv_into(&mut received).unwrap();
        assert_eq!(received.len(), len);
        let mut mine = message(1);
        std::mem::swap(&mut mine, &mut received);
        drop(mine);
        eventually("what is sent is given back", || freed.load(Ordering::SeqCst) > number);
    }
    drop(received);
    eventually("all of it", || freed.load(Ordering::SeqCst) == 10);
}

fn an_owner_that_panics_stops_nobody(harness: &Harness) {
    let (push, pull) = pipeline(harness);
    for round in 0..20u8 {
        let len = if round % 2 == 0 { 100 } else { 50_000 };
        push.send(owned(len, || panic!("on purpose: an owner"))).unwrap();
        push.send([round]).unwrap();
        let first = pull.recv().unwrap();
        assert_eq!(first.len(), len);
        drop(first);
        assert_eq!(pull.recv().unwrap(), [round], "the connection goes on");
    }
}

/// Messages that nobody has sent yet when their peer comes, and others that nobody ever will.
fn many_owners_that_panic_leave_a_backlog_whole(harness: &Harness) {
    const MANY: usize = 40;
    let (push, pull) = (harness.push(), harness.pull());
    let endpoint = Address::new(harness);
    push.connect(&endpoint.endpoint).unwrap();
    for _ in 0..MANY {
        push.send(owned(20_000, || panic!("on purpose: an owner"))).unwrap();
    }
    push.send("the end").unwrap();
    endpoint.bind(&pull);
    for _ in 0..MANY {
        assert_eq!(pull.recv().unwrap().len(), 20_000);
    }
    assert_eq!(pull.recv().unwrap(), "the end");
    drop(pull);
    for _ in 0..MANY {
        let _ = push.try_send(owned(20_000, || panic!("on purpose: an owner")));
    }
    push.set_linger(Some(std::time::Duration::ZERO)).unwrap();
}

/// Whoever lends memory may write to it again when it is given back, and may count on its being used until then.
fn what_is_lent_is_given_back_when_it_is_sent_and_not_before(harness: &Harness) {
    const SIZES: [usize; 7] = [1, 60, 255, 256, 5000, 9000, 100_000];
    let kinds = [(SocketType::Push, SocketType::Pull), (SocketType::Dealer, SocketType::Router)];
    for (sends, receives) in kinds {
        let socket = |kind| patient(harness.context.socket(kind).unwrap());
        let (from, to) = (socket(sends), socket(receives));
        let endpoint = Address::new(harness);
        from.connect(&endpoint.endpoint).unwrap();
        let given_back = Arc::<AtomicUsize>::default();
        // More than one segment of a log refers to.
        let messages: Vec<usize> = SIZES.into_iter().cycle().take(5 * SIZES.len()).collect();
        let lend = |len| {
            let given_back = given_back.clone();
            let mut lent = owned(len, move || {
                given_back.fetch_add(1, Ordering::SeqCst);
            });
            lent.set_lent();
            lent
        };
        for &len in &messages {
            let copied = Message::from(vec![3; len]);
            from.send_multipart([lend(len), copied]).unwrap();
            from.send(lend(len)).unwrap();
            let kept = lend(len);
            from.send(&kept).unwrap();
        }
        assert_eq!(given_back.load(Ordering::SeqCst), 0, "nobody has it");
        endpoint.bind(&to);
        for &len in &messages {
            let received = to.recv_multipart().unwrap();
            let from = usize::from(receives == SocketType::Router);
            assert_eq!(received[from], vec![7; len]);
            assert_eq!(received[from + 1], vec![3; len]);
            for _ in 0..2 {
                assert_eq!(to.recv_multipart().unwrap()[from], vec![7; len]);
            }
        }
        eventually("all is given back", || given_back.load(Ordering::SeqCst) == 3 * messages.len());
    }
}

fn what_is_lent_is_given_back_by_a_publisher(harness: &Harness) {
    let publisher = harness.xpub();
    publisher.set_verbose(true).unwrap();
    let subscribers: Vec<_> = (0..8).map(|_| harness.subscriber()).collect();
    let endpoint = Address::new(harness);
    endpoint.bind(&publisher);
    for subscriber in &subscribers {
        subscriber.subscribe("").unwrap();
        subscriber.connect(&endpoint.endpoint).unwrap();
    }
    (0..subscribers.len()).for_each(|_| assert_eq!(publisher.recv().unwrap(), [1]));
    let given_back = Arc::<AtomicUsize>::default();
    for len in 1..100 {
        let given_back = given_back.clone();
        let mut lent = owned(len, move || {
            given_back.fetch_add(1, Ordering::SeqCst);
        });
        lent.set_lent();
        publisher.send(lent).unwrap();
    }
    for subscriber in &subscribers {
        (1..100).for_each(|len| assert_eq!(subscriber.recv().unwrap(), vec![7; len]));
    }
    eventually("all is given back", || given_back.load(Ordering::SeqCst) == 99);
}

fn a_monitors_waker_may_use_the_socket(harness: &Harness) {
    let pull = Arc::new(harness.pull());
    let monitor = pull.monitor();
    let woken = Arc::<AtomicUsize>::default();
    let waker = {
        let (pull, woken) = (pull.clone(), woken.clone());
        waker(move || {
            drop(pull.monitor());
            assert!(!matches!(pull.set_recv_timeout(None), Err(Error::Reentered)));
            woken.fetch_add(1, Ordering::SeqCst);
        })
    };
    let mut future = pin!(monitor.recv_async());
    assert!(future.as_mut().poll(&mut TaskContext::from_waker(&waker)).is_pending());
    pull.bind(&harness.anywhere()).unwrap();
    if harness.transport != Transport::Inproc {
        eventually("it is woken", || woken.load(Ordering::SeqCst) > 0);
        let event = futures_lite::future::block_on(future).unwrap();
        assert!(matches!(event, MonitorEvent::Listening { .. }));
    }
}

/// From inside the same socket is taken: by its owner, and by a thread that has just come.
#[test]
fn what_looks_at_a_frame_is_told_that_the_socket_is_taken() {
    Harness::run(Transport::Inproc, BackendChoice::Mio, |harness| {
        let (push, pull) = pipeline(harness);
        // The more often, the more likely is it the lock's owner.
        for _ in 0..100 {
            push.send("now").unwrap();
            pull.recv_with(|_| {
                assert!(matches!(pull.try_recv(), Err(Error::Reentered)));
                assert!(matches!(pull.recv(), Err(Error::Reentered)));
                assert!(matches!(pull.bind("inproc://again"), Err(Error::Reentered)));
                assert!(pull.stats().is_empty() && pull.last_endpoint().is_empty());
                assert!(pull.set_recv_timeout(None).is_err());
                let polled = futures_lite::future::block_on(pull.recv_async());
                assert!(matches!(polled, Err(Error::Reentered)));
            })
            .unwrap();
        }
        push.send("and").unwrap();
        let (tell, told) = std::sync::mpsc::channel();
        let other = {
            let pull = pull.clone();
            std::thread::spawn(move || {
                told.recv().unwrap();
                pull.try_recv()
            })
        };
        pull.recv_with(|_| {
            // Another thread wants the socket: that ends the ownership of this one.
            tell.send(()).unwrap();
            std::thread::sleep(GLANCE);
            assert!(matches!(pull.try_recv(), Err(Error::Reentered)));
        })
        .unwrap();
        assert!(matches!(other.join().unwrap(), Err(Error::WouldBlock)));
    });
}

#[test]
fn what_looks_at_a_frame_may_end_the_context() {
    Harness::run(Transport::Inproc, BackendChoice::Mio, |_| {
        for ending in [Context::shutdown, Context::term] {
            let context = Context::new();
            let (push, pull) = (context.push().unwrap(), context.pull().unwrap());
            pull.bind("inproc://ending").unwrap();
            push.connect("inproc://ending").unwrap();
            push.send("the last").unwrap();
            pull.recv_with(|_| ending(&context)).unwrap();
            assert!(matches!(pull.try_recv(), Err(Error::Terminated)));
            assert!(matches!(push.try_send("more").unwrap_err().error, Error::Terminated));
        }
    });
}

/// Receives, waiting, when the thread's own storage is already gone.
struct AtTheEnd(Pull, std::sync::mpsc::Sender<Result<Message, Error>>);

impl Drop for AtTheEnd {
    fn drop(&mut self) {
        let _ = self.1.send(self.0.recv());
    }
}

thread_local! {
    static AT_THE_END: std::cell::RefCell<Option<AtTheEnd>> = const { std::cell::RefCell::new(None) };
}

everywhere![a_thread_that_ends_may_wait];

fn a_thread_that_ends_may_wait(harness: &Harness) {
    let (push, pull) = (harness.push(), harness.pull());
    harness.join(&pull, &push);
    let (tell, told) = std::sync::mpsc::channel();
    let (waits, waiting) = std::sync::mpsc::channel();
    let ending = std::thread::spawn(move || {
        // Before the library has anything of its own there, and so dropped after it.
        AT_THE_END.with(|end| drop(end.borrow_mut().take()));
        waits.send(()).unwrap();
        assert_eq!(pull.recv().unwrap(), "first");
        AT_THE_END.with(|end| *end.borrow_mut() = Some(AtTheEnd(pull, tell)));
    });
    waiting.recv().unwrap();
    std::thread::sleep(GLANCE);
    push.send("first").unwrap();
    std::thread::sleep(GLANCE);
    push.send("second").unwrap();
    assert_eq!(told.recv().unwrap().unwrap(), "second");
    ending.join().unwrap();
}
