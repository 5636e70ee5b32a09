//! The options that only some types of sockets have.

use crate::error::Error;
use crate::kind::{Filters, HearsSubscriptions, Probes, Publishes, Requests, Routes, Subscribes};
use crate::options::table;
use crate::socket::Socket;
use crate::types::Setting;

impl<K: Subscribes> Socket<K> {
    /// Receives from now on every message that starts with `prefix`; the empty one starts all.
    /// Subscribing twice takes unsubscribing twice.
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

impl<K: HearsSubscriptions> Socket<K> {
    /// Whether also subscriptions to topics that others have are received. Default no.
    ///
    /// # Errors
    /// [`Error::Terminated`].
    ///
    /// # Examples
    /// ```
    /// let context = ringmq::Context::new();
    /// let (xpub, first, second) = (context.xpub()?, context.subscriber()?, context.subscriber()?);
    /// xpub.set_verbose(true)?;
    /// xpub.bind("inproc://verbose")?;
    /// for subscriber in [&first, &second] {
    ///     subscriber.subscribe("a")?;
    ///     subscriber.connect("inproc://verbose")?;
    ///     assert_eq!(xpub.recv()?, "\x01a");
    /// }
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    #[doc(alias = "ZMQ_XPUB_VERBOSE")]
    pub fn set_verbose(&self, on: bool) -> Result<(), Error> {
        self.set(&table::XPUB_VERBOSE, on)
    }

    /// Whether all subscriptions and all cancellations are received, those of peers that leave among
    /// them. Default no.
    ///
    /// # Errors
    /// [`Error::Terminated`].
    ///
    /// # Examples
    /// ```
    /// let context = ringmq::Context::new();
    /// let (xpub, first, second) = (context.xpub()?, context.subscriber()?, context.subscriber()?);
    /// xpub.set_verboser(true)?;
    /// xpub.bind("inproc://verboser")?;
    /// for subscriber in [&first, &second] {
    ///     subscriber.subscribe("a")?;
    ///     subscriber.connect("inproc://verboser")?;
    ///     assert_eq!(xpub.recv()?, "\x01a");
    /// }
    /// first.unsubscribe("a")?; // the other one still has it
    /// assert_eq!(xpub.recv()?, "\0a");
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    #[doc(alias = "ZMQ_XPUB_VERBOSER")]
    pub fn set_verboser(&self, on: bool) -> Result<(), Error> {
        self.set(&table::XPUB_VERBOSER, on)
    }

    /// Whether subscriptions take effect only when the application makes them, with
    /// [`apply_subscription`](Self::apply_subscription). All that peers ask for is received then, and when
    /// one leaves, a cancellation of each topic that it has asked for and not cancelled. Default no; to
    /// be set before the first bind or connect.
    ///
    /// # Errors
    /// [`Error::Terminated`].
    ///
    /// # Examples
    /// ```
    /// let context = ringmq::Context::new();
    /// let (xpub, subscriber) = (context.xpub()?, context.subscriber()?);
    /// xpub.set_manual(true)?;
    /// xpub.bind("inproc://asked")?;
    /// subscriber.subscribe("secret")?;
    /// subscriber.connect("inproc://asked")?;
    /// assert_eq!(xpub.recv()?, "\x01secret");
    /// xpub.send("secret 1")?; // nobody hears it
    /// assert!(subscriber.try_recv().is_err());
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    #[doc(alias = "ZMQ_XPUB_MANUAL")]
    pub fn set_manual(&self, on: bool) -> Result<(), Error> {
        self.set(&table::XPUB_MANUAL, on)
    }

    /// Subscribes (or cancels) for the peer whose subscription or cancellation was received last; in
    /// [manual](Self::set_manual) mode only. If that peer has left, nothing happens.
    ///
    /// # Errors
    /// [`Error::InvalidOption`] if the mode is not manual; [`Error::Terminated`].
    ///
    /// # Examples
    /// ```
    /// let context = ringmq::Context::new();
    /// let (xpub, subscriber) = (context.xpub()?, context.subscriber()?);
    /// xpub.set_manual(true)?;
    /// xpub.bind("inproc://granted")?;
    /// subscriber.subscribe("")?; // wants everything
    /// subscriber.connect("inproc://granted")?;
    /// assert_eq!(xpub.recv()?, "\x01");
    /// xpub.apply_subscription(true, "public")?;
    /// xpub.send("private 1")?;
    /// xpub.send("public 1")?;
    /// assert_eq!(subscriber.recv()?, "public 1");
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    pub fn apply_subscription(
        &self,
        subscribe: bool,
        prefix: impl AsRef<[u8]>,
    ) -> Result<(), Error> {
        let prefix = prefix.as_ref();
        let setting =
            if subscribe { Setting::Subscribe(prefix) } else { Setting::Unsubscribe(prefix) };
        self.setting("apply_subscription", setting)
    }

    /// A message that each new subscriber is sent first; empty for none. It must subscribe to what the
    /// message starts with to see it.
    ///
    /// # Errors
    /// [`Error::Terminated`].
    ///
    /// # Examples
    /// ```
    /// let context = ringmq::Context::new();
    /// let (xpub, subscriber) = (context.xpub()?, context.subscriber()?);
    /// xpub.set_welcome_message("hello")?;
    /// xpub.bind("inproc://welcome")?;
    /// subscriber.subscribe("hello")?;
    /// subscriber.connect("inproc://welcome")?;
    /// xpub.recv()?; // takes the new subscriber in
    /// assert_eq!(subscriber.recv()?, "hello");
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    #[doc(alias = "ZMQ_XPUB_WELCOME_MSG")]
    pub fn set_welcome_message(&self, message: impl AsRef<[u8]>) -> Result<(), Error> {
        self.set(&table::XPUB_WELCOME_MSG, message.as_ref().to_vec())
    }
}
