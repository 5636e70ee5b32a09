//! Cables that are cut: two network namespaces with a pair of virtual devices between them, for those
//! who may make them.
#![allow(clippy::unwrap_used)]

use crate::common::{on_each_backend, skipped};
use crate::harness::{App, Harness, Settings};
use crate::peer::Peer;
use ringmq_engine::{BackendKind, DisconnectReason, Stream};
use ringmq_zmtp::{HeartbeatConfig, subscribe_frame};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use socket2::{Domain, Socket, Type};
use std::fs::File;
use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::process::Command;
use std::time::Duration;

const BEAT: Duration = Duration::from_millis(100);
/// Many beats, and many times the time-out.
const LONG: Duration = Duration::from_secs(1);

/// Which end of the cable is pulled.
#[derive(Clone, Copy)]
enum End {
    Near = 1,
    Far = 2,
}

/// Two hosts and the cable between them.
struct Cable {
    name: String,
}

fn ip(arguments: &str) -> Result<(), String> {
    let output = Command::new("ip")
        .args(arguments.split(' '))
        .output()
        .map_err(|error| format!("no ip command: {error}"))?;
    let text = String::from_utf8_lossy(&output.stderr);
    output.status.success().then_some(()).ok_or_else(|| format!("ip {arguments}: {}", text.trim()))
}

impl Cable {
    fn new(kind: BackendKind, case: char) -> Result<Self, String> {
        if !rustix::process::geteuid().is_root() {
            return Err("only root makes network namespaces".into());
        }
        let name = format!("rq{}{kind:?}{case}", std::process::id());
        let cable = Self { name };
        for host in [1, 2] {
            ip(&format!("netns add {}", cable.host(host)))?;
        }
        let (near, far) = (cable.host(1), cable.host(2));
        ip(&format!("link add v netns {near} type veth peer name v netns {far}"))?;
        for host in [1, 2] {
            let inside = format!("-n {}", cable.host(host));
            ip(&format!("{inside} addr add 198.18.0.{host}/24 dev v"))?;
            ip(&format!("{inside} link set v up"))?;
        }
        Ok(cable)
    }

    fn host(&self, number: u8) -> String {
        format!("{}-{number}", self.name)
    }

    /// Does something on one of the hosts.
    fn on<T: Send + 'static>(&self, host: u8, what: impl FnOnce() -> T + Send + 'static) -> T {
        let space = File::open(format!("/run/netns/{}", self.host(host))).unwrap();
        let there = std::thread::spawn(move || {
            move_into_link_name_space(space.as_fd(), Some(LinkNameSpaceType::Network)).unwrap();
            what()
        });
        there.join().unwrap()
    }

    fn connection(&self) -> (Stream, Peer) {
        let address = SocketAddr::from(([198, 18, 0, 2], 5555));
        let listener = self.on(2, move || {
            let listener = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
            listener.bind(&address.into()).unwrap();
            listener.listen(1).unwrap();
            listener
        });
        let near = self.on(1, move || {
            let near = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
            near.connect(&address.into()).unwrap();
            near
        });
        let peer = Peer::new(listener.accept().unwrap().0);
        near.set_nonblocking(true).unwrap();
        (near.into(), peer)
    }

    fn cut(&self, end: End) {
        ip(&format!("-n {} link set v down", self.host(end as u8))).unwrap();
    }
}

impl Drop for Cable {
    fn drop(&mut self) {
        for host in [1, 2] {
            let _ = ip(&format!("netns del {}", self.host(host)));
        }
    }
}

/// A session and its peer at the ends of a cable.
fn stretched(kind: BackendKind, cable: &Cable) -> (Harness, App, Peer) {
    let mut settings = Settings::default();
    // Something to be busy with from the beginning: no answer of the peer's is ever due.
    subscribe_frame(b"topic", &mut settings.preamble);
    settings.config.heartbeat = Some(HeartbeatConfig::every(BEAT));
    let mut harness = Harness::with(kind, settings);
    let (stream, mut peer) = cable.connection();
    harness.session(stream, None);
    peer.shake_hands();
    let app = harness.attached();
    (harness, app, peer)
}

fn with_cables(kind: BackendKind, name: &str, case: char, test: fn(BackendKind, &Cable, End)) {
    for end in [End::Near, End::Far] {
        match Cable::new(kind, case) {
            Ok(cable) => test(kind, &cable, end),
            Err(reason) => return skipped(name, &reason),
        }
    }
}

fn is_found_out(mut harness: Harness) {
    let reason = harness.disconnected();
    assert!(matches!(reason, DisconnectReason::HeartbeatExpired), "{reason}");
}

/// The peer reads as fast as it can, and one day nothing comes any more.
fn a_cable_cut_in_a_stream_is_noticed(kind: BackendKind) {
    with_cables(kind, "a_cable_cut_in_a_stream_is_noticed", 's', |kind, cable, end| {
        let (harness, mut app, mut peer) = stretched(kind, cable);
        for _ in 0..100 {
            app.send(vec![1; 100_000]);
        }
        peer.bytes(1_000_000);
        cable.cut(end);
        is_found_out(harness);
    });
}

/// The peer has read nothing for long, and its window is closed.
fn a_cable_cut_at_a_busy_peer_is_noticed(kind: BackendKind) {
    with_cables(kind, "a_cable_cut_at_a_busy_peer_is_noticed", 'b', |kind, cable, end| {
        let (harness, mut app, mut peer) = stretched(kind, cable);
        for _ in 0..100 {
            app.send(vec![1; 100_000]);
        }
        std::thread::sleep(LONG);
        peer.bytes(100_000);
        std::thread::sleep(LONG);
        // It is there.
        peer.bytes(1_000_000);
        std::thread::sleep(LONG);
        cable.cut(end);
        is_found_out(harness);
    });
}

/// The peer has read a little, and everything is on its way or there.
fn a_cable_cut_at_rest_is_noticed(kind: BackendKind) {
    with_cables(kind, "a_cable_cut_at_rest_is_noticed", 'r', |kind, cable, end| {
        let (harness, mut app, mut peer) = stretched(kind, cable);
        app.send("never answered");
        std::thread::sleep(LONG);
        while peer.frame().body != b"never answered" {}
        std::thread::sleep(LONG);
        cable.cut(end);
        is_found_out(harness);
    });
}

on_each_backend!(
    a_cable_cut_in_a_stream_is_noticed,
    a_cable_cut_at_a_busy_peer_is_noticed,
    a_cable_cut_at_rest_is_noticed,
);
