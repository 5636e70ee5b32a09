//! What a handshake has to say.

use zeroize::{Zeroize, Zeroizing};

use ringmq_pipe::frame;

use crate::codec::FrameWriter;
use crate::web_socket::frames::WebSocketWriter;

/// What has not been taken for sending yet: a password, perhaps.
#[derive(Default)]
pub(super) struct Output {
    /// As it goes out.
    wire: Zeroizing<Vec<u8>>,
    /// Frames of ZMTP that are still to take the form that `carrier` gives them.
    frames: Zeroizing<Vec<u8>>,
    /// Writes the frames of a WebSocket, if that carries the connection, once it is open.
    pub(super) carrier: Option<WebSocketWriter>,
}

impl Output {
    /// Where bytes go that are sent as they are.
    pub(super) fn wire(&mut self) -> &mut Vec<u8> {
        &mut self.wire
    }

    /// Where frames of ZMTP go.
    pub(super) fn frames(&mut self) -> &mut Vec<u8> {
        if self.carrier.is_some() { &mut self.frames } else { &mut self.wire }
    }

    /// Gives the frames that were written the form in which they go out.
    pub(super) fn carry(&mut self) {
        let Some(carrier) = &mut self.carrier else { return };
        let mut rest = self.frames.as_slice();
        while let (Some(header), Some(flags)) = (frame::parse(rest), rest.first()) {
            let (this, others) = rest.split_at(header.size + header.body as usize);
            let flags = flags & (frame::MORE | frame::COMMAND);
            carrier.write(flags, &this[header.size..], &mut self.wire);
            rest = others;
        }
        self.frames.zeroize();
    }

    /// Appends all of it to `out`, as it goes out, and leaves nothing of it here; returns whether it was anything.
    pub(super) fn take(&mut self, out: &mut Vec<u8>) -> bool {
        out.extend_from_slice(&self.wire);
        let any = !self.wire.is_empty();
        self.wire.zeroize();
        any
    }
}
