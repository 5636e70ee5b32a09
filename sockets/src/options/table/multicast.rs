//! What is sent to groups.

use super::{field, group};
use crate::options::codec::{COUNT, FLAG, MILLIS};
use crate::options::row::{Access, Check, OptionFacts, OptionRow};
use ringmq_transports::options::MulticastOptions;
use std::time::Duration;

/// Longest way of a packet: its counter has a byte.
const HOPS_MAX: u32 = 255;
/// Bytes of a packet: as many as any host of IP takes, and as many as its header can say.
const TPDU: std::ops::RangeInclusive<u32> = 576..=65_535;
/// Numbers of 31 bits, as they come through libzmq's interface.
const INT_MAX: u32 = i32::MAX as u32;

group! {
    MULTICAST_HOPS: u32 = OptionRow {
        facts: OptionFacts::libzmq(25, "multicast_hops", "multicast_hops")
            .unit("networks")
            .takes("1 to 255")
            .note("libzmq takes more, which no packet can count"),
        codec: &COUNT,
        check: Check::When(|hops| (1..=HOPS_MAX).contains(hops)),
        default: |_| 1,
        access: field!(multicast.hops),
    };

    MULTICAST_LOOP: bool = OptionRow {
        facts: OptionFacts::libzmq(96, "multicast_loop", "multicast_loop"),
        codec: &FLAG,
        check: Check::Any,
        default: |_| true,
        access: field!(multicast.loopback),
    };

    MULTICAST_MAXTPDU: u32 = OptionRow {
        facts: OptionFacts::libzmq(84, "multicast_maxtpdu", "multicast_max_tpdu")
            .unit("bytes")
            .takes("576 to 65535")
            .note("the longest packet of PGM, with the headers of IP and udp"),
        codec: &COUNT,
        check: Check::When(|bytes| TPDU.contains(bytes)),
        default: |_| MulticastOptions::default().max_tpdu.into(),
        access: Access {
            set: Some(|core, bytes| {
                // No more than fits, as was checked.
                core.options.multicast.max_tpdu = u16::try_from(bytes).unwrap_or(u16::MAX);
                Ok(())
            }),
            get: Some(|core| Ok(core.options.multicast.max_tpdu.into())),
        },
    };

    RATE: u32 = OptionRow {
        facts: OptionFacts::libzmq(8, "rate", "rate")
            .unit("kilobits a second")
            .takes("1 to 2147483647")
            .note("libzmq has 100, and so has the C library"),
        codec: &COUNT,
        check: Check::When(|rate| (1..=INT_MAX).contains(rate)),
        default: |_| MulticastOptions::default().rate,
        access: field!(multicast.rate),
    };

    RECOVERY_IVL: Duration = OptionRow {
        facts: OptionFacts::libzmq(9, "recovery_ivl", "recovery_interval"),
        codec: &MILLIS,
        check: Check::Any,
        default: |_| MulticastOptions::default().recovery,
        access: field!(multicast.recovery),
    };
}
