//! Ending a context from code that the library calls: nobody waits for that, and it waits for nobody.

use crate::ending::{receive_all, with_waiting};
use crate::harness::{Address, Harness, PATIENCE, everywhere, over_wires};
use futures_lite::future::{block_on, poll_once};
use ringmq::{Context, Error, Message, Pull, Push, SocketType};
use std::pin::pin;
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::task::{self, Wake, Waker};
use std::time::Duration;

over_wires![
    a_waker_may_end_everything,
    a_waker_that_a_call_of_another_runs_does_not_make_it_wait,
    the_owner_of_a_buffer_may_end_everything,
];

everywhere![a_context_may_be_ended_from_inside_a_call];

/// A waker that does whatever would wait.
struct Ender(Context, Arc<Push>, Sender<()>);

impl Wake for Ender {
    fn wake(self: Arc<Self>) {
        let _called_late = self.1.flush(None);
        self.1.close();
        let _polled = block_on(poll_once(self.1.close_async()));
        let _left = self.0.term_timeout(Duration::MAX);
        let _polled = block_on(poll_once(self.0.term_async()));
        self.0.set_linger(Some(Duration::from_secs(3600)));
        self.0.term();
        let _ = self.2.send(());
    }
}

fn a_waker_may_end_everything(harness: &Harness) {
    let address = Address::new(harness);
    let (context, push) = with_waiting(harness, &address, 40);
    let push = Arc::new(push);
    let pull = crate::harness::patient(context.pull().unwrap());
    let (peer, monitor) = (harness.push(), pull.monitor());
    let (woken, was_woken) = channel();
    let waker = Waker::from(Arc::new(Ender(context.clone(), push.clone(), woken)));
    let mut receiving = pin!(pull.recv_async());
    assert!(receiving.as_mut().poll(&mut task::Context::from_waker(&waker)).is_pending());
    let mut watching = pin!(monitor.recv_async());
    assert!(watching.as_mut().poll(&mut task::Context::from_waker(&waker)).is_pending());
    drop(waker);
    peer.connect(&pull.bind(&harness.anywhere()).unwrap()).unwrap();
    peer.send("the end").unwrap();
    was_woken.recv_timeout(PATIENCE).expect("it comes to an end");
    // Who can wait still can.
    assert_eq!(context.term_timeout(Duration::from_millis(1)).unwrap_err().messages(), 40);
    receive_all(harness, &address, 40);
    context.term_timeout(PATIENCE).unwrap();
    assert_eq!(context.gave_up(), 0);
}

fn a_waker_that_a_call_of_another_runs_does_not_make_it_wait(harness: &Harness) {
    let ends: [fn(&Context, &Pull); 3] = [
        |context, _| context.shutdown(),
        |context, _| assert_eq!(context.term_timeout(Duration::ZERO).unwrap_err().messages(), 40),
        |_, pull| pull.close(),
    ];
    for end in ends {
        let address = Address::new(harness);
        let (context, push) = with_waiting(harness, &address, 40);
        let pull = context.pull().unwrap();
        let (woken, was_woken) = channel();
        let waker = Waker::from(Arc::new(Ender(context.clone(), Arc::new(push), woken)));
        let mut receiving = pin!(pull.recv_async());
        assert!(receiving.as_mut().poll(&mut task::Context::from_waker(&waker)).is_pending());
        end(&context, &pull);
        was_woken.recv_timeout(PATIENCE).expect("it was woken");
        receive_all(harness, &address, 40);
        context.term_timeout(PATIENCE).unwrap();
    }
}

fn the_owner_of_a_buffer_may_end_everything(harness: &Harness) {
    struct Owner(Option<Arc<Ender>>);
    impl AsRef<[u8]> for Owner {
        fn as_ref(&self) -> &[u8] {
            &[7; 100]
        }
    }
    impl Drop for Owner {
        fn drop(&mut self) {
            self.0.take().into_iter().for_each(Wake::wake);
        }
    }
    let address = Address::new(harness);
    let (context, push) = with_waiting(harness, &address, 40);
    let (gone, has_gone) = channel();
    let ender = Ender(context.clone(), Arc::new(push), gone);
    let other = harness.push();
    other.set_linger(Some(Duration::ZERO)).unwrap();
    other.connect(&Address::new(harness).endpoint).unwrap();
    other.send(Message::from_owner(Owner(Some(Arc::new(ender))))).unwrap();
    drop(other);
    has_gone.recv_timeout(PATIENCE).expect("it comes to an end");
    receive_all(harness, &address, 40);
    context.term_timeout(PATIENCE).unwrap();
}

fn a_context_may_be_ended_from_inside_a_call(harness: &Harness) {
    let context = Context::builder().backend(harness.backend).build().unwrap();
    let (push, pull) = (context.push().unwrap(), context.pull().unwrap());
    harness.join(&pull, &push);
    push.send("look").unwrap();
    let left = pull.recv_with(|_| {
        context.set_linger(Some(Duration::ZERO));
        context.term();
        let _polled = block_on(poll_once(context.term_async()));
        context.term_timeout(PATIENCE)
    });
    assert_eq!(left.unwrap().unwrap_err().open_sockets(), [SocketType::Pull]);
    assert!(matches!(pull.recv(), Err(Error::Terminated)));
    assert_eq!(pull.linger().unwrap(), Some(Duration::ZERO));
    context.term_timeout(PATIENCE).unwrap();
}
