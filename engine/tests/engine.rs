//! The engine as a whole: which thread a handler goes to, where that thread runs, handlers that panic,
//! and the end of it all.
#![allow(clippy::unwrap_used)]

mod common;

#[cfg(target_os = "linux")]
use common::on_each_backend_alone;
use common::{DEADLINE, on_each_backend};
use ringmq_engine::backend::{Datagram, DatagramBatch, DatagramReceive, OutgoingDatagram};
use ringmq_engine::{
    BackendChoice, BackendKind, Completion, Cx, Engine, EngineOptions, Handler, IoHandle, Notice,
    TimerKind, Token,
};
use socket2::Socket;
#[cfg(target_os = "linux")]
use socket2::{Domain, SockAddr, Type};
#[cfg(target_os = "linux")]
use std::net::SocketAddr;
use std::net::{Ipv4Addr, UdpSocket};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

fn options(kind: BackendKind) -> EngineOptions {
    let backend = match kind {
        BackendKind::Mio => BackendChoice::Mio,
        BackendKind::Uring => BackendChoice::Uring,
    };
    EngineOptions { backend, ..EngineOptions::default() }
}

fn start(kind: BackendKind, io_threads: usize) -> Engine {
    Engine::start(&EngineOptions { io_threads, ..options(kind) }).unwrap()
}

