//! How much of a body is read at once.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::context_bytes::ContextBytes;
use crate::session::open_message::OpenMessage;
use ringmq_pipe::{APART, Capacity};
use ringmq_zmtp::{Decoder, Version};
use socket2::Socket;
use std::io::Write;
use std::mem::MaybeUninit;
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A body as a peer sends it, as fast as it is taken.
fn pour(mut peer: TcpStream, length: usize, over: &AtomicBool) {
    peer.write_all(&[&[2][..], &(length as u64).to_be_bytes()].concat()).unwrap();
    let piece = vec![7; 1 << 20];
    let mut left = length;
    while left > 0 && !over.load(Ordering::Relaxed) {
        let count = left.min(piece.len());
        if peer.write_all(&piece[..count]).is_err() {
            return;
        }
        left -= count;
    }
}

/// Waits until more than a piece is there to be read, for as long as a thread that writes may need: where no
/// system buffer holds as much, it is not waited for again.
fn await_more_than_a_piece(socket: &Socket, patience: &mut u32) {
    let mut seen = vec![MaybeUninit::uninit(); 2 * PIECE];
    while *patience > 0 && !socket.peek(&mut seen).is_ok_and(|bytes| bytes > PIECE) {
        *patience -= 1;
        std::thread::yield_now();
    }
}

#[test]
fn a_body_that_is_long_is_read_a_piece_at_a_time() {
    const LENGTH: usize = 16 << 20;
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let peer = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let socket = Socket::from(listener.accept().unwrap().0);
    socket.set_nonblocking(true).unwrap();
    let look = socket.try_clone().unwrap();
    let (near, mut far) = ringmq_pipe::pipe::<()>(Capacity::Messages(0), Capacity::Messages(0));
    let (decoder, open) = (Decoder::new(Version::V3_1, None, APART), OpenMessage::new(None, None));
    let waiting = WaitingBytes::new(Arc::new(ContextBytes::new(None)), None);
    let inbound = Inbound::new(decoder, open, false);
    let mut reading = ReadHalf::new(socket.into(), inbound, Some(near.tx), waiting);
    let (over, mut buffer) = (AtomicBool::new(false), vec![0; RECEIVE_BUFFER]);
    std::thread::scope(|scope| {
        scope.spawn(|| pour(peer, LENGTH, &over));
        let (mut signs, mut patience, mut most) = (Vec::new(), 5_000, 0);
        while far.rx.read().is_none_or(|message| message.len() != LENGTH) {
            let before = reading.inbound.decoded();
            if before >= UNDIVIDED as u64 {
                await_more_than_a_piece(&look, &mut patience);
            }
            match reading.receive(&mut buffer, &mut signs) {
                Ok(()) => {}
                Err(ReadEnd::Ended(Ended::Failed(error)))
                    if error.kind() == io::ErrorKind::WouldBlock =>
                {
                    std::thread::yield_now();
                }
                Err(_) => panic!("the connection has ended"),
            }
            if before >= UNDIVIDED as u64 {
                most = most.max(reading.inbound.decoded() - before);
            }
        }
        over.store(true, Ordering::Relaxed);
        assert!(most <= (PIECE + AFTER_LARGE) as u64, "{most} bytes at once");
    });
}
