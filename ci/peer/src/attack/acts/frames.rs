//! What a peer may do that was let in: frames and messages that are none.

use super::Noise;
use crate::attack::AttackError;
use crate::attack::bytes::{COMMAND, MORE, command, frame, hello, long_header};
use crate::attack::field::Field;
use crate::attack::wire::Wire;

/// Bytes that are really sent of what never ends.
pub(crate) const EARNEST: usize = 32 << 20;
/// Bytes that are sent at once.
const PIECE: usize = 64 << 10;

/// Says this again and again, until so many bytes are said or the server has ended the connection.
fn pour(field: &Field, wire: &mut Wire, piece: &[u8], bytes: usize) -> Result<(), AttackError> {
    for _ in 0..bytes / piece.len() {
        field.until("the server reads", || wire.has_room())?;
        if wire.is_over() {
            break;
        }
        wire.say(piece);
        field.budget.keep();
    }
    Ok(())
}

/// A length of 2^63 and more, which there is not; and 2^63 - 1, of which a little comes.
pub(crate) fn impossible_length(field: &Field) -> Result<(), AttackError> {
    let mut waiting = Vec::new();
    for number in field.times(300, usize::MAX) {
        let (flags, length) = match number % 3 {
            0 => (0, 1 << 63),
            1 => (MORE, u64::MAX),
            _ => (0, (1 << 63) - 1),
        };
        let header = long_header(flags, length);
        let wire = field.say(&[hello("PUSH"), header, vec![7; 1000]].concat())?;
        if number % 3 < 2 {
            field.until_over(&mut [wire])?;
        } else if waiting.len() < 100 {
            waiting.push(wire);
        }
    }
    Ok(())
}

/// One frame after the other that is longer than the server takes.
pub(crate) fn too_large(field: &Field) -> Result<(), AttackError> {
    for _ in field.times(200, usize::MAX) {
        let header = long_header(0, 100_001);
        field.until_over(&mut [field.say(&[hello("PUSH"), header, vec![7; 1000]].concat())?])?;
    }
    Ok(())
}

/// A body that never ends, where there is no limit: memory is taken by what comes, and by nothing else.
pub(crate) fn endless_body(field: &Field) -> Result<(), AttackError> {
    for number in field.times(1, 4) {
        let mut wire = field.say(&[hello("PUSH"), long_header(0, 1 << 62)].concat())?;
        pour(field, &mut wire, &vec![number as u8; PIECE], EARNEST)?;
        field.until("the server reads", || wire.has_room())?;
        // One after the other: what the server holds at the most is then that of one.
        wire.half_close();
        field.until_over(&mut [wire])?;
    }
    field.hold_deaf();
    Ok(())
}

/// A million empty parts, and no end.
pub(crate) fn endless_multipart(field: &Field) -> Result<(), AttackError> {
    for _ in field.times(1, 4) {
        let mut wire = field.say(&hello("PUSH"))?;
        pour(field, &mut wire, &b"\x01\0".repeat(PIECE / 2), 4 << 20)?;
        field.until_over(&mut [wire])?;
    }
    field.hold_deaf();
    Ok(())
}

/// Messages that are cut off, in the middle of a body and between two parts.
pub(crate) fn cut_off(field: &Field) -> Result<(), AttackError> {
    for number in field.times(200, usize::MAX) {
        let size = [10, 1000, 100_000][number % 3];
        let half = [long_header(MORE, size + 1), vec![1; size as usize]].concat();
        let mut wire = field.say(&[hello("PUSH"), frame(MORE, b"one"), half].concat())?;
        field.until("the server reads", || wire.has_room())?;
        if number % 2 == 0 { wire.reset() } else { drop(wire) }
    }
    Ok(())
}

/// Commands that are none.
pub(crate) fn broken_commands(field: &Field) -> Result<(), AttackError> {
    let bad = [
        frame(COMMAND, b""),
        frame(COMMAND, b"\xFFPING"),
        command("PING", b"\0"),
        frame(COMMAND | MORE, b"\x04PING\0\0"),
        frame(COMMAND, b"\0"),
        [frame(MORE, b"one"), frame(COMMAND | MORE, b"\x04PING\0\0"), frame(0, b"two")].concat(),
    ];
    for number in field.times(300, usize::MAX) {
        let bytes = [&hello("PUSH")[..], &bad[number % bad.len()]].concat();
        field.until_over(&mut [field.say(&bytes)?])?;
    }
    Ok(())
}

/// Commands that nobody knows, without end.
pub(crate) fn unknown_commands(field: &Field) -> Result<(), AttackError> {
    let mut noise = Noise::new(2);
    let piece: Vec<u8> = (0..200).flat_map(|_| command("DANCE", &noise.bytes(300))).collect();
    let mut wire = field.say(&hello("PUSH"))?;
    for _ in field.times(50, 5000) {
        field.until("the server reads", || wire.has_room())?;
        wire.say(&piece);
    }
    field.hold(&mut [wire]);
    Ok(())
}

fn pings() -> Vec<u8> {
    command("PING", b"\0\x64sixteen bytes ..").repeat(1000)
}

/// PINGs as fast as they are answered.
pub(crate) fn ping_flood(field: &Field) -> Result<(), AttackError> {
    let piece = pings();
    let mut wire = field.say(&hello("PUSH"))?;
    for _ in field.times(100, 100_000) {
        field.until("the server reads", || wire.has_room() || wire.is_over())?;
        wire.is_over();
        wire.say(&piece);
    }
    field.hold(&mut [wire]);
    Ok(())
}

/// PINGs of one who never reads an answer, for as long as the server takes them.
pub(crate) fn deaf_ping_flood(field: &Field) -> Result<(), AttackError> {
    let piece = pings();
    let mut wire = field.say(&hello("PUSH"))?;
    wire.narrow();
    let (mut said, mut in_vain) = (0, 0);
    // A server that keeps answers takes them all; one that does not stops reading.
    for _ in field.times(2000, 100_000) {
        if wire.has_room() && said < 2 * EARNEST {
            wire.say(&piece);
            (said, in_vain) = (said + piece.len(), 0);
        } else {
            in_vain += 1;
            if in_vain > 500 {
                break;
            }
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
    }
    field.hold_deaf();
    Ok(())
}
