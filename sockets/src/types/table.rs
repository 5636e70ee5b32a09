//! The table of socket types.
//!
//! A type is a row here, a pattern in a file beside this one, and a public alias in the crate's
//! root. From the rows come the [kinds](crate::kind) with their capabilities, the constructors of
//! [`Context`](crate::Context), the patterns and the [`Traits`].

use super::{
    Pattern, Subscriptions, channel, client, dealer, dgram, gather, pair, pipeline, publish, rep,
    req, router, server, stream, subscribe,
};
use crate::subscription::Vocabulary;
use ringmq_zmtp::SocketType;

/// What holds for a type of socket wherever that is not its pattern's own business.
#[derive(Clone, Copy)]
pub(crate) struct Traits {
    /// The application sends; it receives. Whatever goes the other way is the socket's own business.
    pub(crate) sends: bool,
    pub(crate) receives: bool,
    /// With one peer, messages go past the pattern; see [`fast_path`](crate::inner::fast_path).
    pub(crate) fast_path: bool,
    /// With CONFLATE only the latest message is kept of what is sent, and of what is received.
    pub(crate) conflates_output: bool,
    pub(crate) conflates_input: bool,
    /// A second connect to the same endpoint does nothing.
    pub(crate) connects_once: bool,
    /// What peers send is thrown away as it arrives.
    pub(crate) discards_input: bool,
    /// What a peer has sent that has left before it was looked at is of no use: wishes of who is
    /// not there, and replies to what was never asked.
    pub(crate) forgets_departed: bool,
    /// What was sent before the socket is closed is sent for as long as it takes, unless the
    /// application says otherwise.
    pub(crate) lingers: bool,
    /// Each connection is told first what is subscribed to, in these words.
    pub(crate) subscribes: Option<Vocabulary>,
    /// The pattern has to know where one peer's messages end in a pipe and the next one's begin.
    pub(crate) tells_peers_apart: bool,
    /// A peer that is slow is passed over rather than waited for.
    pub(crate) passes_over: bool,
}

impl Traits {
    /// Whether CONFLATE means anything.
    pub(crate) const fn conflates(self) -> bool {
        self.conflates_output || self.conflates_input
    }
}

/// What most types have.
const PLAIN: Traits = Traits {
    sends: true,
    receives: true,
    fast_path: false,
    conflates_output: false,
    conflates_input: false,
    connects_once: false,
    discards_input: false,
    forgets_departed: false,
    lingers: true,
    subscribes: None,
    tells_peers_apart: false,
    passes_over: false,
};

