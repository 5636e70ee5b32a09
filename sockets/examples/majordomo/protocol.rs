//! The frames of MDP/0.2. Each message begins with who speaks and a command; DEALERs and a ROUTER carry it,
//! so there is no empty frame before.
//!
//! | who, command | frames that follow |
//! |---|---|
//! | client, `REQUEST` | service, body... |
//! | client, `PARTIAL` and `FINAL` (from the broker) | service, body... |
//! | worker, `READY` | service |
//! | worker, `REQUEST` (from the broker) | client, empty, body... |
//! | worker, `PARTIAL` and `FINAL` | client, empty, body... |
//! | worker, `HEARTBEAT` and `DISCONNECT` (both ways) | |

use ringmq::{Message, Multipart};

/// How what a client says, and is told, begins.
pub(crate) const CLIENT: &str = "MDPC02";
/// How what a worker says, and is told, begins.
pub(crate) const WORKER: &str = "MDPW02";

/// The commands of clients.
pub(crate) mod client {
    pub(crate) const REQUEST: u8 = 1;
    pub(crate) const PARTIAL: u8 = 2;
    pub(crate) const FINAL: u8 = 3;
}

/// The commands of workers.
pub(crate) mod worker {
    pub(crate) const READY: u8 = 1;
    pub(crate) const REQUEST: u8 = 2;
    pub(crate) const PARTIAL: u8 = 3;
    pub(crate) const FINAL: u8 = 4;
    pub(crate) const HEARTBEAT: u8 = 5;
    pub(crate) const DISCONNECT: u8 = 6;
}

/// A message without its body.
pub(crate) fn command(who: &str, command: u8) -> Multipart {
    Multipart::from([Message::from(who), Message::from([command])])
}

/// Takes the first two frames off: the command, if the message is of those who speak so.
pub(crate) fn take_command(message: &mut Multipart, who: &str) -> Option<u8> {
    if message.get(0)? != who {
        return None;
    }
    let command = *message.get(1)?.first()?;
    message.pop_front();
    message.pop_front();
    Some(command)
}

/// Takes the client and the empty frame off the beginning.
pub(crate) fn take_client(message: &mut Multipart) -> Option<Message> {
    let client = message.pop_front()?;
    message.pop_front().filter(|frame| frame.is_empty())?;
    Some(client)
}
