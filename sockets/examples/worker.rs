//! Divide and conquer: a worker squares the numbers that it is given. See `ventilator`.

use clap::Parser;
use ringmq::{Context, Error};

#[derive(Parser)]
struct Arguments {
    /// Where the ventilator hands out tasks.
    #[arg(long, default_value = "tcp://127.0.0.1:5557")]
    tasks: String,
    /// Where the sink takes results.
    #[arg(long, default_value = "tcp://127.0.0.1:5558")]
    results: String,
    /// How many tasks to do; for ever if left out.
    #[arg(long, default_value_t = u64::MAX)]
    count: u64,
}

fn main() -> Result<(), Error> {
    let arguments = Arguments::parse();
    let context = Context::new();
    let tasks = context.pull()?;
    tasks.connect(&arguments.tasks)?;
    let results = context.push()?;
    results.connect(&arguments.results)?;
    for _ in 0..arguments.count {
        let task = tasks.recv()?;
        let number = std::str::from_utf8(&task).ok().and_then(|text| text.parse::<u64>().ok());
        match number {
            Some(number) => results.send((u128::from(number) * u128::from(number)).to_string())?,
            None => eprintln!("no task: {task:?}"),
        }
    }
    Ok(())
}
