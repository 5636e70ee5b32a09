//! Ending a context: who waits for it knows for how long and what for, and can change their mind.

use crate::harness::{
    Address, Harness, PATIENCE, Transport, await_kind, eventually, everywhere, over_wires,
    within_process,
};
use crate::log_lines;
use futures_lite::future::{block_on, poll_once};
use ringmq::{Context, Error, MonitorEvent, Push, SocketType};
use std::pin::pin;
use std::sync::Barrier;
use std::sync::mpsc::channel;
use std::time::Duration;

over_wires![
    term_timeout_tells_what_is_left_and_may_be_called_again,
    linger_can_be_changed_after_the_shutdown,
    what_sockets_that_are_gone_have_left_can_be_given_up,
    linger_can_be_made_longer_while_ending,
    what_linger_gives_up_is_counted_and_told,
    a_disconnected_endpoint_is_given_up_with_an_event,
    many_may_end_a_context_at_once,
    the_end_is_awaited_by_a_task,
    a_socket_is_closed_by_a_task,
    dropping_a_context_elsewhere_than_in_main_does_not_wait,
    a_long_wait_says_what_for,
    a_task_that_waits_long_for_a_socket_says_what_for,
    shutting_down_loses_nothing_that_was_accepted,
];

everywhere![
    a_socket_that_somebody_is_in_is_told_and_waited_for,
    a_task_waits_for_a_socket_that_somebody_is_in,
];

within_process![
    a_context_without_threads_ends,
    names_that_nobody_binds_give_up_what_waited,
    a_linger_time_of_a_name_that_nobody_binds_can_be_changed,
    a_linger_time_of_a_name_that_nobody_binds_ends,
];

/// A context like that of the harness, and a socket of it that has sent to somebody who is not there.
pub(crate) fn with_waiting(harness: &Harness, address: &Address, messages: u32) -> (Context, Push) {
    let context = Context::builder().backend(harness.backend).build().unwrap();
    let push = context.push().unwrap();
    push.set_reconnect_interval(Some(Duration::from_millis(5))).unwrap();
    push.connect(&address.endpoint).unwrap();
    (0..messages).for_each(|number| push.send(number.to_be_bytes()).unwrap());
    (context, push)
}

/// A peer comes, and gets all of it.
pub(crate) fn receive_all(harness: &Harness, address: &Address, messages: u32) {
    let pull = harness.pull();
    address.bind(&pull);
    (0..messages).for_each(|number| assert_eq!(pull.recv().unwrap(), number.to_be_bytes()));
}

fn term_timeout_tells_what_is_left_and_may_be_called_again(harness: &Harness) {
    let address = Address::new(harness);
    let (context, push) = with_waiting(harness, &address, 900);
    for _ in 0..3 {
        let left = context.term_timeout(Duration::from_millis(1)).unwrap_err();
        assert_eq!((left.messages(), left.open_sockets()), (900, &[][..]));
        assert_eq!(left.waiting()[0].endpoint, address.endpoint);
        let text = Error::from(left).to_string();
        assert!(text.contains("900") && text.contains(&address.endpoint), "{text}");
    }
    assert!(matches!(push.try_send("late").unwrap_err().error, Error::Terminated));
    receive_all(harness, &address, 900);
    context.term_timeout(PATIENCE).unwrap();
    context.term_timeout(Duration::ZERO).unwrap();
    assert_eq!(context.gave_up(), 0);
}

fn linger_can_be_changed_after_the_shutdown(harness: &Harness) {
    let address = Address::new(harness);
    let (context, push) = with_waiting(harness, &address, 10);
    let (other_context, other) = with_waiting(harness, &address, 20);
    context.shutdown();
    other_context.shutdown();
    assert_eq!(push.linger().unwrap(), None);
    push.set_linger(Some(Duration::ZERO)).unwrap();
    assert_eq!(push.linger().unwrap(), Some(Duration::ZERO));
    context.term_timeout(PATIENCE).unwrap();
    assert_eq!((push.gave_up(), context.gave_up()), (10, 10));
    assert_eq!((other.gave_up(), other_context.gave_up()), (0, 0), "nobody has changed that");
    other_context.set_linger(Some(Duration::ZERO));
    other_context.term();
    assert_eq!(other.gave_up(), 20);
}

