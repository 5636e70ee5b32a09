//! Weather reports: the publisher. Sends a report of one place after the other to whoever listens.
//!
//! ```text
//! cargo run --example weather_publisher
//! cargo run --example weather_subscriber -- --place zurich
//! ```

use clap::Parser;
use ringmq::{Context, Error};
use std::time::Duration;

const PLACES: [&str; 5] = ["zurich", "london", "lima", "lagos", "hanoi"];

#[derive(Parser)]
struct Arguments {
    /// Where to listen for subscribers.
    #[arg(long, default_value = "tcp://127.0.0.1:5556")]
    endpoint: String,
    /// How many reports to send; for ever if left out.
    #[arg(long, default_value_t = u64::MAX)]
    count: u64,
    /// Milliseconds between two reports.
    #[arg(long, default_value_t = 10)]
    pause: u64,
}

fn main() -> Result<(), Error> {
    let arguments = Arguments::parse();
    let context = Context::new();
    let publisher = context.publisher()?;
    println!("listening on {}", publisher.bind(&arguments.endpoint)?);
    for number in 0..arguments.count {
        let place = PLACES[number as usize % PLACES.len()];
        let degrees = fastrand::i32(-10..35);
        // Two frames: what subscribers choose by, and the rest. Without a subscriber a report is
        // gone: a publisher never waits.
        publisher.send_multipart([place.to_owned(), degrees.to_string()])?;
        std::thread::sleep(Duration::from_millis(arguments.pause));
    }
    Ok(())
}
