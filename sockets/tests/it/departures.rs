//! Those who wait while a connection goes, and what takes its place is theirs, or the wait has no use any more.

use crate::harness::{Harness, PATIENCE, connected, eventually, everywhere};
use ringmq::Error;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::task::{Context as TaskContext, Poll, Wake, Waker};

everywhere![
    the_next_peer_of_a_pair_is_sent_to_whoever_sees_the_first_one_go,
    a_wait_for_a_peer_of_an_endpoint_that_is_unbound_is_over,
];

/// Says each time that it was woken.
struct Bell(Mutex<Sender<()>>);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        let _ = self.0.lock().unwrap().send(());
    }
}

fn bell() -> (Waker, Receiver<()>) {
    let (sender, rings) = channel();
    (Arc::new(Bell(Mutex::new(sender))).into(), rings)
}

/// What becomes of a future that waits, and is only looked at again when it has asked for that.
fn await_woken<F: Future>(
    mut future: Pin<&mut F>,
    (waker, rings): (&Waker, &Receiver<()>),
) -> F::Output {
    loop {
        rings.recv_timeout(PATIENCE).expect("it is woken");
        if let Poll::Ready(output) = future.as_mut().poll(&mut TaskContext::from_waker(waker)) {
            return output;
        }
    }
}

fn the_next_peer_of_a_pair_is_sent_to_whoever_sees_the_first_one_go(harness: &Harness) {
    let (pair, first, second) = (harness.pair(), harness.pair(), harness.pair());
    let endpoint = harness.join(&pair, &first);
    first.send("last words").unwrap();
    eventually("they are here", || pair.stats()[0].waiting == 1);
    drop(first);
    eventually("it is gone", || connected(&pair) == 0);
    second.connect(&endpoint).unwrap();
    eventually("the next is here", || connected(&pair) == 1 && connected(&second) == 1);
    // The first keeps its place until all it has sent is received.
    let (waker, rings) = bell();
    let mut sending = pin!(pair.send_async("to the next"));
    assert!(sending.as_mut().poll(&mut TaskContext::from_waker(&waker)).is_pending());
    assert_eq!(pair.try_recv().unwrap(), "last words");
    // A look at the figures finds that it has left.
    assert_eq!(pair.stats().len(), 1);
    await_woken(sending.as_mut(), (&waker, &rings)).unwrap();
    assert_eq!(second.recv().unwrap(), "to the next");
}

fn a_wait_for_a_peer_of_an_endpoint_that_is_unbound_is_over(harness: &Harness) {
    let (router, dealer) = (harness.router(), harness.dealer());
    router.set_mandatory(true).unwrap();
    router.set_send_hwm(2).unwrap();
    dealer.set_recv_hwm(2).unwrap();
    dealer.set_routing_id("peer").unwrap();
    let endpoint = harness.join(&router, &dealer);
    let body = vec![7; 100_000];
    eventually("there is no room", || {
        router.try_send_multipart([&b"peer"[..], &body]).is_err_and(|e| e.error.is_would_block())
    });
    let (waker, rings) = bell();
    let mut sending = pin!(router.send_multipart_async([&b"peer"[..], &body]));
    while sending.as_mut().poll(&mut TaskContext::from_waker(&waker)).is_ready() {
        sending.set(router.send_multipart_async([&b"peer"[..], &body]));
    }
    router.unbind(&endpoint).unwrap();
    let refused = await_woken(sending.as_mut(), (&waker, &rings)).unwrap_err();
    assert!(matches!(refused.error, Error::HostUnreachable), "{refused}");
}
