//! WebSockets: what is promised of connections holds on them, and what a program in a browser sends and gets.

use crate::accept_filters::a_listener_accepts_whom_its_filters_name;
use crate::auth::{
    a_name_and_a_password_let_a_peer_in, curve_hides_what_it_carries_and_names_who_has_sent_it,
    messages_of_all_sizes_and_patterns_arrive_under_curve,
    peers_of_null_are_judged_where_somebody_judges, the_wrong_server_key_leads_nowhere,
    who_is_denied_is_told_and_does_not_come_again,
};
use crate::ending::a_disconnected_endpoint_is_given_up_with_an_event;
use crate::groups::members_get_what_is_for_their_groups;
use crate::harness::{Harness, PATIENCE, await_kind, eventually, over_web_sockets};
use crate::heartbeats::a_busy_puller_gets_everything_in_order;
use crate::pipeline::{
    a_large_message_arrives, a_push_without_a_peer_waits_for_one, frame_by_frame_is_one_message,
};
use crate::pubsub::{a_subscriber_that_leaves_cancels_all, a_subscription_is_a_prefix};
use crate::reqrep::a_rep_answers_who_asked;
use crate::router::a_peer_has_the_id_it_chose;
use crate::socks::{Ways, proxy};
use ringmq::{DisconnectReason, Error, MonitorEvent};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

over_web_sockets![
    frame_by_frame_is_one_message,
    a_large_message_arrives,
    a_push_without_a_peer_waits_for_one,
    a_rep_answers_who_asked,
    a_subscription_is_a_prefix,
    a_subscriber_that_leaves_cancels_all,
    a_peer_has_the_id_it_chose,
    members_get_what_is_for_their_groups,
    a_listener_accepts_whom_its_filters_name,
    a_name_and_a_password_let_a_peer_in,
    who_is_denied_is_told_and_does_not_come_again,
    curve_hides_what_it_carries_and_names_who_has_sent_it,
    messages_of_all_sizes_and_patterns_arrive_under_curve,
    the_wrong_server_key_leads_nowhere,
    peers_of_null_are_judged_where_somebody_judges,
    a_busy_puller_gets_everything_in_order,
    a_disconnected_endpoint_is_given_up_with_an_event,
    a_browser_without_a_mechanism_asks_and_is_answered,
    a_browser_subscribes,
    a_ping_is_answered_with_what_it_said,
    who_closes_is_told_the_same_and_what_came_before_counts,
    what_came_before_a_close_is_received_once,
    who_has_all_that_was_sent_is_told_of_the_end,
    what_looks_around_with_http_is_told_what_is_here,
    what_is_no_web_socket_is_told_by_name,
    a_client_asks_for_its_path_and_host,
    endpoints_read_as_they_are_written,
    a_proxy_leads_to_the_path_that_is_asked_for,
    a_listener_that_was_given_takes_web_sockets,
    silent_peers_are_probed_with_pings,
];

/// A program in a browser, as far as a test has to be one.
struct Browser(TcpStream);

const NO_MASK: [u8; 4] = [0; 4];

impl Browser {
    fn connect(endpoint: &str) -> Self {
        let address = endpoint.strip_prefix("ws://").unwrap().split('/').next().unwrap();
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Self(stream)
    }

    /// Opens a WebSocket; returns the server's answer.
    fn open(&mut self, protocols: &str) -> String {
        let request = format!(
            "GET /anything?at=all HTTP/1.1\r\nHost: localhost\r\nConnection: keep-alive, Upgrade\r\n\
             Upgrade: websocket\r\nOrigin: http://localhost\r\nSec-WebSocket-Version: 13\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: {protocols}\r\n\
             Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n"
        );
        self.0.write_all(request.as_bytes()).unwrap();
        self.head()
    }

    /// Reads until an empty line.
    fn head(&mut self) -> String {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.extend(self.take(1));
        }
        String::from_utf8(head).unwrap()
    }

    fn take(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = vec![0; count];
        self.0.read_exact(&mut bytes).unwrap();
        bytes
    }

    /// Sends a frame of up to 125 bytes.
    fn send(&mut self, opcode: u8, payload: &[u8]) {
        let header = [0x80 | opcode, 0x80 | payload.len() as u8];
        let frame = [&header[..], &NO_MASK, payload].concat();
        self.0.write_all(&frame).unwrap();
    }

    /// Receives a frame of up to 125 bytes.
    fn recv(&mut self) -> (u8, Vec<u8>) {
        let head = self.take(2);
        assert!(head[1] < 126, "a server's frame is not masked, and this one is short");
        (head[0] & 0x0f, self.take(usize::from(head[1])))
    }
}

