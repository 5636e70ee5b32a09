//! What a borrower receives, keeps for want of room, sends, and leaves to the I/O thread.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::backend::OutgoingDatagram;
use crate::monitor::DropReason;
use ringmq_pipe::{Capacity, Piece};
use std::net::UdpSocket;
use std::sync::Mutex;

/// Each datagram is a message. Notes what it is asked for, and says what it is told to.
#[derive(Default)]
struct Script {
    outgoing: Vec<OutgoingDatagram>,
    news: Vec<MonitorEvent>,
    due: Option<Instant>,
    woken: u32,
}

#[derive(Clone, Default)]
struct Scripted(Arc<Mutex<Script>>);

impl Carriage for Scripted {
    fn pack(&mut self, _: Instant, _: &[Piece], _: &mut DatagramBatch) -> u64 {
        0
    }

    fn unpack(&mut self, _: Instant, datagram: &Datagram<'_>, pipe: &mut PipeWriter) -> Unpacked {
        let mut unpacked = Unpacked::default();
        match datagram.bytes {
            b"bad" => unpacked.malformed += 1,
            body if pipe.write_body(0, body).is_err() => unpacked.overrun += 1,
            _ => {}
        }
        unpacked
    }

    fn next(&mut self, _: Instant, batch: &mut DatagramBatch) {
        self.0.lock().unwrap().outgoing.drain(..).for_each(|datagram| batch.push(datagram));
    }

    fn timeout(&mut self, _: Instant) -> Option<Instant> {
        self.0.lock().unwrap().due
    }

    fn on_timeout(&mut self, _: Instant, _: &mut PipeWriter) -> Unpacked {
        let mut script = self.0.lock().unwrap();
        script.due = None;
        script.woken += 1;
        Unpacked::default()
    }

    fn news(&mut self) -> Vec<MonitorEvent> {
        std::mem::take(&mut self.0.lock().unwrap().news)
    }
}

/// A half, who it hears, and the other end of its pipe, which holds `hwm` messages.
struct Scene {
    half: DatagramHalf,
    script: Scripted,
    peer: UdpSocket,
    far: ringmq_pipe::PipeEnd<super::super::Direct>,
}

fn scene(hwm: u32) -> Scene {
    let here = UdpSocket::bind("127.0.0.1:0").unwrap();
    let peer = UdpSocket::bind("127.0.0.1:0").unwrap();
    peer.connect(here.local_addr().unwrap()).unwrap();
    here.set_nonblocking(true).unwrap();
    let (near, far) = ringmq_pipe::pipe(Capacity::Messages(hwm), Capacity::Messages(0));
    let script = Scripted::default();
    let how = DatagramReceive { longest: 100, runs: false };
    let pipe = (near.tx, near.state);
    let half = DatagramHalf::new(Arc::new(here.into()), Box::new(script.clone()), pipe, Some(how));
    Scene { half, script, peer, far }
}

impl Scene {
    /// Waits until something has come, and receives it.
    fn receive(&mut self) {
        while let Err(error) = self.half.receive() {
            assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
            std::thread::yield_now();
        }
    }

    fn next(&mut self) -> Option<Vec<u8>> {
        self.far.rx.read().map(|message| message.to_vec())
    }
}

#[test]
fn what_comes_goes_into_the_pipe_and_what_finds_no_room_waits() {
    let mut scene = scene(2);
    for number in 0..7u8 {
        scene.peer.send(&[number]).unwrap();
    }
    let mut next = 0;
    while next < 7 {
        match scene.next() {
            Some(body) => {
                assert_eq!(body, [next]);
                next += 1;
            }
            None => {
                // Credits what was taken.
                scene.far.rx.fall_asleep();
                scene.receive();
            }
        }
    }
    assert!(!scene.half.is_blocked());
    assert_eq!(scene.half.receive().unwrap_err().kind(), io::ErrorKind::WouldBlock);
    let report = scene.half.take_report();
    assert!(report.received && report.unpacked == Unpacked::default());
}

#[test]
fn what_waits_is_not_lost_when_the_half_is_given_back() {
    let mut scene = scene(1);
    for number in 0..3u8 {
        scene.peer.send(&[number]).unwrap();
    }
    let mut got = Vec::new();
    while got.len() < 3 {
        scene.receive();
        // The I/O thread has it now, and goes on with what was received.
        scene.half.take_report();
        while let Some(body) = scene.next() {
            got.extend(body);
            scene.far.rx.fall_asleep();
            scene.half.resume(Instant::now());
        }
    }
    assert_eq!(got, [0, 1, 2]);
}

#[test]
fn what_is_to_be_said_goes_out_and_what_is_due_is_done() {
    let mut scene = scene(0);
    let to = scene.peer.local_addr().unwrap();
    let datagram = OutgoingDatagram { bytes: "NAK".into(), to: Some(to), segment: None };
    let due = Instant::now() + Duration::from_secs(3600);
    {
        let mut script = scene.script.0.lock().unwrap();
        script.outgoing.push(datagram);
        script.due = Some(due);
    }
    assert!(scene.half.receive().is_err(), "nothing has come");
    assert_eq!(scene.half.deadline(), Some(due));
    let mut buffer = [0; 9];
    assert_eq!(scene.peer.recv(&mut buffer).unwrap(), 3);
    scene.script.0.lock().unwrap().due = Some(Instant::now());
    assert!(scene.half.receive().is_err());
    assert_eq!(scene.script.0.lock().unwrap().woken, 0, "it was not known");
    assert!(scene.half.receive().is_err());
    assert_eq!((scene.script.0.lock().unwrap().woken, scene.half.deadline()), (1, None));
}

#[test]
fn the_io_thread_hears_of_news_at_once_and_of_drops_now_and_then() {
    let mut scene = scene(0);
    assert!(!scene.half.is_report_due());
    scene.peer.send(b"bad").unwrap();
    scene.receive();
    assert!(scene.half.is_report_due());
    assert_eq!(scene.half.take_report().unpacked.malformed, 1);
    scene.half.reported_at = Some(Instant::now() + REPORT_INTERVAL);
    scene.peer.send(b"bad").unwrap();
    scene.receive();
    assert!(!scene.half.is_report_due(), "it has just been told");
    assert_eq!(scene.half.state().dropped.load(Ordering::Relaxed), 2, "counted at once");
    let event = MonitorEvent::Dropped {
        endpoint: "here".into(),
        peer: "there".into(),
        routing_id: [].into(),
        reason: DropReason::Unwanted,
        messages: 1,
    };
    scene.script.0.lock().unwrap().news.push(event);
    assert!(scene.half.is_report_due());
    let report = scene.half.take_report();
    assert_eq!((report.news.len(), report.unpacked.malformed), (1, 1));
    scene.half.fail(io::ErrorKind::NetworkDown.into());
    assert!(scene.half.is_report_due());
    assert!(scene.half.take_report().failure.is_some());
}

#[test]
fn it_is_lent_where_much_comes_and_given_back_where_little_does() {
    let mut scene = scene(0);
    assert!(!scene.half.is_worth_lending());
    for _ in 0..LULL {
        assert!(!scene.half.is_report_due());
        scene.peer.send(b"little").unwrap();
        scene.receive();
    }
    assert!(scene.half.is_report_due());
    scene.half.since_asked = MUCH;
    assert!(scene.half.is_worth_lending() && !scene.half.is_worth_lending());
    assert!(!scene.half.is_report_due());
}
