//! Divide and conquer: the sink adds the results of all workers up. See `ventilator`.

use clap::Parser;
use ringmq::{Context, Error};

#[derive(Parser)]
struct Arguments {
    /// Where workers bring their results.
    #[arg(long, default_value = "tcp://127.0.0.1:5558")]
    endpoint: String,
    /// How many results to wait for.
    #[arg(long, default_value_t = 100)]
    count: u64,
}

fn main() -> Result<(), Error> {
    let arguments = Arguments::parse();
    let context = Context::new();
    let results = context.pull()?;
    println!("listening on {}", results.bind(&arguments.endpoint)?);
    let mut sum = 0u128;
    for _ in 0..arguments.count {
        // From each worker in turn, as long as it has something.
        let result = results.recv()?;
        match std::str::from_utf8(&result).ok().and_then(|text| text.parse::<u128>().ok()) {
            Some(number) => sum = sum.saturating_add(number),
            None => eprintln!("no result: {result:?}"),
        }
    }
    println!("the sum is {sum}");
    Ok(())
}
