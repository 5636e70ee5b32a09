//! The process that plays one part: reads orders from stdin, writes replies to stdout, one JSON value
//! a line, and ends when stdin closes.

use std::io::{self, BufRead, Write};

use anyhow::{Context as _, Result, bail};

use super::actor::{self, Actor};
use super::wire::{Order, Reply};

/// Serves the parent until it has had enough.
pub(crate) fn serve() -> Result<()> {
    let mut actor = None;
    for line in io::stdin().lock().lines() {
        let order = serde_json::from_str(&line.context("reading from the parent")?)
            .context("the parent sent something else than an order")?;
        let reply = step(&mut actor, order).unwrap_or_else(|e| Reply::Failed(format!("{e:#}")));
        let mut out = io::stdout().lock();
        serde_json::to_writer(&mut out, &reply).context("answering the parent")?;
        out.write_all(b"\n").and_then(|()| out.flush()).context("answering the parent")?;
    }
    Ok(())
}

fn step(actor: &mut Option<Box<dyn Actor>>, order: Order) -> Result<Reply> {
    Ok(Reply::Found(match (order, actor) {
        (Order::Cast(part), actor) => {
            let (cast, ready) = actor::cast(&part)?;
            *actor = Some(cast);
            return Ok(ready);
        }
        (Order::Join, Some(actor)) => actor.join()?,
        (Order::Measure(amount), Some(actor)) => actor.measure(amount)?,
        (Order::Leave, Some(actor)) => actor.leave()?,
        (_, None) => bail!("no part was given out"),
    }))
}
