//! What a socket shows of itself, and whom it lets in.

use super::{field, group};
use crate::options::Secret;
use crate::options::codec::{FLAG, SECRET, TEXT};
use crate::options::row::{Access, Check, Effect, OptionFacts, OptionRow};
use std::sync::atomic::Ordering;

/// The longest name, password or domain, in bytes.
pub(super) const LONGEST: usize = 255;
pub(super) const AT_MOST: &str = "at most 255 bytes, none of them for none";

group! {
    PLAIN_SERVER: bool = OptionRow {
        facts: OptionFacts::libzmq(44, "plain_server", "plain_server")
            .note("what was set last of PLAIN's and CURVE's options says which mechanism it is"),
        codec: &FLAG,
        check: Check::Any,
        default: |_| false,
        access: Access {
            set: Some(|core, on| {
                core.options.security.set_plain_server(on);
                Ok(())
            }),
            get: Some(|core| Ok(core.options.security.plain_server())),
        },
    };

    PLAIN_USERNAME: String = OptionRow {
        facts: OptionFacts::libzmq(45, "plain_username", "plain_username").takes(AT_MOST),
        codec: &TEXT,
        check: Check::When(|name| name.len() <= LONGEST),
        default: |_| String::new(),
        access: Access {
            set: Some(|core, name| {
                core.options.security.set_username(name);
                Ok(())
            }),
            get: Some(|core| Ok(core.options.security.username().to_owned())),
        },
    };

    PLAIN_PASSWORD: Secret = OptionRow {
        facts: OptionFacts::libzmq(46, "plain_password", "plain_password")
            .takes(AT_MOST)
            .secret(),
        codec: &SECRET,
        check: Check::When(|secret| secret.as_bytes().len() <= LONGEST),
        default: |_| Secret::default(),
        access: Access {
            set: Some(|core, secret| {
                core.options.security.set_password(secret);
                Ok(())
            }),
            get: Some(|core| Ok(core.options.security.password().clone())),
        },
    };

    ZAP_DOMAIN: String = OptionRow {
        facts: OptionFacts::libzmq(55, "zap_domain", "zap_domain")
            .takes("at most 255 bytes of UTF-8")
            .note("with one, peers of NULL are judged as well"),
        codec: &TEXT,
        check: Check::When(|domain| domain.len() <= LONGEST),
        default: |_| String::new(),
        access: field!(zmtp.zap_domain),
    };

    ZAP_ENFORCE_DOMAIN: bool = OptionRow {
        facts: OptionFacts::libzmq(93, "zap_enforce_domain", "zap_enforce_domain")
            .counts(Effect::NextPeer)
            .note("PLAIN needs somebody to ask in any case"),
        codec: &FLAG,
        check: Check::Any,
        default: |_| false,
        access: Access {
            set: Some(|core, on| {
                core.shared.gate.enforces_domain.store(on, Ordering::Relaxed);
                Ok(())
            }),
            get: Some(|core| Ok(core.shared.gate.enforces_domain.load(Ordering::Relaxed))),
        },
    };
}

#[cfg(not(feature = "curve"))]
pub(super) static CURVE_ROWS: &[&dyn crate::options::row::AnyRow] = &[];
#[cfg(feature = "curve")]
pub(crate) use curve::*;

#[cfg(feature = "curve")]
mod curve {
    use super::group;
    use crate::options::codec::{FLAG, PUBLIC_KEY, SECRET_KEY};
    use crate::options::row::{Access, Check, OptionFacts, OptionRow};
    use ringmq_zmtp::{CurvePublicKey, CurveSecretKey};

    group! {
        CURVE_SERVER: bool = OptionRow {
            facts: OptionFacts::libzmq(47, "curve_server", "curve_server"),
            codec: &FLAG,
            check: Check::Any,
            default: |_| false,
            access: Access {
                set: Some(|core, on| {
                    core.options.security.set_curve_server(on);
                    Ok(())
                }),
                get: Some(|core| Ok(core.options.security.curve_server())),
            },
        };

        CURVE_PUBLICKEY: Option<CurvePublicKey> = OptionRow {
            facts: OptionFacts::libzmq(48, "curve_publickey", "curve_public_key")
                .note("need not be set: the secret key has it"),
            codec: &PUBLIC_KEY,
            check: Check::Any,
            default: |_| None,
            access: Access {
                set: Some(|core, key| {
                    core.options.security.set_public_key(key);
                    Ok(())
                }),
                get: Some(|core| Ok(core.options.security.public_key())),
            },
        };

        CURVE_SECRETKEY: Option<CurveSecretKey> = OptionRow {
            facts: OptionFacts::libzmq(49, "curve_secretkey", "curve_secret_key").secret(),
            codec: &SECRET_KEY,
            check: Check::Any,
            default: |_| None,
            access: Access {
                set: Some(|core, key| {
                    core.options.security.set_secret_key(key);
                    Ok(())
                }),
                get: Some(|core| Ok(core.options.security.secret_key().cloned())),
            },
        };

        CURVE_SERVERKEY: Option<CurvePublicKey> = OptionRow {
            facts: OptionFacts::libzmq(50, "curve_serverkey", "curve_server_key"),
            codec: &PUBLIC_KEY,
            check: Check::Any,
            default: |_| None,
            access: Access {
                set: Some(|core, key| {
                    core.options.security.set_server_key(key);
                    Ok(())
                }),
                get: Some(|core| Ok(core.options.security.server_key())),
            },
        };
    }

    pub(in crate::options::table) static CURVE_ROWS: &[&dyn crate::options::row::AnyRow] = ROWS;
}
