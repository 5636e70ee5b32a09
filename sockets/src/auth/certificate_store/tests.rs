//! When the directory is looked at, and who waits for it.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::Context;
use std::sync::atomic::{AtomicUsize, Ordering};
use tempfile::TempDir;

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

#[test]
fn a_look_is_due_when_its_interval_is_over() {
    let folder = folder();
    let store = CertificateStore::open(folder.path()).unwrap();
    let mut state = store.shared.state();
    let looked = state.looked.unwrap();
    state.interval = Duration::from_secs(5);
    for (seconds, due) in [(0, false), (4, false), (5, true), (60, true)] {
        assert_eq!(state.is_due(looked + Duration::from_secs(seconds)), due, "{seconds}");
    }
    state.interval = Duration::ZERO;
    assert!(state.is_due(looked));
    state.interval = Duration::MAX;
    assert!(!state.is_due(looked + Duration::from_secs(1 << 30)));
    state.looked = None;
    assert!(state.is_due(looked));
}

/// A server whose clients are in a store, and one of those clients, with one I/O thread for all.
struct Meeting {
    store: CertificateStore,
    server: crate::Pull,
    client: crate::Push,
    context: Context,
    _folder: TempDir,
}

fn meeting() -> Meeting {
    let folder = folder();
    let own = Certificate::generate().unwrap();
    own.save_public(folder.path().join("client.key")).unwrap();
    let store = CertificateStore::open(folder.path()).unwrap();
    store.set_reload_interval(Duration::ZERO);
    let context = Context::new();
    let (server, client) = (context.pull().unwrap(), context.push().unwrap());
    let of_server = Certificate::generate().unwrap();
    server.set_certificate(&of_server).unwrap();
    server.set_curve_server(true).unwrap();
    server.set_authenticator(store.clone()).unwrap();
    client.set_certificate(&own).unwrap();
    client.set_curve_server_key(of_server.public_key()).unwrap();
    client.set_reconnect_interval(Some(Duration::from_millis(10))).unwrap();
    server.set_recv_timeout(Some(Duration::from_secs(20))).unwrap();
    Meeting { store, server, client, context, _folder: folder }
}

impl Meeting {
    fn begin(&self) {
        self.client.connect(&self.server.bind("tcp://127.0.0.1:*").unwrap()).unwrap();
        self.client.send("hello").unwrap();
    }

    fn await_somebody_waiting(&self) {
        while !self.store.shared.state().is_looking {
            thread::sleep(Duration::from_millis(1));
        }
    }
}

#[test]
fn a_directory_that_takes_long_keeps_nobody_else_waiting() {
    let meeting = meeting();
    // As if the disk did not answer.
    let directory = meeting.store.shared.directory.lock().unwrap();
    meeting.begin();
    meeting.await_somebody_waiting();
    let (other, its_client) = (meeting.context.pull().unwrap(), meeting.context.push().unwrap());
    other.set_recv_timeout(Some(Duration::from_secs(20))).unwrap();
    its_client.connect(&other.bind("tcp://127.0.0.1:*").unwrap()).unwrap();
    its_client.send("meanwhile").unwrap();
    assert_eq!(other.recv().unwrap(), "meanwhile");
    assert!(meeting.server.try_recv().unwrap_err().is_would_block());
    drop(directory);
    assert_eq!(meeting.server.recv().unwrap(), "hello");
}

#[test]
fn the_thread_that_looks_ends_when_nobody_waits() {
    let meeting = meeting();
    meeting.begin();
    assert_eq!(meeting.server.recv().unwrap(), "hello");
    while meeting.store.shared.state().is_looking {
        thread::sleep(Duration::from_millis(1));
    }
    // All that is left of it are the store here and the one that the socket has.
    while Arc::strong_count(&meeting.store.shared) > 2 {
        thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn those_who_wait_for_a_thread_that_panics_are_turned_away_for_now() {
    let meeting = meeting();
    // Stands for a thread that looks, while somebody comes.
    meeting.store.shared.state().is_looking = true;
    meeting.begin();
    while meeting.store.shared.state().waiting.is_empty() {
        thread::sleep(Duration::from_millis(1));
    }
    let shared = meeting.store.shared.clone();
    let panicked = thread::spawn(move || {
        let _looking = Looking(&shared);
        panic!("on purpose");
    });
    assert!(panicked.join().is_err());
    // It comes again, and another thread looks.
    assert_eq!(meeting.server.recv().unwrap(), "hello");
}

#[test]
fn who_gives_up_waiting_for_a_disk_that_hangs_leaves_nothing_behind() {
    let meeting = meeting();
    meeting.server.set_handshake_interval(Some(Duration::from_millis(20))).unwrap();
    let came = Arc::new(AtomicUsize::new(0));
    let (counted, store) = (came.clone(), meeting.store.clone());
    meeting
        .server
        .set_authenticator(move |candidate: Candidate| {
            store.authenticate(candidate);
            counted.fetch_add(1, Ordering::SeqCst);
        })
        .unwrap();
    let directory = meeting.store.shared.directory.lock().unwrap();
    meeting.begin();
    // Each time it waits for as long as a handshake may take; all but the first are in the list.
    while came.load(Ordering::SeqCst) < 40 {
        thread::sleep(Duration::from_millis(1));
    }
    assert!((1..=17).contains(&meeting.store.shared.state().waiting.len()));
    drop(directory);
}
