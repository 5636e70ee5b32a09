//! Making connections.
#![allow(clippy::unwrap_used)]

use crate::common::on_each_backend;
#[cfg(unix)]
use crate::harness::UnixPath;
use crate::harness::{Harness, What, batch, listener, pair, tcp};
use ringmq_engine::backend::Receive;
use ringmq_engine::{BackendKind, Stream, Token};
#[cfg(unix)]
use socket2::{Domain, Type};
use socket2::{SockAddr, Socket};
use std::io::{self, Read, Write};
use std::sync::Arc;

fn connected(harness: &mut Harness, token: Token) -> io::Result<()> {
    match harness.next_of(token) {
        What::Connected(result) => result,
        other => panic!("{other:?}"),
    }
}

/// The connection under `token` carries bytes both ways.
fn exchange(harness: &mut Harness, token: Token, near: &Stream, listener: &Socket) {
    listener.set_nonblocking(false).unwrap();
    let (mut far, _) = listener.accept().unwrap();
    far.write_all(b"down").unwrap();
    assert_eq!(harness.receive_once(token, near), b"down");
    harness.send_all(token, near, batch([b"up".to_vec()]));
    let mut bytes = [0; 2];
    far.read_exact(&mut bytes).unwrap();
    assert_eq!(&bytes, b"up");
}

fn a_tcp_listener_is_reached(kind: BackendKind) {
    let mut harness = Harness::new(kind);
    let (listener, address) = listener(1);
    let (token, socket) = (Token::unique(), tcp());
    harness.backend.connect(token, &socket, &address);
    connected(&mut harness, token).unwrap();
    exchange(&mut harness, token, &socket.into(), &listener);
}

#[cfg(unix)]
fn a_unix_listener_is_reached(kind: BackendKind) {
    let mut harness = Harness::new(kind);
    let token = Token::unique();
    let unix = || Socket::new(Domain::UNIX, Type::STREAM, None).unwrap();
    let path = UnixPath::new();
    let address = path.address();
    let listener = unix();
    listener.bind(&address).unwrap();
    listener.listen(1).unwrap();
    let socket = Arc::new(unix());
    socket.set_nonblocking(true).unwrap();
    harness.backend.connect(token, &socket, &address);
    connected(&mut harness, token).unwrap();
    exchange(&mut harness, token, &socket.into(), &listener);
}

fn nobody_there_is_an_error(kind: BackendKind) {
    let mut harness = Harness::new(kind);
    // The port was somebody's a moment ago, and so is hardly anybody else's yet.
    let (gone, address) = listener(1);
    drop(gone);
    let (token, socket) = (Token::unique(), tcp());
    harness.backend.connect(token, &socket, &address);
    let error = connected(&mut harness, token).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
}

#[cfg(unix)]
fn nobody_at_a_unix_path_is_an_error(kind: BackendKind) {
    let mut harness = Harness::new(kind);
    // Somebody was.
    let path = UnixPath::new();
    let gone = Socket::new(Domain::UNIX, Type::STREAM, None).unwrap();
    gone.bind(&path.address()).unwrap();
    drop(gone);
    let (token, socket) =
        (Token::unique(), Arc::new(Socket::new(Domain::UNIX, Type::STREAM, None).unwrap()));
    socket.set_nonblocking(true).unwrap();
    harness.backend.connect(token, &socket, &path.address());
    let error = connected(&mut harness, token).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
}

/// A listener that accepts nobody, with its queue full: who connects now waits. With the connections
/// that fill it.
pub(crate) fn full_listener() -> (Arc<Socket>, SockAddr, Vec<Arc<Socket>>) {
    let (listener, address) = listener(0);
    let fill = (0..4)
        .map(|_| {
            let socket = tcp();
            let _ = socket.connect(&address);
            socket
        })
        .collect();
    (listener, address, fill)
}

fn a_connect_that_takes_too_long_can_be_given_up(kind: BackendKind) {
    let mut harness = Harness::new(kind);
    let (_listener, address, _fill) = full_listener();
    let (token, socket) = (Token::unique(), tcp());
    harness.backend.connect(token, &socket, &address);
    harness.silence();
    harness.backend.close(token);
    harness.silence();
    assert_eq!(Arc::strong_count(&socket), 1, "the backend has let go of it");
    harness.backend.close(token);
    harness.silence();
}

fn a_second_connect_is_refused_and_the_first_goes_on(kind: BackendKind) {
    let mut harness = Harness::new(kind);
    let (listener, address, _fill) = full_listener();
    let (token, socket) = (Token::unique(), tcp());
    harness.backend.connect(token, &socket, &address);
    harness.backend.connect(token, &socket, &address);
    let error = connected(&mut harness, token).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::ResourceBusy);
    harness.silence();
    drop(listener);
    // The kernel tries again after a second, and is refused.
    assert!(connected(&mut harness, token).is_err());
}

/// A stream goes from the handler that connected it to the one that uses it.
fn a_stream_is_handed_from_one_token_to_another(kind: BackendKind) {
    let mut harness = Harness::new(kind);
    let (near, mut far) = pair();
    for round in 0..100u8 {
        let token = Token::unique();
        harness.backend.receive(token, &near, Receive::Stream);
        far.write_all(&[round]).unwrap();
        assert_eq!(harness.received(token, 1), [round]);
        harness.backend.close(token);
    }
    harness.silence();
}

on_each_backend!(
    a_tcp_listener_is_reached,
    #[cfg(unix)]
    a_unix_listener_is_reached,
    nobody_there_is_an_error,
    #[cfg(unix)]
    nobody_at_a_unix_path_is_an_error,
    a_connect_that_takes_too_long_can_be_given_up,
    a_second_connect_is_refused_and_the_first_goes_on,
    a_stream_is_handed_from_one_token_to_another,
);
