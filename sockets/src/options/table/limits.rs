//! What peers may hold at the most, so that none keeps others from their share.

use super::patterns::setting;
use super::{field, group};
use crate::options::codec::{COUNT_OR_NONE, LENGTH_OR_NONE};
use crate::options::row::{Access, Check, Effect, OptionFacts, OptionRow};
use crate::subscription::MostTopics;
use crate::types::Setting;
use ringmq_transports::options::{BindLimits, DEFAULT_MAX_WAITING_BYTES};
use ringmq_zmtp::Config;
use ringmq_zmtp::SocketType::{Pub, Radio, XPub};

/// Of limits of connections.
const REFUSED: &str = "who is one too many is turned away, with an event";

/// Of limits of subscriptions.
const TOO_MUCH: &str = "a peer that wants more loses its connection, with an event";

group! {
    MAX_CONNECTIONS: Option<u32> = OptionRow {
        facts: OptionFacts::own("max_connections", "max_connections")
            .unit("connections of a bind")
            .note(REFUSED),
        codec: &COUNT_OR_NONE,
        check: Check::Any,
        default: |_| BindLimits::default().connections,
        access: field!(limits.connections),
    };

    MAX_CONNECTIONS_PER_ADDRESS: Option<u32> = OptionRow {
        facts: OptionFacts::own("max_connections_per_address", "max_connections_per_address")
            .unit("connections of a bind")
            .note(REFUSED),
        codec: &COUNT_OR_NONE,
        check: Check::Any,
        default: |_| BindLimits::default().per_address,
        access: field!(limits.per_address),
    };

    MAX_PARTS: Option<u32> = OptionRow {
        facts: OptionFacts::own("max_parts", "max_parts")
            .unit("frames of a message")
            .note("a peer that sends more loses its connection"),
        codec: &COUNT_OR_NONE,
        check: Check::Any,
        default: |socket_type| Config::new(socket_type).max_parts,
        access: field!(zmtp.max_parts),
    };

    MAX_MESSAGE_BYTES: Option<u64> = OptionRow {
        facts: OptionFacts::own("max_message_bytes", "max_message_bytes")
            .unit("bytes of a message, of all its frames")
            .note("a peer that sends more loses its connection"),
        codec: &LENGTH_OR_NONE,
        check: Check::Any,
        default: |socket_type| Config::new(socket_type).max_message_bytes,
        access: field!(zmtp.max_message_bytes),
    };

    MAX_WAITING_BYTES: Option<u64> = OptionRow {
        facts: OptionFacts::own("max_waiting_bytes", "max_waiting_bytes")
            .unit("bytes of a peer")
            .note("of what was received and not taken; then nothing more is read, as at the mark of messages"),
        codec: &LENGTH_OR_NONE,
        check: Check::Any,
        default: |_| Some(DEFAULT_MAX_WAITING_BYTES),
        access: field!(max_waiting_bytes),
    };

    MAX_HANDSHAKES: Option<u32> = OptionRow {
        facts: OptionFacts::own("max_handshakes", "max_handshakes")
            .unit("connections of a bind")
            .note("of those whose handshake is not done; one of the address that has the most makes room, with an event"),
        codec: &COUNT_OR_NONE,
        check: Check::Any,
        default: |_| BindLimits::default().handshakes,
        access: field!(limits.handshakes),
    };

    MAX_SUBSCRIPTIONS: Option<u32> = OptionRow {
        facts: OptionFacts::own("max_subscriptions", "max_subscriptions")
            .unit("topics of a peer")
            .only(|socket_type| matches!(socket_type, Pub | XPub | Radio))
            .counts(Effect::AtOnce)
            .note(TOO_MUCH),
        codec: &COUNT_OR_NONE,
        check: Check::Any,
        default: |_| MostTopics::DEFAULT.topics,
        access: setting!(MaxSubscriptions, "max_subscriptions"),
    };

    MAX_SUBSCRIPTION_BYTES: Option<u64> = OptionRow {
        facts: OptionFacts::own("max_subscription_bytes", "max_subscription_bytes")
            .unit("bytes of a peer's topics")
            .only(|socket_type| matches!(socket_type, Pub | XPub | Radio))
            .counts(Effect::AtOnce)
            .note(TOO_MUCH),
        codec: &LENGTH_OR_NONE,
        check: Check::Any,
        default: |_| MostTopics::DEFAULT.bytes,
        access: setting!(MaxSubscriptionBytes, "max_subscription_bytes"),
    };
}
