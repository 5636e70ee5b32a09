//! A host that sends what it has overheard, changed.

use ringmq_pgm::checksum;

/// Makes forgeries.
#[derive(Debug)]
pub(crate) struct Hostile {
    rng: fastrand::Rng,
    /// Of a hundred packets, so many are forged.
    share: u8,
}

impl Hostile {
    pub(crate) fn new(seed: u64, share: u8) -> Self {
        Hostile { rng: fastrand::Rng::with_seed(seed ^ 0xBAD), share }
    }

    /// A forgery of a packet, if one is made. Most have a checksum that is right.
    pub(crate) fn forge(&mut self, packet: &[u8]) -> Option<Vec<u8>> {
        let rng = &mut self.rng;
        if rng.u8(..100) >= self.share {
            return None;
        }
        let mut forgery = packet.to_vec();
        match rng.u8(..8) {
            0 => forgery.truncate(rng.usize(..=packet.len())),
            1 => forgery.extend((0..rng.usize(..20)).map(|_| rng.u8(..))),
            2 => return Some(packet.to_vec()),
            3 => forgery.iter_mut().for_each(|octet| *octet = rng.u8(..)),
            _ => {}
        }
        // What comes early in a packet says more.
        for _ in 0..rng.u8(..4) {
            let most = if rng.bool() { 60 } else { usize::MAX };
            if let Some(at) = forgery.len().min(most).checked_sub(1) {
                forgery[rng.usize(..=at)] = rng.u8(..);
            }
        }
        if forgery.len() >= 8 && rng.u8(..10) > 0 {
            forgery[6..8].fill(0);
            let checksum = checksum(&forgery);
            forgery[6..8].copy_from_slice(&checksum.to_be_bytes());
        }
        Some(forgery)
    }
}
