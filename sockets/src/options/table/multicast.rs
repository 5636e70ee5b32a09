//! What is sent to groups.

use super::{field, group};
use crate::options::codec::{COUNT, FLAG};
use crate::options::row::{Check, OptionFacts, OptionRow};

/// Longest way of a packet: its counter has a byte.
const HOPS_MAX: u32 = 255;

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
}
