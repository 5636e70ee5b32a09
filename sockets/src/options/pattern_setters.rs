//! The options that only some types of sockets have.

use crate::error::Error;
use crate::kind::{
    ExchangesBytes, Filters, Joins, NamesPeers, Probes, Publishes, Requests, Routes, Subscribes,
};
use crate::options::table;
use crate::socket::Socket;
use crate::types::Setting;

impl<K: Subscribes> Socket<K> {
    /// Receives from now on every message that starts with `prefix`; the empty one starts all.
    /// Subscribing twice takes unsubscribing twice.
    ///
    /// Publishers are told of it at once, and of each change. Where one does not take that, because it does not read
    /// or, within the process, its application does not use its socket, 8 MiB of changes wait for it, or twice as much
    /// as it takes to tell all topics if that is more. What changes then is put together: it is told the difference
    /// when it has taken what waits, by whoever waits for messages of this socket or calls it next, and then knows
    /// exactly what is wanted. That is an event once
    /// ([`SubscriptionsNotTaken`](crate::Problem::SubscriptionsNotTaken)).
    ///
    /// # Errors
    /// [`Error::Terminated`].
    ///
    /// # Examples
    /// ```
    /// let context = ringmq::Context::new();
    /// let (publisher, subscriber) = (context.publisher()?, context.subscriber()?);
    /// publisher.bind("inproc://weather")?;
    /// subscriber.subscribe("zurich")?;
    /// subscriber.connect("inproc://weather")?;
    /// publisher.send("london 8")?;
    /// publisher.send("zurich 12")?;
    /// assert_eq!(subscriber.recv()?, "zurich 12");
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    #[doc(alias = "ZMQ_SUBSCRIBE")]
    pub fn subscribe(&self, prefix: impl AsRef<[u8]>) -> Result<(), Error> {
        self.setting("subscribe", Setting::Subscribe(prefix.as_ref()))
    }

    /// Takes a subscription back; one that was never made is no error.
    ///
    /// # Errors
    /// [`Error::Terminated`].
    ///
    /// # Examples
    /// ```
    /// let socket = ringmq::Context::new().subscriber()?;
    /// socket.subscribe("weather")?;
    /// socket.unsubscribe("weather")?;
    /// assert_eq!(socket.topics(), 0);
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    #[doc(alias = "ZMQ_UNSUBSCRIBE")]
    pub fn unsubscribe(&self, prefix: impl AsRef<[u8]>) -> Result<(), Error> {
        self.setting("unsubscribe", Setting::Unsubscribe(prefix.as_ref()))
    }
}

impl<K: ExchangesBytes> Socket<K> {
    /// Whether the beginning and the end of each connection are received, as messages without bytes. Default yes.
    ///
    /// # Errors
    /// [`Error::InvalidOption`] for a socket that is no STREAM, [`Error::Terminated`].
    ///
    /// # Examples
    /// ```
    /// use std::io::{Read, Write};
    /// let stream = ringmq::Context::new().stream()?;
    /// let endpoint = stream.bind("tcp://127.0.0.1:*")?;
    /// let mut peer = std::net::TcpStream::connect(endpoint.trim_start_matches("tcp://")).unwrap();
    /// let [id, nothing] = stream.recv_multipart()?.try_into()?;
    /// assert!(nothing.is_empty(), "that it is there");
    /// peer.write_all(b"hello").unwrap();
    /// assert_eq!(stream.recv_multipart()?[1], "hello");
    /// stream.set_stream_notify(false)?;
    /// stream.send_multipart([&id[..], b"world"])?;
    /// stream.send_multipart([&id[..], b""])?; // the end
    /// let mut answer = String::new();
    /// peer.read_to_string(&mut answer).unwrap();
    /// assert_eq!(answer, "world");
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    #[doc(alias = "ZMQ_STREAM_NOTIFY")]
    pub fn set_stream_notify(&self, on: bool) -> Result<(), Error> {
        self.set(&table::STREAM_NOTIFY, on)
    }
}

impl<K: Joins> Socket<K> {
    /// Joins a group: receives what is sent to it from now on. Groups are names of up to 255 bytes, matched as a
    /// whole (RFC 48).
    ///
    /// # Errors
    /// [`Error::InvalidOption`] for a longer name, and for a group that was joined already.
    ///
    /// # Examples
    /// ```
    /// use ringmq::{Context, Message};
    /// let context = Context::new();
    /// let (radio, dish) = (context.radio()?, context.dish()?);
    /// radio.bind("inproc://stations")?;
    /// dish.join("jazz")?;
    /// dish.connect("inproc://stations")?;
    /// for (group, text) in [("news", "it rains"), ("jazz", "so what")] {
    ///     let mut message = Message::from(text);
    ///     message.set_group(group.as_bytes())?;
    ///     radio.send(message)?;
    /// }
    /// let heard = dish.recv()?;
    /// assert_eq!((heard.group(), &heard[..]), (&b"jazz"[..], &b"so what"[..]));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "zmq_join")]
    pub fn join(&self, group: impl AsRef<[u8]>) -> Result<(), Error> {
        self.setting("join", Setting::Join(group.as_ref()))
    }

