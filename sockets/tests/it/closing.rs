//! A socket that is closed while others wait in it: each of them is freed, with an error of its own.

use crate::harness::{Harness, PATIENCE, everywhere, within_process};
use futures_lite::future::{block_on, poll_once};
use ringmq::{AnySocket, Context, Error, Pull, Push, SocketType, Spin};
use std::pin::pin;
use std::sync::mpsc::channel;
use std::sync::{Arc, Barrier};
use std::time::Duration;

everywhere![
    who_waits_for_a_message_is_freed,
    who_waits_for_room_is_freed,
    a_proxy_ends,
    the_others_of_the_context_go_on,
];

within_process![
    closing_can_be_asked_for_by_many_and_again,
    a_socket_may_be_closed_from_inside_its_own_call,
    what_is_asked_for_inside_a_call_is_done_though_another_is_in_the_socket,
    closed_stays_closed_when_the_context_ends,
];

fn is_closed<T>(result: Result<T, Error>) {
    let error = result.err();
    assert!(matches!(error, Some(Error::Closed)), "{error:?}");
}

/// A way of waiting in a socket.
type Wait = fn(&AnySocket) -> Result<(), Error>;

/// Ways of waiting for a message.
const RECEIVES: [Wait; 6] = [
    |socket| socket.recv().map(drop),
    |socket| socket.recv_into(&mut ringmq::Message::new()),
    |socket| socket.recv_with(|_| ()),
    |socket| socket.recv_multipart().map(drop),
    |socket| block_on(socket.recv_async()).map(drop),
    |socket| block_on(socket.recv_multipart_async()).map(drop),
];

/// Ways of waiting for room.
const SENDS: [Wait; 4] = [
    |socket| Ok(socket.send("x")?),
    |socket| Ok(socket.send_multipart(["x", "y"])?),
    |socket| Ok(block_on(socket.send_async("x"))?),
    |socket| Ok(block_on(socket.send_multipart_async(["x", "y"]))?),
];

/// Runs `waits` on a socket, and closes it at about that time.
fn close_meanwhile(socket: &AnySocket, waits: Wait) {
    let start = Barrier::new(2);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            start.wait();
            is_closed(waits(socket));
        });
        start.wait();
        socket.close();
    });
    is_closed(waits(socket));
}

fn make(harness: &Harness, socket_type: SocketType, spin: Spin) -> Option<AnySocket> {
    let socket = harness.context.socket(socket_type).ok()?;
    socket.set_linger(Some(Duration::ZERO)).unwrap();
    socket.set_spin(spin).unwrap();
    Some(socket)
}

/// Spinning for as long as it takes, and not at all.
const SPINS: [Spin; 2] = [Spin::Off, Spin::Fixed(Duration::from_secs(3600))];

fn who_waits_for_a_message_is_freed(harness: &Harness) {
    use SocketType::{Dealer, Pair, Pull, Rep, Router, Sub, XPub, XSub};
    for socket_type in [Pair, Sub, XPub, XSub, Rep, Dealer, Router, Pull] {
        for (spin, waits) in SPINS.iter().flat_map(|spin| RECEIVES.map(|waits| (*spin, waits))) {
            let Some(socket) = make(harness, socket_type, spin) else { continue };
            socket.bind(&harness.anywhere()).unwrap();
            close_meanwhile(&socket, waits);
        }
    }
    for waits in RECEIVES {
        // It waits for a reply, and for that with a connection.
        let Some(req) = make(harness, SocketType::Req, Spin::Off) else { continue };
        let rep = harness.rep();
        harness.join(&rep, &req);
        req.send("no answer").unwrap();
        close_meanwhile(&req, waits);
    }
}

fn who_waits_for_room_is_freed(harness: &Harness) {
    use SocketType::{Dealer, Pair, Push, Req};
    for socket_type in [Pair, Req, Dealer, Push] {
        for (spin, waits) in SPINS.iter().flat_map(|spin| SENDS.map(|waits| (*spin, waits))) {
            let Some(socket) = make(harness, socket_type, spin) else { continue };
            socket.bind(&harness.anywhere()).unwrap();
            close_meanwhile(&socket, waits);
        }
    }
}

