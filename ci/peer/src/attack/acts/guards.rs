//! Who tries to get past PLAIN, CURVE and ZAP with credentials of others, or none that are any good.

use std::time::Duration;

use ringmq::{AnySocket, MonitorEvent, SocketType};

use crate::attack::AttackError;
use crate::attack::bytes::{command, greeting};
use crate::attack::field::Field;
use crate::attack::part::{self, NAME, SLOW};
use crate::attack::wire::Wire;

/// How long the attacker looks at a monitor at a time.
const GLANCE: Duration = Duration::from_millis(2);

fn plain_hello(name: &str, password: &str) -> Vec<u8> {
    let mut data = vec![name.len() as u8];
    data.extend_from_slice(name.as_bytes());
    data.push(password.len() as u8);
    data.extend_from_slice(password.as_bytes());
    [greeting("PLAIN"), command("HELLO", &data)].concat()
}

/// Tries one password after the other.
pub(crate) fn guessed_passwords(field: &Field) -> Result<(), AttackError> {
    for number in field.times(500, usize::MAX) {
        let hello = plain_hello(NAME, &format!("secret{number}"));
        field.until_over(&mut [field.say(&hello)?])?;
    }
    Ok(())
}

/// A client that says this if it is let in.
fn client(field: &Field) -> Result<AnySocket, AttackError> {
    let client = field.context.socket(SocketType::Push)?;
    client.set_linger(Some(Duration::ZERO))?;
    client.set_curve_secret_key(part::unknown_keys().secret)?;
    Ok(client)
}

/// Takes the server for another one, or is somebody whom it does not know.
pub(crate) fn wrong_keys(field: &Field) -> Result<(), AttackError> {
    for number in field.times(60, usize::MAX) {
        let client = client(field)?;
        let server = if number % 2 == 0 { part::unknown_keys() } else { part::server_keys() };
        client.set_curve_server_key(server.public)?;
        let monitor = client.monitor();
        client.connect(&field.endpoint)?;
        let _ = client.try_send("forged");
        field.until("a client with the wrong keys is refused", || {
            matches!(monitor.recv_timeout(GLANCE), Ok(MonitorEvent::HandshakeFailed { .. }))
        })?;
    }
    Ok(())
}

/// Asks to be let in by a handler that hangs when it hears this name.
pub(crate) fn hanging_handler(field: &Field) -> Result<(), AttackError> {
    let hello = plain_hello(SLOW, "");
    for _ in field.times(1, usize::MAX) {
        let mut wires: Vec<Wire> = Vec::new();
        for _ in 0..100 {
            wires.push(field.say(&hello)?);
            field.budget.keep();
        }
        field.until_over(&mut wires)?;
    }
    Ok(())
}
