//! What a peer says on the wire, byte by byte, for tests that play one.

use crate::harness::PATIENCE;
use std::io::{Read, Write};
use std::net::TcpStream;
#[cfg(unix)]
use std::os::unix::net::UnixStream;

/// The far end of a connection, played by a test.
pub(crate) struct Wire {
    stream: Box<dyn Stream>,
    /// Read and not looked at yet.
    ahead: Vec<u8>,
}

trait Stream: Read + Write + Send {}
impl<T: Read + Write + Send> Stream for T {}

impl Wire {
    /// Connects to what `bind` has returned; `None` if the standard library cannot.
    pub(crate) fn connect(endpoint: &str) -> Option<Self> {
        let stream: Box<dyn Stream> = if let Some(address) = endpoint.strip_prefix("tcp://") {
            let stream = TcpStream::connect(address).unwrap();
            stream.set_read_timeout(Some(PATIENCE)).unwrap();
            Box::new(stream)
        } else {
            #[cfg(not(unix))]
            return None;
            #[cfg(unix)]
            {
                let path = endpoint.strip_prefix("ipc://").unwrap();
                let stream = UnixStream::connect(path).unwrap();
                stream.set_read_timeout(Some(PATIENCE)).unwrap();
                Box::new(stream)
            }
        };
        Some(Self { stream, ahead: Vec::new() })
    }

    /// Does the handshake, as a socket of that type.
    pub(crate) fn greet(&mut self, socket_type: &str) {
        self.write(&hello(socket_type));
        self.read_exactly(greeting().len());
        let (flags, _ready) = self.read_frame();
        assert_eq!(flags, 4);
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).unwrap();
    }

    /// Writes as much as the other end takes before it ends the connection.
    pub(crate) fn write_what_is_taken(&mut self, bytes: &[u8]) {
        let _ = self.stream.write_all(bytes);
    }

    /// Reads all that comes until the end.
    pub(crate) fn read_to_end(&mut self) -> std::io::Result<Vec<u8>> {
        let mut all = std::mem::take(&mut self.ahead);
        self.stream.read_to_end(&mut all).map(|_| all)
    }

    /// Reads the next frame: its flags and its body.
    pub(crate) fn read_frame(&mut self) -> (u8, Vec<u8>) {
        let [flags, short] = self.read_exactly(2)[..] else { unreachable!() };
        let mut len = usize::from(short);
        if flags & 2 != 0 {
            let mut rest = vec![short];
            rest.extend(self.read_exactly(7));
            len = rest.iter().fold(0, |len, byte| len << 8 | usize::from(*byte));
        }
        (flags & !2, self.read_exactly(len))
    }

    /// Reads so many bytes.
    pub(crate) fn read_exactly(&mut self, len: usize) -> Vec<u8> {
        while self.ahead.len() < len {
            let mut more = vec![0; 1 << 16];
            let count = self.stream.read(&mut more).unwrap();
            assert!(count > 0, "the connection has ended");
            self.ahead.extend_from_slice(&more[..count]);
        }
        self.ahead.drain(..len).collect()
    }

    /// Writes as long as the other end is there and listens; whether all of it was.
    pub(crate) fn try_write(&mut self, bytes: &[u8]) -> bool {
        self.stream.write_all(bytes).is_ok()
    }

    /// Reads until those bytes have come, and them.
    pub(crate) fn read_past(&mut self, bytes: &[u8]) {
        loop {
            let found = self.ahead.windows(bytes.len()).position(|some| some == bytes);
            if let Some(at) = found {
                self.ahead.drain(..at + bytes.len());
                return;
            }
            let mut more = [0; 4096];
            let count = self.stream.read(&mut more).unwrap();
            assert!(count > 0, "the connection has ended");
            self.ahead.extend_from_slice(&more[..count]);
        }
    }
}

/// A ZMTP 3.1 greeting with the mechanism NULL.
pub(crate) fn greeting() -> Vec<u8> {
    greeting_of(3, 1)
}

/// A greeting of some version 3 of ZMTP with the mechanism NULL.
pub(crate) fn greeting_of(major: u8, minor: u8) -> Vec<u8> {
    let mut greeting = vec![0xFF, 0, 0, 0, 0, 0, 0, 0, 1, 0x7F, major, minor];
    greeting.extend_from_slice(b"NULL");
    greeting.resize(64, 0);
    greeting
}

/// A short frame.
pub(crate) fn frame(flags: u8, body: &[u8]) -> Vec<u8> {
    let mut frame = vec![flags, u8::try_from(body.len()).unwrap()];
    frame.extend_from_slice(body);
    frame
}

/// The header of a long frame that ends its message.
pub(crate) fn long_header(length: u64) -> Vec<u8> {
    [&[2][..], &length.to_be_bytes()].concat()
}

/// A READY command.
pub(crate) fn ready(properties: &[(&str, &[u8])]) -> Vec<u8> {
    let mut body = b"\x05READY".to_vec();
    for (name, value) in properties {
        body.push(u8::try_from(name.len()).unwrap());
        body.extend_from_slice(name.as_bytes());
        body.extend_from_slice(&u32::try_from(value.len()).unwrap().to_be_bytes());
        body.extend_from_slice(value);
    }
    let mut frame = vec![6];
    frame.extend_from_slice(&(body.len() as u64).to_be_bytes());
    frame.extend_from_slice(&body);
    frame
}

/// All that a peer with a socket of this type says before its messages.
pub(crate) fn hello(socket_type: &str) -> Vec<u8> {
    [greeting(), ready(&[("Socket-Type", socket_type.as_bytes())])].concat()
}
