//! Subscribers of the log are code of the application: one may panic, or use the library, whatever it is called
//! for.
//!
//! The log is the process's, so this is one test.

#![allow(clippy::unwrap_used)]

use ringmq::{Context, Error, Pull};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tracing::{Event, Metadata, Subscriber, span};

/// What a subscriber is called for.
const CALLS: [&str; 7] = ["", "enabled", "new_span", "event", "enter", "exit", "try_close"];

/// Which of the calls panics on an I/O thread.
static PANICS_AT: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    /// What is used at the next line that the thread writes.
    static USED: RefCell<Option<Context>> = const { RefCell::new(None) };
    /// A socket that is used whatever the thread calls a subscriber for, and how often that was and was refused.
    static IN_USE: RefCell<Option<Rc<Pull>>> = const { RefCell::new(None) };
    static CALLED: Cell<(usize, usize)> = const { Cell::new((0, 0)) };
}

struct Clumsy;

fn called_for(call: &str) {
    if let Some(socket) = IN_USE.with_borrow(Clone::clone) {
        let refused = matches!(socket.try_recv(), Err(Error::Reentered));
        let (calls, refusals) = CALLED.get();
        CALLED.set((calls + 1, refusals + usize::from(refused)));
    }
    let of_ringmq = std::thread::current().name().is_some_and(|name| name.starts_with("ringmq"));
    if of_ringmq && CALLS[PANICS_AT.load(Ordering::SeqCst)] == call {
        panic!("on purpose: {call}");
    }
}

impl Subscriber for Clumsy {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        if metadata.target().starts_with("ringmq") {
            called_for("enabled");
        }
        true
    }

    fn register_callsite(&self, _: &'static Metadata<'static>) -> tracing::subscriber::Interest {
        tracing::subscriber::Interest::sometimes()
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        called_for("new_span");
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, _: &Event<'_>) {
        called_for("event");
        if let Some(context) = USED.take() {
            context.backend().unwrap();
        }
    }

    fn enter(&self, _: &span::Id) {
        called_for("enter");
    }

    fn exit(&self, _: &span::Id) {
        called_for("exit");
    }

    fn try_close(&self, _: span::Id) -> bool {
        called_for("try_close");
        true
    }
}

fn messages_pass(endpoint: &str) {
    let context = Context::new();
    // The start of the threads is told of with no lock held that this needs.
    USED.set(Some(context.clone()));
    context.backend().unwrap();
    let pull = context.pull().unwrap();
    let endpoint = pull.bind(endpoint).unwrap();
    // The second one needs a listener that has lived through the first, the threads both.
    for _ in 0..2 {
        let push = context.push().unwrap();
        push.connect(&endpoint).unwrap();
        push.send("as ever").unwrap();
        assert_eq!(pull.recv().unwrap(), "as ever");
    }
    drop(pull);
    context.term();
}

/// What is done inside of a call on a socket, and has something to log.
fn inside_a_call(deed: impl FnOnce(&Context)) {
    let context = Context::new();
    let (push, pull) = (context.push().unwrap(), Rc::new(context.pull().unwrap()));
    push.connect(&pull.bind("tcp://127.0.0.1:*").unwrap()).unwrap();
    push.send("ahead").unwrap();
    push.send("look").unwrap();
    // To wait for it would be something to log, too. What lies in a pipe is counted a little before the socket is
    // told of it: once the first has been had, the second can be.
    while pull.totals().waiting < 2 {
        std::thread::yield_now();
    }
    while pull.try_recv().is_err() {
        std::thread::yield_now();
    }
    let inside = pull.clone();
    let looked = pull.recv_with(|_| {
        CALLED.set((0, 0));
        IN_USE.set(Some(inside));
        deed(&context);
    });
    IN_USE.set(None);
    looked.unwrap();
    let (calls, refusals) = CALLED.get();
    assert!(
        calls > 0 && refusals == 0,
        "called {calls} times, {refusals} of them inside of the call"
    );
    context.set_linger(Some(Duration::ZERO));
}

/// A socket that waits for its peer, with something to send.
fn waiting(context: &Context) -> ringmq::Push {
    let push = context.push().unwrap();
    push.connect("inproc://nobody").unwrap();
    push.send("waits").unwrap();
    push
}

fn nobody_is_called_inside_of_a_call() {
    inside_a_call(|context| drop(waiting(context)));
    // Longer than a wait may take without a word.
    inside_a_call(|context| {
        assert!(waiting(context).flush(Some(Duration::from_millis(1100))).is_err());
    });
    #[cfg(all(debug_assertions, feature = "tokio"))]
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
        let other = Context::new().pull().unwrap();
        other.set_recv_timeout(Some(Duration::from_millis(1))).unwrap();
        inside_a_call(|_| assert!(other.recv().is_err()));
    });
}

#[test]
fn a_subscriber_that_panics_or_uses_the_library_costs_no_connection() {
    tracing::subscriber::set_global_default(Clumsy).unwrap();
    for index in 0..CALLS.len() {
        PANICS_AT.store(index, Ordering::SeqCst);
        messages_pass("tcp://127.0.0.1:*");
    }
    PANICS_AT.store(0, Ordering::SeqCst);
    nobody_is_called_inside_of_a_call();
}
