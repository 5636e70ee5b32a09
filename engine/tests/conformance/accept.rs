//! Accepting connections.
#![allow(clippy::unwrap_used)]

#[cfg(unix)]
use crate::common::on_each_backend_alone;
use crate::common::{DEADLINE, on_each_backend};
#[cfg(unix)]
use crate::harness::UnixPath;
use crate::harness::{Harness, What, client, listener, pair};
use ringmq_engine::backend::{Event, Receive};
use ringmq_engine::{BackendKind, Token};
use socket2::Socket;
use std::io::{Read, Write};
#[cfg(unix)]
use std::sync::Arc;

fn accepted(harness: &mut Harness, token: Token) -> Socket {
    match harness.next_of(token) {
        What::Accepted(result) => result.unwrap(),
        other => panic!("{other:?}"),
    }
}

/// Each accepted descriptor is a connection of one of the clients, and does not block.
fn exchange(mut clients: Vec<Socket>, sockets: Vec<Socket>) {
    for (index, socket) in sockets.iter().enumerate() {
        #[cfg(unix)]
        assert!(socket.nonblocking().unwrap());
        (&*socket).write_all(&[index as u8]).unwrap();
    }
    let mut answers: Vec<u8> = clients
        .iter_mut()
        .map(|client| {
            let mut byte = [0];
            client.read_exact(&mut byte).unwrap();
            byte[0]
        })
        .collect();
    answers.sort_unstable();
    assert!(answers.into_iter().eq((0..sockets.len()).map(|index| index as u8)));
}

fn many_connections_are_accepted(kind: BackendKind) {
    const COUNT: usize = 100;
    let mut harness = Harness::new(kind);
    let token = Token::unique();
    let (listener, address) = listener(COUNT as i32);
    // Half of them wait already, half of them come later.
    let mut clients: Vec<_> = (0..COUNT / 2).map(|_| client(&address)).collect();
    harness.backend.accept(token, &listener);
    let mut sockets: Vec<_> = (0..COUNT / 2).map(|_| accepted(&mut harness, token)).collect();
    for _ in COUNT / 2..COUNT {
        clients.push(client(&address));
        sockets.push(accepted(&mut harness, token));
    }
    harness.silence();
    exchange(clients, sockets);
}

/// However many wait at the door: what comes in is dealt with between them, and so is whoever was let in
/// before. That a turn is short is the backend's promise; that it is some of them saves system calls.
fn many_are_let_in_by_turns(kind: BackendKind) {
    const CLIENTS: usize = 200;
    const TURN: usize = 32;
    let mut harness = Harness::new(kind);
    let (token, speaker) = (Token::unique(), Token::unique());
    let (listener, address) = listener(CLIENTS as i32);
    // Half of them have left already.
    let clients: Vec<_> = (0..CLIENTS).map(|_| client(&address)).step_by(2).collect();
    let (near, mut far) = pair();
    far.write_all(b"excuse me").unwrap();
    harness.backend.accept(token, &listener);
    harness.backend.receive(speaker, &near, Receive::Once);
    let (mut sockets, mut polls, mut heard) = (Vec::new(), 0, None);
    while sockets.len() < CLIENTS {
        let mut events = Vec::new();
        harness.backend.poll(Some(DEADLINE), &mut events).unwrap();
        polls += 1;
        let before = sockets.len();
        for event in events {
            match event {
                Event::Accepted(_, socket) => sockets.push(socket.unwrap()),
                Event::Received(_, buffer) => {
                    assert_eq!(harness.take(buffer), b"excuse me");
                    heard = Some(sockets.len());
                }
                _ => {}
            }
        }
        let turn = sockets.len() - before;
        assert!(turn <= TURN, "{turn} in a row");
    }
    assert!(polls <= CLIENTS / 2, "{polls} turns are many for so few");
    let heard = heard.expect("whoever has said something is heard");
    assert!(heard <= 2 * TURN, "only after {heard} others");
    drop(clients);
}

#[cfg(unix)]
fn unix_connections_are_accepted(kind: BackendKind) {
    let mut harness = Harness::new(kind);
    let token = Token::unique();
    let socket = Socket::new(socket2::Domain::UNIX, socket2::Type::STREAM, None).unwrap();
    socket.set_nonblocking(true).unwrap();
    let path = UnixPath::new();
    let address = path.address();
    socket.bind(&address).unwrap();
    socket.listen(8).unwrap();
    let listener = Arc::new(socket);
    harness.backend.accept(token, &listener);
    let clients: Vec<_> = (0..3).map(|_| client(&address)).collect();
    let sockets: Vec<_> = (0..3).map(|_| accepted(&mut harness, token)).collect();
    exchange(clients, sockets);
}

#[cfg(unix)]
fn used_up_descriptors_are_an_error_and_asking_again_goes_on(kind: BackendKind) {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let mut harness = Harness::new(kind);
    let token = Token::unique();
    let (listener, address) = listener(4);
    let before = getrlimit(Resource::Nofile);
    let waiting = client(&address);
    let lowest_free = listener.try_clone().unwrap();
    let limit = std::os::fd::AsRawFd::as_raw_fd(&lowest_free) as u64;
    drop(lowest_free);
    setrlimit(Resource::Nofile, Rlimit { current: Some(limit), ..before }).unwrap();
    harness.backend.accept(token, &listener);
    let result = match harness.next_of(token) {
        What::Accepted(result) => result,
        other => panic!("{other:?}"),
    };
    // EMFILE.
    assert_eq!(result.unwrap_err().raw_os_error(), Some(24));
    setrlimit(Resource::Nofile, before).unwrap();
    harness.silence();
    harness.backend.accept(token, &listener);
    let first = accepted(&mut harness, token);
    let later = client(&address);
    let second = accepted(&mut harness, token);
    exchange(vec![waiting, later], vec![first, second]);
}

on_each_backend!(
    many_connections_are_accepted,
    many_are_let_in_by_turns,
    #[cfg(unix)]
    unix_connections_are_accepted
);
#[cfg(unix)]
on_each_backend_alone!(used_up_descriptors_are_an_error_and_asking_again_goes_on);