/// Gives the rows to a macro: name, kind, constructor, what that makes, capabilities, traits,
/// pattern.
macro_rules! socket_types {
    ($then:ident) => {$then! {
        /// Exclusive pair: one peer, both ways.
        Pair: PairKind, pair, "Makes a PAIR: one peer, both ways.",
            Sends Receives,
            Traits { fast_path: true, ..PLAIN },
            |_| Box::<pair::Pair>::default();
        /// Publishes to all subscribers.
        Pub: PubKind, publisher, "Makes a PUB: to each subscriber what it subscribed to.",
            Sends Publishes Filters,
            Traits {
                receives: false,
                conflates_output: true,
                connects_once: true,
                forgets_departed: true,
                tells_peers_apart: true,
                passes_over: true,
                ..PLAIN
            },
            |_| Box::new(publish::Publish::new(false, Vocabulary::Topics));
        /// Receives what it subscribed to.
        Sub: SubKind, subscriber, "Makes a SUB: receives what it [subscribed](Socket::subscribe) to.",
            Receives Subscribes Filters,
            Traits {
                sends: false,
                fast_path: true,
                conflates_input: true,
                connects_once: true,
                lingers: false,
                subscribes: Some(Vocabulary::Topics),
                ..PLAIN
            },
            |subscriptions| {
                let words = Vocabulary::Topics;
                Box::new(subscribe::Subscribe::new(false, words, subscriptions.clone()))
            };
        /// Publishes, and hears of subscriptions.
        XPub: XPubKind, xpub, "Makes an XPUB: a PUB that hears of subscriptions.",
            Sends Receives HearsSubscriptions Publishes Filters,
            Traits { tells_peers_apart: true, passes_over: true, ..PLAIN },
            |_| Box::new(publish::Publish::new(true, Vocabulary::Topics));
        /// Receives, with subscriptions as messages.
        XSub: XSubKind, xsub,
            "Makes an XSUB: a SUB whose subscriptions are messages and which does not filter.",
            Sends Receives Subscribes,
            Traits { fast_path: true, lingers: false, subscribes: Some(Vocabulary::Topics), ..PLAIN },
            |subscriptions| {
                let words = Vocabulary::Topics;
                Box::new(subscribe::Subscribe::new(true, words, subscriptions.clone()))
            };
        /// Requests, one at a time.
        Req: ReqKind, req, "Makes a REQ: a request, a reply, a request...",
            Sends Receives Requests Probes,
            Traits { connects_once: true, forgets_departed: true, ..PLAIN },
            |_| Box::<req::Req>::default();
        /// Replies.
        Rep: RepKind, rep, "Makes a REP: takes a request, gives a reply.",
            Sends Receives,
            PLAIN,
            |_| Box::<rep::Rep>::default();
        /// Sends to all peers in turn, receives from all.
        Dealer: DealerKind, dealer, "Makes a DEALER: sends to its peers in turn, receives from all.",
            Sends Receives Probes Greets Reconnects,
            Traits {
                fast_path: true,
                conflates_output: true,
                conflates_input: true,
                connects_once: true,
                ..PLAIN
            },
            |_| Box::<dealer::Dealer>::default();
        /// Addresses each peer by its routing id.
        Router: RouterKind, router, "Makes a ROUTER: addresses each peer by its routing id.",
            Sends Receives Routes NamesPeers Probes Greets MissesPeers,
            Traits { passes_over: true, ..PLAIN },
            |_| Box::<router::Router>::default();
        /// Sends down a pipeline.
        Push: PushKind, push, "Makes a PUSH: sends to its peers in turn.",
            Sends,
            Traits {
                receives: false,
                fast_path: true,
                conflates_output: true,
                discards_input: true,
                forgets_departed: true,
                ..PLAIN
            },
            |_| Box::<pipeline::Push>::default();
        /// Receives from a pipeline.
        Pull: PullKind, pull, "Makes a PULL: receives from all its peers.",
            Receives,
            Traits { sends: false, fast_path: true, conflates_input: true, ..PLAIN },
            |_| Box::<pipeline::Pull>::default();
        /// Exchanges bytes with peers that speak no ZMTP.
        Stream: StreamKind, stream, "Makes a STREAM: bytes to and from peers that speak no ZMTP, each by its id.",
            Sends Receives NamesPeers ExchangesBytes,
            PLAIN,
            |_| Box::<stream::RawStream>::default();
        /// Answers each peer by its number, messages of one frame.
        Server: ServerKind, server, "Makes a SERVER: answers each peer by the number that its messages carry.",
            Sends Receives NumbersPeers Greets MissesPeers,
            PLAIN,
            |_| Box::new(server::Server::new(SocketType::Server));
        /// Asks servers, messages of one frame.
        Client: ClientKind, client, "Makes a CLIENT: sends to its peers in turn, receives from all, messages of one frame.",
            Sends Receives Greets Reconnects,
            PLAIN,
            |_| Box::<client::Client>::default();
        /// Sends to groups.
        Radio: RadioKind, radio, "Makes a RADIO: to each member what is for its [group](crate::Message::set_group).",
            Sends Publishes,
            Traits {
                receives: false,
                forgets_departed: true,
                tells_peers_apart: true,
                passes_over: true,
                ..PLAIN
            },
            |_| Box::new(publish::Publish::new(false, Vocabulary::Groups));
        /// Receives what is for the groups that it has joined.
        Dish: DishKind, dish, "Makes a DISH: receives what is for the groups that it has [joined](Socket::join).",
            Receives Joins,
            Traits { sends: false, lingers: false, subscribes: Some(Vocabulary::Groups), ..PLAIN },
            |subscriptions| {
                let words = Vocabulary::Groups;
                Box::new(subscribe::Subscribe::new(false, words, subscriptions.clone()))
            };
        /// Receives from a pipeline, messages of one frame.
        Gather: GatherKind, gather, "Makes a GATHER: a PULL with messages of one frame.",
            Receives,
            Traits { sends: false, ..PLAIN },
            |_| Box::<gather::Gather>::default();
        /// Sends down a pipeline, messages of one frame.
        Scatter: ScatterKind, scatter, "Makes a SCATTER: a PUSH with messages of one frame.",
            Sends,
            Traits { receives: false, discards_input: true, forgets_departed: true, ..PLAIN },
            |_| Box::<pipeline::Scatter>::default();
        /// Addresses each peer by a number, those that it connects to as well.
        Peer: PeerKind, peer, "Makes a PEER: addresses each peer by a number, also those that it [connects](Socket::connect_peer) to.",
            Sends Receives NumbersPeers ConnectsPeers Greets MissesPeers Reconnects,
            PLAIN,
            |_| Box::new(server::Server::new(SocketType::Peer));
        /// Exclusive pair, messages of one frame.
        Channel: ChannelKind, channel, "Makes a CHANNEL: a PAIR with messages of one frame.",
            Sends Receives,
            PLAIN,
            |_| Box::<channel::Channel>::default();
        /// Exchanges datagrams with whoever speaks udp.
        Dgram: DgramKind, dgram, "Makes a DGRAM: datagrams of udp to and from anybody, each a message of an address and a body.",
            Sends Receives,
            PLAIN,
            |_| Box::<dgram::Dgram>::default();
    }};
}
pub(crate) use socket_types;

macro_rules! traits_and_patterns {
    ($($(#[$doc:meta])* $name:ident: $kind:ident, $constructor:ident, $makes:literal,
        $($capability:ident)*, $traits:expr, $make:expr;)*) => {
        /// What holds for a type of socket.
        pub(crate) const fn traits(socket_type: SocketType) -> Traits {
            match socket_type {
                $(SocketType::$name => $traits,)*
            }
        }

        /// Makes the pattern of a type.
        pub(crate) fn make(
            socket_type: SocketType,
            subscriptions: &Subscriptions,
        ) -> Box<dyn Pattern> {
            let make: fn(&Subscriptions) -> Box<dyn Pattern> = match socket_type {
                $(SocketType::$name => $make,)*
            };
            make(subscriptions)
        }
    };
}

socket_types!(traits_and_patterns);
