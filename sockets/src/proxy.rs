//! The proxy: moves messages between two sockets, both ways (devices of ZeroMQ's first days: queue,
//! forwarder, streamer).

use crate::Message;
use crate::error::Error;
use crate::inner::Core;
use crate::kind::{AnyKind, Kind};
use crate::poller::settle;
use crate::socket::multipart::Multipart;
use crate::socket::recv::recv_frames;
use crate::socket::send::send_frames;
use crate::socket::{Inner, Socket};
use crate::wait::{Registration, fetch, park, thread_waker, try_fetching};
use ringmq_zmtp::SocketType;
use std::sync::Arc;

/// Messages moved in one direction before the other gets its turn.
const BURST: usize = 1000;

/// What a proxy can do beside moving messages.
#[derive(Default)]
pub struct ProxyOptions<'a> {
    /// Gets a copy of every message, both ways: a PUB, PUSH, DEALER or PAIR.
    ///
    /// Nothing waits for it: a message that it has no room or no peer for at that moment it does not get.
    /// It [counts](Socket::dropped) those.
    pub capture: Option<&'a Socket<AnyKind>>,
    /// Takes the commands `PAUSE`, `RESUME`, `TERMINATE` and `STATISTICS`: a PAIR, SUB, PULL or REP. A SUB
    /// or PULL cannot answer `STATISTICS`. An answer that the socket has no room for is dropped, and
    /// [counted](Socket::dropped) by it.
    pub control: Option<&'a Socket<AnyKind>>,
}

/// Moves messages between two sockets until the context of one of them ends.
///
/// Useful pairs: ROUTER and DEALER (a queue), XSUB and XPUB (a forwarder, which carries subscriptions
/// the other way), PULL and PUSH (a streamer). It reads from one side only while the other has room.
///
/// # Errors
/// [`Error::Terminated`] when the context ends: that is the normal way out.
///
/// # Examples
/// ```
/// use ringmq::{Context, Error, SocketType, proxy};
/// let context = Context::new();
/// let (front, back) = (context.socket(SocketType::Pull)?, context.socket(SocketType::Push)?);
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
pub fn proxy<F: Kind, B: Kind>(frontend: &Socket<F>, backend: &Socket<B>) -> Result<(), Error> {
    proxy_with(frontend, backend, &ProxyOptions::default())
}

/// As [`proxy`], with a capture socket or a control socket or both.
///
/// # Errors
/// As [`proxy`]; `Ok` when the control socket said `TERMINATE`.
///
/// # Examples
/// ```
/// use ringmq::{Context, ProxyOptions, SocketType, proxy_with};
/// let context = Context::new();
/// let (front, back) = (context.socket(SocketType::Pull)?, context.socket(SocketType::Push)?);
/// let (control, steering) = (context.socket(SocketType::Pair)?, context.pair()?);
/// control.bind("inproc://control")?;
/// steering.connect("inproc://control")?;
/// steering.send("TERMINATE")?;
/// let options = ProxyOptions { control: Some(&control), ..ProxyOptions::default() };
/// proxy_with(&front, &back, &options)?;
/// # Ok::<(), ringmq::Error>(())
/// ```
pub fn proxy_with<F: Kind, B: Kind>(
    frontend: &Socket<F>,
    backend: &Socket<B>,
    options: &ProxyOptions<'_>,
) -> Result<(), Error> {
    let (front, back) = (&*frontend.inner, &*backend.inner);
    let capture = options.capture.map(|capture| &*capture.inner);
    // A socket that is its own far end has one direction.
    let both = !Arc::ptr_eq(&frontend.inner, &backend.inner);
    let mut proxy = Proxy {
        there: Direction::new(front, back, capture),
        here: both.then(|| Direction::new(back, front, capture)),
        control: options.control.map(|control| &*control.inner),
        paused: false,
        over: false,
    };
    let result = proxy.run();
    proxy.there.abandon();
    proxy.here.iter_mut().for_each(Direction::abandon);
    result
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
        let sockets = [Some(self.there.from), Some(self.there.to), self.control];
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
            Some(control) => settle(control, true)?,
            None => true,
        };
        let reads = |way: &Direction<'_>| !self.paused && !way.blocked;
        quiet &= settle(self.there.from, reads(&self.there))?;
        // Also one that nothing is read from has to be heard: of room, or of its end.
        let back = self.here.as_ref().is_some_and(reads);
        quiet &= settle(self.there.to, back)?;
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
/// asks and does not listen.
fn answer(control: &Inner, mut reply: Multipart) -> Result<(), Error> {
    reply.mark();
    match offer(control, &mut reply) {
        Err(Error::NotSupported { .. }) => Ok(()),
        result => result.map(drop),
    }
}

/// Gives a socket a message, or, if it does not take it now, counts that as dropped; `false` then.
fn offer(to: &Inner, message: &mut Multipart) -> Result<bool, Error> {
    to.attempt(&mut |core: &mut Core| match send_frames(core, message) {
        Ok(()) => Ok(true),
        Err(Error::WouldBlock) => {
            core.count_drop();
            Ok(false)
        }
        Err(error) => Err(error),
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
    /// gone meanwhile, or its last peer, or it is for one peer only, which is full.
    held: Option<Multipart>,
    received: Count,
    sent: Count,
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
        if let Some(message) = self.held.take() {
            if !self.give(message)? {
                return Ok(false);
            }
            moved = true;
        }
        self.blocked = false;
        for _ in 0..BURST {
            if !self.can_recv()? {
                return Ok(moved);
            }
            if !self.to.attempt(&mut |core: &mut Core| Ok(core.can_send()))? {
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
            if let Some(capture) = self.capture {
                offer(capture, &mut message.clone())?;
            }
            if !self.give(message)? {
                return Ok(true);
            }
        }
        Ok(true)
    }

    fn can_recv(&self) -> Result<bool, Error> {
        let look = &mut |core: &mut Core| Ok(core.can_recv());
        Ok(self.from.attempt(look)? || fetch(self.from) && self.from.attempt(look)?)
    }

    /// Gives a message to the side that it is for, or keeps it; `false` then.
    fn give(&mut self, mut message: Multipart) -> Result<bool, Error> {
        let count = Count::of(&message);
        match self.to.attempt(&mut |core: &mut Core| send_frames(core, &mut message)) {
            Ok(()) => self.sent.add(count),
            Err(Error::WouldBlock) => {
                self.held = Some(message);
                self.blocked = true;
                return Ok(false);
            }
            // A ROUTER's peer that has left meanwhile.
            Err(Error::HostUnreachable) => self.to.lock()?.count_drop(),
            Err(error) => return Err(error),
        }
        Ok(true)
    }

    /// The proxy is over: what it still has goes nowhere.
    fn abandon(&mut self) {
        if self.held.take().is_some()
            && let Ok(mut to) = self.to.lock()
        {
            to.count_drop();
        }
    }
}

#[cfg(test)]
mod tests;
