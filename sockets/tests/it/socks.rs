//! Connections through a SOCKS 5 proxy: one of the test's, which is as helpful as it is told.

use crate::harness::{Harness, await_event, await_kind, over_tcp};
use ringmq::options::SocketOption;
use ringmq::{ConnectFailure, Error, Monitor, MonitorEvent, ReconnectStop};
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;

over_tcp![
    requests_and_replies_go_through_a_proxy,
    what_the_peer_says_with_the_last_answer_is_not_lost,
    a_proxy_is_told_a_name_and_a_password,
    a_refusal_of_the_proxy_is_one_of_the_peer,
    what_is_no_proxy_is_told_and_tried_again,
    a_silent_proxy_is_given_up_and_tried_again,
    what_is_no_address_of_a_proxy_is_told,
    a_connect_through_a_silent_proxy_ends_with_its_context,
    other_transports_go_no_detours,
];

/// What a proxy does with those who come.
#[derive(Clone, Default)]
pub(crate) struct Ways {
    /// The name and the password that it wants.
    login: Option<(&'static str, &'static str)>,
    /// It is slow, a byte at a time.
    dribbles: bool,
    /// It holds its last answer back until the peer says something.
    holds_back: bool,
    /// It says this instead of anything else, and hangs up.
    says: Option<&'static [u8]>,
    /// It refuses, with this code.
    refuses: Option<u8>,
    /// It says nothing at all.
    silent: bool,
}

/// Starts a proxy, which knows the host `hidden` at 127.0.0.1 and nobody else by name.
pub(crate) fn proxy(ways: Ways) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let ways = Arc::new(ways);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (stream, ways) = (stream.unwrap(), ways.clone());
            // Of those who come some do not stay.
            std::thread::spawn(move || drop(serve(stream, &ways)));
        }
    });
    address
}

fn take<const N: usize>(stream: &mut TcpStream) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    stream.read_exact(&mut bytes)?;
    Ok(bytes)
}

fn take_text(stream: &mut TcpStream) -> io::Result<String> {
    let [len] = take(stream)?;
    let mut text = vec![0; len.into()];
    stream.read_exact(&mut text)?;
    Ok(String::from_utf8(text).unwrap())
}

fn say(stream: &mut TcpStream, ways: &Ways, bytes: &[u8]) -> io::Result<()> {
    let piece = if ways.dribbles { 1 } else { bytes.len() };
    bytes.chunks(piece).try_for_each(|piece| {
        stream.write_all(piece)?;
        if ways.dribbles {
            std::thread::sleep(Duration::from_millis(2));
        }
        Ok(())
    })
}

fn serve(mut client: TcpStream, ways: &Ways) -> io::Result<()> {
    client.set_nodelay(true)?;
    let [version, methods] = take(&mut client)?;
    assert_eq!((version, methods), (5, 1));
    let [method] = take(&mut client)?;
    if ways.silent {
        // Until the client has had enough.
        return client.read(&mut [0]).map(drop);
    }
    if let Some(words) = ways.says {
        return client.write_all(words);
    }
    match ways.login {
        Some(_) if method != 2 => return say(&mut client, ways, &[5, 0xff]),
        Some((name, password)) => {
            say(&mut client, ways, &[5, 2])?;
            assert_eq!(take(&mut client)?, [1]);
            let login = (take_text(&mut client)?, take_text(&mut client)?);
            let is_right = (&*login.0, &*login.1) == (name, password);
            say(&mut client, ways, &[1, u8::from(!is_right)])?;
            if !is_right {
                return Ok(());
            }
        }
        None => {
            assert_eq!(method, 0);
            say(&mut client, ways, &[5, 0])?;
        }
    }
    let [5, 1, 0, form] = take(&mut client)? else { panic!("no request to connect") };
    let host = match form {
        1 => std::net::Ipv4Addr::from(take::<4>(&mut client)?).to_string(),
        3 => match &*take_text(&mut client)? {
            "hidden" => "127.0.0.1".into(),
            other => panic!("asked for {other}"),
        },
        other => panic!("an address of form {other}"),
    };
    let port = u16::from_be_bytes(take(&mut client)?);
    if let Some(code) = ways.refuses {
        return say(&mut client, ways, &[5, code, 0, 1, 0, 0, 0, 0, 0, 0]);
    }
    let mut server = TcpStream::connect((&*host, port))?;
    let mut answer = vec![5, 0, 0, 3, 4, b'n', b'a', b'm', b'e', 0, 1];
    if ways.holds_back {
        answer.extend_from_slice(&take::<10>(&mut server)?);
    }
    say(&mut client, ways, &answer)?;
    let (mut from, mut to) = (server.try_clone()?, client.try_clone()?);
    let back = std::thread::spawn(move || {
        let copied = io::copy(&mut from, &mut to);
        let _ = to.shutdown(Shutdown::Write);
        copied
    });
    io::copy(&mut client, &mut server)?;
    let _ = server.shutdown(Shutdown::Write);
    back.join().unwrap().map(drop)
}

/// A question and its answer through a proxy, which looks the peer's name up.
fn speak(harness: &Harness, ways: Ways) {
    let (req, rep) = (harness.req(), harness.rep());
    let endpoint = rep.bind(&harness.anywhere()).unwrap();
    let hidden = endpoint.replace("127.0.0.1", "hidden");
    req.set_socks_proxy(Some(&proxy(ways.clone()))).unwrap();
    if let Some((name, password)) = ways.login {
        req.set_socks_username(name).unwrap();
        req.set_socks_password(password).unwrap();
    }
    req.connect(&hidden).unwrap();
    for question in ["one", "two"] {
        req.send(question).unwrap();
        assert_eq!(rep.recv().unwrap(), question);
        rep.send("answer").unwrap();
        assert_eq!(req.recv().unwrap(), "answer");
    }
}

