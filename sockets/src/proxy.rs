//! The proxy: moves messages between two sockets, both ways (devices of ZeroMQ's first days: queue,
//! forwarder, streamer).

use crate::Message;
use crate::error::Error;
use crate::inner::Core;
use crate::kind::{Kind, sends_and_receives};
use crate::poller::settle;
use crate::socket::multipart::Multipart;
use crate::socket::recv::recv_frames;
use crate::socket::send::send_frames;
use crate::socket::{Inner, Socket};
use crate::wait::{Registration, fetch, park, thread_waker, try_fetching};
use ringmq_zmtp::SocketType;
use std::sync::Arc;

mod options;
pub use options::ProxyOptions;

/// Messages moved in one direction before the other gets its turn.
const BURST: usize = 1000;

/// Moves messages between two sockets until the context of one of them ends.
///
/// Useful pairs: ROUTER and DEALER (a queue), XSUB and XPUB (a forwarder, which carries subscriptions
/// the other way), PULL and PUSH (a streamer). It reads from one side only while the other has room. Both may
/// be the same socket, which then gets back what it receives.
///
/// # Errors
/// [`Error::Terminated`] when the context ends: that is the normal way out. [`Error::NotSupported`] if
/// neither of two [sockets of any type](crate::AnySocket) sends what the other one receives.
///
/// # Examples
/// ```
/// use ringmq::{Context, Error, proxy};
/// let context = Context::new();
/// let (front, back) = (context.pull()?, context.push()?);
/// front.bind("inproc://in")?;
/// back.bind("inproc://out")?;
/// let device = std::thread::spawn(move || proxy(&front, &back));
/// let (source, sink) = (context.push()?, context.pull()?);
/// source.connect("inproc://in")?;
/// sink.connect("inproc://out")?;
/// source.send("through")?;
/// assert_eq!(sink.recv()?, "through");
/// context.shutdown();
/// assert!(matches!(device.join().unwrap(), Err(Error::Terminated)));
/// # Ok::<(), Error>(())
/// ```
/// Of two sockets whose types are known one has to receive what the other can send, or it does not build:
/// ```compile_fail
/// let context = ringmq::Context::new();
/// let (front, back) = (context.pull()?, context.pull()?);
/// ringmq::proxy(&front, &back)?;
/// # Ok::<(), ringmq::Error>(())
/// ```
#[doc(alias = "zmq_proxy")]
#[doc(alias = "zmq_device")]
pub fn proxy<F: Kind, B: Kind>(frontend: &Socket<F>, backend: &Socket<B>) -> Result<(), Error> {
    proxy_with(frontend, backend, &ProxyOptions::new())
}

/// As [`proxy`], with a capture socket or a control socket or both.
///
/// # Errors
/// As [`proxy`]; `Ok` when the control socket said `TERMINATE`.
///
/// # Examples
/// ```
/// use ringmq::{Context, ProxyOptions, proxy_with};
/// let context = Context::new();
/// let (front, back) = (context.pull()?, context.push()?);
/// let (control, steering) = (context.pair()?, context.pair()?);
/// control.bind("inproc://control")?;
/// steering.connect("inproc://control")?;
/// steering.send("TERMINATE")?;
/// proxy_with(&front, &back, &ProxyOptions::new().control(&control))?;
/// # Ok::<(), ringmq::Error>(())
/// ```
#[doc(alias = "zmq_proxy_steerable")]
pub fn proxy_with<F: Kind, B: Kind>(
    frontend: &Socket<F>,
    backend: &Socket<B>,
    options: &ProxyOptions<'_>,
) -> Result<(), Error> {
    const {
        let either_way = F::RECEIVES && B::SENDS || B::RECEIVES && F::SENDS;
        assert!(either_way, "neither of the proxy's sockets sends what the other one receives");
    }
    let (front, back) = (&*frontend.inner, &*backend.inner);
    check_types(front.shared.socket_type, back.shared.socket_type)?;
    // A socket that is its own far end has one direction.
    let both = !Arc::ptr_eq(&frontend.inner, &backend.inner);
    let mut proxy = Proxy {
        there: Direction::new(front, back, options.capture),
        here: both.then(|| Direction::new(back, front, options.capture)),
        control: options.control,
        paused: false,
        over: false,
    };
    let result = proxy.run();
    proxy.there.abandon();
    proxy.here.iter_mut().for_each(Direction::abandon);
    result
}

