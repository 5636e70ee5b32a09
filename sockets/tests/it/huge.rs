//! Messages longer than any system sends or receives at once. They take gigabytes and some seconds each, so
//! they are tried on demand only: `cargo test -p ringmq --test it huge -- --ignored`. What keeps each call
//! within bounds is tested in the engine, without the gigabytes.

use crate::harness::{Address, Harness, PATIENCE, Transport};
use ringmq::BackendChoice::{self, Mio, Uring};
use ringmq::{Pull, Push};

/// 2.1 GiB and a bit.
const LENGTH: usize = 2_254_857_831;
/// Where it is not zero.
const MARKS: [usize; 6] = [0, 1, (1 << 30) - 1, 1 << 31, (1 << 31) + 1, LENGTH - 1];

/// One after the other: machines have not memory without end.
fn on(backend: BackendChoice) {
    for transport in [Transport::Tcp, Transport::Ipc] {
        Harness::run_for(10 * PATIENCE, transport, backend, a_huge_message_arrives);
    }
}

#[test]
#[ignore = "takes some GiB of memory and some seconds"]
fn mio() {
    on(Mio);
}

#[test]
#[ignore = "takes some GiB of memory and some seconds"]
fn uring() {
    on(Uring);
}

fn a_huge_message_arrives(harness: &Harness) {
    let (push, pull) = (harness.push(), harness.pull());
    push.set_send_timeout(Some(5 * PATIENCE)).unwrap();
    pull.set_recv_timeout(Some(5 * PATIENCE)).unwrap();
    let address = Address::new(harness);
    push.connect(&address.endpoint).unwrap();
    // What waits for the connection is sent by the I/O thread, later ones by the thread of the application.
    send(&push);
    address.bind(&pull);
    receive(&pull);
    send(&push);
    receive(&pull);
}

fn send(push: &Push) {
    // Most of it is the one page of zeroes that the kernel has for memory that was never written.
    let mut body = vec![0; LENGTH];
    MARKS.iter().for_each(|at| body[*at] = 7);
    push.send(body).unwrap();
    push.send("after").unwrap();
}

fn receive(pull: &Pull) {
    let huge = pull.recv().unwrap();
    assert_eq!(huge.len(), LENGTH);
    assert!(MARKS.iter().all(|at| huge[*at] == 7));
    assert_eq!(huge.iter().filter(|byte| **byte != 0).count(), MARKS.len());
    drop(huge);
    assert_eq!(pull.recv().unwrap(), "after");
}