    /// Leaves a group.
    ///
    /// # Errors
    /// [`Error::InvalidOption`] for a group that was not joined.
    ///
    /// # Examples
    /// ```
    /// let dish = ringmq::Context::new().dish()?;
    /// dish.join("jazz")?;
    /// dish.leave("jazz")?;
    /// assert!(dish.leave("jazz").is_err());
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    #[doc(alias = "zmq_leave")]
    pub fn leave(&self, group: impl AsRef<[u8]>) -> Result<(), Error> {
        self.setting("leave", Setting::Leave(group.as_ref()))
    }
}

impl<K: Filters> Socket<K> {
    /// Whether subscribers get what does *not* start with any of their prefixes. Both the publisher and
    /// its subscribers must set it. Default no.
    ///
    /// # Errors
    /// [`Error::InvalidOption`] for a socket that does not filter, [`Error::Terminated`].
    ///
    /// # Examples
    /// ```
    /// let context = ringmq::Context::new();
    /// let (publisher, subscriber) = (context.publisher()?, context.subscriber()?);
    /// publisher.set_invert_matching(true)?;
    /// subscriber.set_invert_matching(true)?;
    /// publisher.bind("inproc://others")?;
    /// subscriber.subscribe("debug")?;
    /// subscriber.connect("inproc://others")?;
    /// publisher.send("debug: a detail")?;
    /// publisher.send("error: a mistake")?;
    /// assert_eq!(subscriber.recv()?, "error: a mistake");
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    #[doc(alias = "ZMQ_INVERT_MATCHING")]
    pub fn set_invert_matching(&self, on: bool) -> Result<(), Error> {
        self.set(&table::INVERT_MATCHING, on)
    }
}

impl<K: Routes> Socket<K> {
    /// Whether sending to a routing id that no peer has is an error ([`Error::HostUnreachable`]), and
    /// sending to a full peer waits. Default no: both drop the message.
    ///
    /// # Errors
    /// [`Error::Terminated`].
    ///
    /// # Examples
    /// ```
    /// use ringmq::Error;
    /// let socket = ringmq::Context::new().router()?;
    /// socket.set_mandatory(true)?;
    /// let failed = socket.send_multipart(["nobody", "hello"]).unwrap_err();
    /// assert!(matches!(failed.error, Error::HostUnreachable));
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    #[doc(alias = "ZMQ_ROUTER_MANDATORY")]
    pub fn set_mandatory(&self, on: bool) -> Result<(), Error> {
        self.set(&table::ROUTER_MANDATORY, on)
    }

    /// Whether a new peer with a routing id that is taken takes it over. Default no: the new peer waits.
    ///
    /// From the moment that a peer takes an id over, messages to the id go to it. What the old one has sent
    /// until then is received first, then what the new one sends.
    ///
    /// Of a peer that waits nothing is received. When the one that has the id goes, the peer that waits
    /// takes it over, and what it has sent meanwhile is received; of several the one that had the id last,
    /// or else came first. What a peer has sent that goes before it ever had the id is
    /// [dropped](Self::dropped).
    ///
    /// # Errors
    /// [`Error::Terminated`].
    ///
    /// # Examples
    /// ```
    /// let socket = ringmq::Context::new().router()?;
    /// socket.set_handover(true)?; // who comes back under its name is heard
    /// socket.bind("tcp://127.0.0.1:*")?;
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    #[doc(alias = "ZMQ_ROUTER_HANDOVER")]
    pub fn set_handover(&self, on: bool) -> Result<(), Error> {
        self.set(&table::ROUTER_HANDOVER, on)
    }
}