/// Refuses two sockets between which nothing would ever move.
fn check_types(front: SocketType, back: SocketType) -> Result<(), Error> {
    let (front_sends, front_receives) = sends_and_receives(front);
    let (back_sends, back_receives) = sends_and_receives(back);
    if front_receives && back_sends || back_receives && front_sends {
        return Ok(());
    }
    let action = match front_receives {
        true => "be one side of a proxy of which the other one cannot send",
        false => "be one side of a proxy of which the other one cannot receive",
    };
    Err(Error::NotSupported { socket: front.name(), action })
}

/// A proxy under way. It never blocks but in [`wait`](Self::wait), where it hears of everything: whatever
/// a socket does not take stays here until it does.
struct Proxy<'a> {
    there: Direction<'a>,
    /// The other way, unless both are the same socket.
    here: Option<Direction<'a>>,
    control: Option<&'a Inner>,
    paused: bool,
    /// The control socket has said so.
    over: bool,
}

impl Proxy<'_> {
    fn run(&mut self) -> Result<(), Error> {
        while !self.over {
            if !self.work()? {
                self.wait()?;
            }
        }
        Ok(())
    }

    /// Does what can be done now; `false` if that is nothing.
    fn work(&mut self) -> Result<bool, Error> {
        let mut done = self.heed_control()?;
        if !self.paused && !self.over {
            done |= self.there.forward()?;
            if let Some(here) = &mut self.here {
                done |= here.forward()?;
            }
        }
        Ok(done)
    }

    /// Waits until something can be done, and does it.
    fn wait(&mut self) -> Result<(), Error> {
        let sockets =
            [Some(self.there.from), Some(self.there.to), self.there.capture, self.control];
        let registered = sockets.into_iter().flatten();
        let _registrations: Vec<_> =
            registered.map(|inner| Registration::new(inner, thread_waker())).collect();
        loop {
            let quiet = self.settle()?;
            if self.work()? {
                return Ok(());
            }
            if quiet {
                park(None);
            }
        }
    }

    /// Puts the pipes to sleep of sockets that are to be read; `false` if one has something.
    fn settle(&self) -> Result<bool, Error> {
        let mut quiet = match self.control {
            Some(control) => settle(control, true, false)?,
            None => true,
        };
        let reads = |way: &Direction<'_>| !self.paused && !way.blocked;
        quiet &= settle(self.there.from, reads(&self.there), false)?;
        // Also one that nothing is read from has to be heard: of room, or of its end.
        let back = self.here.as_ref().is_some_and(reads);
        quiet &= settle(self.there.to, back, false)?;
        if let Some(capture) = self.there.capture {
            quiet &= settle(capture, false, false)?;
        }
        Ok(quiet)
    }

    /// Does what a control message says, if there is one; `false` if there is none.
    fn heed_control(&mut self) -> Result<bool, Error> {
        let Some(control) = self.control else { return Ok(false) };
        let command = match try_fetching(control, recv_frames) {
            Ok(command) => command,
            Err(Error::WouldBlock) => return Ok(false),
            Err(error) => return Err(error),
        };
        match command.get(0).map(|command| command.as_slice()) {
            Some(b"PAUSE") => self.paused = true,
            Some(b"RESUME") => self.paused = false,
            Some(b"TERMINATE") => self.over = true,
            Some(b"STATISTICS") => {
                answer(control, self.statistics())?;
                return Ok(true);
            }
            _ => {}
        }
        if control.shared.socket_type == SocketType::Rep {
            answer(control, Message::new().into())?;
        }
        Ok(true)
    }

    fn statistics(&self) -> Multipart {
        let none = (Count::default(), Count::default());
        let here = self.here.as_ref().map_or(none, |here| (here.received, here.sent));
        let counts = [self.there.received, here.1, here.0, self.there.sent];
        let figures = counts.iter().flat_map(|count| [count.frames, count.bytes]);
        figures.map(|figure| Message::from(figure.to_ne_bytes())).collect()
    }
}

/// Answers a control message, if the one who has sent it can be answered: nobody waits for somebody who
/// asks and does not listen. An answer that is not taken now is dropped, and counted.
fn answer(control: &Inner, mut reply: Multipart) -> Result<(), Error> {
    reply.mark();
    control.attempt(&mut |core: &mut Core| match send_frames(core, &mut reply) {
        Err(Error::WouldBlock) => {
            core.count_drop();
            Ok(())
        }
        Err(Error::NotSupported { .. }) => Ok(()),
        result => result,
    })
}

