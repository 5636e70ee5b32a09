//! Hunts for wake-ups that are lost and locks that are waited for twice: the same few steps over and over,
//! with pauses of random length in between, until the time is up. A hunt that finds something hangs, and is
//! ended by the harness.
//!
//! `RINGMQ_HUNT_SECONDS` says how long each one takes; without it they take a moment, and find little.

use crate::harness::{Harness, everywhere, hunt_time, within_patience};
use futures_lite::future::block_on;
use ringmq::{Dealer, Error, Interest, Message, Pair, Poller};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

everywhere![
    a_rep_between_malformed_requests,
    a_req_between_late_replies,
    a_sub_between_what_it_does_not_want,
    an_xpub_between_duplicates,
    a_pair_shared_by_two,
    a_dealer_shared_by_three,
    owners_and_wakers_that_use_the_sockets,
];

/// Whether there is time for another round. The first one is always run.
struct Hunt(Instant);

impl Hunt {
    fn begin() -> Self {
        Self(Instant::now() + hunt_time().unwrap_or(Duration::from_millis(200)))
    }

    fn goes_on(&self) -> bool {
        Instant::now() < self.0
    }
}

/// A pause of random length, from nothing to what it takes to give up spinning and fall asleep; short ones
/// as often as long ones.
fn pause() {
    let most = 1 << fastrand::u32(0..18);
    let until = Instant::now() + Duration::from_nanos(fastrand::u64(0..most));
    while Instant::now() < until {
        std::hint::spin_loop();
    }
}

/// Lets two run against each other: `ask` sends what is unwanted and then what is wanted, and returns when it
/// was answered; `answer` waits for what is wanted, now in this way, now in that.
fn rounds(mut ask: impl FnMut(u32) + Send, mut answer: impl FnMut(u32) + Send) {
    let hunt = Hunt::begin();
    let (tell, told) = std::sync::mpsc::sync_channel::<u32>(0);
    std::thread::scope(|scope| {
        scope.spawn(move || {
            for round in told {
                answer(round);
            }
        });
        for round in 0.. {
            if round > 0 && !hunt.goes_on() {
                break;
            }
            tell.send(round).unwrap();
            pause();
            ask(round);
        }
        drop(tell);
    });
}

fn a_rep_between_malformed_requests(harness: &Harness) {
    let (rep, dealer) = (harness.rep(), harness.dealer());
    harness.join(&rep, &dealer);
    rounds(
        |round| {
            for _ in 0..fastrand::u32(0..4) {
                dealer.send("no envelope").unwrap();
                pause();
            }
            dealer.send_multipart([Message::new(), Message::from(round.to_be_bytes())]).unwrap();
            let reply = dealer.recv_multipart().unwrap();
            assert_eq!(reply[1], round.to_be_bytes());
        },
        |round| {
            let request = match round % 2 {
                0 => block_on(rep.recv_async()),
                _ => rep.recv(),
            };
            rep.send(request.unwrap()).unwrap();
        },
    );
}

fn a_req_between_late_replies(harness: &Harness) {
    let (router, req) = (harness.router(), harness.req());
    req.set_relaxed(true).unwrap();
    req.set_correlate(true).unwrap();
    harness.join(&router, &req);
    rounds(
        |_| {
            let first = router.recv_multipart().unwrap();
            let second = router.recv_multipart().unwrap();
            for _ in 0..fastrand::u32(0..4) {
                router.send_multipart(first.clone()).unwrap();
                pause();
            }
            router.send_multipart(second).unwrap();
        },
        |round| {
            req.send("given up").unwrap();
            req.send(round.to_be_bytes()).unwrap();
            let reply = match round % 2 {
                0 => block_on(req.recv_async()),
                _ => req.recv(),
            };
            assert_eq!(reply.unwrap(), round.to_be_bytes());
        },
    );
}

fn a_sub_between_what_it_does_not_want(harness: &Harness) {
    let (publisher, sub) = (harness.xpub(), harness.subscriber());
    harness.join(&publisher, &sub);
    publisher.set_manual(true).unwrap();
    sub.subscribe("wanted").unwrap();
    assert_eq!(publisher.recv().unwrap(), "\u{1}wanted");
    // Everything is sent, whatever was wished for.
    publisher.apply_subscription(true, "").unwrap();
    let answered = AtomicUsize::new(0);
    rounds(
        |round| {
            for _ in 0..fastrand::u32(0..4) {
                publisher.send("something else").unwrap();
                pause();
            }
            publisher.send(format!("wanted {round}")).unwrap();
            let answered = || answered.load(Ordering::SeqCst) > round as usize;
            assert!(within_patience(answered), "a wake-up was lost in round {round}");
        },
        |round| {
            let message = match round % 2 {
                0 => block_on(sub.recv_async()),
                _ => sub.recv(),
            };
            assert_eq!(message.unwrap(), format!("wanted {round}").as_bytes());
            answered.fetch_add(1, Ordering::SeqCst);
        },
    );
}

