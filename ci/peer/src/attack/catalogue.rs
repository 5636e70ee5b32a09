//! The attacks there are. To add one: an act, and a row here.

use super::acts::{connections, curve, deaf, frames, greetings, guards, subscriptions};
use super::attack::Attack;
use super::part::{Guard, Shape};

/// A handshake's time in a hurry.
const HURRY: &[&str] = &["handshake_ivl=500"];

const TIMED_OUT: &str = "HandshakeFailed:HandshakeTimeout";

/// Those who never get in.
const AT_THE_DOOR: [Attack; 13] = [
    Attack::new("silence", "500 connections say nothing", greetings::silence)
        .options(HURRY)
        .expects(&[(TIMED_OUT, 500)]),
    Attack::new("silence-ipc", "the same over ipc", greetings::silence)
        .over_ipc()
        .options(HURRY)
        .expects(&[(TIMED_OUT, 500)]),
    Attack::new("slow-loris", "1,000 connections stop in the greeting", greetings::slow_loris)
        .options(HURRY)
        .expects(&[(TIMED_OUT, 1000)]),
    Attack::new(
        "byte-by-byte",
        "50 handshakes come a byte at a time, and never whole",
        greetings::byte_by_byte,
    )
    .options(HURRY)
    .expects(&[(TIMED_OUT, 50)]),
    Attack::new("garbage", "HTTP, TLS and noise instead of a greeting", greetings::garbage)
        .expects(&[("HandshakeFailed:NotZmtp", 150), ("HandshakeFailed:MechanismMismatch", 90)]),
    Attack::new("garbage-ipc", "the same over ipc", greetings::garbage)
        .over_ipc()
        .expects(&[("HandshakeFailed:NotZmtp", 150), ("HandshakeFailed:MechanismMismatch", 90)]),
    Attack::new(
        "wrong-handshakes",
        "ERROR, commands and metadata that have no place in a handshake",
        greetings::wrong_handshakes,
    )
    .unheard()
    .expects(&[
        ("HandshakeFailed:PeerError", 50),
        ("HandshakeFailed:IncompatibleSocketType", 100),
        ("HandshakeFailed:InvalidMetadata", 50),
        ("HandshakeFailed:RoutingIdTooLong", 50),
    ]),
    Attack::new(
        "large-ready",
        "READY with 60 KB of metadata, and with more",
        greetings::large_ready,
    )
    .expects(&[("HandshakeFailed:FrameTooLarge", 20), ("HandshakeSucceeded", 40)]),
    Attack::new(
        "reset-at-every-byte",
        "a reset after each byte of a handshake and a message",
        greetings::reset_at_every_byte,
    )
    .unheard()
    .expects(&[("HandshakeFailed", 100)]),
    Attack::new("churn", "connections that come and go, in each way there is", connections::churn)
        .unheard()
        .expects(&[("Disconnected", 500)]),
    Attack::new("churn-ipc", "the same over ipc", connections::churn)
        .over_ipc()
        .unheard()
        .expects(&[("Disconnected", 500)]),
    Attack::new(
        "half-close",
        "hello, the end of what is sent, and no end",
        connections::half_close,
    )
    .expects(&[("Disconnected:PeerClosed", 150)]),
    Attack::new(
        "handshake-flood",
        "500 half greetings where 64 handshakes may go on",
        connections::handshake_flood,
    )
    .options(&["max_handshakes=64"])
    .expects(&[("Refused:Handshakes", 400)])
    .refused(400)
    // Whose handshake takes longer than the flood takes to bring 64 others has to come again: on a busy machine
    // that is everybody.
    .newcomer_afterwards(),
];

/// Those who take all there is.
const TOO_MANY: [Attack; 3] = [
    Attack::new(
        "connection-flood",
        "500 peers connect where 100 may be",
        connections::connection_flood,
    )
    .options(&["max_connections=100"])
    .expects(&[("Refused:Connections", 400)])
    .refused(400)
    .newcomer_afterwards(),
    Attack::new(
        "address-flood",
        "500 peers of one address connect where 100 of it may be",
        connections::connection_flood,
    )
    .options(&["max_connections_per_address=100"])
    .expects(&[("Refused:ConnectionsOfAddress", 400)])
    .refused(400)
    .newcomer_afterwards(),
    Attack::new(
        "descriptors",
        "100 connections where the process may have 64 descriptors",
        connections::descriptors,
    )
    .descriptors(64)
    .expects(&[("AcceptFailed", 1)])
    .newcomer_afterwards(),
];

