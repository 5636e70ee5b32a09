//! Options that only some types of sockets have: the pattern keeps them.

use super::group;
use crate::options::codec::{BYTES, FLAG, POSITIVE, ValueCodec};
use crate::options::row::{Access, Check, Effect, OptionFacts, OptionRow};
use crate::types::Setting;
use ringmq_zmtp::ROUTING_ID_MAX;
use ringmq_zmtp::SocketType::{Dealer, Pub, Radio, Req, Router, Stream, Sub, XPub, XSub};

/// Where an option is a setting of the pattern: a value that is copied, or bytes.
macro_rules! setting {
    ($setting:ident, $method:literal) => {
        Access {
            set: Some(|core, on| core.set($method, Setting::$setting(on))),
            get: Some(|core| {
                Ok(core.setting(|setting| match setting {
                    Setting::$setting(on) => Some(*on),
                    _ => None,
                }))
            }),
        }
    };
    ($setting:ident bytes, $method:literal) => {
        Access {
            set: Some(|core, bytes| core.set($method, Setting::$setting(&bytes))),
            get: Some(|core| {
                Ok(core.setting(|setting| match setting {
                    Setting::$setting(bytes) => Some(bytes.to_vec()),
                    _ => None,
                }))
            }),
        }
    };
}

pub(super) use setting;

/// Something to be done, which leaves nothing to read.
macro_rules! action {
    ($setting:ident, $method:literal) => {
        Access { set: Some(|core, bytes| core.set($method, Setting::$setting(&bytes))), get: None }
    };
}

/// One that is off unless it is set.
const fn switch(
    facts: OptionFacts,
    codec: &'static ValueCodec<bool>,
    access: Access<bool>,
) -> OptionRow<bool> {
    OptionRow { facts, codec, check: Check::Any, default: |_| false, access }
}

