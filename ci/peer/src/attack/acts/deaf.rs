//! Peers that read nothing, or next to nothing.

use std::thread;
use std::time::Duration;

use crate::attack::AttackError;
use crate::attack::bytes::{frame, greeting, hello, property, ready, subscribe};
use crate::attack::field::Field;
use crate::attack::part::GOOD_ID;
use crate::attack::wire::Wire;

/// Deaf peers at a time.
const DEAF: usize = 8;
/// Between two bytes that are read.
const PAUSE: Duration = Duration::from_millis(20);

fn deaf_subscribers(field: &Field) -> Result<Vec<Wire>, AttackError> {
    let bytes = [hello("SUB"), subscribe(b"")].concat();
    (0..DEAF)
        .map(|_| {
            let wire = field.say(&bytes)?;
            wire.narrow();
            Ok(wire)
        })
        .collect()
}

/// Wants everything, and reads nothing of it.
pub(crate) fn subscribers(field: &Field) -> Result<(), AttackError> {
    let _wires = deaf_subscribers(field)?;
    field.hold_deaf();
    Ok(())
}

/// Wants everything, and reads a byte now and then.
pub(crate) fn a_byte_at_a_time(field: &Field) -> Result<(), AttackError> {
    let mut wires = deaf_subscribers(field)?;
    for _ in field.times(5, usize::MAX) {
        for wire in &mut wires {
            wire.hear(&mut [0]);
        }
        thread::sleep(PAUSE);
    }
    Ok(())
}

/// Asks and asks, and reads no answer.
pub(crate) fn dealers(field: &Field) -> Result<(), AttackError> {
    let piece = frame(0, &[b'?'; 200]).repeat(20);
    let mut wires = Vec::new();
    for _ in 0..DEAF {
        let wire = field.say(&hello("DEALER"))?;
        wire.narrow();
        wires.push(wire);
    }
    for number in field.times(1000, 1_000_000) {
        let wire = &mut wires[number % DEAF];
        if wire.has_room() {
            wire.say(&piece);
        } else {
            // The server need not read from those who do not listen.
            thread::sleep(Duration::from_micros(200));
        }
    }
    field.hold_deaf();
    Ok(())
}

/// Says that it is the good client.
pub(crate) fn impostor(field: &Field) -> Result<(), AttackError> {
    let identity = property("Identity", GOOD_ID.as_bytes());
    let bytes = [greeting("NULL"), ready("DEALER", &identity), frame(0, b"it is me")].concat();
    let mut wires = Vec::new();
    for number in field.times(200, usize::MAX) {
        let wire = field.say(&bytes)?;
        if wires.len() < 50 {
            wires.push(wire);
        } else {
            wires[number % 50] = wire;
        }
    }
    Ok(())
}
