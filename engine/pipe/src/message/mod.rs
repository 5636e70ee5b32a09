//! The message: one frame's body, 64 bytes wide, small bodies inside it.
//!
//! A body is held in one of three ways, which the user never sees: inline, as a counted slice of the
//! block it was received in, or as shared [`Bytes`] (a vector of the user's, a static slice, or a
//! foreign buffer with its free function). A short body that has a group lies before that in memory of the same
//! kind as a slice's; the last has room for a group. Cloning never copies more than 64 bytes and a group.
//!
//! The last eight bytes are the same in each: a routing id, and the [number](properties) of the
//! peer that has sent the message. They are given to a message when it is received and do not go
//! with it into a log, which holds frames; nor does the group.
//!
//! # As a C program's `zmq_msg_t`
//! A `zmq_msg_t` has [64 bytes](opaque) and the alignment of a pointer, in memory of the C
//! program's, which may be zeroed, or hold a message that was closed or moved to another place
//! bitwise (`zmq_msg_move`). It is to hold a [`Message`] as it is, in all of its bytes:
//! * A message does not know where it lies, so a move is a copy of its bytes; the source becomes an
//!   empty message.
//! * Zeros are an empty message: `zmq_msg_init` fills with zeros, and memory that was zeroed needs
//!   no init.
//! * The first byte of a message is that of its flags, or one of the next few numbers.
//!   `zmq_msg_close` drops the message and leaves `0xFF` there, which no message has: by that a
//!   `zmq_msg_t` that is closed already is told from one that is not.
//! * Of an inline message `zmq_msg_data` is inside the `zmq_msg_t`, and good until that is moved,
//!   as always was so with small messages. What `zmq_msg_init_size` makes, the program may write
//!   to: the bytes of a large one are to be an [owner](Message::from_owner)'s that hands out raw
//!   memory.
//! * What `zmq_msg_gets` returns is good until the message is closed, and the body stays where it
//!   is: so the message does not take a copy, but has its sender remembered
//!   ([`Message::keep_properties`]) and carries a bit that says so. Close, send, receive and
//!   whatever else ends what the `zmq_msg_t` was before release that first; only these functions
//!   look at the bit. `zmq_msg_gets` needs the message for itself, as all functions that take a
//!   `zmq_msg_t` do.
//! * `zmq_msg_set_group` gives a small body memory of its own, and so is the one call after which
//!   the program has to ask `zmq_msg_data` again.
//! * `zmq_msg_copy` is a clone, which carries no such bit; `zmq_msg_send` clears what it has sent.
//! * What `ZMQ_SHARED` tells is another bit, of both after `zmq_msg_copy`.
//!
//! Size, alignment, the zeros and the spare first byte are held by assertions in [`opaque`].

pub(crate) mod block;
mod compare;
mod convert;
mod group;
pub(crate) mod inline;
pub(crate) mod opaque;
mod peer;
pub(crate) mod properties;
mod room;
mod sharing;
mod show;
pub(crate) mod slice;
#[cfg(test)]
mod tests;

pub use group::{GROUP_MAX, GroupTooLong};
pub use inline::INLINE;
pub use peer::MessagePeer;

use crate::frame::{COMMAND, MORE};
use crate::sync::foreign::ForeignBytes;
use bytes::Bytes;
use group::Group;
use inline::{Flags, Small, WINDOW};
use opaque::{Ids, Opaque};
use properties::{KEPT, NUMBER, Properties};
use slice::Slice;

/// One frame: its body and whether more frames of the same message follow.
///
/// # Examples
/// ```
/// use ringmq_pipe::Message;
/// let message = Message::from("hello");
/// assert_eq!(&message[..], b"hello");
/// assert!(!message.more());
/// ```
///
/// It is made of, and compared with, all that is bytes or text, is shown as text, and can be the key of a map:
/// ```
/// use ringmq_pipe::Message;
/// use std::collections::HashMap;
/// let message = Message::from(vec![b'h', b'i']);
/// assert_eq!(message, String::from("hi"));
/// assert_eq!(format!("{message}!"), "hi!");
/// let counts = HashMap::from([(message.clone(), 1)]);
/// assert_eq!(counts[&b"hi"[..]], 1);
/// let text = String::try_from(message)?;
/// assert_eq!(text, "hi");
/// # Ok::<(), std::string::FromUtf8Error>(())
/// ```
#[derive(Clone)]
#[doc(alias = "zmq_msg_t")]
pub struct Message(Opaque);

#[derive(Clone)]
enum Repr {
    Inline(Small),
    /// With a [group](group) there are bytes behind the body.
    Slice {
        flags: Flags,
        behind: u16,
        slice: Slice,
    },
    Shared {
        flags: Flags,
        lent: bool,
        bytes: ForeignBytes,
        group: Option<Box<Group>>,
    },
}

impl Message {
    /// An empty message.
    ///
    /// # Examples
    /// ```
    /// use ringmq_pipe::Message;
    /// assert!(Message::new().is_empty());
    /// ```
    #[doc(alias = "zmq_msg_init")]
    pub const fn new() -> Self {
        Self(Opaque::new(Repr::Inline(Small::EMPTY)))
    }

