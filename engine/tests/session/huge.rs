//! Messages longer than any system sends at once. What they are made of is the one page of zeroes that
//! Linux has for memory that was never written, and the peer keeps none of it.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)]

use crate::common::on_each_backend;
use crate::harness::{BOTH, Harness, connection};
use crate::peer::{Peer, Speaks};
use ringmq_engine::BackendKind;
use std::io::Read;

/// Of which more than 2 GiB are left when a thread of the application has sent what the kernel takes from it.
const LENGTH: usize = (2 << 30) + (256 << 20);

/// Reads so many bytes and forgets them.
fn forget(peer: &mut Peer, mut left: usize) {
    let mut bytes = vec![0; 1 << 20];
    while left > 0 {
        let most = left.min(bytes.len());
        let count = peer.socket.read(&mut bytes[..most]).unwrap();
        assert!(count > 0, "the connection has ended, {left} bytes too soon");
        left -= count;
    }
}

/// A thread of the application begins to send it, and leaves it to the I/O thread.
fn more_than_two_gib_go_out(kind: BackendKind) {
    for over in BOTH {
        let mut harness = Harness::new(kind);
        let (_, mut app, mut peer) = harness.established(over);
        app.send(vec![0; LENGTH]);
        let header = [&[2], (LENGTH as u64).to_be_bytes().as_slice()].concat();
        assert_eq!(peer.bytes(header.len()), header);
        let ahead = peer.take_ahead();
        forget(&mut peer, LENGTH - ahead);
        app.send("after");
        assert_eq!(peer.message(), b"after");
    }
}

/// The same for a peer that gets its frames in another form.
fn more_than_two_gib_go_out_to_an_old_peer(kind: BackendKind) {
    let mut harness = Harness::new(kind);
    let (stream, mut peer) = connection(BOTH[1]);
    harness.session(stream, None);
    peer.shake_hands_as(Speaks::V1_0);
    let mut app = harness.attached();
    app.send(vec![0; LENGTH]);
    let header = [&[0xff], (LENGTH as u64 + 1).to_be_bytes().as_slice(), &[0]].concat();
    assert_eq!(peer.bytes(header.len()), header);
    let ahead = peer.take_ahead();
    forget(&mut peer, LENGTH - ahead);
    app.send("after");
    assert_eq!(peer.message(), b"after");
}

on_each_backend!(more_than_two_gib_go_out, more_than_two_gib_go_out_to_an_old_peer);
