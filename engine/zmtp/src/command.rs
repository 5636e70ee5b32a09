//! Command frames: their names, how they are written, how one that arrives is told from another.
//!
//! The body of a command is `name-length(1) name data` (RFC 23, section "Commands").

use ringmq_pipe::frame;

use crate::ProtocolError;
use crate::error::quote;
use crate::header::write_v2;
use crate::limits::{CONTEXT_MAX, LONGEST_CONTEXT, QUOTE_MAX, SHORT_STRING_MAX};

/// The names, each with its length in front, as a command body begins.
pub(crate) const READY: &[u8] = b"\x05READY";
pub(crate) const ERROR: &[u8] = b"\x05ERROR";
pub(crate) const PING: &[u8] = b"\x04PING";
pub(crate) const PONG: &[u8] = b"\x04PONG";
const SUBSCRIBE: &[u8] = b"\x09SUBSCRIBE";
const CANCEL: &[u8] = b"\x06CANCEL";
const JOIN: &[u8] = b"\x04JOIN";
const LEAVE: &[u8] = b"\x05LEAVE";

/// Bytes of the time-to-live of a PING.
const TTL: usize = size_of::<u16>();

/// How much of a command suffices to tell what it is: a PING with the longest context. Every name
/// that is known here is shorter.
pub(crate) const HEAD_MAX: usize = PING.len() + TTL + CONTEXT_MAX;
/// The same of those that come on a WebSocket, too.
pub(crate) const LONGEST_HEAD: usize = PING.len() + TTL + LONGEST_CONTEXT;

/// The longest topic whose subscription libzmq sends in a wrong form, in bytes.
const UNFLAGGED_TOPIC: usize = u8::MAX as usize;
/// By how much the body of such a SUBSCRIBE may be longer than 256 bytes.
pub(crate) const UNFLAGGED_MAX: u8 = (SUBSCRIBE.len() + UNFLAGGED_TOPIC - 256) as u8;

/// Whether a command that begins with `head` may be one whose size came without its flag.
pub(crate) fn is_unflagged(head: &[u8], body: u64) -> bool {
    [SUBSCRIBE, CANCEL]
        .iter()
        .any(|name| head.starts_with(name) && body <= (name.len() + UNFLAGGED_TOPIC) as u64)
}

/// A command for the session itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command<'a> {
    /// The peer wants a PONG with the same context.
    Ping {
        /// For how many tenths of a second the peer wants to be heard from at least; 0 for ever.
        ttl: u16,
        /// At most [`CONTEXT_MAX`] bytes, on a WebSocket [`LONGEST_CONTEXT`].
        context: &'a [u8],
    },
    /// The peer answers a PING.
    Pong {
        /// At most as much as was sent.
        context: &'a [u8],
    },
}

/// What to do with a command that has arrived.
pub(crate) enum Class<'a> {
    /// Hand it over as a frame: the socket deals with subscriptions and groups.
    Frame,
    /// Tell the session.
    Session(Command<'a>),
    /// Ignore it: commands of later versions are none of our business.
    Unknown,
}

/// Tells what the command of `body` bytes is that begins with `head`, which holds
/// [`HEAD_MAX`] bytes of it, or all.
pub(crate) fn classify(head: &[u8], body: u64) -> Result<Class<'_>, ProtocolError> {
    let &[name_length, ..] = head else {
        return Err(ProtocolError::EmptyCommand);
    };
    if name_length == 0 || u64::from(name_length) >= body {
        return Err(ProtocolError::MalformedCommand);
    }
    // By the length of the name: a peer may send nothing but commands, and each is looked at.
    match name_length {
        4 => {
            if let Some(data) = head.strip_prefix(PING) {
                return ping(data, body).map(Class::Session);
            }
            if let Some(context) = head.strip_prefix(PONG) {
                return Ok(Class::Session(Command::Pong { context }));
            }
            if head.starts_with(JOIN) {
                return Ok(Class::Frame);
            }
        }
        5 if head.starts_with(LEAVE) => return Ok(Class::Frame),
        // These two belong to the handshake, which is over, and neither is one to be ignored.
        5 if head.starts_with(READY) || head.starts_with(ERROR) => return Err(unexpected(head)),
        6 if head.starts_with(CANCEL) => return Ok(Class::Frame),
        9 if head.starts_with(SUBSCRIBE) => return Ok(Class::Frame),
        _ => {}
    }
    Ok(Class::Unknown)
}

/// The PING with this after its name, in a command of `body` bytes.
fn ping(data: &[u8], body: u64) -> Result<Command<'_>, ProtocolError> {
    let Some((ttl, context)) = data.split_first_chunk() else {
        return Err(ProtocolError::MalformedPing { length: body });
    };
    Ok(Command::Ping { ttl: u16::from_be_bytes(*ttl), context })
}

/// The error for a command that has no place where it came.
pub(crate) fn unexpected(body: &[u8]) -> ProtocolError {
    let name = match body.split_first() {
        Some((&length, rest)) => rest.get(..usize::from(length)).unwrap_or(rest),
        None => &[],
    };
    ProtocolError::UnexpectedCommand { name: quote(name, QUOTE_MAX) }
}

