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

use super::{SILENCE, WINDOW, each, outcome};
use crate::awaited::{Receives, Runtime, Sends};
use crate::consume::{Subscriber, Tally};
use crate::local_end::{LocalEnd, Orders};
use crate::measurement::MANY;

/// The subscribers. Their futures outlive a phase: a read that is given up halfway may lose what it
/// had read. The fields are dropped in this order.
pub(super) struct Subscribers<R> {
    listening: FuturesUnordered<LocalBoxFuture<'static, Result<()>>>,
    tally: Rc<RefCell<Tally>>,
    runtime: R,
}

impl<R: Runtime> Subscribers<R> {
    /// Expects messages of `size` bytes.
    pub(super) fn new<W: Receives + 'static>(runtime: R, wires: Vec<W>, size: usize) -> Self {
        let tally = Rc::new(RefCell::new(Tally::new(0)));
        let listening = wires
            .into_iter()
            .map(|wire| Box::pin(listen(wire, size, Rc::clone(&tally))) as LocalBoxFuture<_>)
            .collect();
        Self { listening, tally, runtime }
    }
}

/// Receives for ever.
async fn listen(mut wire: impl Receives, size: usize, tally: Rc<RefCell<Tally>>) -> Result<()> {
    let mut consumer = Subscriber::new(size);
    loop {
        wire.recv(&mut consumer).await?;
        tally.borrow_mut().note();
    }
}

impl<R: Runtime> LocalEnd for Subscribers<R> {
    fn run(&mut self, count: u64) -> Result<Outcome> {
        let Self { listening, tally, runtime } = self;
        *tally.borrow_mut() = Tally::new(count * MANY as u64);
        runtime.block_on(async {
            loop {
                let before = tally.borrow().received;
                let mut silence = pin!(R::sleep(SILENCE));
                let enough = poll_fn(|cx| {
                    if let Poll::Ready(Some(Err(error))) = listening.poll_next_unpin(cx) {
                        return Poll::Ready(Err(error));
                    }
                    if tally.borrow().complete() {
                        return Poll::Ready(Ok(true));
                    }
                    silence.as_mut().poll(cx).map(|()| Ok(tally.borrow().received == before))
                });
                if enough.await? {
                    break;
                }
            }
            let tally = tally.borrow();
            Ok(outcome(tally.received, tally.elapsed_ns()))
        })
    }

    fn order(&mut self, orders: &mut Orders) -> Option<u64> {
        self.runtime.block_on(orders.next())
    }
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
    /// Sends messages of `size` bytes.
    pub(super) fn new(runtime: R, wires: Vec<W>, size: usize) -> Self {
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
        let each = each(count);
        let start = Instant::now();
        let Self { dealers, runtime } = self;
        runtime.block_on(try_join_all(dealers.iter_mut().map(|dealer| dealer.work(each))))?;
        Ok(outcome(each * MANY as u64, start.elapsed().as_nanos() as u64))
    }

    fn order(&mut self, orders: &mut Orders) -> Option<u64> {
        self.runtime.block_on(orders.next())
    }
}
