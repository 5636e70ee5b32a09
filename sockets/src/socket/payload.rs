//! What can be sent: anything that is bytes, copied once or not at all.

use crate::Message;
use bytes::Bytes;
use ringmq_pipe::{APART, ATTACH, HAND_OVER};
use std::borrow::Cow;

/// The body of a frame to be sent.
///
/// Bodies that are only borrowed are copied, and so are those of fewer than
/// [`REFERENCED_FROM`](crate::REFERENCED_FROM) bytes. Larger ones that are owned, or shared as [`Bytes`] and
/// messages are, are not copied at all. Implemented for everything that a [`Message`] can be
/// made of.
///
/// # Examples
/// ```
/// use std::borrow::Cow;
/// let context = ringmq::Context::new();
/// let (push, pull) = (context.push()?, context.pull()?);
/// pull.bind("inproc://payloads")?;
/// push.connect("inproc://payloads")?;
/// let vec = vec![1, 2, 3];
/// push.send(&vec)?;
/// push.send(&[1, 2, 3])?;
/// push.send(Cow::Borrowed(&vec[..]))?;
/// push.send(vec.into_boxed_slice())?;
/// for _ in 0..4 {
///     assert_eq!(pull.recv()?, [1, 2, 3]);
/// }
/// # Ok::<(), ringmq::Error>(())
/// ```
pub trait Payload: Sized + Unpin {
    /// The body, if it is to be copied into the pipe. Not the frames of a message that goes on.
    #[doc(hidden)]
    fn as_copied(&self) -> Option<&[u8]>;

    /// Whether it says itself whom it is for: a message with a group or a routing id, which are no part of the body.
    #[doc(hidden)]
    fn is_addressed(&self) -> bool {
        false
    }

    /// The body as a message.
    ///
    /// # Examples
    /// ```
    /// use ringmq::Payload;
    /// assert_eq!(String::from("body").into_message(), "body");
    /// ```
    fn into_message(self) -> Message;
}

/// A body that is copied however it is sent, as it is shared and small.
#[inline(always)]
fn shared(body: &[u8]) -> Option<&[u8]> {
    (body.len() < HAND_OVER).then_some(body)
}

/// The same of one that is given away: for another thread to free it costs more than to copy it.
#[inline(always)]
fn owned(body: &[u8]) -> Option<&[u8]> {
    (body.len() < ATTACH).then_some(body)
}

/// A body that is copied, as it is only borrowed; a very large one into memory of its own.
#[inline(always)]
fn borrowed(body: &[u8]) -> Option<&[u8]> {
    (body.len() < APART).then_some(body)
}

#[inline(always)]
fn owned_str(body: &str) -> Option<&[u8]> {
    owned(body.as_bytes())
}

#[inline(always)]
fn perhaps_owned(body: &[u8], is_borrowed: bool) -> Option<&[u8]> {
    if is_borrowed { borrowed(body) } else { owned(body) }
}

macro_rules! payload {
    ($($type:ty, [$($generics:tt)*], $copied:ident($self:ident $($body:tt)*);)*) => {$(
        impl<$($generics)*> Payload for $type {
            #[inline(always)]
            fn as_copied(&$self) -> Option<&[u8]> {
                $copied($self$($body)*)
            }

            #[inline]
            fn into_message(self) -> Message {
                self.into()
            }
        }
    )*};
}

payload! {
    &[u8], [], borrowed(self);
    &[u8; N], [const N: usize], borrowed(self.as_slice());
    [u8; N], [const N: usize], borrowed(self.as_slice());
    Vec<u8>, [], owned(self);
    &Vec<u8>, [], borrowed(self);
    Box<[u8]>, [], owned(self);
    Cow<'_, [u8]>, [], perhaps_owned(self, matches!(self, Cow::Borrowed(_)));
    Bytes, [], shared(self);
    &Bytes, [], shared(self);
    &str, [], borrowed(self.as_bytes());
    String, [], owned_str(self);
    &String, [], borrowed(self.as_bytes());
    Box<str>, [], owned_str(self);
    Cow<'_, str>, [], perhaps_owned(self.as_bytes(), matches!(self, Cow::Borrowed(_)));
}

impl Payload for Message {
    #[inline(always)]
    fn as_copied(&self) -> Option<&[u8]> {
        if self.flags() == 0 && !self.is_lent() { shared(self) } else { None }
    }

    fn is_addressed(&self) -> bool {
        self.routing_id() != 0 || !self.group().is_empty()
    }

    #[inline]
    fn into_message(self) -> Message {
        self
    }
}

impl Payload for &Message {
    #[inline(always)]
    fn as_copied(&self) -> Option<&[u8]> {
        shared(self.as_slice()).filter(|_| !self.more() && !self.is_lent())
    }

    fn is_addressed(&self) -> bool {
        Message::is_addressed(self)
    }

    #[inline]
    fn into_message(self) -> Message {
        self.clone()
    }
}

/// A frame on its way into a pipe.
pub(crate) enum Outgoing<'a> {
    /// A whole message of one frame, whose body is copied.
    Copied(&'a [u8]),
    /// A frame that is left empty when it is taken.
    Owned(&'a mut Message),
}

impl Outgoing<'_> {
    /// Whether more frames of the same message follow.
    #[inline]
    pub(crate) fn more(&self) -> bool {
        match self {
            Self::Copied(_) => false,
            Self::Owned(message) => message.more(),
        }
    }

    /// The flags of the frame.
    pub(crate) fn flags(&self) -> u8 {
        match self {
            Self::Copied(_) => 0,
            Self::Owned(message) => message.flags(),
        }
    }

    /// The group that it is for, if it has one.
    pub(crate) fn group(&self) -> &[u8] {
        match self {
            Self::Copied(_) => &[],
            Self::Owned(message) => message.group(),
        }
    }

    /// The number of the peer that it is for, or 0.
    pub(crate) fn routing_id(&self) -> u32 {
        match self {
            Self::Copied(_) => 0,
            Self::Owned(message) => message.routing_id(),
        }
    }

    /// The body.
    #[inline]
    pub(crate) fn body(&self) -> &[u8] {
        match self {
            Self::Copied(body) => body,
            Self::Owned(message) => message.as_slice(),
        }
    }

    /// The frame, which is left empty.
    pub(crate) fn take(&mut self) -> Message {
        match self {
            Self::Copied(body) => Message::copy_from(body),
            Self::Owned(message) => std::mem::take(*message),
        }
    }

    /// The frame goes nowhere.
    pub(crate) fn drop_body(&mut self) {
        if let Self::Owned(message) = self {
            **message = Message::new();
        }
    }
}
