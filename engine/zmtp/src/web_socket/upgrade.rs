//! How a connection becomes a WebSocket: a request of HTTP 1.1, and the answer to it (RFC 6455, section 4).
//!
//! The client names the forms of ZWS that it can speak, and the server takes the first one that it can speak as
//! well: `ZWS2.0/` and a mechanism, whose dialogue follows, or `ZWS2.0`, with nothing but routing ids before
//! messages flow.

use std::fmt;

use data_encoding::BASE64;
use httparse::{EMPTY_HEADER, Header, Request, Response, Status};
use sha1_smol::Sha1;

use super::frames::WebSocketWriter;
use super::mask::Masks;
use super::{Carrier, WebSocketTarget};
use crate::error::quote;
use crate::limits::QUOTE_MAX;
use crate::mechanism::Random;
use crate::{Config, MechanismConfig, ProtocolError};

/// The longest request, and the longest answer, in bytes, as in libzmq.
const HEAD_MAX: usize = 8192;
/// The most lines of either.
const HEADERS_MAX: usize = 64;

/// What a server puts behind a client's key (RFC 6455, section 1.3).
const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
const KEY_SIZE: usize = 16;
const VERSION: &str = "13";

/// The protocol without a mechanism, and what comes before the name of one.
const BARE: &str = "ZWS2.0";
const WITH_MECHANISM: &str = "ZWS2.0/";

const UPGRADE: &str = "Upgrade";
const CONNECTION: &str = "Connection";
const KEY: &str = "Sec-WebSocket-Key";
const ACCEPT: &str = "Sec-WebSocket-Accept";
const PROTOCOL: &str = "Sec-WebSocket-Protocol";

/// The opening of a WebSocket.
pub(crate) struct Upgrade {
    /// What has come of the other end's request or answer.
    head: Vec<u8>,
    /// What the server's answer must say, if this end is the client.
    expected: Option<String>,
    /// How frames are written, until that is taken.
    writer: Option<WebSocketWriter>,
}

/// Without what has come, which may hold the cookies of a browser.
impl fmt::Debug for Upgrade {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upgrade").field("bytes", &self.head.len()).finish_non_exhaustive()
    }
}

/// What both ends have agreed upon.
#[derive(Debug)]
pub(crate) struct Upgraded {
    pub(crate) writer: WebSocketWriter,
    /// Whether a mechanism's dialogue follows.
    pub(crate) has_mechanism: bool,
}

impl Upgrade {
    /// Begins what `carrier` says; the client's request is appended to `out`.
    ///
    /// # Errors
    /// [`ProtocolError::NoRandomness`].
    pub(crate) fn new(
        carrier: &Carrier,
        config: &Config,
        random: &mut Random<'_>,
        out: &mut Vec<u8>,
    ) -> Result<Self, ProtocolError> {
        let (mut masks, mut expected) = (None, None);
        if let Carrier::WebSocketClient(target) = carrier {
            let (mut key, mut seed) = ([0; KEY_SIZE], [0; 16]);
            random(&mut key)?;
            random(&mut seed)?;
            let key = BASE64.encode(&key);
            write_request(target, config, &key, out);
            expected = Some(accept(&key));
            masks = Some(Masks::new(seed));
        }
        Ok(Upgrade { head: Vec::new(), expected, writer: Some(WebSocketWriter::new(masks)) })
    }

    /// Takes bytes of the peer, none beyond its request or answer; returns how many, and what is agreed upon once
    /// it is. A server's answer, or why there is none, is appended to `out`.
    ///
    /// # Errors
    /// What the peer did wrong.
    pub(crate) fn input(
        &mut self,
        bytes: &[u8],
        config: &Config,
        out: &mut Vec<u8>,
    ) -> Result<(usize, Option<Upgraded>), ProtocolError> {
        let taken = self.collect(bytes);
        // First, so that it is the same error however the bytes come.
        if let Err(error) = self.look_at_beginning(taken.is_some()) {
            if self.expected.is_none() {
                refuse(400, "Bad Request", out);
            }
            return Err(error);
        }
        let Some(taken) = taken else { return Ok((bytes.len(), None)) };
        let agreed = match &self.expected {
            Some(expected) => read_answer(&self.head, expected, config),
            None => answer_request(&self.head, config, out),
        };
        let has_mechanism = agreed?;
        self.head = Vec::new();
        let Some(writer) = self.writer.take() else { return Ok((taken, None)) };
        Ok((taken, Some(Upgraded { writer, has_mechanism })))
    }

