//! What somebody in the middle may do to CURVE, and who has listened.

use crate::attack::AttackError;
use crate::attack::bytes::frame_ends;
use crate::attack::field::Field;
use crate::attack::relay::{Carried, Relay, nothing};

/// Steps from one bit to the next that is flipped: all of them come, and soon some of each kind.
const STRIDE: usize = 137;
/// Connections at a time of who only says HELLO.
const OPEN: usize = 64;

/// Bits that count of what a client says in its handshake: of the mechanism's name, of HELLO from its key on,
/// of INITIATE from its cookie on.
fn bits(handshake: &[u8]) -> Result<Vec<usize>, AttackError> {
    let &[hello, initiate, ..] = &frame_ends(handshake)[..] else {
        return Err(AttackError::Unexpected("a client that says less than CURVE does".to_owned()));
    };
    let bytes = (12..17).chain(hello - 120..hello).chain(hello + 18..initiate);
    Ok(bytes.flat_map(|byte| byte * 8..byte * 8 + 8).collect())
}

/// Flips one bit of each handshake. Whoever is let in so says something that the server must not hear.
pub(crate) fn flipped_bits(field: &Field) -> Result<(), AttackError> {
    let relay = Relay::new(field)?;
    let known = relay.carry(None, &mut nothing, |carried| carried.is_let_in())?;
    let bits = bits(&known.by_client)?;
    for number in field.times(200, usize::MAX) {
        let bit = bits[number * STRIDE % bits.len()];
        let mut flip = |before: &[u8], mut bytes: Vec<u8>| {
            if let Some(byte) = (bit / 8).checked_sub(before.len()).and_then(|at| bytes.get_mut(at))
            {
                *byte ^= 1 << (bit % 8);
            }
            bytes
        };
        // A client that is let in would say its message, and the server hear it.
        relay.carry(Some("altered"), &mut flip, |carried| carried.frames() > 4)?;
    }
    Ok(())
}

/// Says each sealed message twice.
pub(crate) fn repeated_messages(field: &Field) -> Result<(), AttackError> {
    let relay = Relay::new(field)?;
    for _ in field.times(50, usize::MAX) {
        let mut repeat = |before: &[u8], bytes: Vec<u8>| {
            let whole = [before, &bytes].concat();
            match frame_ends(&whole)[..] {
                [_, initiate, first, ..] if before.len() < first && whole.len() == first => {
                    [&bytes[..], &whole[initiate..first]].concat()
                }
                _ => bytes,
            }
        };
        // The server ends it.
        relay.carry(Some("once"), &mut repeat, |_| false)?;
    }
    Ok(())
}

/// Says all that a client has said in its own connection, its message too.
pub(crate) fn repeated_connection(field: &Field) -> Result<(), AttackError> {
    let relay = Relay::new(field)?;
    let said = |carried: &Carried| carried.is_let_in() && carried.frames() > 2;
    let known = relay.carry(Some("once"), &mut nothing, said)?;
    drop(relay);
    for _ in field.times(200, usize::MAX) {
        field.until_over(&mut [field.say(&known.by_client)?])?;
    }
    Ok(())
}

/// Says nothing but HELLO, which costs who has recorded it nothing, and the server its answer.
pub(crate) fn hello_flood(field: &Field) -> Result<(), AttackError> {
    let relay = Relay::new(field)?;
    let known = relay.carry(None, &mut nothing, |carried| carried.is_let_in())?;
    drop(relay);
    let hello = frame_ends(&known.by_client).first().copied().unwrap_or_default();
    let mut open = Vec::new();
    for number in field.times(500, usize::MAX) {
        let wire = field.say(&known.by_client[..hello])?;
        if open.len() < OPEN {
            open.push(wire);
        } else {
            std::mem::replace(&mut open[number % OPEN], wire).reset();
        }
    }
    Ok(())
}