fn what_sockets_that_are_gone_have_left_can_be_given_up(harness: &Harness) {
    let address = Address::new(harness);
    let (context, push) = with_waiting(harness, &address, 30);
    drop(push);
    let (ended, has_ended) = channel();
    let ending = context.clone();
    let thread = std::thread::spawn(move || {
        ending.term();
        ended.send(()).unwrap();
    });
    assert!(context.term_timeout(Duration::from_millis(1)).is_err());
    assert!(has_ended.try_recv().is_err(), "it waits without a limit");
    // As a second Ctrl-C would do.
    context.set_linger(Some(Duration::ZERO));
    has_ended.recv_timeout(PATIENCE).expect("it is given up");
    thread.join().unwrap();
    assert_eq!(context.gave_up(), 30);
}

fn linger_can_be_made_longer_while_ending(harness: &Harness) {
    let address = Address::new(harness);
    let (context, push) = with_waiting(harness, &address, 5);
    push.set_linger(Some(Duration::from_secs(3600))).unwrap();
    context.shutdown();
    for linger in [Some(Duration::from_secs(7200)), Some(Duration::MAX), None] {
        push.set_linger(linger).unwrap();
        assert_eq!(context.term_timeout(Duration::from_millis(5)).unwrap_err().messages(), 5);
    }
    receive_all(harness, &address, 5);
    context.term_timeout(PATIENCE).unwrap();
}

fn what_linger_gives_up_is_counted_and_told(harness: &Harness) {
    log_lines::keep();
    let address = Address::new(harness);
    let (context, push) = with_waiting(harness, &address, 7);
    push.set_linger(Some(Duration::from_millis(1))).unwrap();
    push.close();
    context.term();
    assert_eq!((push.gave_up(), context.gave_up()), (7, 7));
    assert_eq!(log_lines::with(&["gave up", &address.endpoint, "messages=7", "PUSH"]).len(), 1);
}

pub(crate) fn a_disconnected_endpoint_is_given_up_with_an_event(harness: &Harness) {
    let address = Address::new(harness);
    let (context, push) = with_waiting(harness, &address, 3);
    let monitor = push.monitor();
    push.set_linger(Some(Duration::ZERO)).unwrap();
    push.disconnect(&address.endpoint).unwrap();
    let MonitorEvent::LingerGaveUp { endpoint, messages } = await_kind!(&monitor, LingerGaveUp)
    else {
        unreachable!()
    };
    assert_eq!((&*endpoint, messages), (&*address.endpoint, 3));
    assert_eq!((push.gave_up(), context.gave_up()), (3, 3));
}

fn many_may_end_a_context_at_once(harness: &Harness) {
    let address = Address::new(harness);
    let (context, push) = with_waiting(harness, &address, 100);
    let start = Barrier::new(9);
    std::thread::scope(|scope| {
        for index in 0..8 {
            let (context, start, push) = (&context, &start, &push);
            scope.spawn(move || {
                start.wait();
                match index % 4 {
                    0 => context.term(),
                    1 => while context.term_timeout(Duration::from_millis(1)).is_err() {},
                    2 => block_on(context.term_async()),
                    _ => block_on(push.close_async()),
                }
            });
        }
        start.wait();
        receive_all(harness, &address, 100);
    });
    context.term();
    assert_eq!(context.gave_up(), 0);
}

fn the_end_is_awaited_by_a_task(harness: &Harness) {
    let address = Address::new(harness);
    let (context, push) = with_waiting(harness, &address, 50);
    block_on(async {
        let mut ending = pin!(context.term_async());
        assert!(poll_once(&mut ending).await.is_none(), "it does not block");
        assert!(poll_once(context.term_async()).await.is_none(), "nor does one that is dropped");
        assert!(matches!(refusal(&push), Error::Terminated));
        receive_all(harness, &address, 50);
        ending.await;
        context.term_async().await;
    });
    context.term();
}

/// Why a send is refused.
fn refusal(push: &Push) -> Error {
    push.try_send("late").unwrap_err().error
}

