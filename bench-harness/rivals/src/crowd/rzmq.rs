//! The crowds of rzmq, on io_uring: PUB with `XPUB_NODROP`, one future for each socket of a crowd.

use anyhow::Result;
use rzmq::socket::{SUBSCRIBE, XPUB_NODROP};
use rzmq::{MsgFlags, Socket, SocketType};

use super::awaited::{Dealers, Subscribers};
use super::{CROWD, Rounded};
use crate::awaited::{self, Answers, Runtime as _};
use crate::case::Side;
use crate::errand::Errand;
use crate::game::Game;
use crate::part::Opening;
use crate::rival::rzmq::{Home, Wire, attach, socket};

/// Makes one end.
pub(super) fn open(errand: &Errand, side: Side) -> Result<Opening> {
    let home = Home::of(errand)?;
    let size = errand.size;
    if side == Side::Bind {
        let publishes = errand.game == Game::PubSub;
        let kind = if publishes { SocketType::Pub } else { SocketType::Router };
        let (socket, endpoint) = home.block_on(async {
            let socket = socket(&home.context, kind).await?;
            if publishes {
                socket.set_option(XPUB_NODROP, 1i32).await?;
            }
            let endpoint = attach(&socket, errand, side).await?;
            anyhow::Ok((socket, endpoint))
        })?;
        return Ok(if publishes {
            Opening::new(endpoint, move || Ok(awaited::sending(home, Wire(socket), size)))
        } else {
            Opening::new(endpoint, move || Ok(Rounded(awaited::answering(home, Router(socket)))))
        });
    }
    let errand = errand.clone();
    let endpoint = errand.endpoint.clone();
    Ok(match errand.game {
        Game::PubSub => Opening::new(endpoint, move || {
            let wires = home.block_on(crowd(&home, SocketType::Sub, &errand))?;
            Ok(Subscribers::new(home, wires, size))
        }),
        _ => Opening::new(endpoint, move || {
            let wires = home.block_on(crowd(&home, SocketType::Dealer, &errand))?;
            Ok(Dealers::new(home, wires, size))
        }),
    })
}

/// Makes and connects a crowd.
async fn crowd(home: &Home, kind: SocketType, errand: &Errand) -> Result<Vec<Wire>> {
    let mut wires = Vec::with_capacity(CROWD);
    for _ in 0..CROWD {
        let socket = socket(&home.context, kind).await?;
        if kind == SocketType::Sub {
            socket.set_option(SUBSCRIBE, "").await?;
        }
        attach(&socket, errand, Side::Connect).await?;
        wires.push(Wire(socket));
    }
    Ok(wires)
}

struct Router(Socket);

impl Answers for Router {
    #[inline]
    async fn answer(&mut self) -> Result<()> {
        let mut frames = self.0.recv_multipart().await?;
        let last = frames.len().saturating_sub(1);
        for frame in &mut frames[..last] {
            frame.set_flags(frame.flags() | MsgFlags::MORE);
        }
        Ok(self.0.send_multipart(frames).await?)
    }
}
