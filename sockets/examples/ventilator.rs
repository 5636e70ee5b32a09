//! Divide and conquer: the ventilator hands tasks to workers, in turn; the results go to a sink.
//!
//! ```text
//! cargo run --example sink
//! cargo run --example worker        # as many as you like
//! cargo run --example ventilator
//! ```

use clap::Parser;
use ringmq::{Context, Error};

#[derive(Parser)]
struct Arguments {
    /// Where workers get their tasks.
    #[arg(long, default_value = "tcp://127.0.0.1:5557")]
    endpoint: String,
    /// How many tasks to hand out.
    #[arg(long, default_value_t = 100)]
    count: u64,
}

fn main() -> Result<(), Error> {
    let arguments = Arguments::parse();
    let context = Context::new();
    let tasks = context.push()?;
    println!("listening on {}", tasks.bind(&arguments.endpoint)?);
    for task in 0..arguments.count {
        // Waits for the first worker, and while all workers have enough to do.
        tasks.send(task.to_string())?;
    }
    println!("handed out {} tasks", arguments.count);
    // The context stays until all of them are delivered.
    Ok(())
}
