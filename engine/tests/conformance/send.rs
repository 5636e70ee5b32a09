//! Sending: whole, in parts, against resistance, to nobody.
#![allow(clippy::unwrap_used)]

#[cfg(unix)]
use crate::common::on_each_backend_alone;
use crate::common::{DEADLINE, on_each_backend};
use crate::harness::{Given, Harness, What, batch, pair, pattern, tcp_pair};
#[cfg(target_os = "linux")]
use ringmq_engine::backend::Event;
use ringmq_engine::backend::Receive;
use ringmq_engine::{BackendKind, Batch, Stream, Token};
use socket2::{SockRef, Socket};
use std::io::{self, Read};

/// More parts than any system takes at once (`IOV_MAX` is 1024), of all sizes from nothing up.
fn many_parts_arrive_whole_and_in_order(kind: BackendKind) {
    const PARTS: usize = 3000;
    for (near, mut far) in [pair(), tcp_pair()] {
        let mut harness = Harness::new(kind);
        let token = Token::unique();
        let parts: Vec<_> = (0..PARTS).map(|n| pattern(n * 7 % 1500)).collect();
        let sent = parts.concat();
        let len = sent.len();
        let reader = std::thread::spawn(move || {
            let mut got = vec![0; len];
            far.read_exact(&mut got).unwrap();
            got
        });
        harness.send_all(token, &near, batch(parts));
        assert!(reader.join().unwrap() == sent);
        harness.silence();
    }
}

/// Each message is credited once, when its last byte is sent.
fn a_slow_reader_gets_everything(kind: BackendKind) {
    for (near, far) in [pair(), tcp_pair()] {
        send_to_a_slow_reader(kind, &near, far);
    }
}

fn send_to_a_slow_reader(kind: BackendKind, near: &Stream, mut far: Socket) {
    let mut harness = Harness::new(kind);
    let token = Token::unique();
    SockRef::from(near).set_send_buffer_size(8 * 1024).unwrap();
    let parts: Vec<_> = (0..40).map(|_| pattern(100_000)).collect();
    let sent = parts.concat();
    let len = sent.len();
    let reader = std::thread::spawn(move || {
        let mut got = Vec::new();
        let mut bytes = [0; 3000];
        while got.len() < len {
            let count = far.read(&mut bytes).unwrap();
            got.extend_from_slice(&bytes[..count]);
        }
        got
    });
    let mut left = batch(parts);
    let mut messages = 0;
    while !left.is_empty() {
        harness.backend.send(token, near, left);
        let What::Sent(Given(batch), result) = harness.next_of(token) else {
            panic!("nothing but a send is under way");
        };
        left = batch;
        messages += left.advance(result.unwrap());
    }
    assert_eq!(messages, 40);
    assert!(reader.join().unwrap() == sent);
}

fn sends_and_receives_do_not_get_in_each_others_way(kind: BackendKind) {
    let mut harness = Harness::new(kind);
    let token = Token::unique();
    let (near, far) = tcp_pair();
    let sent = pattern(4 << 20);
    let echo = std::thread::spawn(move || {
        let mut bytes = [0; 10_000];
        let mut left = 4 << 20;
        while left > 0 {
            let count = (&far).read(&mut bytes).unwrap();
            io::Write::write_all(&mut &far, &bytes[..count]).unwrap();
            left -= count;
        }
        far
    });
    harness.backend.receive(token, &near, Receive::Stream);
    harness.backend.send(token, &near, batch(sent.chunks(50_000).map(<[u8]>::to_vec)));
    let mut got = Vec::new();
    while got.len() < sent.len() {
        match harness.next_of(token) {
            What::Received(bytes) => got.extend(bytes),
            What::Sent(Given(mut batch), result) => {
                batch.advance(result.unwrap());
                if !batch.is_empty() {
                    harness.backend.send(token, &near, batch);
                }
            }
            other => panic!("{other:?}"),
        }
    }
    assert!(got == sent);
    drop(echo.join().unwrap());
}

fn a_second_send_is_refused_and_the_first_goes_on(kind: BackendKind) {
    let mut harness = Harness::new(kind);
    let token = Token::unique();
    let (near, mut far) = pair();
    let first = pattern(2 << 20);
    harness.backend.send(token, &near, batch([first.clone()]));
    harness.backend.send(token, &near, batch([b"second".to_vec()]));
    let reader = std::thread::spawn(move || {
        let mut got = vec![0; 2 << 20];
        far.read_exact(&mut got).unwrap();
        (got, far)
    });
    let (mut refused, mut done) = (false, false);
    while !(refused && done) {
        match harness.next_of(token) {
            What::Sent(Given(batch), Err(error)) => {
                assert_eq!(error.kind(), io::ErrorKind::ResourceBusy);
                assert!(batch.slices(10).eq([b"second".as_slice()]), "given back as it was");
                refused = true;
            }
            What::Sent(Given(mut batch), Ok(bytes)) => {
                batch.advance(bytes);
                done = batch.is_empty();
                if !done {
                    harness.backend.send(token, &near, batch);
                }
            }
            other => panic!("{other:?}"),
        }
    }
    let (got, _far) = reader.join().unwrap();
    assert!(got == first);
}

