//! What peers may hold at the most, so that none keeps others from their share.

use super::{field, group};
use crate::options::codec::COUNT_OR_NONE;
use crate::options::row::{Check, OptionFacts, OptionRow};
use ringmq_transports::options::BindLimits;
use ringmq_zmtp::Config;

/// Of limits of connections.
const REFUSED: &str = "who is one too many is turned away, with an event";

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

    MAX_HANDSHAKES: Option<u32> = OptionRow {
        facts: OptionFacts::own("max_handshakes", "max_handshakes")
            .unit("connections of a bind")
            .note("of those whose handshake is not done; the oldest makes room, with an event"),
        codec: &COUNT_OR_NONE,
        check: Check::Any,
        default: |_| BindLimits::default().handshakes,
        access: field!(limits.handshakes),
    };
}
