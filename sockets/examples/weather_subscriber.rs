//! Weather reports: a subscriber. Averages what is reported of one place. See `weather_publisher`.

use clap::Parser;
use ringmq::{Context, Error};

#[derive(Parser)]
struct Arguments {
    /// Where the publisher listens.
    #[arg(long, default_value = "tcp://127.0.0.1:5556")]
    endpoint: String,
    /// Which place to hear of: every one that starts with this.
    #[arg(long, default_value = "zurich")]
    place: String,
    /// How many reports to wait for.
    #[arg(long, default_value_t = 20)]
    count: u32,
}

fn main() -> Result<(), Error> {
    let arguments = Arguments::parse();
    let context = Context::new();
    let subscriber = context.subscriber()?;
    // The publisher is told, and sends nothing else.
    subscriber.subscribe(&arguments.place)?;
    subscriber.connect(&arguments.endpoint)?;
    let mut sum = 0;
    for _ in 0..arguments.count {
        let report = subscriber.recv_multipart()?;
        let degrees = report.get(1).and_then(|frame| std::str::from_utf8(frame).ok());
        // Whoever listens on a wire takes nothing for granted.
        match degrees.and_then(|text| text.parse::<i32>().ok()) {
            Some(degrees) => sum += degrees,
            None => eprintln!("no report: {report:?}"),
        }
    }
    let mean = f64::from(sum) / f64::from(arguments.count.max(1));
    println!("{}: {mean:.1} degrees on average of {}", arguments.place, arguments.count);
    Ok(())
}
