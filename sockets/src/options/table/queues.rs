//! Queues of messages, and how long is waited for them.

use super::{field, group};
use crate::inner::Core;
use crate::options::codec::{COUNT, FLAG, MILLIS_OR_NONE, SPIN_MICROS};
use crate::options::row::{Access, Check, Effect, OptionFacts, OptionRow};
use crate::types::traits;
use crate::wait::Spin;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// Of high-water marks.
const HWM: &str = "0 is no limit; within a process the marks of both sockets add up, as they were when \
                   the pipe was made";

/// The mark of a pipe within the process is not this socket's alone, and stays.
fn tell_late_within_process(core: &Core, option: &'static str) {
    if core.pipes.iter().any(|(_, pipe)| pipe.direct) {
        core.tell_late(option, "pipes within the process that are made from then on");
    }
}

group! {
    SNDHWM: u32 = OptionRow {
        facts: OptionFacts::libzmq(23, "sndhwm", "send_hwm")
            .unit("messages")
            .counts(Effect::AtOnce)
            .note(HWM),
        codec: &COUNT,
        check: Check::Any,
        default: |_| 1000,
        access: Access {
            set: Some(|core, messages| {
                // Relaxed: a pipe that is made meanwhile may have the former mark.
                if core.shared.send_hwm.swap(messages, Ordering::Relaxed) != messages {
                    tell_late_within_process(core, "send_hwm");
                }
                core.pipes.iter().filter(|(_, pipe)| !pipe.direct).for_each(|(_, pipe)| {
                    pipe.end.tx.set_hwm(messages);
                });
                Ok(())
            }),
            get: Some(|core| Ok(core.shared.send_hwm.load(Ordering::Relaxed))),
        },
    };

    RCVHWM: u32 = OptionRow {
        facts: OptionFacts::libzmq(24, "rcvhwm", "recv_hwm")
            .unit("messages")
            .counts(Effect::AtOnce)
            .note(HWM),
        codec: &COUNT,
        check: Check::Any,
        default: |_| 1000,
        access: Access {
            set: Some(|core, messages| {
                // Relaxed: as of the other one.
                if core.shared.recv_hwm.swap(messages, Ordering::Relaxed) != messages {
                    tell_late_within_process(core, "recv_hwm");
                }
                core.pipes.iter().filter(|(_, pipe)| !pipe.direct).for_each(|(_, pipe)| {
                    pipe.end.rx.set_hwm(messages);
                });
                Ok(())
            }),
            get: Some(|core| Ok(core.shared.recv_hwm.load(Ordering::Relaxed))),
        },
    };

    LINGER: Option<Duration> = OptionRow {
        facts: OptionFacts::libzmq(17, "linger", "linger")
            .unit("ms")
            .counts(Effect::AtOnce)
            .outlives()
            .note(
                "-1 is for ever; SUB and XSUB start with 0: they send nothing that \
                 would be missed",
            ),
        codec: &MILLIS_OR_NONE,
        check: Check::Any,
        default: |socket_type| (!traits(socket_type).lingers).then_some(Duration::ZERO),
        access: field!(linger),
    };

    SNDTIMEO: Option<Duration> = OptionRow {
        facts: OptionFacts::libzmq(28, "sndtimeo", "send_timeout")
            .unit("ms")
            .counts(Effect::AtOnce)
            .note("-1 is for ever"),
        codec: &MILLIS_OR_NONE,
        check: Check::Any,
        default: |_| None,
        access: field!(send_timeout),
    };

    RCVTIMEO: Option<Duration> = OptionRow {
        facts: OptionFacts::libzmq(27, "rcvtimeo", "recv_timeout")
            .unit("ms")
            .counts(Effect::AtOnce)
            .note("-1 is for ever"),
        codec: &MILLIS_OR_NONE,
        check: Check::Any,
        default: |_| None,
        access: field!(recv_timeout),
    };

    SPIN: Spin = OptionRow {
        facts: OptionFacts::own("spin", "spin")
            .unit("us")
            .counts(Effect::AtOnce)
            .note("the default is the context's"),
        codec: &SPIN_MICROS,
        check: Check::Any,
        default: |_| Spin::Adaptive,
        access: field!(spin),
    };

    IMMEDIATE: bool = OptionRow {
        facts: OptionFacts::libzmq(39, "immediate", "immediate"),
        codec: &FLAG,
        check: Check::Any,
        default: |_| false,
        access: field!(immediate),
    };

    CONFLATE: bool = OptionRow {
        facts: OptionFacts::libzmq(54, "conflate", "conflate")
            .varies(|socket_type| traits(socket_type).conflates())
            .counts(Effect::NextPeer)
            .note(
                "a connect keeps what it was made with; libzmq sets it on other types too, where it \
                 does nothing",
            ),
        codec: &FLAG,
        check: Check::Any,
        default: |_| false,
        access: Access {
            set: Some(|core, on| {
                // Relaxed: a pipe that is made meanwhile may be as it was set before.
                core.shared.conflate.store(on, Ordering::Relaxed);
                Ok(())
            }),
            get: Some(|core| Ok(core.shared.conflate.load(Ordering::Relaxed))),
        },
    };
}
