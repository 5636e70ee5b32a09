//! The peer that has sent a message, as its properties tell of it.

use super::Message;
use super::properties::Properties;

/// The peer that has sent a message, as it was known then.
///
/// It can be kept for as long as one likes, also after the peer has left.
#[derive(Clone, Debug)]
pub struct MessagePeer(Properties);

impl MessagePeer {
    /// The address of the peer without a port: an IP address, or for ipc on Linux `localhost:uid:gid:pid`.
    /// `None` if the system does not tell.
    #[doc(alias = "ZMQ_MSG_PROPERTY_PEER_ADDRESS")]
    pub fn address(&self) -> Option<&str> {
        std::str::from_utf8(self.0.get("Peer-Address")?).ok()
    }

    /// The address of the peer as an endpoint, such as `tcp://192.0.2.1:40000`: what events and the figures
    /// of connections call it. Empty if the system does not tell.
    pub fn endpoint(&self) -> &str {
        self.0.remote()
    }

    /// The routing id of the peer: its own, or the one that the ROUTER has chosen for it that has received
    /// the message, which is the message's first frame. Empty if there is none.
    #[doc(alias = "ZMQ_MSG_PROPERTY_ROUTING_ID")]
    pub fn routing_id(&self) -> &[u8] {
        self.0.get("Routing-Id").unwrap_or_default()
    }

    /// Whom an authenticator has taken the peer for; `None` if none was asked, or it did not say.
    #[doc(alias = "ZMQ_MSG_PROPERTY_USER_ID")]
    pub fn user_id(&self) -> Option<&[u8]> {
        self.0.get("User-Id")
    }

    /// The type of the peer's socket, such as `DEALER`; `None` of peers that are too old to say.
    #[doc(alias = "ZMQ_MSG_PROPERTY_SOCKET_TYPE")]
    pub fn socket_type(&self) -> Option<&str> {
        std::str::from_utf8(self.0.get("Socket-Type")?).ok()
    }

    /// Any property by its name, whose case does not matter: those above, and what the peer's application has
    /// added, which begins with `X-`.
    #[doc(alias = "zmq_msg_gets")]
    pub fn metadata(&self, name: &str) -> Option<&[u8]> {
        self.0.get(name)
    }
}

impl Message {
    /// The peer that has sent the message: its address, its routing id, its metadata. Where nothing is
    /// known is said at [`properties`](Self::properties), of which this is the form with names.
    ///
    /// # Examples
    /// ```
    /// use ringmq_pipe::Message;
    /// assert!(Message::from("of our own").peer().is_none());
    /// ```
    #[doc(alias = "zmq_msg_gets")]
    pub fn peer(&self) -> Option<MessagePeer> {
        self.properties().map(MessagePeer)
    }
}