fn requests_and_replies_go_through_a_proxy(harness: &Harness) {
    speak(harness, Ways::default());
    speak(harness, Ways { dribbles: true, ..Ways::default() });
}

fn what_the_peer_says_with_the_last_answer_is_not_lost(harness: &Harness) {
    speak(harness, Ways { holds_back: true, ..Ways::default() });
    speak(harness, Ways { holds_back: true, dribbles: true, ..Ways::default() });
}

fn a_proxy_is_told_a_name_and_a_password(harness: &Harness) {
    let login = Some(("alice", "rabbit"));
    speak(harness, Ways { login, ..Ways::default() });
    speak(harness, Ways { login, dribbles: true, holds_back: true, ..Ways::default() });
    let address = proxy(Ways { login, ..Ways::default() });
    let (push, monitor) = connect(harness, &address);
    assert!(failure(&monitor).0.contains("wants a login"));
    push.set_socks_username("alice").unwrap();
    push.set_socks_password("hare").unwrap();
    push.connect("tcp://hidden:2").unwrap();
    await_event(&monitor, |event| match event {
        MonitorEvent::ConnectFailed { reason, .. } => {
            reason.contains("does not take this name and password").then_some(())
        }
        _ => None,
    });
}

/// A socket that connects to somebody through a proxy.
fn connect(harness: &Harness, proxy: &str) -> (ringmq::Push, Monitor) {
    let push = harness.push();
    let monitor = push.monitor();
    push.set_socks_proxy(Some(proxy)).unwrap();
    push.connect("tcp://hidden:1").unwrap();
    (push, monitor)
}

/// Why the next connect has failed.
fn failure(monitor: &Monitor) -> (String, ConnectFailure) {
    await_event(monitor, |event| match event {
        MonitorEvent::ConnectFailed { reason, failure, .. } => Some((reason.to_string(), *failure)),
        _ => None,
    })
}

fn a_refusal_of_the_proxy_is_one_of_the_peer(harness: &Harness) {
    let push = harness.push();
    let monitor = push.monitor();
    let address = proxy(Ways { refuses: Some(5), ..Ways::default() });
    push.set_socks_proxy(Some(&address)).unwrap();
    let stop = ReconnectStop { connection_refused: true, ..ReconnectStop::NEVER };
    push.set_reconnect_stop(stop).unwrap();
    push.connect("tcp://hidden:1").unwrap();
    let (reason, kind) = failure(&monitor);
    assert_eq!(kind, ConnectFailure::Refused, "{reason}");
    await_kind!(&monitor, GaveUp);
    // Nobody there is another thing, and may change.
    let address = proxy(Ways { refuses: Some(4), ..Ways::default() });
    let (_push, monitor) = connect(harness, &address);
    let (reason, kind) = failure(&monitor);
    assert_eq!((&*reason, kind), ("the proxy says: host unreachable", ConnectFailure::Other));
    failure(&monitor);
}

fn what_is_no_proxy_is_told_and_tried_again(harness: &Harness) {
    for (says, why) in [
        (&b"HTTP/1.1 400 Bad Request\r\n\r\n"[..], "does not speak SOCKS 5"),
        (b"", "hung up"),
        (b"\x05\x00\x05\x00\x00\x09", "does not speak SOCKS 5"),
    ] {
        let address = proxy(Ways { says: Some(says), ..Ways::default() });
        let (_push, monitor) = connect(harness, &address);
        for _ in 0..2 {
            let (reason, _) = failure(&monitor);
            // Who hangs up with bytes unread resets the connection.
            let reset = reason.contains("reset") || reason.contains("abort");
            assert!(reason.contains(why) || reset, "{reason}");
        }
    }
}

fn a_silent_proxy_is_given_up_and_tried_again(harness: &Harness) {
    let address = proxy(Ways { silent: true, ..Ways::default() });
    let push = harness.push();
    let monitor = push.monitor();
    push.set_handshake_interval(Some(Duration::from_millis(20))).unwrap();
    push.set_socks_proxy(Some(&address)).unwrap();
    push.connect("tcp://hidden:1").unwrap();
    failure(&monitor);
    failure(&monitor);
}

fn what_is_no_address_of_a_proxy_is_told(harness: &Harness) {
    let push = harness.push();
    let monitor = push.monitor();
    let option = SocketOption::by_name("socks_proxy").unwrap();
    for proxy in ["127.0.0.1", ":1080", "a:b", "*:1080", "proxy:0"] {
        let refused = push.set_socks_proxy(Some(proxy));
        assert!(matches!(refused, Err(Error::InvalidOption { .. })), "{proxy}");
        // By libzmq's name it is taken, as libzmq takes it.
        push.set_option(option, &option.parse(proxy).unwrap()).unwrap();
        push.connect("tcp://hidden:1").unwrap();
        assert!(failure(&monitor).0.contains(proxy));
        push.disconnect("tcp://hidden:1").unwrap();
    }
}

fn a_connect_through_a_silent_proxy_ends_with_its_context(harness: &Harness) {
    let address = proxy(Ways { silent: true, ..Ways::default() });
    let (push, _monitor) = connect(harness, &address);
    push.send("never").unwrap();
    drop(push);
    harness.context.term();
}

fn other_transports_go_no_detours(harness: &Harness) {
    let (push, pull) = (harness.push(), harness.pull());
    push.set_socks_proxy(Some(&proxy(Ways { silent: true, ..Ways::default() }))).unwrap();
    pull.bind("inproc://near").unwrap();
    push.connect("inproc://near").unwrap();
    push.send("straight").unwrap();
    assert_eq!(pull.recv().unwrap(), "straight");
}
