//! Streams cut into pieces.

use crate::random::Counting;

/// Cuts a stream: byte by byte with 0, else in places that follow from `seed`.
pub(crate) fn cut(mut stream: &[u8], seed: u8) -> Vec<&[u8]> {
    if seed == 0 {
        return stream.chunks(1).collect();
    }
    let mut random = Counting::new(seed.into());
    let mut pieces = Vec::new();
    while !stream.is_empty() {
        // Mostly near the header of a frame, now and then far from it.
        let most = if random.next().is_multiple_of(4) { 400 } else { 12 };
        let length = (random.next() % most) as usize;
        let (piece, rest) = stream.split_at(length.min(stream.len()));
        pieces.push(piece);
        stream = rest;
    }
    pieces
}
