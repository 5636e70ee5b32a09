//! The deterministic message stream that every peer can make and check by itself.
//!
//! The same function as `ci/interop_lib/pattern.py`: message `seq` of a stream follows from the
//! seed alone, so sender and receiver agree on every byte without talking to each other. The
//! test below and one on the Python side keep the two equal.

/// What opens a tagged message.
pub(crate) const DATA_MAGIC: &[u8; 4] = b"RMQ#";
/// What opens a probe: a message outside every stream that only shows that the path is open.
pub(crate) const PROBE_MAGIC: &[u8; 4] = b"RMQ?";
/// Magic, stream (u32) and sequence number (u64), big-endian.
pub(crate) const TAG: usize = 16;
/// Magic and number (u64).
const PROBE: usize = 12;
/// The largest body: 1 MiB.
pub(crate) const MAX_BODY: usize = 1 << 20;

/// Sizes at which some encoder, decoder or allocator changes its mind.
const EDGE_SIZES: [usize; 25] = [
    0, 1, 15, 16, 30, 31, 33, 34, 48, 63, 64, 65, 253, 254, 255, 256, 257, 4095, 4096, 8191, 8192,
    8193, 65535, 65536, MAX_BODY,
];
/// The filler repeats after this many bytes: a prime, so that a body cut at a power of two shows.
const UNIT: usize = 65521;
/// Words of randomness that one message may draw.
const WORDS_PER_MESSAGE: u64 = 64;
const MAX_FRAMES: u64 = 5;

/// One step of the splitmix64 generator.
pub(crate) fn mix(value: u64) -> u64 {
    let value = value.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    value ^ (value >> 31)
}

/// All streams of one seed.
pub(crate) struct Pattern {
    seed: u64,
    /// From this sequence number on every message carries a tag.
    tagged_from: u64,
    max_body: usize,
    filler: Vec<u8>,
}

impl Pattern {
    pub(crate) fn new(seed: u64, tagged_from: u64, max_body: usize) -> Self {
        let unit: Vec<u8> = (0..=UNIT as u64 / 8)
            .flat_map(|i| mix(seed.wrapping_add(i)).to_le_bytes())
            .take(UNIT)
            .collect();
        // Enough for the largest body from the last offset.
        let filler = unit.repeat(max_body / UNIT + 2);
        Self { seed, tagged_from, max_body, filler }
    }

    pub(crate) fn is_tagged(&self, seq: u64) -> bool {
        seq >= self.tagged_from
    }

    /// The frames of message `seq` of `stream`.
    pub(crate) fn frames(&self, stream: u32, seq: u64) -> Vec<Vec<u8>> {
        let start = seq.wrapping_mul(WORDS_PER_MESSAGE);
        let shape = self.word(stream, start);
        let count = if shape.is_multiple_of(4) { 2 + (shape >> 8) % (MAX_FRAMES - 1) } else { 1 };
        (0..count).map(|frame| self.frame(stream, seq, start, frame)).collect()
    }

    fn frame(&self, stream: u32, seq: u64, start: u64, frame: u64) -> Vec<u8> {
        let word = self.word(stream, start.wrapping_add(1 + frame));
        let mut size = self.size(word);
        if frame == 0 && self.is_tagged(seq) {
            size = size.max(TAG);
        }
        let offset = (mix(word) % UNIT as u64) as usize;
        let mut body = self.filler[offset..offset + size].to_vec();
        if frame == 0 && size >= TAG {
            body[..4].copy_from_slice(DATA_MAGIC);
            body[4..8].copy_from_slice(&stream.to_be_bytes());
            body[8..TAG].copy_from_slice(&seq.to_be_bytes());
        }
        body
    }

    fn word(&self, stream: u32, index: u64) -> u64 {
        mix(mix(self.seed ^ mix(u64::from(stream))).wrapping_add(index))
    }

    fn size(&self, word: u64) -> usize {
        let span = (word >> 16) as usize;
        let size = match word % 1000 {
            0..20 => EDGE_SIZES[span % EDGE_SIZES.len()],
            20..900 => span % 257,
            900..985 => span % 8193,
            985..998 => span % 65537,
            _ => span % (MAX_BODY + 1),
        };
        size.min(self.max_body)
    }
}

/// Stream and sequence number of a tagged message.
pub(crate) fn parse_tag(head: &[u8]) -> Option<(u32, u64)> {
    let rest = head.strip_prefix(DATA_MAGIC)?;
    let (stream, rest) = rest.split_first_chunk()?;
    let (seq, _) = rest.split_first_chunk()?;
    Some((u32::from_be_bytes(*stream), u64::from_be_bytes(*seq)))
}

/// The one frame of a probe.
pub(crate) fn probe(number: u64) -> Vec<u8> {
    [&PROBE_MAGIC[..], &number.to_be_bytes()].concat()
}

/// The number of a probe, if the frame is one.
pub(crate) fn parse_probe(frame: &[u8]) -> Option<u64> {
    if frame.len() != PROBE {
        return None;
    }
    let (number, _) = frame.strip_prefix(PROBE_MAGIC)?.split_first_chunk()?;
    Some(u64::from_be_bytes(*number))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Folds the bytes and the frame boundaries of a stream's beginning into one word.
    fn digest(pattern: &Pattern, stream: u32, messages: u64) -> u64 {
        let mut digest = 0;
        for seq in 0..messages {
            for frame in pattern.frames(stream, seq) {
                digest = mix(digest ^ frame.len() as u64);
                for chunk in frame.chunks(8) {
                    let mut word = [0; 8];
                    word[..chunk.len()].copy_from_slice(chunk);
                    digest = mix(digest ^ u64::from_le_bytes(word));
                }
            }
        }
        digest
    }

    #[test]
    fn the_stream_is_the_one_that_the_python_peer_makes() {
        // ci/interop_lib/tests.py expects the same numbers.
        assert_eq!(digest(&Pattern::new(1, 20, MAX_BODY), 3, 40), 0x433f_ea1b_70d1_ab8a);
        assert_eq!(digest(&Pattern::new(u64::MAX, 0, 100), u32::MAX, 40), 0x7de6_944b_52a9_0b25);
    }

    #[test]
    fn tags_and_probes_read_back() {
        let pattern = Pattern::new(7, 5, MAX_BODY);
        assert_eq!(parse_tag(&pattern.frames(2, 9)[0]), Some((2, 9)));
        assert_eq!(parse_probe(&probe(77)), Some(77));
        assert_eq!(parse_probe(&pattern.frames(2, 9)[0]), None);
        assert_eq!(parse_tag(b"RMQ#"), None);
    }
}
