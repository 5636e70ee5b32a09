//! Many subscriptions: some subscribers, and a publisher that has to find the right one.
//!
//! A topic is `instrument.` and sixteen hexadecimal digits without any order, so that neighbours in
//! time are far from one another in the trie.

use std::time::Instant;

use anyhow::{Context as _, Result};
use ringmq::{Pub, Sub};

use super::{Role, Setup, until};
use crate::scale::figure::Metric;
use crate::scale::job::{Amount, Found};

/// Subscribers that share the topics.
const SUBSCRIBERS: usize = 10;

/// The topic of a number. The mixing function is SplitMix64's: one to one, and without any order.
fn topic(number: usize) -> String {
    let mut mixed = (number as u64).wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    format!("instrument.{:016x}", mixed ^ mixed >> 31)
}

/// The topics of one of the subscribers.
fn topics_of(subscriber: usize, all: usize) -> impl Iterator<Item = String> {
    (subscriber..all).step_by(SUBSCRIBERS).map(topic)
}

/// One PUB without a high-water mark, so that sending is never refused.
pub(super) struct Publisher {
    publisher: Pub,
    setup: Setup,
}

impl Publisher {
    pub(super) fn new(setup: Setup) -> Result<(Self, String)> {
        let socket = setup.context.publisher()?;
        socket.set_send_hwm(0)?;
        let (publisher, endpoint) = setup.bound(socket)?;
        Ok((Self { publisher, setup }, endpoint))
    }

    /// Waits until there are no more, and no fewer, than so many topics; seconds.
    fn until_topics(&self, wanted: usize) -> Result<f64> {
        let start = Instant::now();
        until("the right number of topics", || Ok(self.publisher.topics() == wanted))?;
        Ok(start.elapsed().as_secs_f64())
    }

    /// Sends messages that begin with `prefix`; nanoseconds each.
    fn send_all(&self, messages: &[String]) -> Result<f64> {
        let start = Instant::now();
        for message in messages {
            self.publisher.send(message)?;
        }
        Ok(start.elapsed().as_nanos() as f64 / messages.len() as f64)
    }
}

impl Role for Publisher {
    fn join(&mut self) -> Result<Found> {
        let all = self.setup.scenario.size;
        let seconds = self.until_topics(all)?;
        let memory = self.setup.memory_each();
        Ok(vec![(Metric::SubscribeTime, seconds), (Metric::TopicMemory, memory)])
    }

    fn measure(&mut self, amount: Amount) -> Result<Found> {
        let all = self.setup.scenario.size;
        let numbers = || (0..amount.messages as usize).map(|n| n.wrapping_mul(7919) % all);
        // All but the last byte of a topic, so that nearly all of the way is gone.
        let miss = |number| format!("{}- last price 4711", &topic(number)[..26]);
        let misses: Vec<String> = numbers().map(miss).collect();
        let hit = |number| format!("{} last price 4711", topic(number));
        let hits: Vec<String> = numbers().map(hit).collect();
        let miss = self.send_all(&misses)?;
        let hit = self.send_all(&hits)?;
        Ok(vec![(Metric::MissTime, miss), (Metric::MatchTime, hit)])
    }

    fn leave(&mut self) -> Result<Found> {
        let all = self.setup.scenario.size;
        let later: usize = (SUBSCRIBERS / 2..SUBSCRIBERS).map(|s| topics_of(s, all).count()).sum();
        let cancelled = self.until_topics(later)?;
        // Each of those that are left knows by this that it may go.
        for subscriber in SUBSCRIBERS / 2..SUBSCRIBERS {
            self.publisher.send(topic(subscriber))?;
        }
        let forgotten = self.until_topics(0)?;
        Ok(vec![(Metric::CancelTime, cancelled), (Metric::ForgetTime, forgotten)])
    }
}

/// SUB sockets, each with its share of the topics.
pub(super) struct Subscribers {
    sockets: Vec<Sub>,
    setup: Setup,
}

impl Subscribers {
    pub(super) fn new(setup: Setup) -> Self {
        Self { sockets: Vec::new(), setup }
    }
}

impl Role for Subscribers {
    fn join(&mut self) -> Result<Found> {
        for subscriber in 0..SUBSCRIBERS {
            let socket = self.setup.connected(self.setup.context.subscriber()?)?;
            for topic in topics_of(subscriber, self.setup.scenario.size) {
                socket.subscribe(topic)?;
            }
            self.sockets.push(socket);
        }
        Ok(Found::new())
    }

    fn measure(&mut self, amount: Amount) -> Result<Found> {
        let mut left = amount.messages;
        until("every message", || {
            for socket in &self.sockets {
                while socket.try_recv().is_ok() {
                    left -= 1;
                }
            }
            Ok(left == 0)
        })?;
        Ok(Found::new())
    }

    fn leave(&mut self) -> Result<Found> {
        let later = self.sockets.split_off(SUBSCRIBERS / 2);
        for (subscriber, socket) in self.sockets.iter().enumerate() {
            for topic in topics_of(subscriber, self.setup.scenario.size) {
                socket.unsubscribe(topic)?;
            }
        }
        for socket in later {
            socket.recv().context("waiting for the sign to leave")?;
        }
        Ok(Found::new())
    }
}