    /// Copies `body` into a message of its own.
    ///
    /// # Examples
    /// ```
    /// use ringmq_pipe::Message;
    /// assert_eq!(Message::copy_from(&[1, 2, 3]), [1, 2, 3]);
    /// ```
    #[inline]
    #[doc(alias = "zmq_msg_init_buffer")]
    pub fn copy_from(body: &[u8]) -> Self {
        match Small::copy_from(body) {
            Some(small) => Self(Opaque::new(Repr::Inline(small))),
            None => Self::from(Bytes::copy_from_slice(body)),
        }
    }

    /// A message of `len` bytes, all zero, that `fill` writes in their place.
    ///
    /// Where many messages are put together piece by piece, this takes no memory from the allocator for each.
    ///
    /// # Examples
    /// ```
    /// use ringmq_pipe::Message;
    /// let message = Message::build(64, |body| {
    ///     let (head, rest) = body.split_at_mut(8);
    ///     head.copy_from_slice(&7u64.to_le_bytes());
    ///     rest.fill(0);
    /// });
    /// assert_eq!((message.len(), message[0]), (64, 7));
    /// ```
    #[inline]
    #[doc(alias = "zmq_msg_init_size")]
    pub fn build(len: usize, fill: impl FnOnce(&mut [u8])) -> Self {
        if len <= INLINE {
            let mut body = [0; INLINE];
            fill(&mut body[..len]);
            return Self::copy_from(&body[..len]);
        }
        match room::cut(len, fill) {
            Ok(slice) => Self::from_slice(0, slice, Ids::NONE),
            Err(fill) => {
                let mut body = vec![0; len];
                fill(&mut body);
                Self::from(body)
            }
        }
    }

    /// Wraps a buffer of foreign memory without copying it; `owner` is dropped with the last
    /// reference, on whichever thread that happens: its `Drop` is the free function.
    ///
    /// It may be an I/O thread, so `Drop` should be quick; it may use any socket. If it panics, that ends
    /// nothing but itself.
    ///
    /// # Examples
    /// ```
    /// let message = ringmq_pipe::Message::from_owner(vec![7u8; 100_000]);
    /// assert_eq!(message.len(), 100_000);
    /// ```
    #[doc(alias = "zmq_msg_init_data")]
    pub fn from_owner(owner: impl AsRef<[u8]> + Send + 'static) -> Self {
        Self::from(Bytes::from_owner(owner))
    }

    #[inline(always)]
    pub(crate) fn from_small(small: &Small, ids: Ids) -> Self {
        Self(Opaque::inline(small, ids))
    }

    /// The message as a frame, with something behind it up to the window's size, if it is small.
    #[inline(always)]
    pub(crate) fn as_frame(&self) -> Option<&[u8; WINDOW]> {
        match self.0.get() {
            Repr::Inline(small) => Some(small.as_frame()),
            _ => None,
        }
    }

    /// Makes the message empty, as a new one.
    #[inline(always)]
    pub(crate) fn clear(&mut self) {
        match self.0.get_mut() {
            Repr::Inline(small) => {
                small.clear();
                *self.0.ids_mut() = Ids::NONE;
            }
            _ => *self = Self::new(),
        }
    }

    #[inline(always)]
    pub(crate) fn from_slice(flags: u8, slice: Slice, ids: Ids) -> Self {
        Self(Opaque::with_ids(Repr::Slice { flags: Flags::of(flags), behind: 0, slice }, ids))
    }

    #[inline]
    pub(crate) fn set_ids(&mut self, ids: Ids) {
        *self.0.ids_mut() = ids;
    }

    /// The body with its flags, without what does not go into a log.
    pub(crate) fn into_frame(mut self) -> Self {
        self.drop_group();
        self.set_ids(Ids::NONE);
        self
    }

    /// The body.
    ///
    /// # Examples
    /// ```
    /// use ringmq_pipe::Message;
    /// assert_eq!(Message::from("body").as_slice(), b"body");
    /// ```
    #[inline]
    #[doc(alias = "zmq_msg_data")]
    pub fn as_slice(&self) -> &[u8] {
        match self.0.get() {
            Repr::Inline(small) => small.body(),
            Repr::Slice { slice, .. } => slice,
            Repr::Shared { bytes, .. } => bytes.as_slice(),
        }
    }

    /// The body as [`Bytes`]: without a copy when it is shared already.
    ///
    /// # Examples
    /// ```
    /// use ringmq_pipe::Message;
    /// let large = Message::from(vec![7; 100_000]);
    /// assert_eq!(large.into_bytes().len(), 100_000); // not copied
    /// ```
    pub fn into_bytes(self) -> Bytes {
        match self.0.into_inner() {
            Repr::Shared { bytes, .. } => bytes.into_bytes(),
            Repr::Slice { slice, .. } => Bytes::from_owner(slice),
            Repr::Inline(small) => Bytes::copy_from_slice(small.body()),
        }
    }