/// One way through a proxy.
struct Direction<'a> {
    from: &'a Inner,
    to: &'a Inner,
    capture: Option<&'a Inner>,
    /// There was something to read, and no room for it.
    blocked: bool,
    /// A message that was taken from one side, and that the other side does not take now: its room has
    /// gone meanwhile, or its last peer, or it is for one peer only, which is full. Or the capture does
    /// not.
    held: Option<InTransit>,
    received: Count,
    sent: Count,
}

/// A message on its way through.
struct InTransit {
    message: Multipart,
    /// What the capture has still to get.
    copy: Option<Multipart>,
}

/// Frames and bytes.
#[derive(Clone, Copy, Default)]
struct Count {
    frames: u64,
    bytes: u64,
}

impl Count {
    fn of(message: &Multipart) -> Self {
        let bytes = message.iter().map(|frame| frame.len() as u64).sum::<u64>();
        Self { frames: message.len() as u64, bytes }
    }

    fn add(&mut self, other: Self) {
        self.frames += other.frames;
        self.bytes += other.bytes;
    }
}

impl<'a> Direction<'a> {
    fn new(from: &'a Inner, to: &'a Inner, capture: Option<&'a Inner>) -> Self {
        let (received, sent) = (Count::default(), Count::default());
        Self { from, to, capture, blocked: false, held: None, received, sent }
    }

    /// Moves what there is, as far as there is room; `false` if nothing was moved.
    fn forward(&mut self) -> Result<bool, Error> {
        let mut moved = false;
        if let Some(held) = self.held.take() {
            if !self.give(held)? {
                return Ok(false);
            }
            moved = true;
        }
        self.blocked = false;
        for _ in 0..BURST {
            if !self.can_recv()? {
                return Ok(moved);
            }
            // What answers itself, as a REP does, cannot send before it has received.
            let answers_itself = std::ptr::eq(self.from, self.to);
            let can_send = &mut |core: &mut Core| Ok(core.can_send());
            if !answers_itself && !self.to.attempt(can_send)? {
                self.blocked = true;
                return Ok(moved);
            }
            let message = match self.from.attempt(&mut recv_frames) {
                Ok(message) => message,
                Err(Error::WouldBlock) => return Ok(moved),
                Err(error) => return Err(error),
            };
            moved = true;
            self.received.add(Count::of(&message));
            let copy = self.capture.map(|_| message.clone());
            if !self.give(InTransit { message, copy })? {
                return Ok(true);
            }
        }
        Ok(true)
    }

    fn can_recv(&self) -> Result<bool, Error> {
        let look = &mut |core: &mut Core| Ok(core.can_recv());
        Ok(self.from.attempt(look)? || fetch(self.from) && self.from.attempt(look)?)
    }

    /// Gives a message to the capture and to the side that it is for, or keeps it; `false` then.
    fn give(&mut self, mut held: InTransit) -> Result<bool, Error> {
        if let (Some(capture), Some(copy)) = (self.capture, &mut held.copy) {
            match capture.attempt(&mut |core: &mut Core| send_frames(core, copy)) {
                Err(Error::WouldBlock) => return Ok(self.keep(held)),
                taken => taken?,
            }
            held.copy = None;
        }
        let count = Count::of(&held.message);
        match self.to.attempt(&mut |core: &mut Core| send_frames(core, &mut held.message)) {
            Ok(()) => self.sent.add(count),
            Err(Error::WouldBlock) => return Ok(self.keep(held)),
            // A ROUTER's peer that has left meanwhile.
            Err(Error::HostUnreachable) => self.to.lock()?.count_drop(),
            Err(error) => return Err(error),
        }
        Ok(true)
    }

    /// Keeps a message that was not taken: `false`.
    fn keep(&mut self, held: InTransit) -> bool {
        self.held = Some(held);
        self.blocked = true;
        false
    }

    /// The proxy is over: what it still has goes nowhere.
    fn abandon(&mut self) {
        let Some(held) = self.held.take() else { return };
        let nor_captured = self.capture.filter(|_| held.copy.is_some());
        for socket in [Some(self.to), nor_captured].into_iter().flatten() {
            if let Ok(mut core) = socket.lock() {
                core.count_drop();
            }
        }
    }
}

#[cfg(test)]
mod tests;