fn a_browser_without_a_mechanism_asks_and_is_answered(harness: &Harness) {
    let rep = harness.rep();
    let mut browser = Browser::connect(&rep.bind(&harness.anywhere()).unwrap());
    let answer = browser.open("ZWS2.0");
    assert!(answer.starts_with("HTTP/1.1 101 "), "{answer}");
    assert!(answer.contains("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"));
    assert!(!answer.contains("Extensions"));
    assert_eq!(browser.recv(), (2, vec![0]));
    browser.send(2, b"\0");
    browser.send(2, b"\x01");
    browser.send(2, b"\0question");
    assert_eq!(rep.recv().unwrap(), "question");
    rep.send("answer").unwrap();
    assert_eq!(browser.recv(), (2, vec![1]));
    assert_eq!(browser.recv(), (2, b"\0answer".to_vec()));
}

fn a_browser_subscribes(harness: &Harness) {
    let publisher = harness.xpub();
    let mut browser = Browser::connect(&publisher.bind(&harness.anywhere()).unwrap());
    browser.open("ZWS2.0/NULL");
    let (opcode, ready) = browser.recv();
    assert_eq!(opcode, 2);
    assert!(ready.starts_with(b"\x02\x05READY\x0bSocket-Type\0\0\0\x04XPUB"), "{ready:?}");
    browser.send(2, b"\x02\x05READY\x0bSocket-Type\0\0\0\x03SUB");
    browser.send(2, b"\0\x01news");
    assert_eq!(publisher.recv().unwrap(), &b"\x01news"[..]);
    publisher.send("weather").unwrap();
    publisher.send("news of today").unwrap();
    assert_eq!(browser.recv(), (2, b"\0news of today".to_vec()));
    browser.send(2, b"\0\0news");
    assert_eq!(publisher.recv().unwrap(), &b"\0news"[..]);
}

/// A browser that is connected to a PULL.
fn pushing(pull: &ringmq::Pull, harness: &Harness) -> Browser {
    let mut browser = Browser::connect(&pull.bind(&harness.anywhere()).unwrap());
    browser.open("ZWS2.0");
    browser.recv();
    browser.send(2, b"\0");
    browser
}

fn a_ping_is_answered_with_what_it_said(harness: &Harness) {
    let pull = harness.pull();
    let mut browser = pushing(&pull, harness);
    for said in [&b"are you there?"[..], &[7; 125]] {
        browser.send(9, said);
        assert_eq!(browser.recv(), (10, said.to_vec()));
    }
    browser.send(10, b"nobody asked");
    browser.send(2, b"\0message");
    assert_eq!(pull.recv().unwrap(), "message");
}

fn who_closes_is_told_the_same_and_what_came_before_counts(harness: &Harness) {
    let pull = harness.pull();
    let monitor = pull.monitor();
    let mut browser = pushing(&pull, harness);
    browser.send(2, b"\0last");
    browser.send(8, &1000_u16.to_be_bytes());
    assert_eq!(browser.recv(), (8, 1000_u16.to_be_bytes().to_vec()));
    let mut rest = Vec::new();
    browser.0.read_to_end(&mut rest).unwrap();
    assert!(rest.is_empty());
    let event = await_kind!(&monitor, Disconnected);
    let MonitorEvent::Disconnected { reason, .. } = event else { unreachable!() };
    assert!(matches!(reason, DisconnectReason::PeerClosed), "{reason}");
    assert_eq!(pull.recv().unwrap(), "last");
}

/// However full it is here, and while others send on the same connection.
fn what_came_before_a_close_is_received_once(harness: &Harness) {
    for _ in 0..20 {
        let dealer = harness.dealer();
        dealer.set_recv_hwm(5).unwrap();
        let mut browser = Browser::connect(&dealer.bind(&harness.anywhere()).unwrap());
        browser.open("ZWS2.0");
        browser.recv();
        browser.send(2, b"\0");
        (0..100).for_each(|number| browser.send(2, &[0, number]));
        browser.send(8, &1000_u16.to_be_bytes());
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    let _ = dealer.try_send("for nobody");
                }
            });
            let received: Vec<_> = (0..100).map(|_| dealer.recv()).collect();
            done.store(true, Ordering::Relaxed);
            for (number, message) in (0..100).zip(received) {
                assert_eq!(message.unwrap(), [number]);
            }
        });
        assert!(dealer.try_recv().unwrap_err().is_would_block());
    }
}

fn who_has_all_that_was_sent_is_told_of_the_end(harness: &Harness) {
    let push = harness.push();
    let mut browser = Browser::connect(&push.bind(&harness.anywhere()).unwrap());
    browser.open("ZWS2.0");
    browser.recv();
    browser.send(2, b"\0");
    push.set_linger(Some(PATIENCE)).unwrap();
    push.send("last").unwrap();
    push.close();
    assert_eq!(browser.recv(), (2, b"\0last".to_vec()));
    assert_eq!(browser.recv(), (8, 1000_u16.to_be_bytes().to_vec()));
}