impl<K: NamesPeers> Socket<K> {
    /// The routing id for the peer of the next connect, whatever that peer calls itself.
    ///
    /// # Errors
    /// [`Error::InvalidOption`] if it is not 1 to 255 bytes long or a peer has it already;
    /// [`Error::Terminated`].
    ///
    /// # Examples
    /// ```
    /// let context = ringmq::Context::new();
    /// let (router, rep) = (context.router()?, context.rep()?);
    /// rep.bind("inproc://worker")?;
    /// router.set_connect_routing_id("worker")?;
    /// router.connect("inproc://worker")?;
    /// router.send_multipart(["worker", "", "work"])?;
    /// assert_eq!(rep.recv()?, "work");
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    #[doc(alias = "ZMQ_CONNECT_ROUTING_ID")]
    pub fn set_connect_routing_id(&self, id: impl AsRef<[u8]>) -> Result<(), Error> {
        self.set(&table::CONNECT_ROUTING_ID, id.as_ref().to_vec())
    }
}

impl<K: Requests> Socket<K> {
    /// Whether requests carry a number that replies must carry too. Default no.
    ///
    /// # Errors
    /// [`Error::Terminated`].
    ///
    /// # Examples
    /// ```
    /// let context = ringmq::Context::new();
    /// let (req, rep) = (context.req()?, context.rep()?);
    /// req.set_correlate(true)?;
    /// rep.bind("inproc://numbered")?;
    /// req.connect("inproc://numbered")?;
    /// req.send("question")?;
    /// rep.send(rep.recv()?)?; // carries the number back by itself
    /// assert_eq!(req.recv()?, "question");
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    #[doc(alias = "ZMQ_REQ_CORRELATE")]
    pub fn set_correlate(&self, on: bool) -> Result<(), Error> {
        self.set(&table::REQ_CORRELATE, on)
    }

    /// Whether a new request may be sent before the last one was answered, which gives that one up.
    /// Best used with [`set_correlate`](Self::set_correlate). Default no.
    ///
    /// # Errors
    /// [`Error::Terminated`].
    ///
    /// # Examples
    /// ```
    /// let context = ringmq::Context::new();
    /// let (req, rep) = (context.req()?, context.rep()?);
    /// req.set_correlate(true)?;
    /// req.set_relaxed(true)?;
    /// rep.bind("inproc://impatient")?;
    /// req.connect("inproc://impatient")?;
    /// req.send("one")?;
    /// req.send("two")?; // without an answer to the first
    /// rep.recv()?;
    /// rep.send("late")?;
    /// assert_eq!(rep.recv()?, "two");
    /// rep.send("in time")?;
    /// assert_eq!(req.recv()?, "in time");
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    #[doc(alias = "ZMQ_REQ_RELAXED")]
    pub fn set_relaxed(&self, on: bool) -> Result<(), Error> {
        self.set(&table::REQ_RELAXED, on)
    }
}

impl<K: Probes> Socket<K> {
    /// Whether each new peer is sent an empty message, from which a ROUTER learns of this socket.
    /// Default no.
    ///
    /// # Errors
    /// [`Error::Terminated`].
    ///
    /// # Examples
    /// ```
    /// let context = ringmq::Context::new();
    /// let (router, dealer) = (context.router()?, context.dealer()?);
    /// router.bind("inproc://probed")?;
    /// dealer.set_routing_id("bob")?;
    /// dealer.set_probe_router(true)?;
    /// dealer.connect("inproc://probed")?;
    /// assert_eq!(router.recv_multipart()?, ["bob", ""].into());
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    #[doc(alias = "ZMQ_PROBE_ROUTER")]
    pub fn set_probe_router(&self, on: bool) -> Result<(), Error> {
        self.set(&table::PROBE_ROUTER, on)
    }
}

impl<K: Publishes> Socket<K> {
    /// Whether sending waits for a subscriber that is full. Default no: it misses the message.
    ///
    /// A message waits only for subscribers of its own topic. A [`Poller`](crate::Poller), which does not
    /// know the topic of what is to be sent, calls the socket writable when none of its peers is full: then
    /// every message is taken.
    ///
    /// # Errors
    /// [`Error::Terminated`].
    ///
    /// # Examples
    /// ```
    /// let context = ringmq::Context::new();
    /// let (publisher, subscriber) = (context.publisher()?, context.subscriber()?);
    /// publisher.set_no_drop(true)?;
    /// publisher.set_send_hwm(1)?;
    /// subscriber.set_recv_hwm(1)?;
    /// publisher.bind("inproc://every one")?;
    /// subscriber.subscribe("")?;
    /// subscriber.connect("inproc://every one")?;
    /// publisher.send("one")?;
    /// publisher.send("two")?;
    /// assert!(publisher.try_send("three").is_err());
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    #[doc(alias = "ZMQ_XPUB_NODROP")]
    pub fn set_no_drop(&self, on: bool) -> Result<(), Error> {
        self.set(&table::XPUB_NODROP, on)
    }
}