    /// Whether more frames of the same message follow this one.
    ///
    /// # Examples
    /// ```
    /// use ringmq_pipe::Message;
    /// assert!(!Message::from("the only frame").more());
    /// ```
    #[inline]
    #[doc(alias = "zmq_msg_more")]
    pub fn more(&self) -> bool {
        self.flags() & MORE != 0
    }

    /// Marks whether more frames of the same message follow this one.
    ///
    /// # Examples
    /// ```
    /// use ringmq_pipe::Message;
    /// let mut frame = Message::from("head");
    /// frame.set_more(true);
    /// assert!(frame.more());
    /// ```
    #[inline]
    #[doc(alias = "ZMQ_SNDMORE")]
    pub fn set_more(&mut self, more: bool) {
        let flags = self.flags() & !MORE;
        self.set_flags(if more { flags | MORE } else { flags });
    }

    /// Whether this is a protocol command, which an application never sees.
    ///
    /// # Examples
    /// ```
    /// use ringmq_pipe::Message;
    /// assert!(!Message::from("body").is_command());
    /// ```
    #[inline]
    pub fn is_command(&self) -> bool {
        self.flags() & COMMAND != 0
    }

    /// The frame flags: [`MORE`] and [`COMMAND`].
    ///
    /// # Examples
    /// ```
    /// use ringmq_pipe::Message;
    /// use ringmq_pipe::frame::MORE;
    /// let mut frame = Message::from("head");
    /// frame.set_more(true);
    /// assert_eq!(frame.flags(), MORE);
    /// ```
    #[inline]
    pub fn flags(&self) -> u8 {
        match self.0.get() {
            Repr::Inline(small) => small.flags() as u8,
            Repr::Slice { flags, .. } | Repr::Shared { flags, .. } => *flags as u8,
        }
    }

    /// Replaces the frame flags; bits other than [`MORE`] and [`COMMAND`] are ignored.
    ///
    /// # Examples
    /// ```
    /// use ringmq_pipe::Message;
    /// use ringmq_pipe::frame::COMMAND;
    /// let mut frame = Message::from("body");
    /// frame.set_flags(COMMAND);
    /// assert!(frame.is_command());
    /// ```
    #[inline]
    pub fn set_flags(&mut self, new: u8) {
        let new = Flags::of(new);
        match self.0.get_mut() {
            Repr::Inline(small) => small.set_flags(new),
            Repr::Slice { flags, .. } | Repr::Shared { flags, .. } => *flags = new,
        }
    }

    /// Whom a SERVER has the message from, or is to send it to; 0 if nobody.
    ///
    /// # Examples
    /// ```
    /// use ringmq_pipe::Message;
    /// assert_eq!(Message::from("body").routing_id(), 0);
    /// ```
    #[inline]
    #[doc(alias = "zmq_msg_routing_id")]
    pub fn routing_id(&self) -> u32 {
        self.0.ids().routing_id
    }

    /// Says whom a SERVER is to send the message to; 0 is nobody.
    ///
    /// # Examples
    /// ```
    /// use ringmq_pipe::Message;
    /// let mut reply = Message::from("body");
    /// reply.set_routing_id(7);
    /// assert_eq!(reply.clone().routing_id(), 7);
    /// ```
    #[inline]
    #[doc(alias = "zmq_msg_set_routing_id")]
    pub fn set_routing_id(&mut self, routing_id: u32) {
        self.0.ids_mut().routing_id = routing_id;
    }

    /// What is known of the peer that has sent the message: nothing if it was not received, if it
    /// came from a socket of the same process, or if its sender has left and some thirty others
    /// after it.
    ///
    /// A message carries next to nothing of that, so this looks it up.
    ///
    /// # Examples
    /// ```
    /// use ringmq_pipe::Message;
    /// assert!(Message::from("of our own").properties().is_none());
    /// ```
    #[doc(alias = "zmq_msg_gets")]
    pub fn properties(&self) -> Option<Properties> {
        properties::of(self.0.ids().peer & NUMBER)
    }

    /// As [`properties`](Self::properties), and has them remembered until
    /// [`release_properties`](Self::release_properties), wherever the message is moved meanwhile:
    /// for a C program, that borrows them from the message. It is not asked when the message is
    /// dropped, cleared or received into, so each of that must come after it; a clone keeps
    /// nothing.
    #[doc(hidden)]
    pub fn keep_properties(&mut self) -> Option<Properties> {
        let peer = &mut self.0.ids_mut().peer;
        if *peer & KEPT == 0 {
            properties::keep(*peer & NUMBER)?;
            *peer |= KEPT;
        }
        self.properties()
    }

    /// Undoes [`keep_properties`](Self::keep_properties), if that was done.
    #[doc(hidden)]
    #[inline]
    pub fn release_properties(&mut self) {
        let peer = &mut self.0.ids_mut().peer;
        if *peer & KEPT != 0 {
            *peer &= !KEPT;
            properties::release(*peer & NUMBER);
        }
    }

    /// Says that the message is from the peer that has sent another one, of which it was a part.
    #[doc(hidden)]
    pub fn set_peer_of(&mut self, other: &Self) {
        self.0.ids_mut().peer = other.0.ids().peer & NUMBER;
    }
}