fn a_socket_is_closed_by_a_task(harness: &Harness) {
    let address = Address::new(harness);
    let (context, push) = with_waiting(harness, &address, 50);
    block_on(async {
        let mut closing = pin!(push.close_async());
        assert!(poll_once(&mut closing).await.is_none(), "it does not block");
        assert!(poll_once(push.close_async()).await.is_none(), "nor does one that is dropped");
        assert!(matches!(refusal(&push), Error::Closed));
        receive_all(harness, &address, 50);
        closing.await;
        assert!(context.push().is_ok(), "the context goes on");
        let idle = context.pull().unwrap();
        idle.bind(&harness.anywhere()).unwrap();
        idle.close_async().await;
    });
    assert_eq!(push.gave_up(), 0);
}

fn dropping_a_context_elsewhere_than_in_main_does_not_wait(harness: &Harness) {
    let address = Address::new(harness);
    let (context, push) = with_waiting(harness, &address, 200);
    // It would never end: nobody is there, and the linger time has no limit.
    drop(push);
    drop(context);
    let (context, push) = with_waiting(harness, &address, 0);
    context.shutdown();
    drop(context);
    drop(push);
    receive_all(harness, &address, 200);
}

fn a_long_wait_says_what_for(harness: &Harness) {
    log_lines::keep();
    let address = Address::new(harness);
    let (context, push) = with_waiting(harness, &address, 11);
    drop(push);
    let told = || log_lines::with(&["11 for", &address.endpoint]).len();
    let start = Barrier::new(2);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            start.wait();
            context.term();
        });
        start.wait();
        eventually("it is told", || told() == 1);
        context.set_linger(Some(Duration::ZERO));
    });
    let (context, push) = with_waiting(harness, &address, 11);
    drop((push, context));
    eventually("it is told of a context that was dropped", || told() == 2);
    receive_all(harness, &address, 11);
    let (context, push) = with_waiting(harness, &address, 11);
    drop(push);
    std::thread::scope(|scope| {
        scope.spawn(|| block_on(context.term_async()));
        eventually("it is told of what a task waits for", || told() == 3);
        context.set_linger(Some(Duration::ZERO));
    });
}

fn a_task_that_waits_long_for_a_socket_says_what_for(harness: &Harness) {
    log_lines::keep();
    let address = Address::new(harness);
    let (_context, push) = with_waiting(harness, &address, 12);
    let told = |what| !log_lines::with(&[what, "12 for", &address.endpoint]).is_empty();
    std::thread::scope(|scope| {
        scope.spawn(|| assert!(matches!(block_on(push.flush_async()), Err(Error::Closed))));
        eventually("a flush is told of", || told("to be flushed"));
        scope.spawn(|| block_on(push.close_async()));
        eventually("a close is told of", || told("the end of a socket"));
        receive_all(harness, &address, 12);
    });
}

fn a_socket_that_somebody_is_in_is_told_and_waited_for(harness: &Harness) {
    let context = Context::builder().backend(harness.backend).build().unwrap();
    let (push, pull) = (context.push().unwrap(), context.pull().unwrap());
    harness.join(&pull, &push);
    push.send("look").unwrap();
    let (entered, is_inside) = channel();
    let (leave, may_leave) = channel::<()>();
    let inside = &pull;
    std::thread::scope(|scope| {
        scope.spawn(move || {
            inside
                .recv_with(|_| {
                    entered.send(()).unwrap();
                    may_leave.recv().unwrap();
                })
                .unwrap();
        });
        is_inside.recv().unwrap();
        for _ in 0..2 {
            let left = context.term_timeout(Duration::from_millis(1)).unwrap_err();
            assert_eq!(left.open_sockets(), [SocketType::Pull]);
            assert!(left.to_string().contains("PULL"), "{left}");
        }
        let ending = scope.spawn(|| context.term_timeout(PATIENCE));
        leave.send(()).unwrap();
        ending.join().unwrap().unwrap();
    });
    assert!(matches!(pull.recv(), Err(Error::Terminated)));
}

