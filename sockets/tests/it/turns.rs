//! Futures that could be ready for ever let other tasks have a turn.

use crate::harness::{Harness, everywhere, within_process};
use ringmq::{Context as Sockets, Error};
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};

everywhere![
    receives_yield,
    multipart_receives_yield,
    sends_yield,
    multipart_sends_yield,
    a_future_that_waits_gives_no_new_turns,
];

within_process![events_yield];

/// Ready polls in a row after which others must have had a turn.
const ROW: usize = 600;
/// Enough of them for several turns.
const MESSAGES: usize = 6000;

/// Counts how often it is woken.
#[derive(Default)]
struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// An executor of one task, which takes note of the turns that it could give others.
#[derive(Default)]
struct Executor {
    woken: Arc<Count>,
    /// Ready polls since the last turn.
    row: usize,
    longest_row: usize,
    turns: usize,
}

impl Executor {
    /// Polls a future that never has to wait.
    fn run<T>(&mut self, future: impl Future<Output = T>) -> T {
        let waker = Waker::from(self.woken.clone());
        let mut future = pin!(future);
        loop {
            let before = self.woken.0.load(Ordering::SeqCst);
            if let Poll::Ready(done) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
                self.row += 1;
                self.longest_row = self.longest_row.max(self.row);
                return done;
            }
            if self.woken.0.load(Ordering::SeqCst) == before {
                // Not one that yields: what it waits for is on its way.
                std::thread::yield_now();
                continue;
            }
            self.row = 0;
            self.turns += 1;
        }
    }

    fn check(&self) {
        assert!(self.longest_row <= ROW, "{} polls without a turn", self.longest_row);
        assert!(self.turns >= MESSAGES / ROW, "{} turns", self.turns);
        assert!(self.turns <= MESSAGES / 16, "{} turns: that costs", self.turns);
    }
}

/// A pair with room for all messages.
fn roomy(harness: &Harness) -> (ringmq::Push, ringmq::Pull) {
    let (push, pull) = (harness.push(), harness.pull());
    push.set_send_hwm(0).unwrap();
    pull.set_recv_hwm(0).unwrap();
    harness.join(&pull, &push);
    (push, pull)
}

fn receives_yield(harness: &Harness) {
    let (push, pull) = roomy(harness);
    (0..MESSAGES).for_each(|number| push.send(number.to_be_bytes()).unwrap());
    let mut executor = Executor::default();
    for number in 0..MESSAGES {
        assert_eq!(executor.run(pull.recv_async()).unwrap(), number.to_be_bytes());
    }
    assert!(executor.longest_row <= ROW, "{} polls without a turn", executor.longest_row);
}

fn multipart_receives_yield(harness: &Harness) {
    let (push, pull) = roomy(harness);
    (0..MESSAGES).for_each(|number| push.send_multipart([number.to_be_bytes(), [7; 8]]).unwrap());
    let mut executor = Executor::default();
    for number in 0..MESSAGES {
        let message = executor.run(pull.recv_multipart_async()).unwrap();
        assert_eq!(message[0], number.to_be_bytes());
    }
    assert!(executor.longest_row <= ROW, "{} polls without a turn", executor.longest_row);
}

fn sends_yield(harness: &Harness) {
    let (push, pull) = roomy(harness);
    let mut executor = Executor::default();
    for number in 0..MESSAGES {
        executor.run(push.send_async(number.to_be_bytes())).unwrap();
    }
    executor.check();
    for number in 0..MESSAGES {
        assert_eq!(pull.recv().unwrap(), number.to_be_bytes());
    }
}

fn multipart_sends_yield(harness: &Harness) {
    let (push, pull) = roomy(harness);
    let mut executor = Executor::default();
    for number in 0..MESSAGES {
        executor.run(push.send_multipart_async([number.to_be_bytes(), [7; 8]])).unwrap();
    }
    executor.check();
    for number in 0..MESSAGES {
        assert_eq!(pull.recv_multipart().unwrap()[0], number.to_be_bytes());
    }
}

/// As one branch of a select does while the other one is ready each time.
fn a_future_that_waits_gives_no_new_turns(harness: &Harness) {
    let ((push, _pull), (_silent, waits)) = (roomy(harness), roomy(harness));
    let mut executor = Executor::default();
    for number in 0..MESSAGES {
        let mut never = pin!(waits.recv_async());
        let mut sending = pin!(push.send_async(number.to_be_bytes()));
        let both = std::future::poll_fn(|cx| {
            assert!(never.as_mut().poll(cx).is_pending());
            sending.as_mut().poll(cx)
        });
        executor.run(both).unwrap();
    }
    executor.check();
}

fn events_yield(_: &Harness) {
    let context = Sockets::new();
    let socket = context.pull().unwrap();
    let monitor = socket.monitor();
    let mut executor = Executor::default();
    for _ in 0..2 * ROW {
        let endpoint = socket.bind("tcp://127.0.0.1:*").unwrap();
        executor.run(monitor.recv_async()).unwrap();
        socket.unbind(&endpoint).unwrap();
        while !matches!(monitor.try_recv(), Err(Error::WouldBlock)) {}
    }
    assert!(executor.longest_row <= ROW, "{} polls without a turn", executor.longest_row);
}
