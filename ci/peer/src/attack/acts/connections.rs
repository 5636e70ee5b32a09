//! Too many connections, and connections that are not used for anything.

use super::greetings::CROWD;
use crate::attack::AttackError;
use crate::attack::bytes::{greeting, hello};
use crate::attack::field::Field;
use crate::attack::wire::Wire;

/// Comes and goes, in every way there is.
pub(crate) fn churn(field: &Field) -> Result<(), AttackError> {
    for number in field.times(1000, usize::MAX) {
        let mut wire = field.connect()?;
        match number % 4 {
            0 => drop(wire),
            1 => wire.reset(),
            2 => {
                wire.say(&greeting("NULL")[..30]);
                wire.reset();
            }
            _ => {
                wire.say(&hello("PUSH"));
                drop(wire);
            }
        }
    }
    Ok(())
}

/// Says hello and that nothing will follow, and stays.
pub(crate) fn half_close(field: &Field) -> Result<(), AttackError> {
    let stream = hello("PUSH");
    for number in field.times(200, usize::MAX) {
        let mut wire = field.say(&stream[..if number % 2 == 0 { stream.len() } else { 30 }])?;
        wire.half_close();
        field.until_over(&mut [wire])?;
    }
    Ok(())
}

/// Far more connections than the server wants, of which each goes as far as it is let.
fn flood(field: &Field, bytes: &[u8]) -> Result<(), AttackError> {
    let mut wires: Vec<Wire> = Vec::new();
    for _ in 0..CROWD {
        wires.push(field.say(bytes)?);
        field.budget.keep();
    }
    let mut next = 0;
    for _ in field.times(CROWD, usize::MAX) {
        next = (next + 1) % wires.len();
        if wires[next].is_over() {
            wires[next] = field.say(bytes)?;
        }
    }
    Ok(())
}

pub(crate) fn connection_flood(field: &Field) -> Result<(), AttackError> {
    flood(field, &hello("PUSH"))
}

pub(crate) fn handshake_flood(field: &Field) -> Result<(), AttackError> {
    flood(field, &greeting("NULL")[..20])
}

/// More than the server has descriptors for. Whom it cannot accept it cannot end either: they wait.
pub(crate) fn descriptors(field: &Field) -> Result<(), AttackError> {
    for _ in field.times(1, usize::MAX) {
        let mut wires = Vec::new();
        for _ in 0..100 {
            wires.push(field.say(&hello("PUSH"))?);
        }
        field.hold(&mut wires);
    }
    Ok(())
}
