//! A connection that begins while the socket changes what it tells every peer.

use crate::{FEW, check};
use loom::sync::{Arc, Mutex};
use loom::thread;
use ringmq_pipe::frame::COMMAND;
use ringmq_pipe::{Capacity, Message, PipeEnd, PipeReader, pipe};
use std::sync::atomic::Ordering;

/// The socket makes a change, the `number`th, and tells of it unless the connection knows.
fn change(set: &Mutex<u64>, near: &mut PipeEnd) {
    let number = {
        let mut set = set.lock().unwrap();
        *set += 1;
        *set
    };
    let mut told = near.state.told();
    if near.state.is_connected() && *told < number {
        *told = number;
        near.tx.write_uncounted(COMMAND, Message::copy_from(&[number as u8]));
    }
}

/// The session begins a connection: the last change that it tells of at once. What was in the pipe for
/// the connection before is not for this one.
fn begin(set: &Mutex<u64>, far: &mut PipeEnd) -> u64 {
    let PipeReader::Log(log) = &mut far.rx else { panic!("it is a log") };
    let mut told = far.state.told();
    far.state.connected.store(true, Ordering::SeqCst);
    *told = *set.lock().unwrap();
    let (known, mut stale) = (*told, Vec::new());
    log.gather_written(&mut stale);
    log.done(stale.iter().map(|piece| piece.messages).sum());
    known
}

#[test]
fn a_change_is_told_at_the_beginning_or_afterwards_and_not_twice() {
    check(FEW, || {
        let set = Arc::new(Mutex::new(0));
        let (mut near, mut far) = pipe(Capacity::Messages(0), Capacity::Messages(0));
        begin(&set, &mut far);
        change(&set, &mut near);
        let changing = {
            let set = set.clone();
            thread::spawn(move || {
                (0..2).for_each(|_| change(&set, &mut near));
                near
            })
        };
        // Again: the connection has broken before the first change was sent.
        let known = begin(&set, &mut far);
        let _near = changing.join().unwrap();
        let told: Vec<u64> =
            std::iter::from_fn(|| far.rx.read()).map(|word| u64::from(word[0])).collect();
        assert!(told.into_iter().eq(known + 1..=3), "{known} changes were known at the beginning");
    });
}
