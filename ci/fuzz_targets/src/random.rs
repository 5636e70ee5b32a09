//! Random bytes that are the same in each run.

use ringmq_zmtp::NoRandomness;

/// Other bytes each time, by splitmix64.
#[derive(Clone, Debug)]
pub(crate) struct Counting(u64);

impl Counting {
    pub(crate) fn new(seed: u64) -> Self {
        Counting(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ mixed >> 31
    }

    /// As a mechanism asks for them.
    pub(crate) fn fill(&mut self, out: &mut [u8]) -> Result<(), NoRandomness> {
        out.fill_with(|| self.next() as u8);
        Ok(())
    }
}
