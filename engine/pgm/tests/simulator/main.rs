//! Sources and receivers in a network that loses, delays, doubles and turns around packets, in a time of its own.
//!
//! Each seed is a scenario of its own. `RINGMQ_PGM_SEEDS=10000` runs more of them; `--ignored` runs a million
//! packets.
#![allow(clippy::unwrap_used)]

mod hostile;
mod link;
mod plan;
mod publisher;
mod subscriber;
mod summary;
mod world;

use plan::Plan;
use summary::Summary;
use world::World;

/// Seeds that are run unless told otherwise.
const SEEDS: u64 = 200;

/// Says which seed it was, if it fails.
struct Failing(Plan);

impl Drop for Failing {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("failed: {:?}", self.0);
        }
    }
}

fn run(plan: Plan) -> Summary {
    let failing = Failing(plan);
    World::new(&failing.0).run()
}

fn seeds(name: &str, plan: impl Fn(u64) -> Plan) {
    let told = std::env::var("RINGMQ_PGM_SEEDS").ok();
    let seeds = told.and_then(|count| count.parse().ok()).unwrap_or(SEEDS);
    let mut total = Summary::default();
    (0..seeds).for_each(|seed| total += run(plan(seed)));
    println!("{name}, {seeds} seeds: {total}");
    assert!(total.delivered > 0 && total.repaired > 0 && total.messages > 0);
}

#[test]
fn all_arrives_where_the_window_is_large_enough() {
    seeds("large windows", Plan::all_arrives);
}

#[test]
fn what_is_lost_is_told_where_the_window_is_too_small() {
    seeds("small windows", Plan::some_is_lost);
}

#[test]
fn forgeries_of_another_host_cost_nothing_that_was_sent() {
    seeds("hostile", Plan::some_forge);
}

#[test]
#[ignore = "takes as long as all other tests"]
fn a_million_packets() {
    let mut total = Summary::default();
    for seed in 1_000_000.. {
        let plans = [Plan::all_arrives, Plan::some_is_lost, Plan::some_forge];
        let plan = plans[seed as usize % plans.len()];
        total += run(Plan { messages: 3000, ..plan(seed) });
        if total.sent >= 1_000_000 {
            break;
        }
    }
    println!("a million: {total}");
}
