//! The proxy: moves messages between two sockets, both ways (devices of ZeroMQ's first days: queue,
//! forwarder, streamer).

use crate::Message;
use crate::core::Core;
use crate::error::Error;
use crate::kind::{AnyKind, Kind};
use crate::multipart::Multipart;
use crate::poller::{Interest, Poller};
use crate::recv::recv_frames;
use crate::send::send_frames;
use crate::socket::{Inner, Socket};
use crate::wait::{Wants, block_on};
use ringmq_zmtp::SocketType;
use std::sync::Arc;

/// Messages moved in one direction before the other gets its turn.
const BURST: usize = 1000;

/// What a proxy can do beside moving messages.
#[derive(Default)]
pub struct ProxyOptions<'a> {
    /// Gets a copy of every message, both ways: a PUB, PUSH, DEALER or PAIR.
    pub capture: Option<&'a Socket<AnyKind>>,
    /// Takes the commands `PAUSE`, `RESUME`, `TERMINATE` and `STATISTICS`: a PAIR, SUB, PULL or REP.
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
    let mut there = Direction::new(front, back);
    let mut here = Direction::new(back, front);
    // A socket that is its own far end has one direction.
    let both = !Arc::ptr_eq(&frontend.inner, &backend.inner);
    let mut paused = false;
    loop {
        let mut poller = Poller::new();
        let control = options.control.map(|control| poller.add(control, Interest::READABLE));
        if !paused {
            there.wait_in(&mut poller, frontend, backend);
            if both {
                here.wait_in(&mut poller, backend, frontend);
            }
        }
        let ready = poller.wait(None)?;
        if let (Some(key), Some(control)) = (control, options.control)
            && ready.iter().any(|ready| ready.key == key)
        {
            match control.inner.attempt(&mut recv_frames) {
                Ok(command) => match obey(control, &command, &there, &here)? {
                    Order::Terminate => return Ok(()),
                    Order::Pause => paused = true,
                    Order::Resume => paused = false,
                    Order::Nothing => {}
                },
                Err(Error::WouldBlock) => {}
                Err(error) => return Err(error),
            }
        }
        if !paused {
            there.forward(options.capture)?;
            if both {
                here.forward(options.capture)?;
            }
        }
    }
}

/// One way through a proxy.
struct Direction<'a> {
    from: &'a Inner,
    to: &'a Inner,
    /// There was something to read, and no room for it.
    blocked: bool,
    received: Count,
    sent: Count,
}

/// Frames and octets.
#[derive(Clone, Copy, Default)]
struct Count {
    frames: u64,
    octets: u64,
}

impl Count {
    fn add(&mut self, message: &Multipart) {
        self.frames += message.len() as u64;
        self.octets += message.iter().map(|frame| frame.len() as u64).sum::<u64>();
    }
}

impl<'a> Direction<'a> {
    fn new(from: &'a Inner, to: &'a Inner) -> Self {
        Self { from, to, blocked: false, received: Count::default(), sent: Count::default() }
    }

    /// Waits for something to read, or for room if there was something already.
    fn wait_in<F: Kind, T: Kind>(&self, poller: &mut Poller<'_>, from: &Socket<F>, to: &Socket<T>) {
        if self.blocked {
            poller.add(to, Interest::WRITABLE);
        } else {
            poller.add(from, Interest::READABLE);
        }
    }

    /// Moves what there is, as far as there is room.
    fn forward(&mut self, capture: Option<&Socket<AnyKind>>) -> Result<(), Error> {
        self.blocked = false;
        for _ in 0..BURST {
            if !self.from.attempt(&mut |core: &mut Core| Ok(core.can_recv()))? {
                return Ok(());
            }
            if !self.to.attempt(&mut |core: &mut Core| Ok(core.can_send()))? {
                self.blocked = true;
                return Ok(());
            }
            let mut message = match self.from.attempt(&mut recv_frames) {
                Ok(message) => message,
                Err(Error::WouldBlock) => return Ok(()),
                Err(error) => return Err(error),
            };
            self.received.add(&message);
            if let Some(capture) = capture {
                let mut copy = message.clone();
                block_on(
                    &capture.inner,
                    Wants::Room,
                    |_| None,
                    |core| send_frames(core, &mut copy),
                )?;
            }
            let count = message.clone();
            match block_on(self.to, Wants::Room, |_| None, |core| send_frames(core, &mut message)) {
                Ok(()) => self.sent.add(&count),
                // A ROUTER's peer that has left meanwhile.
                Err(Error::HostUnreachable) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

enum Order {
    Nothing,
    Pause,
    Resume,
    Terminate,
}

/// Does what a control message says, and answers it if it asks for something or must be answered.
fn obey(
    control: &Socket<AnyKind>,
    command: &Multipart,
    there: &Direction<'_>,
    here: &Direction<'_>,
) -> Result<Order, Error> {
    let order = match command.get(0).map(|command| command.as_slice()) {
        Some(b"PAUSE") => Order::Pause,
        Some(b"RESUME") => Order::Resume,
        Some(b"TERMINATE") => Order::Terminate,
        Some(b"STATISTICS") => {
            let counts = [there.received, here.sent, here.received, there.sent];
            let figures = counts.iter().flat_map(|count| [count.frames, count.octets]);
            let reply: Multipart =
                figures.map(|figure| Message::from(figure.to_ne_bytes())).collect();
            control.send_multipart(reply)?;
            return Ok(Order::Nothing);
        }
        _ => Order::Nothing,
    };
    if control.socket_type() == SocketType::Rep {
        control.send(Message::new())?;
    }
    Ok(order)
}