fn an_xpub_between_duplicates(harness: &Harness) {
    let (xpub, xsub) = (harness.xpub(), harness.xsub());
    harness.join(&xpub, &xsub);
    xsub.send("\u{1}again").unwrap();
    assert_eq!(xpub.recv().unwrap(), "\u{1}again");
    let answered = AtomicUsize::new(0);
    rounds(
        |round| {
            for _ in 0..fastrand::u32(0..4) {
                xsub.send("\u{1}again").unwrap();
                pause();
            }
            xsub.send(format!("\u{1}{round}")).unwrap();
            let answered = || answered.load(Ordering::SeqCst) > round as usize;
            assert!(within_patience(answered), "a wake-up was lost in round {round}");
        },
        |round| {
            let heard = match round % 2 {
                0 => block_on(xpub.recv_async()),
                _ => xpub.recv(),
            };
            assert_eq!(heard.unwrap(), format!("\u{1}{round}").as_bytes());
            answered.fetch_add(1, Ordering::SeqCst);
        },
    );
}

/// A way to receive.
type Receive<S> = fn(&S) -> Result<Message, Error>;

/// Several wait for a message each, in different ways, and do not come back: whoever is left must hear of
/// what comes after the others have gone.
fn one_each<S: Sync>(socket: &S, ways: &[Receive<S>], send: impl Fn(u32)) {
    let hunt = Hunt::begin();
    for round in 0.. {
        if round > 0 && !hunt.goes_on() {
            return;
        }
        let seen = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for receive in ways.iter().copied() {
                let seen = &seen;
                scope.spawn(move || {
                    pause();
                    receive(socket).unwrap();
                    seen.fetch_add(1, Ordering::SeqCst);
                });
            }
            for number in 1..=ways.len() {
                pause();
                send(round);
                let arrived = within_patience_of_none(|| seen.load(Ordering::SeqCst) >= number);
                assert!(arrived, "nobody has heard of message {number} of round {round}");
            }
        });
    }
}

fn by_poller(pair: &Pair) -> Result<Message, Error> {
    let poller = Poller::new();
    poller.add(pair, Interest::READABLE);
    loop {
        poller.wait(None)?;
        match pair.try_recv() {
            Err(Error::WouldBlock) => {} // Somebody else was faster.
            result => return result,
        }
    }
}

fn a_pair_shared_by_two(harness: &Harness) {
    let (pair, peer) = (harness.pair(), harness.pair());
    harness.join(&pair, &peer);
    let ways: [Receive<Pair>; 3] = [Pair::recv, |pair| block_on(pair.recv_async()), by_poller];
    let (first, second) = [(0, 1), (1, 1), (1, 2), (2, 2)][fastrand::usize(0..4)];
    one_each(&pair, &[ways[first], ways[second]], |round| peer.send(round.to_be_bytes()).unwrap());
}

fn a_dealer_shared_by_three(harness: &Harness) {
    let (dealer, peer) = (harness.dealer(), harness.dealer());
    harness.join(&dealer, &peer);
    let ways: [Receive<Dealer>; 3] = [
        Dealer::recv,
        |dealer| block_on(dealer.recv_async()),
        |dealer| block_on(dealer.recv_async()),
    ];
    one_each(&dealer, &ways, |round| peer.send(round.to_be_bytes()).unwrap());
}

/// As [`within_patience`], looking all the time at first.
fn within_patience_of_none(mut condition: impl FnMut() -> bool) -> bool {
    for _ in 0..2_000 {
        if condition() {
            return true;
        }
        std::thread::yield_now();
    }
    within_patience(condition)
}

/// A buffer whose owner asks the sockets something as it goes, and panics now and then.
struct Nosy(Arc<(Pair, Pair)>, Vec<u8>);

impl AsRef<[u8]> for Nosy {
    fn as_ref(&self) -> &[u8] {
        &self.1
    }
}

impl Drop for Nosy {
    fn drop(&mut self) {
        let (a, b) = &*self.0;
        assert!(!matches!(a.set_recv_timeout(None), Err(Error::Reentered)));
        assert!(!matches!(b.set_send_timeout(None), Err(Error::Reentered)));
        a.stats();
        if fastrand::u32(0..200) == 0 {
            panic!("on purpose: an owner");
        }
    }
}

fn owners_and_wakers_that_use_the_sockets(harness: &Harness) {
    let pairs = Arc::new((harness.pair(), harness.pair()));
    let (a, b) = &*pairs;
    harness.join(a, b);
    rounds(
        |round| {
            let len = [1, 100, 9_000, 70_000][fastrand::usize(0..4)];
            let nosy = Nosy(pairs.clone(), vec![round as u8; len]);
            a.send(Message::from_owner(nosy)).unwrap();
            pause();
            assert_eq!(a.recv().unwrap(), round.to_be_bytes());
        },
        |round| {
            let message = match round % 2 {
                0 => block_on(b.recv_async()),
                _ => b.recv(),
            };
            assert!(message.unwrap().iter().all(|byte| *byte == round as u8));
            b.send(round.to_be_bytes()).unwrap();
        },
    );
}
