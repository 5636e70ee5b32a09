#![allow(clippy::unwrap_used)]

use super::*;
use proptest::prelude::*;

fn target(host: Host) -> TcpAddress {
    TcpAddress { host, port: 5555 }
}

fn name(text: &str) -> TcpAddress {
    target(Host::Name(text.into()))
}

fn login(username: &str, password: &str) -> SocksLogin {
    SocksLogin { username: username.into(), password: password.as_bytes().to_vec().into() }
}

fn send(bytes: &[u8]) -> SocksStep {
    SocksStep::Send(bytes.to_vec().into())
}

/// A handshake whose request was sent.
fn asked() -> SocksHandshake {
    let mut handshake = SocksHandshake::new(&name("h"), SocksLogin::default());
    handshake.take_in(&[5, 0]).unwrap();
    handshake
}

#[test]
fn without_a_login() {
    let mut handshake = SocksHandshake::new(&name("example.org"), SocksLogin::default());
    assert_eq!(**handshake.greeting(), [5, 1, 0]);
    assert_eq!(handshake.take_in(&[5]), Ok(SocksStep::Await));
    let request = b"\x05\x01\x00\x03\x0bexample.org\x15\xb3";
    assert_eq!(handshake.take_in(&[0]), Ok(send(request)));
    assert_eq!(handshake.take_in(&[5, 0, 0, 1, 127, 0, 0]), Ok(SocksStep::Await));
    let rest = SocksStep::Connected(b"greeting".to_vec());
    assert_eq!(handshake.take_in(b"\x01\x12\x34greeting"), Ok(rest));
}

#[test]
fn with_a_login() {
    let mut handshake = SocksHandshake::new(&name("h"), login("alice", "rabbit"));
    assert_eq!(**handshake.greeting(), [5, 1, 2]);
    assert_eq!(handshake.take_in(&[5, 2]), Ok(send(b"\x01\x05alice\x06rabbit")));
    assert_eq!(handshake.take_in(&[1, 0]), Ok(send(b"\x05\x01\x00\x03\x01h\x15\xb3")));
}

#[test]
fn addresses_go_as_addresses() {
    let v4 = request(&target(Host::V4([192, 0, 2, 1].into())));
    assert_eq!(v4, [5, 1, 0, 1, 192, 0, 2, 1, 0x15, 0xb3]);
    let v6 = request(&target(Host::V6(1u128.into(), Some("eth0".into()))));
    assert_eq!((v6.len(), &v6[..5], v6[19]), (22, &[5, 1, 0, 4, 0][..], 1));
}

#[test]
fn what_a_proxy_refuses_is_told() {
    let mut handshake = SocksHandshake::new(&name("h"), SocksLogin::default());
    assert_eq!(handshake.take_in(&[5, 0xff]), Err(SocksError::LoginWanted));
    let mut handshake = SocksHandshake::new(&name("h"), login("alice", "rabbit"));
    handshake.take_in(&[5, 2]).unwrap();
    assert_eq!(handshake.take_in(&[1, 1]), Err(SocksError::LoginRefused));
    let refused = asked().take_in(&[5, 5]).unwrap_err();
    assert!(refused.is_refusal());
    assert_eq!(refused.to_string(), "the proxy says: connection refused");
    assert!(!asked().take_in(&[5, 4]).unwrap_err().is_refusal());
}

#[test]
fn what_is_no_proxy_is_told() {
    let mut handshake = SocksHandshake::new(&name("h"), SocksLogin::default());
    let error = handshake.take_in(b"HTTP/1.1 400").unwrap_err();
    assert!(error.to_string().contains("0x48 instead of version 5"), "{error}");
    assert_eq!(asked().take_in(&[5, 0, 0, 2]), Err(SocksError::Malformed(2, "a form of address")));
    let mut handshake = SocksHandshake::new(&name("h"), SocksLogin::default());
    assert!(matches!(handshake.take_in(&[5, 1]), Err(SocksError::Malformed(1, _))));
    // A login that was not offered.
    let mut handshake = SocksHandshake::new(&name("h"), SocksLogin::default());
    assert_eq!(handshake.take_in(&[5, 2]), Err(SocksError::LoginWanted));
}

#[test]
fn no_password_in_debug_output() {
    let handshake = SocksHandshake::new(&name("h"), login("alice", "rabbit"));
    assert!(!format!("{handshake:?}").contains("rabbit"));
    assert!(!format!("{handshake:?}").contains(&format!("{:?}", b"rabbit")));
}

proptest! {
    /// However the bytes come, the same happens, and what comes behind the reply is not lost.
    #[test]
    fn pieces_make_no_difference(cuts in prop::collection::vec(1usize..9, 0..40), rest: Vec<u8>, form in 0usize..3) {
        let address: &[u8] = [&b"\x01abcd"[..], b"\x03\x04name", b"\x04abcdefghijklmnop"][form];
        let mut reply = [&[5, 0, 0], address, &[1, 2]].concat();
        reply.extend_from_slice(&rest);
        let mut handshake = asked();
        let (mut left, mut cuts, mut over) = (&reply[..], cuts.into_iter(), None);
        while !left.is_empty() {
            let (piece, behind) = left.split_at(cuts.next().unwrap_or(left.len()).min(left.len()));
            left = behind;
            if let SocksStep::Connected(early) = handshake.take_in(piece).unwrap() {
                over = Some([&early[..], left].concat());
                break;
            }
        }
        prop_assert_eq!(over, Some(rest));
    }

    #[test]
    fn no_bytes_of_a_proxy_panic_or_are_kept_without_end(pieces: Vec<Vec<u8>>, named: bool) {
        let login = if named { login("a", "b") } else { SocksLogin::default() };
        let mut handshake = SocksHandshake::new(&name("h"), login);
        for piece in pieces {
            match handshake.take_in(&piece) {
                Ok(SocksStep::Await) => prop_assert!(handshake.incoming.len() < 4 + 256 + 2),
                Ok(SocksStep::Send(_)) => {}
                Ok(SocksStep::Connected(_)) | Err(_) => break,
            }
        }
    }
}
