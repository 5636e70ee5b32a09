//! The peer that has sent a message, as its properties tell of it.

use super::Message;
use super::properties::Properties;

/// An example in which a message was received from a peer of which a few things are known.
macro_rules! peer_example {
    ($asserts:literal) => {
        concat!(
            "\n\n# Examples\n```\n",
            "# use ringmq_pipe::{KnownPeer, PropertySource, log};\n",
            "# struct Known;\n",
            "# impl PropertySource for Known {\n",
            "#     fn get(&self, name: &str) -> Option<&[u8]> {\n",
            "#         match name {\n",
            "#             \"Peer-Address\" => Some(b\"192.0.2.1\"),\n",
            "#             \"Routing-Id\" => Some(b\"worker-7\"),\n",
            "#             \"Socket-Type\" => Some(b\"DEALER\"),\n",
            "#             \"X-Room\" => Some(b\"17\"),\n",
            "#             _ => None,\n",
            "#         }\n",
            "#     }\n",
            "#     fn remote(&self) -> &str { \"tcp://192.0.2.1:40000\" }\n",
            "#     fn size(&self) -> usize { 0 }\n",
            "# }\n",
            "# let (mut writer, mut reader) = log(1000);\n",
            "# writer.set_peer(Some(KnownPeer::new(std::sync::Arc::new(Known))));\n",
            "# writer.write(&mut \"hello\".into()).unwrap();\n",
            "# let message = reader.read().unwrap();\n",
            "let peer = message.peer().expect(\"a message that was received\");\n",
            $asserts,
            "\n```"
        )
    };
}

/// The peer that has sent a message, as it was known then.
///
/// It can be kept for as long as one likes, also after the peer has left.
#[derive(Clone, Debug)]
pub struct MessagePeer(Properties);

impl MessagePeer {
    /// The address of the peer without a port: an IP address, or for ipc on Linux `localhost:uid:gid:pid`.
    /// `None` if the system does not tell.
    #[doc = peer_example!("assert_eq!(peer.address(), Some(\"192.0.2.1\"));")]
    #[doc(alias = "ZMQ_MSG_PROPERTY_PEER_ADDRESS")]
    pub fn address(&self) -> Option<&str> {
        std::str::from_utf8(self.0.get("Peer-Address")?).ok()
    }

    /// The address of the peer as an endpoint, such as `tcp://192.0.2.1:40000`: what events and the figures
    /// of connections call it. Empty if the system does not tell.
    #[doc = peer_example!("assert_eq!(peer.endpoint(), \"tcp://192.0.2.1:40000\");")]
    pub fn endpoint(&self) -> &str {
        self.0.remote()
    }

    /// The system's number of the connection's socket, a file descriptor or a SOCKET of Windows, to ask the system
    /// about it: while the connection is there, for afterwards another one may have the number. `None` if there is
    /// none.
    #[doc = peer_example!("assert_eq!(peer.descriptor(), None);")]
    #[doc(alias = "ZMQ_SRCFD")]
    pub fn descriptor(&self) -> Option<u64> {
        self.0.descriptor()
    }

    /// The routing id of the peer: its own, or the one that the ROUTER has chosen for it that has received
    /// the message, which is the message's first frame. Empty if there is none.
    #[doc = peer_example!("assert_eq!(peer.routing_id(), b\"worker-7\");")]
    #[doc(alias = "ZMQ_MSG_PROPERTY_ROUTING_ID")]
    pub fn routing_id(&self) -> &[u8] {
        self.0.get("Routing-Id").unwrap_or_default()
    }

    /// Whom an authenticator has taken the peer for; `None` if none was asked, or it did not say.
    #[doc = peer_example!("assert_eq!(peer.user_id(), None); // no authenticator was asked")]
    #[doc(alias = "ZMQ_MSG_PROPERTY_USER_ID")]
    pub fn user_id(&self) -> Option<&[u8]> {
        self.0.get("User-Id")
    }

    /// The type of the peer's socket, such as `DEALER`; `None` of peers that are too old to say.
    #[doc = peer_example!("assert_eq!(peer.socket_type(), Some(\"DEALER\"));")]
    #[doc(alias = "ZMQ_MSG_PROPERTY_SOCKET_TYPE")]
    pub fn socket_type(&self) -> Option<&str> {
        std::str::from_utf8(self.0.get("Socket-Type")?).ok()
    }

    /// Any property by its name, whose case does not matter: those above, and what the peer's application has
    /// added, which begins with `X-`.
    #[doc = peer_example!("assert_eq!(peer.metadata(\"X-Room\"), Some(&b\"17\"[..]));")]
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