/// As long as no system takes at once. All of it is the one page of zeroes that the kernel has for memory
/// that was never written.
#[cfg(target_os = "linux")]
fn more_than_two_gib_in_one_stretch_arrive(kind: BackendKind) {
    const LEN: usize = (2 << 30) + 54_321;
    let mut harness = Harness::new(kind);
    let (near, mut far) = pair();
    let reader = std::thread::spawn(move || {
        let (mut got, mut bytes) = (0, vec![0; 1 << 20]);
        while got < LEN {
            match far.read(&mut bytes).unwrap() {
                0 => break,
                count => got += count,
            }
        }
        got
    });
    let (token, mut left) = (Token::unique(), batch([vec![0; LEN]]));
    while !left.is_empty() {
        harness.backend.send(token, &near, left);
        // A whole GiB at once may take its time.
        let Some(Event::Sent(_, batch, result)) = harness.raw(10 * DEADLINE) else {
            panic!("nothing but a send is under way");
        };
        left = batch;
        left.advance(result.unwrap());
    }
    assert_eq!(reader.join().unwrap(), LEN);
    harness.silence();
}

/// Sends until that fails.
fn send_until_it_fails(harness: &mut Harness, near: &Stream) -> io::Error {
    let token = Token::unique();
    let deadline = std::time::Instant::now() + DEADLINE;
    while std::time::Instant::now() < deadline {
        harness.backend.send(token, near, batch([pattern(1000), pattern(10)]));
        match harness.next_of(token) {
            What::Sent(_, Ok(_)) => {}
            What::Sent(_, Err(error)) => return error,
            other => panic!("{other:?}"),
        }
    }
    panic!("the peer is gone, and still there is somebody");
}

fn a_peer_that_is_gone_is_an_error(kind: BackendKind) {
    let mut harness = Harness::new(kind);
    for (near, far) in [pair(), tcp_pair()] {
        drop(far);
        let error = send_until_it_fails(&mut harness, &near);
        assert!(
            matches!(
                error.kind(),
                io::ErrorKind::BrokenPipe
                    | io::ErrorKind::ConnectionReset
                    | io::ErrorKind::ConnectionAborted
            ),
            "{error}"
        );
    }
}

#[cfg(unix)]
fn a_peer_that_is_gone_is_no_signal(kind: BackendKind) {
    use signal_hook::consts::SIGPIPE;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};
    let signalled = Arc::new(AtomicBool::new(false));
    signal_hook::flag::register(SIGPIPE, signalled.clone()).unwrap();
    let mut harness = Harness::new(kind);
    for (near, far) in [pair(), tcp_pair()] {
        drop(far);
        send_until_it_fails(&mut harness, &near);
    }
    assert!(!signalled.load(Ordering::SeqCst));
    // The signal would have been noticed.
    let (near, far) = pair();
    drop(far);
    SockRef::from(&near).send(b"x").unwrap_err();
    assert!(signalled.load(Ordering::SeqCst));
}

fn nothing_is_a_send_too(kind: BackendKind) {
    let mut harness = Harness::new(kind);
    let token = Token::unique();
    let (near, _far): (_, Socket) = tcp_pair();
    let mut empty = Batch::default();
    // A message that an old peer is not bothered with: no bytes, but to be credited.
    empty.push(ringmq_engine::BatchPart::Bytes { bytes: bytes::Bytes::new(), messages: 1 });
    harness.backend.send(token, &near, empty);
    let What::Sent(Given(mut batch), Ok(0)) = harness.next_of(token) else {
        panic!("no bytes are sent");
    };
    assert_eq!(batch.advance(0), 1);
    assert!(batch.is_empty());
}

#[cfg(target_os = "linux")]
on_each_backend!(more_than_two_gib_in_one_stretch_arrive);
on_each_backend!(
    many_parts_arrive_whole_and_in_order,
    a_slow_reader_gets_everything,
    sends_and_receives_do_not_get_in_each_others_way,
    a_second_send_is_refused_and_the_first_goes_on,
    a_peer_that_is_gone_is_an_error,
    nothing_is_a_send_too,
);
#[cfg(unix)]
on_each_backend_alone!(a_peer_that_is_gone_is_no_signal);
