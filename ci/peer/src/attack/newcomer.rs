//! One more good client: it gets in, and is heard.

use std::time::{Duration, Instant};

use ringmq::{AnySocket, Context, Error, SocketType};

use super::AttackError;
use super::attack::Attack;
use super::part::{self, GOOD, NEWCOMER, PartProcess, ServerStatus, Shape};
use crate::socket::{Kind, SLICE, set_slices};

/// How long it tries.
const PATIENCE: Duration = Duration::from_secs(90);

/// Comes, says something or hears something, and goes.
pub(crate) fn visit(
    attack: &Attack,
    endpoint: &str,
    context: &Context,
    server: &mut PartProcess,
) -> Result<(), AttackError> {
    let (socket_type, kind) = match attack.shape {
        Shape::Pull => (SocketType::Push, Kind::Push),
        Shape::Router => (SocketType::Dealer, Kind::Dealer),
        Shape::Publisher => (SocketType::Sub, Kind::Sub),
    };
    let socket = context.socket(socket_type)?;
    set_slices(&socket, kind)?;
    socket.set_linger(Some(Duration::ZERO))?;
    part::equip(&socket, attack.guard)?;
    let before = server.ask::<ServerStatus>("status")?.newcomers;
    if attack.shape == Shape::Publisher {
        socket.subscribe(GOOD)?;
    }
    socket.connect(endpoint)?;
    let end = Instant::now() + PATIENCE;
    let mut is_sent = false;
    while Instant::now() < end {
        if attack.shape == Shape::Publisher {
            if hears(&socket)? {
                return Ok(());
            }
            continue;
        }
        is_sent = is_sent || says(&socket)?;
        if server.ask::<ServerStatus>("status")?.newcomers > before {
            return Ok(());
        }
        std::thread::sleep(SLICE / 4);
    }
    Err(AttackError::KeptOut)
}

fn hears(socket: &AnySocket) -> Result<bool, AttackError> {
    match socket.recv() {
        Ok(_) => Ok(true),
        Err(Error::WouldBlock) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

fn says(socket: &AnySocket) -> Result<bool, AttackError> {
    match socket.send(NEWCOMER).map_err(Error::from) {
        Ok(()) => Ok(true),
        Err(Error::WouldBlock) => Ok(false),
        Err(error) => Err(error.into()),
    }
}
