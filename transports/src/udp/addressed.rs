//! Messages of a DGRAM as libzmq has them: an address, `192.0.2.1:5555`, and the body, which is the datagram.

use crate::datagram::DatagramRuns;
use ringmq_engine::{Carriage, Datagram, DatagramBatch, DatagramPart, FrameBody, Unpacked, frames};
use ringmq_pipe::{Piece, PipeWriter, frame};
use std::io::Write;
use std::net::SocketAddr;
use std::time::Instant;

/// Bytes of an address in words, of whatever family.
const LONGEST_ADDRESS: usize = 64;

/// See the [module's documentation](self).
#[derive(Default)]
pub(crate) struct Addressed {
    runs: DatagramRuns,
    /// The address of the last datagram that came, as a frame.
    source: Option<(SocketAddr, Vec<u8>)>,
}

impl Addressed {
    /// The first frame of a message from `source`: its address, and the zero byte that libzmq puts behind it.
    fn frame_of(&mut self, source: SocketAddr) -> &[u8] {
        if self.source.as_ref().is_none_or(|(last, _)| *last != source) {
            let mut frame = Vec::with_capacity(LONGEST_ADDRESS);
            // Into memory: nothing of that fails.
            let _ = write!(frame, "{source}\0");
            self.source = Some((source, frame));
        }
        self.source.as_ref().map_or(&[], |(_, frame)| frame)
    }
}

impl Carriage for Addressed {
    fn pack(&mut self, _: Instant, messages: &[Piece], batch: &mut DatagramBatch) -> u64 {
        let mut dropped = 0;
        let mut address: Option<FrameBody<'_>> = None;
        for (header, body) in frames(messages) {
            if header.flags & frame::MORE != 0 {
                address = Some(body);
                continue;
            }
            let to = address.take().and_then(|address| parse(address.bytes()));
            match to {
                Some(to) => self.runs.push(&[body.bytes()], Some(to), batch),
                None => dropped += 1,
            }
        }
        self.runs.finish(batch);
        dropped
    }

    fn unpack(&mut self, _: Instant, datagram: &Datagram<'_>, pipe: &mut PipeWriter) -> Unpacked {
        let mut intake = Unpacked::default();
        let address = self.frame_of(datagram.source);
        for DatagramPart { bytes: body, truncated } in datagram.parts() {
            if truncated {
                intake.malformed += 1;
                continue;
            }
            intake.write(pipe, address, body);
        }
        intake
    }
}

/// The address in a frame; a zero byte at its end, as in those that are received, is no part of it.
fn parse(frame: &[u8]) -> Option<SocketAddr> {
    let text = frame.strip_suffix(b"\0").unwrap_or(frame);
    let address: SocketAddr = std::str::from_utf8(text).ok()?.parse().ok()?;
    (address.port() != 0).then_some(address)
}
