//! Messages to groups as libzmq has them: the length of the group's name in one byte, the name, the body.

use super::LONGEST_OF_GROUP;
use crate::datagram::DatagramRuns;
use ringmq_engine::{Carriage, Datagram, DatagramBatch, DatagramPart, FrameBody, Unpacked, frames};
use ringmq_pipe::{Piece, PipeWriter, frame};
use std::net::SocketAddr;
use std::time::Instant;

/// See the [module's documentation](self).
pub(crate) struct Groups {
    /// Where messages go; what the socket writes goes nowhere without.
    to: Option<SocketAddr>,
    runs: DatagramRuns,
}

impl Groups {
    pub(crate) fn sending_to(address: SocketAddr) -> Self {
        Self { to: Some(address), runs: DatagramRuns::default() }
    }

    pub(crate) fn receiving() -> Self {
        Self { to: None, runs: DatagramRuns::default() }
    }
}

impl Carriage for Groups {
    fn pack(&mut self, _: Instant, messages: &[Piece], batch: &mut DatagramBatch) -> u64 {
        // A DISH writes which groups it joins: nobody is there to hear that.
        let Some(to) = self.to else { return 0 };
        let mut dropped = 0;
        let mut group: Option<FrameBody<'_>> = None;
        for (header, body) in frames(messages) {
            if header.flags & frame::MORE != 0 {
                group = Some(body);
                continue;
            }
            let Some(group) = group.take() else { continue };
            let (group, body) = (group.bytes(), body.bytes());
            match u8::try_from(group.len()) {
                Ok(len) if 1 + group.len() + body.len() <= LONGEST_OF_GROUP => {
                    self.runs.push(&[&[len], group, body], Some(to), batch);
                }
                _ => dropped += 1,
            }
        }
        self.runs.finish(batch);
        dropped
    }

    fn unpack(&mut self, _: Instant, datagram: &Datagram<'_>, pipe: &mut PipeWriter) -> Unpacked {
        let mut intake = Unpacked::default();
        for DatagramPart { bytes, truncated } in datagram.parts() {
            let Some((group, body)) = split(bytes).filter(|_| !truncated) else {
                intake.malformed += 1;
                continue;
            };
            intake.write(pipe, group, body);
        }
        intake
    }
}

/// The group and the body in a datagram.
fn split(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (&len, rest) = bytes.split_first()?;
    rest.split_at_checked(len.into())
}