fn what_looks_around_with_http_is_told_what_is_here(harness: &Harness) {
    let rep = harness.rep();
    let monitor = rep.monitor();
    let endpoint = rep.bind(&harness.anywhere()).unwrap();
    let mut browser = Browser::connect(&endpoint);
    browser.0.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    let mut answer = String::new();
    browser.0.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 426 Upgrade Required\r\n"), "{answer}");
    assert!(
        answer.ends_with(
            "This is a socket of ZeroMQ. It speaks WebSocket with the protocol ZWS2.0.\n"
        )
    );
    let MonitorEvent::HandshakeFailed { reason, .. } = await_kind!(&monitor, HandshakeFailed)
    else {
        unreachable!()
    };
    assert!(reason.to_string().contains("it does not ask for one"), "{reason}");
}

fn what_is_no_web_socket_is_told_by_name(harness: &Harness) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("ws://{}/", listener.local_addr().unwrap());
    let push = harness.push();
    push.set_reconnect_interval(Some(Duration::from_millis(1))).unwrap();
    let monitor = push.monitor();
    push.connect(&endpoint).unwrap();
    let answers: [(&[u8], &str); 3] = [
        (b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", "status 404"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "none of HTTP 1.1"),
        (b"", "closed"),
    ];
    for (answer, told) in answers {
        let (mut stream, _) = listener.accept().unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        stream.write_all(answer).unwrap();
        // All that was asked is read, so that what was answered is not lost with the connection.
        stream.set_read_timeout(Some(Duration::from_millis(1))).unwrap();
        while stream.read(&mut [0; 1024]).is_ok_and(|count| count > 0) {}
        drop(stream);
        let MonitorEvent::HandshakeFailed { reason, .. } = await_kind!(&monitor, HandshakeFailed)
        else {
            unreachable!()
        };
        assert!(reason.to_string().contains(told), "{reason}");
    }
}

fn a_client_asks_for_its_path_and_host(harness: &Harness) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let push = harness.push();
    push.connect(&format!("ws://localhost:{port}/a/b?c=d")).unwrap();
    let (stream, _) = listener.accept().unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let request = Browser(stream).head();
    assert!(request.starts_with("GET /a/b?c=d HTTP/1.1\r\n"), "{request}");
    assert!(request.contains(&format!("\r\nHost: localhost:{port}\r\n")), "{request}");
}

fn endpoints_read_as_they_are_written(harness: &Harness) {
    let rep = harness.rep();
    let endpoint = rep.bind("ws://127.0.0.1:*").unwrap();
    assert!(endpoint.starts_with("ws://127.0.0.1:") && endpoint.ends_with('/'), "{endpoint}");
    assert!(rep.bind(&endpoint).unwrap_err().to_string().contains(&endpoint));
    rep.unbind(&endpoint).unwrap();
    eventually("the endpoint is free", || rep.bind(&endpoint).is_ok());
    for bad in ["ws://127.0.0.1", "ws://127.0.0.1/path", "ws://*:1/a b", "ws://*:1/#", "ws://:1/"] {
        assert!(matches!(rep.bind(bad), Err(Error::Endpoint(_))), "{bad}");
    }
    // Bytes without frames are tcp's.
    let stream = harness.stream();
    assert!(stream.bind("ws://127.0.0.1:*").is_err());
    assert!(stream.connect("ws://127.0.0.1:1").is_err());
}

fn a_proxy_leads_to_the_path_that_is_asked_for(harness: &Harness) {
    let (rep, req) = (harness.rep(), harness.req());
    let endpoint = rep.bind(&harness.anywhere()).unwrap();
    req.set_socks_proxy(Some(&proxy(Ways::default()))).unwrap();
    req.connect(&endpoint.replace("127.0.0.1", "hidden")).unwrap();
    req.send("question").unwrap();
    assert_eq!(rep.recv().unwrap(), "question");
    rep.send("answer").unwrap();
    assert_eq!(req.recv().unwrap(), "answer");
}

fn a_listener_that_was_given_takes_web_sockets(harness: &Harness) {
    let (pull, push) = (harness.pull(), harness.push());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let expected = format!("ws://{}/given", listener.local_addr().unwrap());
    let endpoint = pull.bind_listener("ws://*:*/given", listener).unwrap();
    assert_eq!(endpoint, expected);
    push.connect(&endpoint).unwrap();
    push.send("message").unwrap();
    assert_eq!(pull.recv().unwrap(), "message");
}

fn silent_peers_are_probed_with_pings(harness: &Harness) {
    let pull = harness.pull();
    pull.set_heartbeat_interval(Duration::from_millis(10)).unwrap();
    let monitor = pull.monitor();
    let mut browser = pushing(&pull, harness);
    assert_eq!(browser.recv(), (9, Vec::new()));
    let event = await_kind!(&monitor, Disconnected);
    let MonitorEvent::Disconnected { reason, .. } = event else { unreachable!() };
    assert!(matches!(reason, DisconnectReason::HeartbeatExpired), "{reason}");
}
