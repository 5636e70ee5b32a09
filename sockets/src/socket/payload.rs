//! What can be sent: anything that is bytes, copied once or not at all.

use crate::Message;
use bytes::Bytes;
use ringmq_pipe::ATTACH;
use std::borrow::Cow;

/// The body of a frame to be sent.
///
/// Bodies of fewer than [`REFERENCED_FROM`](crate::REFERENCED_FROM) bytes are copied into the pipe from where
/// they are. Larger ones that are owned, or shared as [`Bytes`] and messages are, are not copied at all; of
/// those that are only borrowed the message takes a copy. Implemented for everything that a [`Message`] can be
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

    /// The body as a message.
    ///
    /// # Examples
    /// ```
    /// use ringmq::Payload;
    /// assert_eq!(String::from("body").into_message(), "body");
    /// ```
    fn into_message(self) -> Message;
}

fn small(body: &[u8]) -> Option<&[u8]> {
    (body.len() < ATTACH).then_some(body)
}

macro_rules! payload {
    ($($type:ty, [$($generics:tt)*], $body:expr;)*) => {$(
        impl<$($generics)*> Payload for $type {
            #[inline(always)]
            fn as_copied(&self) -> Option<&[u8]> {
                small($body(self))
            }

            #[inline]
            fn into_message(self) -> Message {
                self.into()
            }
        }
    )*};
}

payload! {
    &[u8], [], AsRef::as_ref;
    &[u8; N], [const N: usize], AsRef::as_ref;
    [u8; N], [const N: usize], AsRef::as_ref;
    Vec<u8>, [], AsRef::as_ref;
    &Vec<u8>, [], AsRef::as_ref;
    Box<[u8]>, [], AsRef::as_ref;
    Cow<'_, [u8]>, [], AsRef::as_ref;
    Bytes, [], AsRef::as_ref;
    &Bytes, [], AsRef::as_ref;
    &str, [], AsRef::as_ref;
    String, [], AsRef::as_ref;
    &String, [], AsRef::as_ref;
    Box<str>, [], str::as_bytes;
    Cow<'_, str>, [], str::as_bytes;
}

impl Payload for Message {
    #[inline(always)]
    fn as_copied(&self) -> Option<&[u8]> {
        if self.flags() == 0 { small(self) } else { None }
    }

    #[inline]
    fn into_message(self) -> Message {
        self
    }
}

impl Payload for &Message {
    #[inline(always)]
    fn as_copied(&self) -> Option<&[u8]> {
        Message::as_slice(self).len().lt(&ATTACH).then(|| self.as_slice()).filter(|_| !self.more())
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
