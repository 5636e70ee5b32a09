//! The far end of a connection, driven by hand: a blocking socket, and frames as bytes.
#![allow(clippy::unwrap_used)]

use crate::common::DEADLINE;
use ringmq_pipe::frame;
use ringmq_zmtp::{Config, Handshake, NoRandomness, SocketType};
use socket2::Socket;
use std::io::{ErrorKind, Read, Write};
use std::net::Shutdown;
use std::sync::Arc;
use std::time::{Duration, Instant};

pub(crate) struct Peer {
    pub(crate) socket: Socket,
    /// Read and not looked at yet.
    ahead: Vec<u8>,
    /// Frames are those of ZMTP 1.0.
    v1: bool,
}

/// For handshakes that need no randomness.
fn no_random(_: &mut [u8]) -> Result<(), NoRandomness> {
    Err(NoRandomness)
}

/// Which protocol a peer speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Speaks {
    V1_0,
    V2_0,
    V3_0,
    V3_1,
}

/// A frame off the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) flags: u8,
    pub(crate) body: Vec<u8>,
}

/// A frame as it goes on the wire.
pub(crate) fn wire(flags: u8, body: &[u8]) -> Vec<u8> {
    let mut out = vec![0; frame::LONG_HEADER];
    let size = frame::write(&mut out, flags, body.len());
    out.truncate(size);
    out.extend_from_slice(body);
    out
}

/// All that a DEALER says to shake hands, at once, as of one that waits for nothing.
pub(crate) fn introduction() -> Vec<u8> {
    let (mut said, now) = (Vec::new(), Instant::now());
    let mut handshake = Handshake::new(Arc::new(Config::new(SocketType::Dealer)), now);
    handshake.take_output(&mut said);
    handshake.input(now, &mut no_random, &[0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0x7f, 3]).unwrap();
    handshake.take_output(&mut said);
    let mut null = b"\x01NULL".to_vec();
    null.resize(1 + 20 + 32, 0);
    handshake.input(now, &mut no_random, &null).unwrap();
    handshake.take_output(&mut said);
    said
}

impl Peer {
    pub(crate) fn new(socket: Socket) -> Self {
        socket.set_read_timeout(Some(DEADLINE)).unwrap();
        socket.set_write_timeout(Some(DEADLINE)).unwrap();
        Self { socket, ahead: Vec::new(), v1: false }
    }

    /// Completes a handshake of ZMTP 3.1 as a DEALER.
    pub(crate) fn shake_hands(&mut self) {
        let mut handshake =
            Handshake::new(Arc::new(Config::new(SocketType::Dealer)), Instant::now());
        loop {
            let mut out = Vec::new();
            handshake.take_output(&mut out);
            self.socket.write_all(&out).unwrap();
            if handshake.is_done() {
                return;
            }
            let bytes = self.read_some();
            let used = handshake.input(Instant::now(), &mut no_random, &bytes).unwrap();
            self.ahead.extend_from_slice(&bytes[used..]);
        }
    }

    /// Completes a handshake with a DEALER, in the words of that version.
    pub(crate) fn shake_hands_as(&mut self, speaks: Speaks) {
        match speaks {
            Speaks::V3_1 => self.shake_hands(),
            Speaks::V3_0 => {
                self.write(b"\xff\0\0\0\0\0\0\0\x01\x7f\x03\0NULL");
                self.write(&[0; 16 + 32]);
                self.write(b"\x04\x1c\x05READY\x0bSocket-Type\0\0\0\x06DEALER");
                self.bytes(64);
                assert!(self.frame().body.starts_with(b"\x05READY"));
            }
            Speaks::V2_0 => {
                self.write(b"\xff\0\0\0\0\0\0\0\x01\x7f\x01\x05\0\0");
                assert_eq!(self.bytes(14), b"\xff\0\0\0\0\0\0\0\x01\x7f\x03\x05\0\0");
            }
            Speaks::V1_0 => {
                self.v1 = true;
                self.write(b"\x01\0");
                assert_eq!(self.bytes(10), b"\xff\0\0\0\0\0\0\0\x01\x7f");
            }
        }
    }

