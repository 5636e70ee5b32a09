//! What is said to a peer first, and what is received where a connection begins and ends.

use super::group;
use crate::inner::connection_words::RouterNotify;
use crate::options::codec::{BYTES, NOTIFY_BITS};
use crate::options::row::{Access, Check, Effect, OptionFacts, OptionRow};
use ringmq_zmtp::SocketType::{Client, Dealer, Peer, Router, Server};

/// A message that is kept beside the pattern, as sessions say it; empty for none.
macro_rules! word {
    ($facts:expr, $field:ident) => {
        OptionRow {
            facts: $facts,
            codec: &BYTES,
            check: Check::Any,
            default: |_| Vec::new(),
            access: Access {
                set: Some(|core, message| {
                    core.shared.words().$field = message.into();
                    Ok(())
                }),
                get: Some(|core| Ok(core.shared.words().$field.to_vec())),
            },
        }
    };
}

group! {
    HELLO_MSG: Vec<u8> = word!(
        OptionFacts::libzmq(110, "hello_msg", "hello_message")
            .only(|socket_type| matches!(socket_type, Dealer | Router | Client | Server | Peer))
            .counts(Effect::NextPeer)
            .note("empty for none"),
        hello
    );

    DISCONNECT_MSG: Vec<u8> = word!(
        OptionFacts::libzmq(111, "disconnect_msg", "disconnect_message")
            .only(|socket_type| matches!(socket_type, Router | Server | Peer))
            .counts(Effect::AtOnce)
            .note("empty for none"),
        disconnect
    );

    HICCUP_MSG: Vec<u8> = word!(
        OptionFacts::libzmq(114, "hiccup_msg", "hiccup_message")
            .only(|socket_type| matches!(socket_type, Dealer | Client | Peer))
            .counts(Effect::AtOnce)
            .note("empty for none"),
        hiccup
    );

    ROUTER_NOTIFY: RouterNotify = OptionRow {
        facts: OptionFacts::libzmq(97, "router_notify", "router_notify")
            .only(|socket_type| socket_type == Router)
            .counts(Effect::AtOnce)
            .note("not of peers within the process"),
        codec: &NOTIFY_BITS,
        check: Check::Any,
        default: |_| RouterNotify::NEVER,
        access: Access {
            set: Some(|core, notify| {
                core.shared.words().notify = notify;
                Ok(())
            }),
            get: Some(|core| Ok(core.shared.words().notify)),
        },
    };
}
