//! What happens in a scenario, made out of a seed.

use std::time::Duration;

use ringmq_pgm::Sqn;

/// A scenario.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) seed: u64,
    /// Packets of a hundred that a link loses.
    pub(crate) loss: u8,
    /// How many are lost in a row, on average.
    pub(crate) burst: u32,
    /// Packets of a hundred that come twice.
    pub(crate) doubled: u8,
    pub(crate) delay: Duration,
    /// How much longer the delay may be. What is longer than the time between packets turns them around.
    pub(crate) jitter: Duration,
    pub(crate) sources: usize,
    /// What becomes of each receiver.
    pub(crate) receivers: Vec<Fate>,
    /// Messages of each source, and their longest.
    pub(crate) messages: u32,
    pub(crate) longest: usize,
    pub(crate) max_tpdu: usize,
    pub(crate) rate: Option<u64>,
    pub(crate) source_window: usize,
    pub(crate) receiver_window: usize,
    pub(crate) memory: usize,
    /// Whether NAKs reach other receivers too.
    pub(crate) naks_to_all: bool,
    /// For a hundred packets, so many more come that are forged.
    pub(crate) hostile: u8,
    /// Whether nothing may be lost.
    pub(crate) all: bool,
    /// Whether numbers wrap soon.
    pub(crate) wraps: bool,
}

/// What becomes of a receiver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// There from the beginning.
    Stays,
    /// Joins when the sources send already.
    Late(Duration),
    /// Hears and does nothing for a while.
    Pauses(Duration, Duration),
    /// Is gone.
    Stops(Duration),
}

impl Plan {
    fn random(seed: u64, rng: &mut fastrand::Rng) -> Plan {
        let millis = |rng: &mut fastrand::Rng, most| Duration::from_millis(rng.u64(0..=most));
        let receivers = (0..rng.usize(1..=4)).map(|_| match rng.u8(..8) {
            0..4 => Fate::Stays,
            4..6 => Fate::Late(millis(rng, 1000)),
            6 => Fate::Pauses(millis(rng, 1000), millis(rng, 2000)),
            _ => Fate::Stops(millis(rng, 1000)),
        });
        Plan {
            seed,
            receivers: receivers.collect(),
            loss: rng.u8(0..=30),
            burst: if rng.bool() { 1 } else { rng.u32(2..20) },
            doubled: rng.u8(0..=10),
            delay: Duration::from_micros(rng.u64(10..20_000)),
            jitter: Duration::from_micros(if rng.bool() { 0 } else { rng.u64(1..20_000) }),
            sources: rng.usize(1..=3),
            messages: rng.u32(50..600),
            longest: if rng.bool() { 100 } else { 3000 },
            max_tpdu: rng.usize(150..1472),
            rate: if rng.u8(..4) == 0 { None } else { Some(rng.u64(200_000..5_000_000)) },
            source_window: 0,
            receiver_window: 0,
            memory: 64 << 20,
            naks_to_all: rng.bool(),
            hostile: 0,
            all: true,
            wraps: rng.bool(),
        }
    }

    /// The number of each source's first packet.
    pub(crate) fn first(&self) -> Sqn {
        Sqn(if self.wraps { u32::MAX - 100 } else { 0 })
    }

    /// Windows hold all that is sent.
    pub(crate) fn all_arrives(seed: u64) -> Plan {
        let plan = Plan::random(seed, &mut fastrand::Rng::with_seed(seed));
        Plan { source_window: 1 << 15, receiver_window: 1 << 15, ..plan }
    }

    /// The same, and somebody on the network forges packets.
    pub(crate) fn some_forge(seed: u64) -> Plan {
        Plan { hostile: 1 + (seed % 30) as u8, ..Plan::all_arrives(!seed) }
    }

    /// Windows are small, and so may be memory.
    pub(crate) fn some_is_lost(seed: u64) -> Plan {
        let mut rng = fastrand::Rng::with_seed(!seed);
        let plan = Plan::random(seed, &mut rng);
        let windows = (rng.usize(1..100), rng.usize(1..100));
        let (source_window, receiver_window) = windows;
        let memory = if rng.bool() { plan.memory } else { rng.usize(1000..50_000) };
        Plan { source_window, receiver_window, memory, all: false, ..plan }
    }
}