/// Those who are in, and send what is nothing.
const IN_FRAMES: [Attack; 9] = [
    Attack::new(
        "impossible-length",
        "frames of 2^63 bytes and more, and 2^63 - 1 of which a little comes",
        frames::impossible_length,
    )
    .unheard()
    .expects(&[("Disconnected:FrameLengthInvalid", 200)]),
    Attack::new("too-large", "frames that are longer than the limit", frames::too_large)
        .options(&["maxmsgsize=100000"])
        .unheard()
        .expects(&[("Disconnected:FrameTooLarge", 200)]),
    Attack::new(
        "endless-body",
        "a body of 2^62 bytes, of which 32 MiB come, where there is no limit",
        frames::endless_body,
    )
    .unheard()
    // Where it has to move, it is there twice: 32 MiB on their way to 64.
    .heap_mib(4 * (frames::EARNEST >> 20)),
    Attack::new(
        "endless-multipart",
        "empty parts of a message without end",
        frames::endless_multipart,
    )
    .unheard()
    .heap_mib(160)
    .expects(&[("Disconnected:TooManyParts", 1)]),
    Attack::new("cut-off", "messages that are cut off in the middle", frames::cut_off)
        .unheard()
        .expects(&[("Disconnected", 200)]),
    Attack::new("broken-commands", "commands that are none", frames::broken_commands)
        .unheard()
        .expects(&[
            ("Disconnected:EmptyCommand", 40),
            ("Disconnected:MalformedCommand", 80),
            ("Disconnected:MalformedPing", 40),
            ("Disconnected:CommandWithMore", 80),
        ]),
    Attack::new("unknown-commands", "commands that nobody knows", frames::unknown_commands)
        .unheard(),
    Attack::new("ping-flood", "PINGs as fast as they are answered", frames::ping_flood).unheard(),
    Attack::new(
        "deaf-ping-flood",
        "PINGs of somebody who reads no answer",
        frames::deaf_ping_flood,
    )
    .unheard(),
];

/// Those who subscribe, or do not read.
const OF_OTHER_PATTERNS: [Attack; 7] = [
    Attack::new("million-subscriptions", "a million topics of one peer", subscriptions::million)
        .on(Shape::Publisher)
        .heap_mib(512),
    Attack::new(
        "long-subscriptions",
        "32 MiB of topics of one peer, and one topic without end",
        subscriptions::long,
    )
    .on(Shape::Publisher)
    .heap_mib(256),
    Attack::new(
        "fickle-subscriptions",
        "topics that are wanted, and not, and not again",
        subscriptions::fickle,
    )
    .on(Shape::Publisher),
    Attack::new("deaf-subscribers", "8 that want everything and read nothing", deaf::subscribers)
        .on(Shape::Publisher)
        .expects(&[("Dropped:Full", 1)]),
    Attack::new(
        "a-byte-at-a-time",
        "8 that want everything and read 50 bytes a second",
        deaf::a_byte_at_a_time,
    )
    .on(Shape::Publisher)
    .expects(&[("Dropped:Full", 1)]),
    Attack::new("deaf-dealers", "8 that ask a ROUTER and read no answer", deaf::dealers)
        .on(Shape::Router),
    Attack::new("impostor", "the routing id of the good client", deaf::impostor)
        .on(Shape::Router)
        .expects(&[("Problem:RoutingIdTaken", 1)]),
];

/// Those who are not let in.
const AT_THE_GUARD: [Attack; 9] = [
    Attack::new(
        "downgrade",
        "NULL, PLAIN, ZMTP 1.0 and 2.0 where CURVE is asked for",
        greetings::downgrade,
    )
    .guarded_by(Guard::Curve)
    .expects(&[("HandshakeFailed:MechanismMismatch", 100), ("HandshakeFailed:VersionTooOld", 100)]),
    Attack::new("flipped-bits", "CURVE handshakes with one bit flipped", curve::flipped_bits)
        .guarded_by(Guard::Curve)
        .expects(&[("HandshakeFailed:BrokenSeal", 100)]),
    Attack::new(
        "repeated-messages",
        "each message of CURVE a second time",
        curve::repeated_messages,
    )
    .guarded_by(Guard::Curve)
    .heard()
    .expects(&[("Disconnected:RepeatedNonce", 50)]),
    Attack::new(
        "repeated-connection",
        "a recorded connection of CURVE again and again",
        curve::repeated_connection,
    )
    .guarded_by(Guard::Curve)
    .heard()
    .expects(&[("HandshakeFailed:BrokenSeal", 200)]),
    Attack::new("hello-flood", "CURVE's HELLO, recorded, and nothing more", curve::hello_flood)
        .guarded_by(Guard::Curve),
    Attack::new(
        "wrong-keys",
        "another server's key, and a client nobody knows",
        guards::wrong_keys,
    )
    .guarded_by(Guard::Curve)
    .expects(&[("HandshakeFailed:Denied", 30), ("HandshakeFailed:BrokenSeal", 30)]),
    Attack::new("guessed-passwords", "one password after the other", guards::guessed_passwords)
        .guarded_by(Guard::Plain)
        .expects(&[("HandshakeFailed:Denied", 500)]),
    Attack::new(
        "hanging-handler",
        "a ZAP handler that hangs, asked by 100 at a time",
        guards::hanging_handler,
    )
    .guarded_by(Guard::Zap)
    .options(HURRY)
    .expects(&[(TIMED_OUT, 100)])
    .newcomer_afterwards(),
    Attack::new("silence-curve", "500 connections say nothing to CURVE", greetings::silence)
        .guarded_by(Guard::Curve)
        .options(HURRY)
        .expects(&[(TIMED_OUT, 500)]),
];

static ALL: [&[Attack]; 5] =
    [&AT_THE_DOOR, &TOO_MANY, &IN_FRAMES, &OF_OTHER_PATTERNS, &AT_THE_GUARD];

/// All of them.
pub(crate) fn attacks() -> impl Iterator<Item = &'static Attack> {
    ALL.iter().copied().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_attack_has_a_name_of_its_own() {
        let names: BTreeSet<&str> = attacks().map(|attack| attack.name).collect();
        assert_eq!(names.len(), attacks().count());
    }
}
