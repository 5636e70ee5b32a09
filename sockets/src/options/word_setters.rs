//! What is said to a peer first, and what is received where a connection begins and ends.

use crate::error::Error;
use crate::inner::connection_words::RouterNotify;
use crate::kind::{Greets, MissesPeers, Reconnects, Routes};
use crate::options::table;
use crate::socket::Socket;

impl<K: Greets> Socket<K> {
    /// A message that every peer is sent first, on each connection anew; empty, the default, for none. To a peer
    /// within the process it is sent when the sockets meet.
    ///
    /// # Errors
    /// [`Error::Terminated`].
    ///
    /// # Examples
    /// ```
    /// let context = ringmq::Context::new();
    /// let (router, dealer) = (context.router()?, context.dealer()?);
    /// dealer.set_hello_message("ready")?;
    /// dealer.connect(&router.bind("tcp://127.0.0.1:*")?)?;
    /// dealer.send("the first result")?;
    /// assert_eq!(router.recv_multipart()?[1], "ready");
    /// assert_eq!(router.recv_multipart()?[1], "the first result");
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    #[doc(alias = "ZMQ_HELLO_MSG")]
    pub fn set_hello_message(&self, message: impl AsRef<[u8]>) -> Result<(), Error> {
        self.set(&table::HELLO_MSG, message.as_ref().to_vec())
    }
}

impl<K: MissesPeers> Socket<K> {
    /// A message that is received as if from a peer when that is gone, after all that it has sent; empty, the
    /// default, for none. Of peers that have connected to this socket and were known, and of those within the
    /// process.
    ///
    /// # Errors
    /// [`Error::Terminated`].
    ///
    /// # Examples
    /// ```
    /// let context = ringmq::Context::new();
    /// let (router, dealer) = (context.router()?, context.dealer()?);
    /// router.set_disconnect_message("gone")?;
    /// dealer.set_routing_id("worker")?;
    /// dealer.connect(&router.bind("tcp://127.0.0.1:*")?)?;
    /// dealer.send("ready")?;
    /// dealer.close();
    /// assert_eq!(router.recv_multipart()?[1], "ready");
    /// let last = router.recv_multipart()?;
    /// assert_eq!((&last[0][..], &last[1][..]), (&b"worker"[..], &b"gone"[..]));
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    #[doc(alias = "ZMQ_DISCONNECT_MSG")]
    pub fn set_disconnect_message(&self, message: impl AsRef<[u8]>) -> Result<(), Error> {
        self.set(&table::DISCONNECT_MSG, message.as_ref().to_vec())
    }
}

impl<K: Reconnects> Socket<K> {
    /// A message that is received as if from a peer that this socket has connected to when that connection is
    /// lost, after all that came over it and before what comes over the next; empty, the default, for none.
    ///
    /// # Errors
    /// [`Error::Terminated`].
    ///
    /// # Examples
    /// ```
    /// let context = ringmq::Context::new();
    /// let (router, dealer) = (context.router()?, context.dealer()?);
    /// dealer.set_hiccup_message("lost")?;
    /// dealer.connect(&router.bind("tcp://127.0.0.1:*")?)?;
    /// dealer.send("hello")?;
    /// router.recv_multipart()?; // they know each other
    /// router.close();
    /// assert_eq!(dealer.recv()?, "lost");
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    #[doc(alias = "ZMQ_HICCUP_MSG")]
    pub fn set_hiccup_message(&self, message: impl AsRef<[u8]>) -> Result<(), Error> {
        self.set(&table::HICCUP_MSG, message.as_ref().to_vec())
    }
}

impl<K: Routes> Socket<K> {
    /// Whether an empty message, after the routing id of the peer, is received where a connection begins and where
    /// it ends. Default [`RouterNotify::NEVER`]. Of peers within the process nothing is told so.
    ///
    /// # Errors
    /// [`Error::Terminated`].
    ///
    /// # Examples
    /// ```
    /// use ringmq::RouterNotify;
    /// let context = ringmq::Context::new();
    /// let (router, dealer) = (context.router()?, context.dealer()?);
    /// router.set_router_notify(RouterNotify { disconnect: true, ..RouterNotify::NEVER })?;
    /// dealer.set_routing_id("worker")?;
    /// dealer.connect(&router.bind("tcp://127.0.0.1:*")?)?;
    /// dealer.send("the last result")?;
    /// dealer.close();
    /// assert_eq!(router.recv_multipart()?[1], "the last result");
    /// let end = router.recv_multipart()?;
    /// assert_eq!((&end[0][..], end[1].len()), (&b"worker"[..], 0));
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    #[doc(alias = "ZMQ_ROUTER_NOTIFY")]
    pub fn set_router_notify(&self, notify: RouterNotify) -> Result<(), Error> {
        self.set(&table::ROUTER_NOTIFY, notify)
    }
}
