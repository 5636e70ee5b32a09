//! Many peers with rzmq, on io_uring: PUB with `XPUB_NODROP`, one future for each of many sockets.

use anyhow::Result;
use ringmq_bench::case::Side;
use rzmq::socket::{SUBSCRIBE, XPUB_NODROP};
use rzmq::{MsgFlags, Socket, SocketType};

use super::Rounded;
use super::awaited::{Dealers, Receivers};
use crate::awaited::{self, Answers, Runtime as _};
use crate::job::Job;
use crate::local_end::Opening;
use crate::measurement::Measurement;
use crate::rival::rzmq::{Driver, Wire, attach, socket};

/// Makes one end.
pub(super) fn open(job: &Job, side: Side) -> Result<Opening> {
    let driver = Driver::of(job)?;
    let job = job.clone();
    if side == Side::Bind {
        let publishes = job.measurement == Measurement::PubSub;
        let kind = if publishes { SocketType::Pub } else { SocketType::Router };
        let (socket, endpoint) = driver.block_on(async {
            let socket = socket(&driver.context, kind).await?;
            if publishes {
                socket.set_option(XPUB_NODROP, 1i32).await?;
            }
            let endpoint = attach(&socket, &job, side).await?;
            anyhow::Ok((socket, endpoint))
        })?;
        return Ok(if publishes {
            Opening::new(endpoint, move || Ok(awaited::sending(driver, Wire(socket), &job)))
        } else {
            let answering = awaited::answering(driver, Router(socket));
            Opening::ready(endpoint, Rounded(answering, job.peers()))
        });
    }
    let endpoint = job.endpoint.clone();
    Ok(match job.measurement {
        Measurement::PubSub => Opening::new(endpoint, move || {
            let wires = driver.block_on(many_peers(&driver, SocketType::Sub, &job))?;
            Receivers::new(driver, wires, &job)
        }),
        _ => Opening::new(endpoint, move || {
            let wires = driver.block_on(many_peers(&driver, SocketType::Dealer, &job))?;
            Ok(Dealers::new(driver, wires, &job))
        }),
    })
}

/// Makes and connects many sockets.
async fn many_peers(driver: &Driver, kind: SocketType, job: &Job) -> Result<Vec<Wire>> {
    let mut wires = Vec::with_capacity(job.peers());
    for _ in 0..job.peers() {
        let socket = socket(&driver.context, kind).await?;
        if kind == SocketType::Sub {
            socket.set_option(SUBSCRIBE, "").await?;
        }
        attach(&socket, job, Side::Connect).await?;
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