    /// A frame in this peer's framing.
    pub(crate) fn wire(&self, flags: u8, body: &[u8]) -> Vec<u8> {
        if !self.v1 {
            return wire(flags, body);
        }
        let mut out = match u8::try_from(body.len() + 1) {
            Ok(size @ ..=0xfe) => vec![size],
            _ => [&[0xff], (body.len() as u64 + 1).to_be_bytes().as_slice()].concat(),
        };
        out.push(flags);
        out.extend_from_slice(body);
        out
    }

    fn frame_v1(&mut self) -> Frame {
        let size = match self.bytes(1)[0] {
            0xff => u64::from_be_bytes(self.bytes(8).try_into().unwrap()) as usize,
            short => usize::from(short),
        };
        let rest = self.bytes(size);
        Frame { flags: rest[0], body: rest[1..].to_vec() }
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) {
        self.socket.write_all(bytes).unwrap();
    }

    /// Writes all of it unless the other side ends the connection first.
    pub(crate) fn write_while_heard(&mut self, bytes: &[u8]) {
        match self.socket.write_all(bytes).map_err(|error| error.kind()) {
            Ok(()) => {}
            Err(
                ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted | ErrorKind::BrokenPipe,
            ) => {}
            Err(other) => panic!("{other}"),
        }
    }

    pub(crate) fn read_some(&mut self) -> Vec<u8> {
        let mut bytes = vec![0; 64 * 1024];
        let count = self.socket.read(&mut bytes).unwrap();
        assert!(count > 0, "the connection has ended");
        bytes.truncate(count);
        bytes
    }

    /// Forgets what is read already; how much that was.
    #[cfg(target_os = "linux")]
    pub(crate) fn take_ahead(&mut self) -> usize {
        std::mem::take(&mut self.ahead).len()
    }

    /// The next bytes.
    pub(crate) fn bytes(&mut self, count: usize) -> Vec<u8> {
        while self.ahead.len() < count {
            let more = self.read_some();
            self.ahead.extend(more);
        }
        self.ahead.drain(..count).collect()
    }

    /// The next frame.
    pub(crate) fn frame(&mut self) -> Frame {
        if self.v1 {
            return self.frame_v1();
        }
        loop {
            if let Some(header) = frame::parse(&self.ahead) {
                let whole = self.bytes(header.size + header.body as usize);
                return Frame { flags: header.flags, body: whole[header.size..].to_vec() };
            }
            let more = self.read_some();
            self.ahead.extend(more);
        }
    }

    /// The body of the next frame, which is a whole message.
    pub(crate) fn message(&mut self) -> Vec<u8> {
        let frame = self.frame();
        assert_eq!(frame.flags, 0, "{frame:?}");
        frame.body
    }

    /// Everything up to the end of the connection, however that ends.
    pub(crate) fn rest(&mut self) -> Vec<u8> {
        let mut all = std::mem::take(&mut self.ahead);
        let mut bytes = vec![0; 64 * 1024];
        loop {
            match self.socket.read(&mut bytes) {
                Ok(0) => return all,
                Ok(count) => all.extend_from_slice(&bytes[..count]),
                Err(error) if error.kind() == ErrorKind::ConnectionReset => return all,
                Err(error) => panic!("{error}"),
            }
        }
    }

    /// Writes until the other end has stopped reading; returns how many bytes went out. That is all
    /// that the kernel takes if nobody reads; of one who is slow to read it may be too little.
    pub(crate) fn write_until_blocked(&mut self, bytes: &[u8]) -> usize {
        // Not with a limit of time: a send that Windows gives up has sent nobody knows how much.
        self.socket.set_nonblocking(true).unwrap();
        let (mut sent, mut refused) = (0, None);
        while sent < bytes.len() {
            match self.socket.write(&bytes[sent..]) {
                Ok(count) => (sent, refused) = (sent + count, None),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    let since = *refused.get_or_insert_with(Instant::now);
                    if since.elapsed() >= Duration::from_millis(200) {
                        break;
                    }
                    std::thread::sleep(Duration::from_millis(1));
                }
                Err(error) => panic!("{error}"),
            }
        }
        self.socket.set_nonblocking(false).unwrap();
        sent
    }

    /// No more of ours will come.
    pub(crate) fn end(&mut self) {
        self.socket.shutdown(Shutdown::Write).unwrap();
    }
}
