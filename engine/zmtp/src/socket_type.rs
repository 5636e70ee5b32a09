//! The socket types of ZeroMQ: their names on the wire, their numbers, and who may talk to whom.

use std::fmt;

/// The type of a socket, as announced in the handshake.
///
/// The discriminants are libzmq's numbers, which the ZMTP 2.0 greeting carries as a byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
#[allow(missing_docs)] // The names are the documentation: they are ZeroMQ's own.
pub enum SocketType {
    Pair = 0,
    Pub = 1,
    Sub = 2,
    Req = 3,
    Rep = 4,
    Dealer = 5,
    Router = 6,
    Pull = 7,
    Push = 8,
    XPub = 9,
    XSub = 10,
    Stream = 11,
    Server = 12,
    Client = 13,
    Radio = 14,
    Dish = 15,
    Gather = 16,
    Scatter = 17,
    Dgram = 18,
    Peer = 19,
    Channel = 20,
}

impl SocketType {
    /// Every socket type, in the order of [`code`](Self::code).
    pub const ALL: [SocketType; 21] = {
        use SocketType::*;
        [
            Pair, Pub, Sub, Req, Rep, Dealer, Router, Pull, Push, XPub, XSub, Stream, Server,
            Client, Radio, Dish, Gather, Scatter, Dgram, Peer, Channel,
        ]
    };

    /// The name in the `Socket-Type` property.
    ///
    /// ```
    /// assert_eq!(ringmq_zmtp::SocketType::XPub.name(), "XPUB");
    /// ```
    pub const fn name(self) -> &'static str {
        match self {
            SocketType::Pair => "PAIR",
            SocketType::Pub => "PUB",
            SocketType::Sub => "SUB",
            SocketType::Req => "REQ",
            SocketType::Rep => "REP",
            SocketType::Dealer => "DEALER",
            SocketType::Router => "ROUTER",
            SocketType::Pull => "PULL",
            SocketType::Push => "PUSH",
            SocketType::XPub => "XPUB",
            SocketType::XSub => "XSUB",
            SocketType::Stream => "STREAM",
            SocketType::Server => "SERVER",
            SocketType::Client => "CLIENT",
            SocketType::Radio => "RADIO",
            SocketType::Dish => "DISH",
            SocketType::Gather => "GATHER",
            SocketType::Scatter => "SCATTER",
            SocketType::Dgram => "DGRAM",
            SocketType::Peer => "PEER",
            SocketType::Channel => "CHANNEL",
        }
    }

    /// libzmq's number of the type; the socket-type byte of the ZMTP 2.0 greeting.
    ///
    /// # Examples
    /// ```
    /// assert_eq!(ringmq_zmtp::SocketType::Push.code(), 8);
    /// ```
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// The type with that [`name`](Self::name), which is case-sensitive.
    ///
    /// # Examples
    /// ```
    /// use ringmq_zmtp::SocketType;
    /// assert_eq!(SocketType::from_name(b"PUSH"), Some(SocketType::Push));
    /// assert_eq!(SocketType::from_name(b"push"), None);
    /// ```
    pub fn from_name(name: &[u8]) -> Option<SocketType> {
        Self::ALL.into_iter().find(|t| t.name().as_bytes() == name)
    }

    /// The type with that [`code`](Self::code).
    ///
    /// # Examples
    /// ```
    /// use ringmq_zmtp::SocketType;
    /// assert_eq!(SocketType::from_code(8), Some(SocketType::Push));
    /// assert_eq!(SocketType::from_code(200), None);
    /// ```
    pub fn from_code(code: u8) -> Option<SocketType> {
        Self::ALL.get(usize::from(code)).copied()
    }

    /// Whether a socket of this type may talk to a `peer` of that type. Symmetric.
    ///
    /// ```
    /// use ringmq_zmtp::SocketType::*;
    /// assert!(Dealer.compatible(Router));
    /// assert!(!Push.compatible(Push));
    /// ```
    pub const fn compatible(self, peer: SocketType) -> bool {
        use SocketType::*;
        match self {
            Pair => matches!(peer, Pair),
            Pub | XPub => matches!(peer, Sub | XSub),
            Sub | XSub => matches!(peer, Pub | XPub),
            Req => matches!(peer, Rep | Router),
            Rep => matches!(peer, Req | Dealer),
            Dealer => matches!(peer, Rep | Dealer | Router),
            Router => matches!(peer, Req | Dealer | Router),
            Pull => matches!(peer, Push),
            Push => matches!(peer, Pull),
            Server => matches!(peer, Client),
            Client => matches!(peer, Server),
            Radio => matches!(peer, Dish),
            Dish => matches!(peer, Radio),
            Gather => matches!(peer, Scatter),
            Scatter => matches!(peer, Gather),
            Dgram => matches!(peer, Dgram),
            Peer => matches!(peer, Peer),
            Channel => matches!(peer, Channel),
            Stream => false,
        }
    }

    /// Whether the type announces its routing id in READY (even an empty one), as libzmq does.
    pub(crate) const fn announces_routing_id(self) -> bool {
        matches!(self, SocketType::Req | SocketType::Dealer | SocketType::Router)
    }

    /// Whether the type keeps subscriptions of its peers.
    pub(crate) const fn publishes(self) -> bool {
        matches!(self, SocketType::Pub | SocketType::XPub)
    }
}

impl fmt::Display for SocketType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_codes_lead_back_to_the_type() {
        for (code, t) in (0u8..).zip(SocketType::ALL) {
            assert_eq!(t.code(), code);
            assert_eq!(SocketType::from_code(code), Some(t));
            assert_eq!(SocketType::from_name(t.name().as_bytes()), Some(t));
        }
        assert_eq!(SocketType::from_code(21), None);
        assert_eq!(SocketType::from_name(b"pair"), None);
    }

    #[test]
    fn compatibility_is_symmetric() {
        for a in SocketType::ALL {
            for b in SocketType::ALL {
                assert_eq!(a.compatible(b), b.compatible(a), "{a} {b}");
            }
        }
    }

    #[test]
    fn the_compatible_pairs_are_exactly_those_of_the_specification() {
        use SocketType::*;
        let pairs = [
            (Pair, Pair),
            (Pub, Sub),
            (Pub, XSub),
            (XPub, Sub),
            (XPub, XSub),
            (Req, Rep),
            (Req, Router),
            (Rep, Dealer),
            (Dealer, Dealer),
            (Dealer, Router),
            (Router, Router),
            (Push, Pull),
            (Client, Server),
            (Radio, Dish),
            (Scatter, Gather),
            (Peer, Peer),
            (Channel, Channel),
            (Dgram, Dgram),
        ];
        for a in SocketType::ALL {
            for b in SocketType::ALL {
                let expected = pairs.contains(&(a, b)) || pairs.contains(&(b, a));
                assert_eq!(a.compatible(b), expected, "{a} {b}");
            }
        }
    }
}