    /// Adds to what has come; returns how much of it was taken if that is all now. Nothing is copied of what is
    /// behind, which may be a password.
    fn collect(&mut self, bytes: &[u8]) -> Option<usize> {
        const END: &[u8] = b"\r\n\r\n";
        let bytes = &bytes[..bytes.len().min(HEAD_MAX.saturating_sub(self.head.len()))];
        // It may have begun in what was there before.
        let before = self.head.len().min(END.len() - 1);
        let mut seam = self.head[self.head.len() - before..].to_vec();
        seam.extend_from_slice(&bytes[..bytes.len().min(END.len() - 1)]);
        let find = |bytes: &[u8]| bytes.windows(END.len()).position(|four| four == END);
        let end = find(&seam).map(|at| at + END.len() - before);
        let end = end.or_else(|| find(bytes).map(|at| at + END.len()));
        self.head.extend_from_slice(&bytes[..end.unwrap_or(bytes.len())]);
        end
    }

    /// Finds out early if this will never be all there is to say, unless it is `whole`.
    fn look_at_beginning(&self, whole: bool) -> Result<(), ProtocolError> {
        let begins: &[u8] = if self.expected.is_some() { b"HTTP/1.1 " } else { b"GET " };
        let known = self.head.len().min(begins.len());
        if self.head[..known] != begins[..known] {
            return Err(not_web_socket("its first line is none of HTTP 1.1 for that"));
        }
        if !whole && self.head.len() >= HEAD_MAX {
            return Err(not_web_socket("what it says before is too long"));
        }
        Ok(())
    }
}

fn not_web_socket(what: &'static str) -> ProtocolError {
    ProtocolError::NotWebSocket { what }
}

/// What a server answers to that key.
fn accept(key: &str) -> String {
    let mut hash = Sha1::from(key);
    hash.update(GUID);
    BASE64.encode(&hash.digest().bytes())
}

/// Whether this end speaks the protocol; if so, whether a mechanism's dialogue follows.
fn speaks(config: &Config, protocol: &str) -> Option<bool> {
    match protocol.strip_prefix(WITH_MECHANISM) {
        Some(mechanism) => (mechanism == config.mechanism.name()).then_some(true),
        None => (protocol == BARE && !config.rejects_unauthenticated()).then_some(false),
    }
}

fn write_request(target: &WebSocketTarget, config: &Config, key: &str, out: &mut Vec<u8>) {
    let (host, path) = (target.host(), target.path());
    let mut protocols = format!("{WITH_MECHANISM}{}", config.mechanism.name());
    if matches!(config.mechanism, MechanismConfig::Null) && !config.rejects_unauthenticated() {
        protocols = format!("{protocols},{BARE}");
    }
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: {host}\r\n{UPGRADE}: websocket\r\n{CONNECTION}: {UPGRADE}\r\n\
         {KEY}: {key}\r\n{PROTOCOL}: {protocols}\r\nSec-WebSocket-Version: {VERSION}\r\n\r\n"
    );
    out.extend_from_slice(request.as_bytes());
}

/// The value of the header of that name; of several, the first.
fn value<'a>(headers: &[Header<'a>], name: &str) -> Option<&'a str> {
    let header = headers.iter().find(|header| header.name.eq_ignore_ascii_case(name))?;
    std::str::from_utf8(header.value).ok().map(str::trim)
}