/// A request to begin or to stop sending messages that begin with `topic`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subscription<'a> {
    /// Whether to begin (or to stop).
    pub subscribe: bool,
    /// The prefix.
    pub topic: &'a [u8],
}

/// Reads a subscription from a frame: a SUBSCRIBE or CANCEL command as in ZMTP 3.1, or a message
/// that begins with a byte 1 or 0, as in all versions before. `None` for any other frame.
///
/// In the form of a message, only the first frame of one can be a subscription; that is for the
/// caller to know.
///
/// ```
/// use ringmq_zmtp::{Subscription, parse_subscription};
/// let expected = Some(Subscription { subscribe: true, topic: b"news" });
/// assert_eq!(parse_subscription(0x00, b"\x01news"), expected);
/// assert_eq!(parse_subscription(0x04, b"\x09SUBSCRIBEnews"), expected);
/// assert_eq!(parse_subscription(0x00, b"news"), None);
/// ```
pub fn parse_subscription(flags: u8, body: &[u8]) -> Option<Subscription<'_>> {
    if flags & frame::COMMAND == 0 {
        return match body {
            [1, topic @ ..] => Some(Subscription { subscribe: true, topic }),
            [0, topic @ ..] => Some(Subscription { subscribe: false, topic }),
            _ => None,
        };
    }
    let subscribe = |topic| Subscription { subscribe: true, topic };
    let cancel = |topic| Subscription { subscribe: false, topic };
    body.strip_prefix(SUBSCRIBE).map(subscribe).or(body.strip_prefix(CANCEL).map(cancel))
}

/// Appends a SUBSCRIBE command frame, the form in which a frame log holds a subscription.
///
/// ```
/// let mut log = Vec::new();
/// ringmq_zmtp::subscribe_frame(b"a", &mut log);
/// assert_eq!(log, b"\x04\x0b\x09SUBSCRIBEa");
/// ```
pub fn subscribe_frame(topic: &[u8], out: &mut Vec<u8>) {
    write_command(out, &[SUBSCRIBE, topic]);
}

/// Appends a CANCEL command frame, the form in which a frame log holds the end of a subscription.
///
/// ```
/// let mut log = Vec::new();
/// ringmq_zmtp::cancel_frame(b"a", &mut log);
/// assert_eq!(log, b"\x04\x08\x06CANCELa");
/// ```
pub fn cancel_frame(topic: &[u8], out: &mut Vec<u8>) {
    write_command(out, &[CANCEL, topic]);
}

/// Reads from a frame who joins a group or leaves it: `topic` is the group, which messages match as a whole. `None`
/// for any other frame, and for a group that is longer than 255 bytes.
///
/// # Examples
/// ```
/// use ringmq_zmtp::{Subscription, parse_membership};
/// let expected = Some(Subscription { subscribe: true, topic: b"news" });
/// assert_eq!(parse_membership(0x04, b"\x04JOINnews"), expected);
/// assert_eq!(parse_membership(0x00, b"\x04JOINnews"), None);
/// ```
pub fn parse_membership(flags: u8, body: &[u8]) -> Option<Subscription<'_>> {
    if flags & frame::COMMAND == 0 {
        return None;
    }
    let join = |topic| Subscription { subscribe: true, topic };
    let leave = |topic| Subscription { subscribe: false, topic };
    let said = body.strip_prefix(JOIN).map(join).or(body.strip_prefix(LEAVE).map(leave));
    said.filter(|said| said.topic.len() <= SHORT_STRING_MAX)
}

/// Appends a JOIN command frame, by which a DISH joins a group.
///
/// # Examples
/// ```
/// let mut log = Vec::new();
/// ringmq_zmtp::join_frame(b"a", &mut log);
/// assert_eq!(log, b"\x04\x06\x04JOINa");
/// ```
pub fn join_frame(group: &[u8], out: &mut Vec<u8>) {
    write_command(out, &[JOIN, group]);
}

/// Appends a LEAVE command frame, by which a DISH leaves a group.
///
/// # Examples
/// ```
/// let mut log = Vec::new();
/// ringmq_zmtp::leave_frame(b"a", &mut log);
/// assert_eq!(log, b"\x04\x07\x05LEAVEa");
/// ```
pub fn leave_frame(group: &[u8], out: &mut Vec<u8>) {
    write_command(out, &[LEAVE, group]);
}

/// Appends an ERROR command frame, which refuses a peer during the handshake. A reason longer than
/// 255 bytes is cut off.
///
/// ```
/// let mut out = Vec::new();
/// ringmq_zmtp::error_frame("400", &mut out);
/// assert_eq!(out, b"\x04\x0a\x05ERROR\x03400");
/// ```
pub fn error_frame(reason: &str, out: &mut Vec<u8>) {
    let reason = &reason.as_bytes()[..reason.len().min(SHORT_STRING_MAX)];
    write_command(out, &[ERROR, &[reason.len() as u8], reason]);
}

/// Appends a command frame with a body of all `parts`.
pub(crate) fn write_command(out: &mut Vec<u8>, parts: &[&[u8]]) {
    let body: usize = parts.iter().map(|part| part.len()).sum();
    write_v2(out, frame::COMMAND, body as u64);
    parts.iter().for_each(|part| out.extend_from_slice(part));
}
