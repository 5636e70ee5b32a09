//! The loops of many sockets whose calls are awaited: one future for each socket, all of them on
//! one thread.

use std::cell::RefCell;
use std::future::poll_fn;
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;
use std::time::Instant;

use anyhow::Result;
use futures::future::{LocalBoxFuture, try_join_all};
use futures::stream::{FuturesUnordered, StreamExt as _};
use ringmq_bench::job::Outcome;
use ringmq_bench::payload::{Checker, Stamper};
use ringmq_bench::pool::Pool;

use super::reception::Reception;
use super::{SILENCE, WINDOW, each, outcome};
use crate::awaited::{Receives, Runtime, Sending, Sends};
use crate::consume::Subscriber;
use crate::job::Job;
use crate::local_end::{LocalEnd, Orders};

/// The subscribers, or the PULLs that share what one PUSH sends. Their futures outlive a phase: a read
/// that is given up halfway may lose what it had read. The fields are dropped in this order.
pub(super) struct Receivers<R> {
    listening: FuturesUnordered<LocalBoxFuture<'static, Result<()>>>,
    reception: Rc<RefCell<Reception>>,
    runtime: R,
}

impl<R: Runtime> Receivers<R> {
    /// Those of `job`.
    pub(super) fn new<W: Receives + 'static>(runtime: R, wires: Vec<W>, job: &Job) -> Result<Self> {
        let reception = Rc::new(RefCell::new(Reception::new(job)?));
        let listening = wires
            .into_iter()
            .zip(Reception::consumers(job))
            .enumerate()
            .map(|(at, (wire, consumer))| {
                Box::pin(listen(at, wire, consumer, Rc::clone(&reception))) as LocalBoxFuture<_>
            })
            .collect();
        Ok(Self { listening, reception, runtime })
    }
}

/// Receives for ever.
async fn listen(
    at: usize,
    mut wire: impl Receives,
    mut consumer: Subscriber,
    reception: Rc<RefCell<Reception>>,
) -> Result<()> {
    loop {
        wire.recv(&mut consumer).await?;
        reception.borrow_mut().note(at, consumer.last())?;
    }
}

impl<R: Runtime> LocalEnd for Receivers<R> {
    fn run(&mut self, count: u64) -> Result<Outcome> {
        let Self { listening, reception, runtime } = self;
        reception.borrow_mut().begin(count);
        runtime.block_on(async {
            loop {
                let before = reception.borrow().received();
                let mut silence = pin!(R::sleep(SILENCE));
                let enough = poll_fn(|cx| {
                    if let Poll::Ready(Some(Err(error))) = listening.poll_next_unpin(cx) {
                        return Poll::Ready(Err(error));
                    }
                    let reception = reception.borrow();
                    if reception.complete() {
                        return Poll::Ready(Ok(true));
                    }
                    let over = || reception.may_miss() && reception.received() == before;
                    silence.as_mut().poll(cx).map(|()| Ok(over()))
                });
                if enough.await? {
                    break;
                }
            }
            reception.borrow().end()
        })
    }

    fn order(&mut self, orders: &mut Orders) -> Option<u64> {
        self.runtime.block_on(orders.next())
    }
}

/// Several sockets that send, each its share of the numbers. The fields are dropped in this order.
pub(super) struct Senders<W, R> {
    senders: Vec<(W, Sending)>,
    runtime: R,
}

impl<W: Sends, R> Senders<W, R> {
    /// Those of `job`.
    pub(super) fn new(runtime: R, wires: Vec<W>, job: &Job) -> Self {
        let all = wires.len() as u64;
        let strand = |strand| Sending::of(Stamper::of_strand(job.size, strand, all));
        Self { senders: wires.into_iter().zip((0..).map(strand)).collect(), runtime }
    }
}

impl<W: Sends + 'static, R: Runtime> LocalEnd for Senders<W, R> {
    fn run(&mut self, count: u64) -> Result<Outcome> {
        let Self { senders, runtime } = self;
        let (each, all) = (each(count, senders.len()), senders.len() as u64);
        let send = |(wire, sending)| send_all(wire, sending, each);
        runtime.block_on(try_join_all(senders.iter_mut().map(|(w, s)| send((w, s)))))?;
        Ok(outcome(each * all, 0))
    }

    fn order(&mut self, orders: &mut Orders) -> Option<u64> {
        self.runtime.block_on(orders.next())
    }
}

async fn send_all(wire: &mut impl Sends, sending: &mut Sending, count: u64) -> Result<()> {
    for _ in 0..count {
        wire.send_next(sending).await?;
    }
    wire.flush().await
}

/// The DEALERs. The fields are dropped in this order.
pub(super) struct Dealers<W, R> {
    dealers: Vec<Dealer<W>>,
    runtime: R,
}

/// One of them.
struct Dealer<W> {
    wire: W,
    stamper: Stamper,
    pool: Pool,
    checker: Checker,
}

impl<W, R> Dealers<W, R> {
    /// Those of `job`.
    pub(super) fn new(runtime: R, wires: Vec<W>, job: &Job) -> Self {
        let size = job.size;
        let dealer = |wire| {
            let stamper = Stamper::new(size);
            let pool = Pool::new(&stamper, 4 * WINDOW as usize);
            Dealer { wire, stamper, pool, checker: Checker::new(size) }
        };
        Self { dealers: wires.into_iter().map(dealer).collect(), runtime }
    }
}

impl<W: Sends + Receives> Dealer<W> {
    /// Sends and receives `count` messages.
    async fn work(&mut self, count: u64) -> Result<()> {
        for _ in 0..WINDOW.min(count) {
            self.wire.send(self.pool.next(&mut self.stamper)).await?;
        }
        for came in 1..=count {
            self.wire.recv(&mut self.checker).await?;
            if came + WINDOW <= count {
                self.wire.send(self.pool.next(&mut self.stamper)).await?;
            }
        }
        Ok(())
    }
}

impl<W: Sends + Receives + 'static, R: Runtime> LocalEnd for Dealers<W, R> {
    fn run(&mut self, count: u64) -> Result<Outcome> {
        let Self { dealers, runtime } = self;
        let (each, peers) = (each(count, dealers.len()), dealers.len() as u64);
        let start = Instant::now();
        runtime.block_on(try_join_all(dealers.iter_mut().map(|dealer| dealer.work(each))))?;
        Ok(outcome(each * peers, start.elapsed().as_nanos() as u64))
    }

    fn order(&mut self, orders: &mut Orders) -> Option<u64> {
        self.runtime.block_on(orders.next())
    }
}
