//! A last value cache: a proxy between publishers and subscribers that keeps the latest message of each
//! topic, and sends it when somebody subscribes, who so need not wait for the next one.
//!
//! To publishers it is an XSUB that wants everything, to subscribers an XPUB. An XPUB receives what is
//! subscribed to: a frame of a byte 1 and the prefix. With `verbose` it does so also if somebody else has
//! that prefix already. The value is published once more then: other subscribers of the topic see it again.
//! ```text
//! cargo run --example weather_publisher -- --pause 10000       # a place's next report is long in coming
//! cargo run --example last_value_cache
//! cargo run --example weather_subscriber -- --endpoint tcp://127.0.0.1:5564 --count 1   # at any time
//! ```

use clap::Parser;
use ringmq::{Context, Error, Interest, Multipart, Poller};
use std::collections::BTreeMap;

#[derive(Parser)]
struct Arguments {
    /// Where publishers listen.
    #[arg(default_values = ["tcp://127.0.0.1:5556"])]
    publishers: Vec<String>,
    /// Where to listen for subscribers.
    #[arg(long, default_value = "tcp://127.0.0.1:5564")]
    endpoint: String,
}

/// The latest message of each topic, which is its first frame. Grows with the number of topics.
type Latest = BTreeMap<Vec<u8>, Multipart>;

fn main() -> Result<(), Error> {
    let arguments = Arguments::parse();
    let context = Context::new();
    let publishers = context.xsub()?;
    publishers.subscribe("")?;
    for endpoint in &arguments.publishers {
        publishers.connect(endpoint)?;
    }
    let subscribers = context.xpub()?;
    subscribers.set_verbose(true)?;
    println!("listening on {}", subscribers.bind(&arguments.endpoint)?);
    let mut latest = Latest::new();
    let poller = Poller::new();
    let published = poller.add(&publishers, Interest::READABLE);
    poller.add(&subscribers, Interest::READABLE);
    loop {
        for ready in poller.wait(None)? {
            if ready.key == published {
                let message = publishers.recv_multipart()?;
                latest.insert(message[0].to_vec(), message.clone());
                subscribers.send_multipart(message)?;
            } else if let [1, prefix @ ..] = &subscribers.recv_multipart()?[0][..] {
                for message in matching(&latest, prefix) {
                    subscribers.send_multipart(message.clone())?;
                }
            }
        }
    }
}

/// The messages whose topics start so.
fn matching<'a>(latest: &'a Latest, prefix: &'a [u8]) -> impl Iterator<Item = &'a Multipart> {
    let from = latest.range(prefix.to_vec()..);
    from.take_while(move |(topic, _)| topic.starts_with(prefix)).map(|(_, message)| message)
}