/// What to do on the I/O thread.
type Deed = Box<dyn FnOnce(&mut Cx<'_>) + Send>;

/// Does what it is told; tells of its timers and of its end.
struct Puppet(Sender<&'static str>);

impl Handler for Puppet {
    fn start(&mut self, _: &mut Cx<'_>) {}

    fn completed(&mut self, _: &mut Cx<'_>, _: Completion) {}

    fn timer(&mut self, _: &mut Cx<'_>, kind: TimerKind) {
        let _ = self.0.send(["first timer", "second timer"][usize::from(kind)]);
    }

    fn notified(&mut self, cx: &mut Cx<'_>, notice: Notice) {
        match notice {
            Notice::Custom(deed) => deed.downcast::<Deed>().unwrap()(cx),
            Notice::Close => cx.finish(),
            _ => {}
        }
    }

    fn panicked(&mut self, _: &mut Cx<'_>) {
        let _ = self.0.send("panicked");
    }
}

impl Drop for Puppet {
    fn drop(&mut self) {
        let _ = self.0.send("dropped");
    }
}

fn puppet(io: &IoHandle) -> (Token, Receiver<&'static str>) {
    let (sender, news) = channel();
    (io.add(Box::new(Puppet(sender))), news)
}

fn make(io: &IoHandle, puppet: Token, deed: impl FnOnce(&mut Cx<'_>) + Send + 'static) {
    let deed: Deed = Box::new(deed);
    io.tell(puppet, Notice::Custom(Box::new(deed)));
}

/// What a deed on the I/O thread returns.
fn ask<T: Send + 'static>(
    io: &IoHandle,
    puppet: Token,
    question: impl FnOnce(&mut Cx<'_>) -> T + Send + 'static,
) -> T {
    let (sender, answer) = channel();
    make(io, puppet, move |cx| sender.send(question(cx)).unwrap());
    answer.recv_timeout(DEADLINE).unwrap()
}

/// Waits until there are no handlers, within the deadline.
fn idle(engine: &Arc<Engine>) {
    let (engine, (done, is_done)) = (engine.clone(), channel());
    std::thread::spawn(move || {
        engine.wait_until_idle(None);
        let _ = done.send(());
    });
    is_done.recv_timeout(DEADLINE).expect("no handler is left");
}

fn thread_name(io: &IoHandle, puppet: Token) -> String {
    ask(io, puppet, |_| std::thread::current().name().unwrap_or_default().to_owned())
}

fn the_thread_with_the_fewest_handlers_is_chosen(kind: BackendKind) {
    let engine = start(kind, 3);
    let mut names: Vec<_> = (0..6)
        .map(|_| {
            let io = engine.choose(0).clone();
            let (token, _news) = puppet(&io);
            thread_name(&io, token)
        })
        .collect();
    names.sort();
    assert_eq!(names, [0, 0, 1, 1, 2, 2].map(|index| format!("ringmq-io/{index}")));
}

fn an_affinity_limits_the_choice(kind: BackendKind) {
    let engine = start(kind, 3);
    let on = |affinity| {
        let io = engine.choose(affinity).clone();
        let (token, _news) = puppet(&io);
        thread_name(&io, token)
    };
    for _ in 0..3 {
        assert_eq!(on(0b010), "ringmq-io/1");
    }
    let mut either = [on(0b101), on(0b101)];
    either.sort();
    assert_eq!(either, ["ringmq-io/0", "ringmq-io/2"]);
    // Names no thread that there is: all are as good, and thread 1 has the most to do.
    assert_ne!(on(0b1000), "ringmq-io/1");
    assert_ne!(on(0b1000), "ringmq-io/1");
}

#[cfg(target_os = "linux")]
fn threads_run_on_the_cores_that_they_are_given(kind: BackendKind) {
    use rustix::thread::sched_getaffinity;
    let allowed = sched_getaffinity(None).unwrap();
    let cores: Vec<usize> = (0..1024).filter(|core| allowed.is_set(*core)).take(2).collect();
    let io_threads = cores.len() + 1;
    let options = EngineOptions { io_threads, cores: cores.clone(), ..options(kind) };
    let engine = Engine::start(&options).unwrap();
    for index in 0..io_threads {
        let io = engine.choose(1 << index).clone();
        let (token, _news) = puppet(&io);
        let set = ask(&io, token, |_| sched_getaffinity(None).unwrap());
        match cores.get(index) {
            Some(core) => {
                assert!(set.is_set(*core));
                assert_eq!(set.count(), 1);
            }
            None => assert_eq!(set.count(), allowed.count(), "not pinned"),
        }
    }
}

fn timers_fire_and_can_be_replaced_and_cancelled(kind: BackendKind) {
    let engine = start(kind, 1);
    let io = engine.choose(0);
    let (token, news) = puppet(io);
    let start = Instant::now();
    make(io, token, |cx| {
        cx.set_timer(0, cx.now + Duration::from_millis(1));
        cx.set_timer(1, cx.now + Duration::from_millis(30));
        cx.cancel_timer(0);
    });
    assert_eq!(news.recv_timeout(DEADLINE).unwrap(), "second timer");
    assert!(start.elapsed() >= Duration::from_millis(30));
    make(io, token, |cx| {
        cx.set_timer(1, cx.now + Duration::from_secs(3600));
        cx.set_timer(1, cx.now);
        cx.set_timer(0, cx.now + Duration::from_millis(10));
    });
    assert_eq!(news.recv_timeout(DEADLINE).unwrap(), "second timer");
    assert_eq!(news.recv_timeout(DEADLINE).unwrap(), "first timer");
    // One that is removed hears of none of them.
    make(io, token, |cx| {
        cx.set_timer(0, cx.now);
        cx.finish();
    });
    assert_eq!(news.recv_timeout(DEADLINE).unwrap(), "dropped");
}

fn a_handler_that_panics_is_removed_and_the_others_go_on(kind: BackendKind) {
    let engine = Arc::new(start(kind, 1));
    let io = engine.choose(0).clone();
    let (bad, bad_news) = puppet(&io);
    let (good, good_news) = puppet(&io);
    make(&io, bad, |_| panic!("on purpose"));
    assert_eq!(bad_news.recv_timeout(DEADLINE).unwrap(), "panicked");
    assert_eq!(bad_news.recv_timeout(DEADLINE).unwrap(), "dropped");
    make(&io, bad, |_| unreachable!("it is gone"));
    assert_eq!(thread_name(&io, good), "ringmq-io/0");
    assert_eq!(io.load(), 1);
    io.tell(good, Notice::Close);
    assert_eq!(good_news.recv_timeout(DEADLINE).unwrap(), "dropped");
    idle(&engine);
}

/// Answers every datagram to whom it comes from.
struct Echo {
    socket: Arc<Socket>,
    answers: DatagramBatch,
    sending: bool,
}

impl Handler for Echo {
    fn start(&mut self, cx: &mut Cx<'_>) {
        cx.backend.receive_datagrams(
            cx.token,
            &self.socket,
            DatagramReceive { longest: 100, runs: false },
        );
    }

    fn datagram(&mut self, _: Instant, datagram: &Datagram<'_>) {
        let (bytes, to) = (datagram.bytes.to_vec().into(), Some(datagram.source));
        self.answers.push(OutgoingDatagram { bytes, to, segment: None });
    }

    fn drive(&mut self, cx: &mut Cx<'_>) {
        if !self.sending && !self.answers.is_empty() {
            self.sending = true;
            let answers = std::mem::take(&mut self.answers);
            cx.backend.send_datagrams(cx.token, &self.socket, answers);
        }
    }

    fn completed(&mut self, cx: &mut Cx<'_>, completion: Completion) {
        if let Completion::DatagramsSent(batch, result) = completion {
            assert_eq!(result.unwrap().tried(), batch.len());
            self.sending = false;
            self.drive(cx);
        }
    }

    fn notified(&mut self, cx: &mut Cx<'_>, _: Notice) {
        cx.finish();
    }
}

fn a_handler_answers_datagrams(kind: BackendKind) {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    socket.set_nonblocking(true).unwrap();
    let address = socket.local_addr().unwrap();
    let engine = Arc::new(start(kind, 1));
    let io = engine.choose(0).clone();
    let (socket, answers) = (Arc::new(socket.into()), DatagramBatch::default());
    let echo = io.add(Box::new(Echo { socket, answers, sending: false }));
    let peers = [(); 3].map(|()| UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap());
    for round in 0..20u8 {
        for (number, peer) in peers.iter().enumerate() {
            peer.set_read_timeout(Some(DEADLINE)).unwrap();
            peer.send_to(&[round, number as u8], address).unwrap();
        }
        for (number, peer) in peers.iter().enumerate() {
            let mut bytes = [0; 10];
            assert_eq!(peer.recv_from(&mut bytes).unwrap(), (2, address));
            assert_eq!(bytes[..2], [round, number as u8]);
        }
    }
    io.tell(echo, Notice::Close);
    idle(&engine);
}

/// Who connects and leaves at once, over and over and faster than the thread takes it in: no more of their
/// descriptors are open at a time than a few turns bring.
#[cfg(target_os = "linux")]
fn connections_that_are_closed_at_once_are_let_go_of(kind: BackendKind) {
    const MANY: usize = 400;
    const FEW: usize = 150;
    struct Caller(SockAddr, Sender<usize>);
    impl Handler for Caller {
        fn start(&mut self, cx: &mut Cx<'_>) {
            let socket = Socket::new(self.0.domain(), Type::STREAM, None).unwrap();
            socket.set_nonblocking(true).unwrap();
            cx.backend.connect(cx.token, &Arc::new(socket), &self.0);
            let open = std::fs::read_dir("/proc/self/fd").unwrap().count();
            self.1.send(open).unwrap();
        }

        fn completed(&mut self, _: &mut Cx<'_>, _: Completion) {}

        fn notified(&mut self, cx: &mut Cx<'_>, _: Notice) {
            cx.finish();
        }
    }
    let listener = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    listener.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into()).unwrap();
    listener.listen(2 * MANY as i32).unwrap();
    let address = listener.local_addr().unwrap();
    let engine = Arc::new(start(kind, 1));
    let io = engine.choose(0).clone();
    let (holder, _news) = puppet(&io);
    let (ready, is_ready) = channel::<()>();
    // Until all of them are on their way.
    make(&io, holder, move |_| is_ready.recv_timeout(DEADLINE).unwrap());
    let (sender, opens) = channel();
    for _ in 0..MANY {
        let caller = io.add(Box::new(Caller(address.clone(), sender.clone())));
        io.tell(caller, Notice::Close);
    }
    ready.send(()).unwrap();
    let most = (0..MANY).map(|_| opens.recv_timeout(DEADLINE).unwrap()).max().unwrap();
    assert!(most < FEW, "{most} descriptors were open at a time");
    io.tell(holder, Notice::Close);
    idle(&engine);
}

/// Handlers that make each other: none runs inside another, however long the chain.
fn a_long_chain_of_handlers_needs_no_stack(kind: BackendKind) {
    struct Link(u32, Sender<u32>);
    impl Handler for Link {
        fn start(&mut self, cx: &mut Cx<'_>) {
            cx.finish();
            match self.0 {
                0 => self.1.send(0).unwrap(),
                left => {
                    cx.add(Box::new(Link(left - 1, self.1.clone())));
                }
            }
        }

        fn completed(&mut self, _: &mut Cx<'_>, _: Completion) {}

        fn notified(&mut self, _: &mut Cx<'_>, _: Notice) {}
    }
    let engine = Arc::new(start(kind, 1));
    let (sender, done) = channel();
    engine.choose(0).add(Box::new(Link(100_000, sender)));
    assert_eq!(done.recv_timeout(DEADLINE).unwrap(), 0);
    idle(&engine);
}

/// Commands of many threads, to a thread that goes to sleep between them: each is heard.
fn no_command_is_lost_to_a_sleeping_thread(kind: BackendKind) {
    let engine =
        Engine::start(&EngineOptions { patience: Duration::ZERO, ..options(kind) }).unwrap();
    let io = engine.choose(0).clone();
    let (token, _news) = puppet(&io);
    let askers: Vec<_> = (0..4)
        .map(|_| {
            let io = io.clone();
            std::thread::spawn(move || {
                for number in 0..2000 {
                    assert_eq!(ask(&io, token, move |_| number), number);
                }
            })
        })
        .collect();
    askers.into_iter().for_each(|asker| asker.join().unwrap());
}

#[cfg(target_os = "linux")]
fn an_engine_ends_with_handlers_on_it(kind: BackendKind) {
    let descriptors = || std::fs::read_dir("/proc/self/fd").unwrap().count();
    let before = descriptors();
    let engine = start(kind, 2);
    let handles: Vec<_> = (0..2).map(|index| engine.choose(1 << index).clone()).collect();
    let puppets: Vec<_> = (0..10).map(|index| puppet(&handles[index % 2])).collect();
    make(&handles[0], puppets[0].0, |cx| cx.set_timer(0, cx.now + Duration::from_secs(3600)));
    drop(engine);
    for (_, news) in &puppets {
        assert_eq!(news.try_recv().unwrap(), "dropped", "before the engine is gone");
    }
    // Whoever comes too late is sent away.
    let (late, news) = puppet(&handles[0]);
    assert_eq!(news.recv_timeout(DEADLINE).unwrap(), "dropped");
    handles[0].tell(late, Notice::Readable);
    assert_eq!(handles[0].load() + handles[1].load(), 0);
    drop(handles);
    assert_eq!(descriptors(), before);
}

fn an_engine_may_be_dropped_by_one_of_its_own_threads(kind: BackendKind) {
    let engine = start(kind, 1);
    let io = engine.choose(0).clone();
    let (token, news) = puppet(&io);
    make(&io, token, move |_| drop(engine));
    assert_eq!(news.recv_timeout(DEADLINE).unwrap(), "dropped");
}

#[cfg(target_os = "linux")]
fn engines_come_and_go_without_a_trace(kind: BackendKind) {
    let descriptors = || std::fs::read_dir("/proc/self/fd").unwrap().count();
    let threads = || std::fs::read_dir("/proc/self/task").unwrap().count();
    let before = (descriptors(), threads());
    for _ in 0..20 {
        drop(start(kind, 2));
    }
    // A thread that has ended is to be seen a moment longer.
    let deadline = Instant::now() + DEADLINE;
    while (descriptors(), threads()) != before {
        assert!(Instant::now() < deadline, "{before:?}, and now {:?}", (descriptors(), threads()));
        std::thread::sleep(Duration::from_millis(1));
    }
}

on_each_backend!(
    the_thread_with_the_fewest_handlers_is_chosen,
    an_affinity_limits_the_choice,
    timers_fire_and_can_be_replaced_and_cancelled,
    a_handler_that_panics_is_removed_and_the_others_go_on,
    a_long_chain_of_handlers_needs_no_stack,
    no_command_is_lost_to_a_sleeping_thread,
    a_handler_answers_datagrams,
    an_engine_may_be_dropped_by_one_of_its_own_threads,
);
#[cfg(target_os = "linux")]
on_each_backend!(threads_run_on_the_cores_that_they_are_given);
#[cfg(target_os = "linux")]
on_each_backend_alone!(
    connections_that_are_closed_at_once_are_let_go_of,
    an_engine_ends_with_handlers_on_it,
    engines_come_and_go_without_a_trace,
);
