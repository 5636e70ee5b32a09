//! What can be sent: anything that is bytes, copied once or not at all.

use crate::Message;
use bytes::Bytes;
use ringmq_pipe::ATTACH;

/// The body of a frame to be sent.
///
/// Bytes that are copied into the pipe anyway, because they are few, are taken from where they are;
/// large owned ones are not copied at all. Implemented for everything that a [`Message`] can be made
/// of.
pub trait Payload: Sized + Unpin {
    /// The body, if it is to be copied into the pipe. Not the frames of a message that goes on.
    #[doc(hidden)]
    fn as_copied(&self) -> Option<&[u8]>;

    /// The body as a message.
    fn into_message(self) -> Message;
}

fn small(body: &[u8]) -> Option<&[u8]> {
    (body.len() < ATTACH).then_some(body)
}

macro_rules! payload {
    ($($type:ty, [$($generics:tt)*];)*) => {$(
        impl<$($generics)*> Payload for $type {
            #[inline(always)]
            fn as_copied(&self) -> Option<&[u8]> {
                small(self.as_ref())
            }

            #[inline]
            fn into_message(self) -> Message {
                self.into()
            }
        }
    )*};
}

payload! {
    &[u8], [];
    &[u8; N], [const N: usize];
    [u8; N], [const N: usize];
    &str, [];
    String, [];
    &String, [];
    Vec<u8>, [];
    Bytes, [];
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