fn a_task_waits_for_a_socket_that_somebody_is_in(harness: &Harness) {
    for ends_context in [true, false] {
        let context = Context::builder().backend(harness.backend).build().unwrap();
        let (push, pull) = (context.push().unwrap(), context.pull().unwrap());
        harness.join(&pull, &push);
        push.send("look").unwrap();
        let (entered, is_inside) = channel();
        let (leave, may_leave) = channel::<()>();
        let inside = &pull;
        std::thread::scope(|scope| {
            scope.spawn(move || {
                inside
                    .recv_with(|_| {
                        entered.send(()).unwrap();
                        may_leave.recv().unwrap();
                    })
                    .unwrap();
            });
            is_inside.recv().unwrap();
            // Whoever is inside does not come again, and still the end is reached.
            block_on(async {
                if ends_context {
                    let mut ending = pin!(context.term_async());
                    let ended = poll_once(&mut ending).await.is_some();
                    assert!(!ended || harness.transport == Transport::Inproc);
                    leave.send(()).unwrap();
                    if !ended {
                        ending.await;
                    }
                } else {
                    let mut closing = pin!(inside.close_async());
                    assert!(poll_once(&mut closing).await.is_none(), "it does not block");
                    leave.send(()).unwrap();
                    closing.await;
                }
            });
        });
        eventually("it is closed", || match pull.try_recv() {
            Err(Error::Terminated) => ends_context,
            Err(Error::Closed) => !ends_context,
            _ => false,
        });
    }
}

fn shutting_down_loses_nothing_that_was_accepted(harness: &Harness) {
    for _ in 0..20 {
        let context = Context::builder().backend(harness.backend).build().unwrap();
        let (push, pull) = (context.push().unwrap(), harness.pull());
        harness.join(&pull, &push);
        let accepted = std::thread::scope(|scope| {
            let sending = scope.spawn(|| {
                (0u32..).find(|number| push.send(number.to_be_bytes()).is_err()).unwrap()
            });
            assert_eq!(pull.recv().unwrap(), 0u32.to_be_bytes());
            context.shutdown();
            sending.join().unwrap()
        });
        for number in 1..accepted {
            assert_eq!(pull.recv().unwrap(), number.to_be_bytes(), "of {accepted}");
        }
        context.term_timeout(PATIENCE).unwrap();
        assert_eq!(context.gave_up(), 0);
        assert!(pull.try_recv().unwrap_err().is_would_block());
    }
}

fn a_context_without_threads_ends(_: &Harness) {
    for end in [
        |context: &Context| context.term(),
        |context: &Context| context.term_timeout(Duration::ZERO).unwrap(),
        |context: &Context| block_on(context.term_async()),
        |context: &Context| context.set_linger(None),
    ] {
        let context = Context::new();
        end(&context);
        let socket = context.push();
        end(&context);
        drop(socket);
        end(&context);
    }
}

fn names_that_nobody_binds_give_up_what_waited(harness: &Harness) {
    let address = Address::new(harness);
    let (context, push) = with_waiting(harness, &address, 9);
    // Nobody can bind the name any more.
    context.term();
    assert_eq!((push.gave_up(), context.gave_up()), (9, 9));
}

fn a_linger_time_of_a_name_that_nobody_binds_can_be_changed(harness: &Harness) {
    let address = Address::new(harness);
    let (context, push) = with_waiting(harness, &address, 9);
    push.close();
    assert!(block_on(poll_once(push.close_async())).is_none());
    push.set_linger(Some(Duration::ZERO)).unwrap();
    block_on(push.close_async());
    assert_eq!((push.gave_up(), context.gave_up()), (9, 9));
    let push = context.push().unwrap();
    push.connect(&address.endpoint).unwrap();
    push.send("arrives").unwrap();
    push.close();
    let pull = crate::harness::patient(context.pull().unwrap());
    pull.bind(&address.endpoint).unwrap();
    block_on(push.close_async());
    assert_eq!(pull.recv().unwrap(), "arrives");
    assert_eq!(push.gave_up(), 0);
}

fn a_linger_time_of_a_name_that_nobody_binds_ends(harness: &Harness) {
    let address = Address::new(harness);
    let (context, push) = with_waiting(harness, &address, 9);
    push.set_linger(Some(Duration::from_millis(20))).unwrap();
    block_on(push.close_async());
    assert_eq!((push.gave_up(), context.gave_up()), (9, 9));
}