fn a_proxy_ends(harness: &Harness) {
    for closes_front in [true, false] {
        let (front, back) = (harness.router(), harness.dealer());
        front.bind(&harness.anywhere()).unwrap();
        back.bind(&harness.anywhere()).unwrap();
        let start = Barrier::new(2);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                start.wait();
                is_closed(ringmq::proxy(&front, &back));
            });
            start.wait();
            if closes_front { front.close() } else { back.close() }
        });
    }
}

fn the_others_of_the_context_go_on(harness: &Harness) {
    let (push, pull, closed) = (harness.push(), harness.pull(), harness.pull());
    harness.join(&pull, &push);
    let closed_push = harness.push();
    let endpoint = harness.join(&closed, &closed_push);
    closed.close();
    push.send("goes on").unwrap();
    assert_eq!(pull.recv().unwrap(), "goes on");
    is_closed(closed.bind(&harness.anywhere()));
    is_closed(closed.connect(&endpoint));
    is_closed(closed.set_recv_hwm(1));
    assert!(closed.stats().is_empty());
    crate::harness::eventually("its peer hears of it", || {
        crate::harness::connected(&closed_push) == 0
    });
}

fn closing_can_be_asked_for_by_many_and_again(harness: &Harness) {
    let pull = harness.pull();
    pull.set_recv_timeout(None).unwrap();
    let start = Barrier::new(6);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            start.wait();
            is_closed(pull.recv());
        });
        for _ in 0..4 {
            scope.spawn(|| {
                start.wait();
                pull.close();
            });
        }
        start.wait();
    });
    pull.close();
    is_closed(pull.try_recv());
}

/// A pair of sockets with a message on its way.
fn with_message(context: &Context) -> (Push, Arc<Pull>) {
    let (push, pull) = (context.push().unwrap(), context.pull().unwrap());
    pull.bind("inproc://own call").unwrap();
    push.connect("inproc://own call").unwrap();
    push.send("one").unwrap();
    push.send("two").unwrap();
    (push, Arc::new(pull))
}

fn a_socket_may_be_closed_from_inside_its_own_call(harness: &Harness) {
    let (_push, pull) = with_message(&harness.context);
    let seen = pull.recv_with(|frame| {
        pull.close();
        frame.to_vec()
    });
    assert_eq!(seen.unwrap(), b"one");
    is_closed(pull.recv());
}

fn closed_stays_closed_when_the_context_ends(harness: &Harness) {
    let pull = harness.pull();
    pull.close();
    harness.context.shutdown();
    is_closed(pull.recv());
    let other = Context::new();
    let pull = other.pull().unwrap();
    other.shutdown();
    pull.close();
    assert!(matches!(pull.recv(), Err(Error::Terminated)));
}

fn what_is_asked_for_inside_a_call_is_done_though_another_is_in_the_socket(_: &Harness) {
    let ways: [fn(&Context, &Pull); 3] = [
        |_, socket| assert!(block_on(poll_once(pin!(socket.close_async()))).is_none()),
        |context, _| _ = block_on(poll_once(pin!(context.term_async()))),
        |context, _| context.term(),
    ];
    for end in ways {
        let context = Context::new();
        let pair = |name: &str| {
            let (push, pull) = (context.push().unwrap(), context.pull().unwrap());
            pull.bind(name).unwrap();
            push.connect(name).unwrap();
            push.send("look").unwrap();
            (push, pull)
        };
        let ((_busy_push, busy), (_push, own)) = (pair("inproc://busy"), pair("inproc://own"));
        let (entered, is_inside) = channel();
        let (leave, may_leave) = channel::<()>();
        let monitor = busy.monitor();
        std::thread::scope(|scope| {
            let inside = &busy;
            scope.spawn(move || {
                inside
                    .recv_with(|_| {
                        entered.send(()).unwrap();
                        may_leave.recv().unwrap();
                    })
                    .unwrap();
            });
            is_inside.recv().unwrap();
            own.recv_with(|_| end(&context, inside)).unwrap();
            // That thread does not come again, and nobody else is in there.
            leave.send(()).unwrap();
        });
        let told = std::iter::from_fn(|| monitor.recv_timeout(PATIENCE).ok()).count();
        let ended = monitor.recv_timeout(PATIENCE);
        assert!(ended.is_err_and(|error| !error.is_would_block()), "closed, after {told} events");
    }
}