/// Whether a header of that name has the word, in either case, in its list.
fn lists(headers: &[Header<'_>], name: &str, word: &str) -> bool {
    headers
        .iter()
        .filter(|header| header.name.eq_ignore_ascii_case(name))
        .filter_map(|header| std::str::from_utf8(header.value).ok())
        .any(|list| list.split(',').any(|known| known.trim().eq_ignore_ascii_case(word)))
}

fn is_upgrade(headers: &[Header<'_>]) -> bool {
    lists(headers, UPGRADE, "websocket") && lists(headers, CONNECTION, UPGRADE)
}

/// Reads a client's request and answers it; says whether a mechanism's dialogue follows.
fn answer_request(head: &[u8], config: &Config, out: &mut Vec<u8>) -> Result<bool, ProtocolError> {
    let mut headers = [EMPTY_HEADER; HEADERS_MAX];
    let mut request = Request::new(&mut headers);
    let parsed = request.parse(head);
    let refused = |status, reason, what, out: &mut Vec<u8>| {
        refuse(status, reason, out);
        Err(not_web_socket(what))
    };
    if !matches!(parsed, Ok(Status::Complete(_)))
        || request.method != Some("GET")
        || request.version != Some(1)
    {
        return refused(400, "Bad Request", "its request is none of HTTP 1.1", out);
    }
    if !is_upgrade(request.headers) {
        return refused(426, "Upgrade Required", "it does not ask for one", out);
    }
    if value(request.headers, "Sec-WebSocket-Version") != Some(VERSION) {
        return refused(426, "Upgrade Required", "it asks for one of another version", out);
    }
    let key = value(request.headers, KEY)
        .filter(|key| BASE64.decode(key.as_bytes()).is_ok_and(|key| key.len() == KEY_SIZE));
    let Some(key) = key else {
        return refused(400, "Bad Request", "its key is none", out);
    };
    let protocols = request
        .headers
        .iter()
        .filter(|header| header.name.eq_ignore_ascii_case(PROTOCOL))
        .filter_map(|header| std::str::from_utf8(header.value).ok());
    let chosen = protocols
        .flat_map(|list| list.split(',').map(str::trim))
        .find_map(|protocol| speaks(config, protocol).map(|mechanism| (protocol, mechanism)));
    let Some((protocol, has_mechanism)) = chosen else {
        let offered = value(request.headers, PROTOCOL).unwrap_or_default();
        let Some((_, offered)) = offered.split_once(WITH_MECHANISM) else {
            return refused(400, "Bad Request", "it speaks no ZWS 2.0 that is spoken here", out);
        };
        refuse(400, "Bad Request", out);
        let peer = offered.split(',').next().unwrap_or_default();
        let (own, peer) = (config.mechanism.name(), quote(peer.as_bytes(), QUOTE_MAX));
        return Err(ProtocolError::MechanismMismatch { own, peer });
    };
    let answer = format!(
        "HTTP/1.1 101 Switching Protocols\r\n{UPGRADE}: websocket\r\n{CONNECTION}: {UPGRADE}\r\n\
         {ACCEPT}: {}\r\n{PROTOCOL}: {protocol}\r\n\r\n",
        accept(key)
    );
    out.extend_from_slice(answer.as_bytes());
    Ok(has_mechanism)
}

/// Tells a client, or whoever looks at what is here with a browser, that it is not let in.
fn refuse(status: u16, reason: &str, out: &mut Vec<u8>) {
    const WHAT: &str =
        "This is a socket of ZeroMQ. It speaks WebSocket with the protocol ZWS2.0.\n";
    let answer = format!(
        "HTTP/1.1 {status} {reason}\r\n{UPGRADE}: websocket\r\n{CONNECTION}: close, {UPGRADE}\r\n\
         Sec-WebSocket-Version: {VERSION}\r\nContent-Type: text/plain\r\n\
         Content-Length: {}\r\n\r\n{WHAT}",
        WHAT.len()
    );
    out.extend_from_slice(answer.as_bytes());
}

/// Reads a server's answer; says whether a mechanism's dialogue follows.
fn read_answer(head: &[u8], expected: &str, config: &Config) -> Result<bool, ProtocolError> {
    let mut headers = [EMPTY_HEADER; HEADERS_MAX];
    let mut response = Response::new(&mut headers);
    if !matches!(response.parse(head), Ok(Status::Complete(_))) || response.version != Some(1) {
        return Err(not_web_socket("its answer is none of HTTP 1.1"));
    }
    match response.code {
        Some(101) => {}
        Some(status) => return Err(ProtocolError::WebSocketRefused { status }),
        None => return Err(not_web_socket("its answer has no status")),
    }
    if !is_upgrade(response.headers) {
        return Err(not_web_socket("it answers with another protocol"));
    }
    if value(response.headers, ACCEPT) != Some(expected) {
        return Err(not_web_socket("its answer is for somebody else's key"));
    }
    value(response.headers, PROTOCOL)
        .and_then(|protocol| speaks(config, protocol))
        .ok_or_else(|| not_web_socket("it chose a protocol that was not offered"))
}
