//! Connections: what peers are told, what they may do, and when they are given up.

use super::{field, group};
use crate::options::codec::{
    BYTES, LENGTH_OR_NONE, MASK, MILLIS, MILLIS_NOT_ZERO, MILLIS_OR_NONE, MILLIS_POSITIVE,
    PROPERTIES, STOP_BITS,
};
use crate::options::invalid;
use crate::options::row::{Access, Check, OptionFacts, OptionRow};
use crate::types::Setting;
use ringmq_transports::options::ReconnectStop;
use ringmq_zmtp::{ROUTING_ID_MAX, SocketType};
use std::time::Duration;

/// Shortest time that peers are given to answer, and between PINGs: timers are no finer.
const TIME_MIN: Duration = Duration::from_millis(1);

/// Shortest and longest time-to-live of a heartbeat: 1 and 65,535 tenths of a second.
const TTL_MIN: Duration = Duration::from_millis(100);
const TTL_MAX: Duration = Duration::from_millis(6_553_599);

group! {
    ROUTING_ID: Vec<u8> = OptionRow {
        facts: OptionFacts::libzmq(5, "routing_id", "routing_id")
            .takes("1 to 255 bytes, of which the first is not 0: ROUTERs choose such ids themselves")
            .note("empty if there is none; REQ, DEALER and ROUTER tell it; of a STREAM it is read which one it gave last"),
        codec: &BYTES,
        check: Check::When(|id| (1..=ROUTING_ID_MAX).contains(&id.len()) && id[0] != 0),
        default: |_| Vec::new(),
        access: Access {
            set: Some(|core, id| {
                let set = core.options.zmtp.set_routing_id(&id);
                set.map_err(|error| invalid("routing_id", error.to_string()))
            }),
            get: Some(|core| {
                if core.shared.socket_type == SocketType::Stream {
                    // It has none of its own, and tells the one that it has given last.
                    return Ok(core.setting(|setting| match setting {
                        Setting::LatestId(id) => Some(id.to_vec()),
                        _ => None,
                    }));
                }
                Ok(core.options.zmtp.routing_id().to_vec())
            }),
        },
    };

    METADATA: Vec<(String, Vec<u8>)> = OptionRow {
        facts: OptionFacts::libzmq(95, "metadata", "metadata")
            .takes("X-name:value, at most 61440 bytes together")
            .note("what is set is added; all of them are read, one a line (libzmq reads none)"),
        codec: &PROPERTIES,
        check: Check::Any,
        default: |_| Vec::new(),
        access: Access {
            set: Some(|core, properties| {
                properties.iter().try_for_each(|(name, value)| {
                    let set = core.options.zmtp.set_property(name, value);
                    set.map_err(|error| invalid("metadata", error.to_string()))
                })
            }),
            get: Some(|core| Ok(core.options.zmtp.properties().to_vec())),
        },
    };

    AFFINITY: u64 = OptionRow {
        facts: OptionFacts::libzmq(4, "affinity", "affinity")
            .unit("I/O threads, bit 0 for the first")
            .note("0 is any"),
        codec: &MASK,
        check: Check::Any,
        default: |_| 0,
        access: field!(affinity),
    };

    MAXMSGSIZE: Option<u64> = OptionRow {
        facts: OptionFacts::libzmq(22, "maxmsgsize", "max_message_size")
            .unit("bytes")
            .note("-1 is no limit; the handshake has one of its own"),
        codec: &LENGTH_OR_NONE,
        check: Check::Any,
        default: |_| None,
        access: field!(zmtp.max_body),
    };

    HANDSHAKE_IVL: Option<Duration> = OptionRow {
        facts: OptionFacts::libzmq(66, "handshake_ivl", "handshake_interval")
            .unit("ms")
            .takes("1 millisecond or more, or none at all to wait for ever")
            .note("0 is for ever"),
        codec: &MILLIS_NOT_ZERO,
        check: Check::When(|limit| limit.is_none_or(|limit| limit >= TIME_MIN)),
        default: |_| Some(Duration::from_secs(30)),
        access: field!(zmtp.handshake_timeout),
    };

    RECONNECT_IVL: Option<Duration> = OptionRow {
        facts: OptionFacts::libzmq(18, "reconnect_ivl", "reconnect_interval")
            .unit("ms")
            .takes("more than 0, or none at all to try once")
            .note("-1 or 0: one attempt"),
        codec: &MILLIS_POSITIVE,
        check: Check::When(|interval| *interval != Some(Duration::ZERO)),
        default: |_| Some(Duration::from_millis(100)),
        access: field!(reconnect_interval),
    };

    RECONNECT_IVL_MAX: Duration = OptionRow {
        facts: OptionFacts::libzmq(21, "reconnect_ivl_max", "reconnect_interval_max")
            .unit("ms")
            .note("0 keeps the interval as it is"),
        codec: &MILLIS,
        check: Check::Any,
        default: |_| Duration::ZERO,
        access: field!(reconnect_max),
    };

    RECONNECT_STOP: ReconnectStop = OptionRow {
        facts: OptionFacts::libzmq(109, "reconnect_stop", "reconnect_stop")
            .note("1: nobody listens, 2: the handshake fails, 4: after it was disconnected"),
        codec: &STOP_BITS,
        check: Check::Any,
        default: |_| ReconnectStop::NEVER,
        access: field!(reconnect_stop),
    };

    HEARTBEAT_IVL: Duration = OptionRow {
        facts: OptionFacts::libzmq(75, "heartbeat_ivl", "heartbeat_interval")
            .unit("ms")
            .takes("1 millisecond or more, or zero for no PINGs")
            .note("0 sends none"),
        codec: &MILLIS,
        check: Check::When(|interval| interval.is_zero() || *interval >= TIME_MIN),
        default: |_| Duration::ZERO,
        access: field!(heartbeat_interval),
    };

    HEARTBEAT_TIMEOUT: Option<Duration> = OptionRow {
        facts: OptionFacts::libzmq(77, "heartbeat_timeout", "heartbeat_timeout")
            .unit("ms")
            .takes("1 millisecond or more, zero to wait for ever, or none at all")
            .note("-1 is the interval, 0 is for ever"),
        codec: &MILLIS_OR_NONE,
        check: Check::When(|timeout| {
            timeout.is_none_or(|timeout| timeout.is_zero() || timeout >= TIME_MIN)
        }),
        default: |_| None,
        access: field!(heartbeat_timeout),
    };

    HEARTBEAT_TTL: Duration = OptionRow {
        facts: OptionFacts::libzmq(76, "heartbeat_ttl", "heartbeat_ttl")
            .unit("ms")
            .takes("0.1 to 6553.5 seconds, which fit on the wire, or zero to ask for nothing")
            .note(
                "peers are told tenths of a second, rounded down; libzmq makes less \
                 than one of them 0",
            ),
        codec: &MILLIS,
        check: Check::When(|ttl| ttl.is_zero() || (TTL_MIN..=TTL_MAX).contains(ttl)),
        default: |_| Duration::ZERO,
        access: field!(heartbeat_ttl),
    };
}