group! {
    INVERT_MATCHING: bool = switch(
        OptionFacts::libzmq(74, "invert_matching", "invert_matching")
            .only(|socket_type| matches!(socket_type, Pub | XPub | Sub | XSub))
            .counts(Effect::AtOnce)
            .note("both sides have to set it; an XSUB does not filter"),
        &FLAG,
        setting!(Invert, "invert_matching"),
    );

    ROUTER_MANDATORY: bool = switch(
        OptionFacts::libzmq(33, "router_mandatory", "mandatory")
            .only(|socket_type| socket_type == Router)
            .counts(Effect::AtOnce),
        &POSITIVE,
        setting!(Mandatory, "mandatory"),
    );

    ROUTER_HANDOVER: bool = switch(
        OptionFacts::libzmq(56, "router_handover", "handover")
            .only(|socket_type| socket_type == Router)
            .counts(Effect::NextPeer),
        &POSITIVE,
        setting!(Handover, "handover"),
    );

    REQ_CORRELATE: bool = switch(
        OptionFacts::libzmq(52, "req_correlate", "correlate")
            .only(|socket_type| socket_type == Req)
            .counts(Effect::AtOnce),
        &POSITIVE,
        setting!(Correlate, "correlate"),
    );

    REQ_RELAXED: bool = switch(
        OptionFacts::libzmq(53, "req_relaxed", "relaxed")
            .only(|socket_type| socket_type == Req)
            .counts(Effect::AtOnce),
        &POSITIVE,
        setting!(Relaxed, "relaxed"),
    );

    PROBE_ROUTER: bool = switch(
        OptionFacts::libzmq(51, "probe_router", "probe_router")
            .only(|socket_type| matches!(socket_type, Req | Dealer | Router))
            .counts(Effect::NextPeer),
        &POSITIVE,
        setting!(ProbeRouter, "probe_router"),
    );

    STREAM_NOTIFY: bool = OptionRow {
        facts: OptionFacts::libzmq(73, "stream_notify", "stream_notify")
            .only(|socket_type| socket_type == Stream)
            .counts(Effect::AtOnce),
        codec: &FLAG,
        check: Check::Any,
        default: |_| true,
        access: setting!(StreamNotify, "stream_notify"),
    };

    XPUB_NODROP: bool = switch(
        OptionFacts::libzmq(69, "xpub_nodrop", "no_drop")
            .only(|socket_type| matches!(socket_type, Pub | XPub | Radio))
            .counts(Effect::AtOnce),
        &POSITIVE,
        setting!(NoDrop, "no_drop"),
    );

    XPUB_VERBOSE: bool = switch(
        OptionFacts::libzmq(40, "xpub_verbose", "verbose")
            .only(|socket_type| socket_type == XPub)
            .counts(Effect::AtOnce)
            .note("setting it ends xpub_verboser"),
        &POSITIVE,
        setting!(Verbose, "verbose"),
    );

    XPUB_VERBOSER: bool = switch(
        OptionFacts::libzmq(78, "xpub_verboser", "verboser")
            .only(|socket_type| socket_type == XPub)
            .counts(Effect::AtOnce),
        &POSITIVE,
        setting!(Verboser, "verboser"),
    );

    XPUB_MANUAL: bool = switch(
        OptionFacts::libzmq(71, "xpub_manual", "manual")
            .only(|socket_type| socket_type == XPub)
            .counts(Effect::AtOnce)
            .note("to be set before the first bind or connect"),
        &POSITIVE,
        setting!(Manual, "manual"),
    );

    XPUB_MANUAL_LAST_VALUE: bool = switch(
        OptionFacts::libzmq(98, "xpub_manual_last_value", "manual_last_value")
            .only(|socket_type| socket_type == XPub)
            .counts(Effect::AtOnce)
            .note("switches xpub_manual as well; to be set before the first bind or connect"),
        &POSITIVE,
        setting!(ManualLastValue, "manual_last_value"),
    );

    XPUB_WELCOME_MSG: Vec<u8> = OptionRow {
        facts: OptionFacts::libzmq(72, "xpub_welcome_msg", "welcome_message")
            .only(|socket_type| socket_type == XPub)
            .counts(Effect::NextPeer)
            .note("empty for none"),
        codec: &BYTES,
        check: Check::Any,
        default: |_| Vec::new(),
        access: setting!(Welcome bytes, "welcome_message"),
    };

    CONNECT_ROUTING_ID: Vec<u8> = OptionRow {
        facts: OptionFacts::libzmq(61, "connect_routing_id", "connect_routing_id")
            .takes("1 to 255 bytes, which no peer has already")
            .only(|socket_type| matches!(socket_type, Router | Stream))
            .counts(Effect::NextConnect)
            .note("empty when the next connect has it, or none is set"),
        codec: &BYTES,
        check: Check::When(|id| (1..=ROUTING_ID_MAX).contains(&id.len())),
        default: |_| Vec::new(),
        access: setting!(ConnectRoutingId bytes, "connect_routing_id"),
    };

    SUBSCRIBE: Vec<u8> = OptionRow {
        facts: OptionFacts::libzmq(6, "subscribe", "subscribe")
            .only(|socket_type| matches!(socket_type, Sub | XSub | XPub))
            .counts(Effect::AtOnce)
            .note(
                "an action: read topics_count; of an XPUB in manual mode, for the peer \
                 heard last",
            ),
        codec: &BYTES,
        check: Check::Any,
        default: |_| Vec::new(),
        access: action!(Subscribe, "subscribe"),
    };

    UNSUBSCRIBE: Vec<u8> = OptionRow {
        facts: OptionFacts::libzmq(7, "unsubscribe", "unsubscribe")
            .only(|socket_type| matches!(socket_type, Sub | XSub | XPub))
            .counts(Effect::AtOnce)
            .note("an action, as subscribe; what was never subscribed to is no error"),
        codec: &BYTES,
        check: Check::Any,
        default: |_| Vec::new(),
        access: action!(Unsubscribe, "unsubscribe"),
    };
}
