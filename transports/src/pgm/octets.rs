//! Messages as the stream of octets that PGM carries: frames of ZMTP 1.0, one after the other.

use ringmq_engine::frames;
use ringmq_pgm::Packer;
use ringmq_pipe::{Piece, frame};
use ringmq_zmtp::{Encoder, Version, short_frames_to_v1};
use std::collections::VecDeque;

/// What waits to be put into packets.
pub(super) struct OctetStream {
    encoder: Encoder,
    octets: Vec<u8>,
    /// How far they are in packets.
    at: usize,
    /// Where messages begin that are not.
    begins: VecDeque<usize>,
}

impl OctetStream {
    pub(super) fn new() -> Self {
        let encoder = Encoder::new(Version::V1_0);
        Self { encoder, octets: Vec::new(), at: 0, begins: VecDeque::new() }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.at == self.octets.len()
    }

    /// Adds whole messages behind what is there.
    pub(super) fn add(&mut self, messages: &[Piece]) {
        if self.is_empty() {
            self.octets.clear();
            self.at = 0;
        }
        for (at, piece) in messages.iter().enumerate() {
            if !self.add_short(piece) {
                return self.add_frames(&messages[at..]);
            }
        }
    }

    /// Adds a piece whose messages have one short frame each; or nothing, if it has others.
    fn add_short(&mut self, piece: &Piece) -> bool {
        let (octets, begins) = (self.octets.len(), self.begins.len());
        let run =
            short_frames_to_v1(piece.bytes(), &mut self.octets, |at| self.begins.push_back(at));
        let is_all = run.bytes == piece.bytes().len();
        if !is_all {
            self.octets.truncate(octets);
            self.begins.truncate(begins);
        }
        is_all
    }

    fn add_frames(&mut self, messages: &[Piece]) {
        let mut begins = true;
        for (header, body) in frames(messages) {
            if header.flags & frame::COMMAND != 0 {
                continue;
            }
            if begins {
                self.begins.push_back(self.octets.len());
            }
            begins = header.flags & frame::MORE == 0;
            let body = body.bytes();
            self.encoder.translate_header(header.flags, body.len() as u64, &mut self.octets);
            self.octets.extend_from_slice(body);
        }
    }

    /// Puts as much as fits into a packet; how many octets of the slot that takes.
    pub(super) fn pack(&mut self, slot: &mut [u8]) -> usize {
        let mut packer = Packer::new(slot);
        let begins = self.begins.front().map(|begin| begin - self.at);
        self.at += packer.push(&self.octets[self.at..], begins);
        while self.begins.front().is_some_and(|begin| *begin < self.at) {
            self.begins.pop_front();
        }
        packer.finish()
    }
}
