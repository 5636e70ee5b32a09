//! The text of endpoints, to bind and to connect.
//!
//! Input: the text; what is no UTF-8 in it is replaced.

use ringmq_transports::endpoint::Endpoint;

use crate::memory::{FIXED, bounded};

/// The text, and its error's: not more than a few copies.
const COPIES: usize = 16;

/// Panics if what is parsed does not print in a form that is parsed to the same, or an error does not name the
/// endpoint.
pub fn run(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    bounded(FIXED + COPIES * text.len(), || {
        for parse in [Endpoint::parse_bind, Endpoint::parse_connect] {
            match parse(&text) {
                Ok(endpoint) => {
                    let printed = endpoint.to_string();
                    assert_eq!(parse(&printed).as_ref(), Ok(&endpoint), "{printed}");
                    assert_eq!(endpoint.to_string(), printed, "one form");
                    if let Endpoint::Tcp(tcp) = &endpoint {
                        let _ = tcp.as_numeric();
                    }
                }
                Err(error) => assert!(!error.to_string().is_empty()),
            }
        }
    });
}

/// Endpoints of each form, and some that are none.
pub fn seeds() -> Vec<Vec<u8>> {
    [
        "tcp://127.0.0.1:5555",
        "tcp://*:*",
        "tcp://eth0:0",
        "tcp://[::1]:5555",
        "tcp://[fe80::1%eth0]:1",
        "tcp://[fe80::1%3]:65535",
        "tcp://example.com:80",
        "tcp://192.168.0.1:0;example.com:80",
        "tcp://*:*;[::ffff:1.2.3.4]:80",
        "tcp://1.2.3:4",
        "tcp://host:065536",
        "ipc:///tmp/socket",
        "ipc://@abstract",
        "ipc://*",
        "inproc://name",
        "udp://239.0.0.1:5555",
        "ws://host:80/path",
        "TCP://LOCALHOST:1",
        "://",
        "tcp:/",
    ]
    .map(|text| text.as_bytes().to_vec())
    .to_vec()
}
