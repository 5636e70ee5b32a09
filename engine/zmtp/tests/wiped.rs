//! What is left of a password in memory when its handshake is over: nothing. Looked for in all that the process
//! has, what it has given back to its allocator included.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)]

mod common;

use common::{greeting, no_random};
use ringmq_zmtp::{
    AuthAnswer, Config, Handshake, MechanismConfig, PlainClient, PlainServer, SocketType,
};
use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::time::Instant;
use zeroize::Zeroizing;

/// What the password is told apart by, with each byte one too many: it is nowhere itself.
const MASKED: &[u8; 32] = b"Xf!ibwf!cffo!mppljoh!gps!uijt!jo";
/// An allocator may write into the first bytes of what was given back: here is nothing that is looked for.
const BEFORE: usize = 32;

fn password() -> Zeroizing<Vec<u8>> {
    let mut password = Zeroizing::new(Vec::with_capacity(BEFORE + MASKED.len()));
    password.resize(BEFORE, b'-');
    password.extend(MASKED.iter().map(|byte| byte - 1));
    password
}

fn is_password(bytes: &[u8]) -> bool {
    bytes.iter().zip(MASKED).all(|(byte, masked)| byte.wrapping_add(1) == *masked)
}

/// How often the password is in the memory that the process may write to.
fn found() -> usize {
    let memory = File::open("/proc/self/mem").unwrap();
    let maps = fs::read_to_string("/proc/self/maps").unwrap();
    let mut page = Zeroizing::new(vec![0; 64 * 1024]);
    let own = page.as_ptr_range();
    let (from, until) = (own.start as u64, own.end as u64);
    let mut found = 0;
    for line in maps.lines().filter(|line| line.contains(" rw")) {
        let (start, end) = line.split_once(' ').unwrap().0.split_once('-').unwrap();
        let mut at = u64::from_str_radix(start, 16).unwrap();
        let end = u64::from_str_radix(end, 16).unwrap();
        while at < end {
            let Ok(count) = memory.read_at(&mut page, at) else { break };
            let count = count.min((end - at) as usize);
            if count < MASKED.len() {
                break;
            }
            let places = page[..count].windows(MASKED.len()).enumerate();
            let places = places.filter(|(_, bytes)| is_password(bytes));
            // What was read here is what was found elsewhere.
            found += places.filter(|(n, _)| !(from..until).contains(&(at + *n as u64))).count();
            // So much again: it may lie across the end.
            at += (count - (MASKED.len() - 1)) as u64;
        }
    }
    found
}

/// Both ends of a handshake, of which what the client says arrives in pieces of `piece` bytes.
fn handshake(piece: usize) {
    let now = Instant::now();
    let mut config = Config::new(SocketType::Dealer);
    config.mechanism =
        MechanismConfig::Other(Arc::new(PlainClient::new("alice", &*password()).unwrap()));
    let mut client = Handshake::new(Arc::new(config), now);
    let mut config = Config::new(SocketType::Router);
    config.mechanism = MechanismConfig::Other(Arc::new(PlainServer));
    let mut server = Handshake::new(Arc::new(config), now);

    client.input(now, &mut no_random, &greeting(3, 1, "PLAIN")).unwrap();
    let mut wire = Zeroizing::new(Vec::with_capacity(4096));
    client.take_output(&mut wire);
    assert!(found() > 0, "it is there as long as it is needed");
    for piece in wire.chunks(piece) {
        assert_eq!(server.input(now, &mut no_random, piece), Ok(piece.len()));
    }
    let request = server.poll_request().unwrap();
    assert!(is_password(&request.credentials[1][BEFORE..]));
    let again = request.clone();
    drop((request, again));
    let allowed = AuthAnswer::Allow { user_id: b"alice".to_vec(), properties: Vec::new() };
    server.answer(now, &mut no_random, allowed).unwrap();
}

/// One test: two at a time would find each other's.
#[test]
fn nothing_is_left_of_a_password() {
    assert_eq!(found(), 0);
    for piece in [1, 7, 100, 4096] {
        handshake(piece);
        assert_eq!(found(), 0, "pieces of {piece}");
    }
    hello_that_is_no_good();
    assert_eq!(found(), 0, "of one that nobody was asked about");
}

/// A HELLO that is no good, or not whole, holds a password all the same.
fn hello_that_is_no_good() {
    let now = Instant::now();
    let mut config = Config::new(SocketType::Router);
    config.mechanism = MechanismConfig::Other(Arc::new(PlainServer));
    let config = Arc::new(config);
    for whole in [false, true] {
        let mut server = Handshake::new(config.clone(), now);
        server.input(now, &mut no_random, &greeting(3, 1, "PLAIN")).unwrap();
        let mut hello = Zeroizing::new(Vec::with_capacity(256));
        let length = u8::try_from(6 + 64 + 2).unwrap() + u8::from(!whole);
        hello.extend_from_slice(&[4, length]);
        hello.extend_from_slice(b"\x05HELLO\0\x41");
        hello.extend_from_slice(&password());
        for byte in hello.chunks(1) {
            let _ = server.input(now, &mut no_random, byte);
        }
    }
}
