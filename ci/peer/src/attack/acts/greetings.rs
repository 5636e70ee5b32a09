//! Who never gets through the handshake, and does not mean to.

use std::thread;
use std::time::Duration;

use super::Noise;
use crate::attack::AttackError;
use crate::attack::bytes::{GREETING, command, greeting, hello, property, ready};
use crate::attack::field::Field;
use crate::attack::wire::Wire;

/// A crowd is no larger than what the system lets wait at a listener.
pub(crate) const CROWD: usize = 500;
/// Connections of a slow loris.
const LORIS: usize = 1000;
/// Between two bytes: a handshake takes longer than the server gives it.
const TRICKLE: Duration = Duration::from_millis(12);

/// Opens so many connections, says that on each, and waits until the server has had enough of them; again
/// and again.
fn crowd(field: &Field, count: usize, bytes: &[u8]) -> Result<(), AttackError> {
    for _ in field.times(1, usize::MAX) {
        let mut wires = Vec::with_capacity(count);
        for _ in 0..count {
            wires.push(field.say(bytes)?);
            field.budget.keep();
        }
        field.until_over(&mut wires)?;
    }
    Ok(())
}

pub(crate) fn silence(field: &Field) -> Result<(), AttackError> {
    crowd(field, CROWD, b"")
}

pub(crate) fn slow_loris(field: &Field) -> Result<(), AttackError> {
    crowd(field, LORIS, &greeting("NULL")[..20])
}

pub(crate) fn byte_by_byte(field: &Field) -> Result<(), AttackError> {
    let stream = hello("PUSH");
    for _ in field.times(1, usize::MAX) {
        let mut wires = Vec::new();
        for _ in 0..50 {
            wires.push(field.connect()?);
        }
        for byte in &stream[..stream.len() - 1] {
            wires.iter_mut().for_each(|wire| wire.say(&[*byte]));
            thread::sleep(TRICKLE);
        }
        field.until_over(&mut wires)?;
    }
    Ok(())
}

/// What is said by those who took the wrong port, and noise.
pub(crate) fn garbage(field: &Field) -> Result<(), AttackError> {
    let mut noise = Noise::new(1);
    for number in field.times(400, usize::MAX) {
        let bytes = match number % 4 {
            0 => b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".to_vec(),
            1 => b"\x16\x03\x01\x02\x00\x01\x00\x01\xFC\x03\x03".to_vec(),
            2 => [&greeting("NULL")[..12], &noise.bytes(500)].concat(),
            // Noise may be the beginning of something; nobody waits for how it ends.
            _ => {
                field.say(&noise.bytes(500))?.reset();
                continue;
            }
        };
        field.until_over(&mut [field.say(&bytes)?])?;
    }
    Ok(())
}

/// Handshakes that are well-formed up to what matters.
pub(crate) fn wrong_handshakes(field: &Field) -> Result<(), AttackError> {
    let truncated = property("Identity", b"name")[..10].to_vec();
    let bad = [
        ready("SUB", b""),
        ready("NONSENSE", b""),
        ready("PUSH", &truncated),
        ready("PUSH", &property("Identity", &[b'x'; 256])),
        command("ERROR", b"\x03400"),
        command("ERROR", b"\xFF400"),
        command("HELLO", b"\x05admin\x05admin"),
        command("", b""),
    ];
    for number in field.times(400, usize::MAX) {
        let bytes = [&greeting("NULL")[..], &bad[number % bad.len()]].concat();
        field.until_over(&mut [field.say(&bytes)?])?;
    }
    Ok(())
}

/// As much metadata as a handshake takes, in one piece and in thousands, and more than that.
pub(crate) fn large_ready(field: &Field) -> Result<(), AttackError> {
    let one = property("X-Long", &vec![b'x'; 60_000]);
    let many: Vec<u8> = (0..5000).flat_map(|_| property("X-1", b"yes")).collect();
    let too_much = property("X-Long", &vec![b'x'; 70_000]);
    for number in field.times(60, usize::MAX) {
        let more = [&one, &many, &too_much][number % 3];
        let mut wires = [field.say(&[greeting("NULL"), ready("PUSH", more)].concat())?];
        if number % 3 == 2 {
            field.until_over(&mut wires)?;
        } else {
            field.until("the metadata is taken", || wires[0].has_room())?;
        }
    }
    Ok(())
}

/// Ends rudely after each byte of a handshake and of a message.
pub(crate) fn reset_at_every_byte(field: &Field) -> Result<(), AttackError> {
    let stream = [hello("PUSH"), b"\x01\x04half\x00\x05whole".to_vec()].concat();
    // Half of a message is none: whoever has ended before the last byte has said nothing.
    for number in field.times(2 * stream.len(), usize::MAX) {
        let mut wire = field.say(&stream[..number % stream.len()])?;
        if number % 2 == 0 {
            wire.is_over();
        }
        wire.reset();
    }
    Ok(())
}

/// A greeting of a version that knows no mechanisms, or of another mechanism, then a message in its form.
pub(crate) fn downgrade(field: &Field) -> Result<(), AttackError> {
    let signature = &greeting("")[..10];
    let old_hello = |version: u8| [signature, &[version, 8], b"\0\0\0\x05hello"].concat();
    let mut unsure = greeting("CURVE");
    unsure[10..12].copy_from_slice(&[3, 0]);
    let ways = [
        [hello("PUSH"), b"\0\x05hello".to_vec()].concat(),
        [&greeting("PLAIN")[..], &command("HELLO", b"\x04good\x06secret")].concat(),
        [&greeting("CURVE\0NULL")[..], &ready("PUSH", b"")].concat(),
        [&greeting("CURVE")[..], &ready("PUSH", b""), b"\0\x05hello"].concat(),
        [&unsure[..], &command("MESSAGE", &[0; 40])].concat(),
        old_hello(0),
        old_hello(1),
        // ZMTP 1.0 as it was before there were signatures.
        b"\x01\0\x06\0hello".to_vec(),
    ];
    assert!(ways.iter().all(|way| way.len() < 4 * GREETING));
    for number in field.times(400, usize::MAX) {
        let mut wires: [Wire; 1] = [field.say(&ways[number % ways.len()])?];
        field.until_over(&mut wires)?;
    }
    Ok(())
}
