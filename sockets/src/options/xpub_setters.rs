//! The options of sockets that hear of subscriptions: XPUB's.

use crate::error::Error;
use crate::kind::HearsSubscriptions;
use crate::options::table;
use crate::socket::Socket;
use crate::types::Setting;

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

    /// [Manual](Self::set_manual) mode in which the first message after a subscription or cancellation was received
    /// goes to that peer alone, if it has subscribed to what the message starts with. So a cache sends the last
    /// value to a new subscriber, and the others do not get it again. If the peer has left by then, nobody gets it.
    /// Default no; to be set before the first bind or connect. Setting it sets `manual`, too.
    ///
    /// # Errors
    /// [`Error::Terminated`].
    ///
    /// # Examples
    /// ```
    /// let context = ringmq::Context::new();
    /// let (xpub, early, late) = (context.xpub()?, context.subscriber()?, context.subscriber()?);
    /// xpub.set_manual_last_value(true)?;
    /// xpub.bind("inproc://cached")?;
    /// for subscriber in [&early, &late] {
    ///     subscriber.subscribe("t")?;
    ///     subscriber.connect("inproc://cached")?;
    ///     assert_eq!(xpub.recv()?, "\x01t");
    ///     xpub.apply_subscription(true, "t")?;
    ///     xpub.send("t 20")?; // the last value, to this one
    ///     assert_eq!(subscriber.recv()?, "t 20");
    /// }
    /// xpub.send("t 21")?; // and news, to both
    /// assert_eq!((early.recv()?, late.recv()?), ("t 21".into(), "t 21".into()));
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    #[doc(alias = "ZMQ_XPUB_MANUAL_LAST_VALUE")]
    pub fn set_manual_last_value(&self, on: bool) -> Result<(), Error> {
        self.set(&table::XPUB_MANUAL_LAST_VALUE, on)
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
