//! The way that connections are made by, and whose are accepted.

use super::security::{AT_MOST, LONGEST};
use super::{field, group};
use crate::options::Secret;
use crate::options::codec::{ID_OR_NONE, SECRET, TEXT, TEXT_OR_NONE};
use crate::options::row::{Access, Check, OptionFacts, OptionRow};
use ringmq_transports::network::Network;
use ringmq_transports::options::IpcPeerRule;

const RULES: &str = "an IP address or a network, 192.0.2.0/24; empty for none";
const ADDED: &str =
    "what is set is added, none removes all; deprecated, an authenticator does more";

/// Adds to the processes, users or groups whose ipc connections are accepted, or removes all of those.
macro_rules! peers {
    ($rule:ident) => {
        Access {
            set: Some(|core, id: Option<u32>| {
                let rules = &mut core.options.ipc.accepts;
                match id.map(IpcPeerRule::$rule) {
                    Some(rule) if rules.contains(&rule) => {}
                    Some(rule) => rules.push(rule),
                    None => rules.retain(|rule| !matches!(rule, IpcPeerRule::$rule(_))),
                }
                Ok(())
            }),
            get: None,
        }
    };
}

const fn peers(
    number: i32,
    name: &'static str,
    access: Access<Option<u32>>,
) -> OptionRow<Option<u32>> {
    OptionRow {
        facts: OptionFacts::libzmq(number, name, "set_ipc_accept_filter").note(ADDED),
        codec: &ID_OR_NONE,
        check: Check::Any,
        default: |_| None,
        access,
    }
}

group! {
    SOCKS_PROXY: Option<String> = OptionRow {
        facts: OptionFacts::libzmq(68, "socks_proxy", "socks_proxy")
            .takes("host:port, or empty for none")
            .note("of SOCKS 5; for tcp connects, whose names it looks up"),
        codec: &TEXT_OR_NONE,
        // As with libzmq, whose users set what is no address and go without a word: connects fail with it.
        check: Check::Any,
        default: |_| None,
        access: field!(tcp.socks_proxy),
    };

    SOCKS_USERNAME: String = OptionRow {
        facts: OptionFacts::libzmq(99, "socks_username", "socks_username")
            .takes(AT_MOST)
            .note("without one there is no login"),
        codec: &TEXT,
        check: Check::When(|name| name.len() <= LONGEST),
        default: |_| String::new(),
        access: field!(tcp.socks_login.username),
    };

    SOCKS_PASSWORD: Secret = OptionRow {
        facts: OptionFacts::libzmq(100, "socks_password", "socks_password")
            .takes(AT_MOST)
            .secret(),
        codec: &SECRET,
        check: Check::When(|secret| secret.as_bytes().len() <= LONGEST),
        default: |_| Secret::default(),
        access: Access {
            set: Some(|core, secret| {
                core.options.tcp.socks_login.password = secret.as_bytes().to_vec().into();
                Ok(())
            }),
            get: Some(|core| Ok(Secret::new(&core.options.tcp.socks_login.password[..]))),
        },
    };

    TCP_ACCEPT_FILTER: Option<String> = OptionRow {
        facts: OptionFacts::libzmq(38, "tcp_accept_filter", "set_tcp_accept_filter")
            .takes(RULES)
            .note(ADDED),
        codec: &TEXT_OR_NONE,
        check: Check::When(|rule| rule.as_deref().is_none_or(|rule| Network::parse(rule).is_some())),
        default: |_| None,
        access: Access {
            set: Some(|core, rule| {
                let rules = &mut core.options.tcp.accepts;
                match rule.as_deref().map(Network::parse) {
                    Some(rule) => {
                        let new = rule.filter(|rule| !rules.contains(rule));
                        rules.extend(new);
                    }
                    None => rules.clear(),
                }
                Ok(())
            }),
            get: None,
        },
    };

    IPC_FILTER_PID: Option<u32> = peers(58, "ipc_filter_pid", peers!(Process));

    IPC_FILTER_UID: Option<u32> = peers(59, "ipc_filter_uid", peers!(User));

    IPC_FILTER_GID: Option<u32> = peers(60, "ipc_filter_gid", peers!(Group));
}
