//! What a proxy is told beside its two sockets.

use crate::kind::{Receives, Sends};
use crate::socket::{Inner, Socket};
use std::fmt;

/// What a proxy can do beside moving messages: nothing, unless it is told.
///
/// # Examples
/// ```
/// use ringmq::{Context, ProxyOptions};
/// let context = Context::new();
/// let (capture, control) = (context.publisher()?, context.rep()?);
/// let options = ProxyOptions::new().capture(&capture).control(&control);
/// # let _ = options;
/// # Ok::<(), ringmq::Error>(())
/// ```
#[derive(Clone, Copy, Default)]
pub struct ProxyOptions<'a> {
    pub(super) capture: Option<&'a Inner>,
    pub(super) control: Option<&'a Inner>,
}

impl<'a> ProxyOptions<'a> {
    /// A proxy that moves messages, and does nothing else.
    ///
    /// # Examples
    /// ```
    /// use ringmq::{Context, Error, ProxyOptions, proxy_with};
    /// let context = Context::new();
    /// let (front, back) = (context.router()?, context.dealer()?);
    /// context.shutdown();
    /// let ended = proxy_with(&front, &back, &ProxyOptions::new());
    /// assert!(matches!(ended, Err(Error::Terminated)));
    /// # Ok::<(), Error>(())
    /// ```
    pub const fn new() -> Self {
        Self { capture: None, control: None }
    }

    /// Has a socket get a copy of every message, both ways: a PUB, PUSH, DEALER or PAIR.
    ///
    /// It gets each message before that goes on, by the rules of its type: a PUB drops what a slow
    /// subscriber has no room for, the others keep the proxy waiting until they have room and a peer, as
    /// libzmq's do. A proxy that waits is still controlled.
    ///
    /// # Examples
    /// ```
    /// use ringmq::{Context, ProxyOptions, proxy_with};
    /// let context = Context::new();
    /// let (front, back, capture) = (context.pull()?, context.push()?, context.publisher()?);
    /// let (source, sink, spy) = (context.push()?, context.pull()?, context.subscriber()?);
    /// source.connect("inproc://front")?;
    /// front.bind("inproc://front")?;
    /// back.bind("inproc://back")?;
    /// sink.connect("inproc://back")?;
    /// spy.subscribe("")?;
    /// capture.bind("inproc://capture")?;
    /// spy.connect("inproc://capture")?;
    /// std::thread::spawn(move || {
    ///     proxy_with(&front, &back, &ProxyOptions::new().capture(&capture))
    /// });
    /// source.send("seen")?;
    /// assert!(sink.recv()? == "seen" && spy.recv()? == "seen");
    /// # context.shutdown();
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    #[must_use]
    pub fn capture<K: Sends>(self, socket: &'a Socket<K>) -> Self {
        Self { capture: Some(&socket.inner), ..self }
    }

    /// Has the proxy take the commands `PAUSE`, `RESUME`, `TERMINATE` and `STATISTICS` from a socket: a PAIR,
    /// REP, SUB or PULL. A SUB or PULL cannot answer `STATISTICS`. An answer that the socket has no room for
    /// is dropped, and [counted](Socket::dropped) by it.
    ///
    /// The answer has eight frames, each a number of eight bytes in the machine's own order: frames and bytes
    /// received by the frontend, sent by it, received by the backend, sent by it. A REP answers every command,
    /// the others with an empty message.
    ///
    /// # Examples
    /// ```
    /// use ringmq::{Context, ProxyOptions, proxy_with};
    /// let context = Context::new();
    /// let (front, back) = (context.router()?, context.dealer()?);
    /// let (control, steering) = (context.rep()?, context.req()?);
    /// control.bind("inproc://steered")?;
    /// steering.connect("inproc://steered")?;
    /// let device = std::thread::spawn(move || {
    ///     proxy_with(&front, &back, &ProxyOptions::new().control(&control))
    /// });
    /// steering.send("STATISTICS")?;
    /// assert_eq!(steering.recv_multipart()?.len(), 8);
    /// steering.send("TERMINATE")?;
    /// device.join().unwrap()?;
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    #[must_use]
    pub fn control<K: Receives>(self, socket: &'a Socket<K>) -> Self {
        Self { control: Some(&socket.inner), ..self }
    }
}

impl fmt::Debug for ProxyOptions<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = |socket: Option<&Inner>| socket.map(|inner| inner.shared.socket_type.name());
        f.debug_struct("ProxyOptions")
            .field("capture", &name(self.capture))
            .field("control", &name(self.control))
            .finish()
    }
}
