//! The process that takes one role: reads orders from stdin, writes replies to stdout, one JSON value
//! a line, and ends when stdin closes.

use std::io::{self, BufRead, Write};

use anyhow::{Context as _, Result, bail};

use super::role::{self, Role};
use super::wire::{Order, Reply};

/// Serves the parent until it has had enough.
pub(crate) fn serve() -> Result<()> {
    let mut role = None;
    for line in io::stdin().lock().lines() {
        let order = serde_json::from_str(&line.context("reading from the parent")?)
            .context("the parent sent something else than an order")?;
        let reply = step(&mut role, order).unwrap_or_else(|e| Reply::Failed(format!("{e:#}")));
        let mut out = io::stdout().lock();
        serde_json::to_writer(&mut out, &reply).context("answering the parent")?;
        out.write_all(b"\n").and_then(|()| out.flush()).context("answering the parent")?;
    }
    Ok(())
}

fn step(role: &mut Option<Box<dyn Role>>, order: Order) -> Result<Reply> {
    Ok(Reply::Found(match (order, role) {
        (Order::SetUp(job), role) => {
            let (taken, ready) = role::set_up(&job)?;
            *role = Some(taken);
            return Ok(ready);
        }
        (Order::Join, Some(role)) => role.join()?,
        (Order::Measure(amount), Some(role)) => role.measure(amount)?,
        (Order::Leave, Some(role)) => role.leave()?,
        (_, None) => bail!("no role was given out"),
    }))
}
