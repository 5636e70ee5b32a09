//! Runs that the system refuses, for reasons that only options of a socket bring about.
#![allow(unsafe_code, clippy::unwrap_used)]

use super::{Segmentation, send};
use crate::backend::datagram::{DatagramBatch, OutgoingDatagram, SendTally};
use socket2::Socket;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::num::NonZeroU16;
use std::os::fd::AsRawFd;
use std::time::Duration;

fn socket(ip: IpAddr) -> (Socket, SocketAddr) {
    let socket = UdpSocket::bind((ip, 0)).unwrap();
    let address = socket.local_addr().unwrap();
    (socket.into(), address)
}

/// Whether a run of datagrams of so many bytes would be given to the system in one.
fn takes(runs: &mut Segmentation, socket: &Socket, segment: u16) -> bool {
    runs.takes(socket, NonZeroU16::new(segment).unwrap())
}

fn set(socket: &Socket, level: libc::c_int, option: libc::c_int, value: libc::c_int) {
    let len = size_of_val(&value) as libc::socklen_t;
    // SAFETY: the system reads one integer.
    let result = unsafe {
        libc::setsockopt(socket.as_raw_fd(), level, option, (&raw const value).cast(), len)
    };
    assert_eq!(result, 0, "{}", std::io::Error::last_os_error());
}

fn run(len: usize, each: u16, to: SocketAddr) -> OutgoingDatagram {
    let segment = NonZeroU16::new(each);
    OutgoingDatagram { bytes: vec![7; len].into(), to: Some(to), segment }
}

fn send_all(
    socket: &Socket,
    runs: &mut Segmentation,
    all: impl IntoIterator<Item = OutgoingDatagram>,
) -> SendTally {
    let mut batch = DatagramBatch::default();
    all.into_iter().for_each(|datagram| batch.push(datagram));
    let tally = send(socket, &batch, runs).unwrap();
    assert_eq!(tally.tried(), batch.len());
    tally
}

/// How long the datagrams are that have come.
fn received(socket: &Socket, count: usize) -> Vec<usize> {
    socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let mut bytes = [std::mem::MaybeUninit::uninit(); 66_000];
    (0..count).map(|_| socket.recv(&mut bytes).unwrap()).collect()
}

/// Linux sends no run without checksums.
#[test]
fn a_socket_that_refuses_runs_sends_datagrams_and_is_not_asked_for_ever() {
    let ((near, _), (far, to)) =
        (socket(Ipv4Addr::LOCALHOST.into()), socket(Ipv4Addr::LOCALHOST.into()));
    set(&near, libc::SOL_SOCKET, libc::SO_NO_CHECK, 1);
    let mut runs = Segmentation::default();
    for _ in 0..10 {
        let all = [run(550, 100, to), run(7, 7, to)];
        let tally = send_all(&near, &mut runs, all);
        assert_eq!((tally.sent, tally.refused), (7, 0));
        assert_eq!(received(&far, 7), [100, 100, 100, 100, 100, 50, 7]);
    }
    assert!(!takes(&mut runs, &near, 100));
}

/// The way carries 1280 bytes at a time: datagrams that are longer go in fragments, each by itself, and what is short
/// enough is a run as before.
#[test]
fn datagrams_that_are_longer_than_the_way_carries_are_no_end_of_runs() {
    let ((near, _), (far, to)) =
        (socket(Ipv6Addr::LOCALHOST.into()), socket(Ipv6Addr::LOCALHOST.into()));
    set(&near, libc::IPPROTO_IPV6, libc::IPV6_MTU, 1280);
    let mut runs = Segmentation::default();
    for _ in 0..10 {
        let tally = send_all(&near, &mut runs, [run(5000, 2000, to), run(3000, 1000, to)]);
        assert_eq!((tally.sent, tally.refused), (6, 0));
        assert_eq!(received(&far, 6), [2000, 2000, 1000, 1000, 1000, 1000]);
    }
    assert!(takes(&mut runs, &near, 1000));
}

/// None of these was refused for being a run.
#[test]
fn a_run_of_any_length_is_no_end_of_runs() {
    let ((near, _), (far, to)) =
        (socket(Ipv4Addr::LOCALHOST.into()), socket(Ipv4Addr::LOCALHOST.into()));
    let mut runs = Segmentation::default();
    for _ in 0..10 {
        // One by one, since more than that would be too much for the receiver.
        for (len, each) in [(200_usize, 1), (70_000, 9000), (70_000, 65_000)] {
            let count = len.div_ceil(usize::from(each));
            let tally = send_all(&near, &mut runs, [run(len, each, to)]);
            assert_eq!((tally.sent as usize, tally.refused), (count, 0));
            let lens = received(&far, count);
            assert!(lens[..count - 1].iter().all(|len| *len == each.into()));
            assert_eq!(lens.iter().sum::<usize>(), len);
        }
    }
    assert!(takes(&mut runs, &near, 1));
}
