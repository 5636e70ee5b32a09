//! What a socket knows of itself: it can only be read.

use super::group;
use crate::options::codec::{COUNT, TEXT};
use crate::options::row::{Access, Check, Effect, OptionFacts, OptionRow};
use ringmq_zmtp::SocketType::{Pub, Sub, XPub, XSub};

group! {
    TYPE: u32 = OptionRow {
        facts: OptionFacts::libzmq(16, "type", "socket_type").counts(Effect::AtOnce),
        codec: &COUNT,
        check: Check::Any,
        default: |socket_type| socket_type.code().into(),
        access: Access {
            set: None,
            get: Some(|core| Ok(core.shared.socket_type.code().into())),
        },
    };

    LAST_ENDPOINT: String = OptionRow {
        facts: OptionFacts::libzmq(32, "last_endpoint", "last_endpoint").counts(Effect::AtOnce),
        codec: &TEXT,
        check: Check::Any,
        default: |_| String::new(),
        access: Access { set: None, get: Some(|core| Ok(core.endpoints.last().to_owned())) },
    };

    MECHANISM: u32 = OptionRow {
        facts: OptionFacts::libzmq(43, "mechanism", "").counts(Effect::AtOnce)
            .note("0 is NULL, 1 PLAIN, 2 CURVE: what was asked for last"),
        codec: &COUNT,
        check: Check::Any,
        default: |_| 0,
        access: Access {
            set: None,
            get: Some(|core| Ok(core.options.security.mechanism().number())),
        },
    };

    TOPICS_COUNT: u32 = OptionRow {
        facts: OptionFacts::libzmq(116, "topics_count", "topics")
            .only(|socket_type| matches!(socket_type, Pub | XPub | Sub | XSub))
            .counts(Effect::AtOnce),
        codec: &COUNT,
        check: Check::Any,
        default: |_| 0,
        access: Access {
            set: None,
            get: Some(|core| Ok(core.topics().try_into().unwrap_or(u32::MAX))),
        },
    };
}
