//! Messages of several frames from what a program has at hand, and taken apart again.

use crate::Message;
use crate::error::{Error, FrameCountError};
use crate::socket::multipart::Multipart;

/// A message from a tuple, each part of which may be of a type of its own.
macro_rules! from_tuples {
    ($(($($part:ident)*))*) => {$(
        impl<$($part: Into<Message>),*> From<($($part,)*)> for Multipart {
            fn from(parts: ($($part,)*)) -> Self {
                #[allow(non_snake_case, reason = "the names of types serve for their values")]
                let ($($part,)*) = parts;
                [$($part.into()),*].into()
            }
        }
    )*};
}

from_tuples! {
    (A)
    (A B)
    (A B C)
    (A B C D)
    (A B C D E)
    (A B C D E F)
    (A B C D E F G)
    (A B C D E F G H)
    (A B C D E F G H I)
    (A B C D E F G H I J)
    (A B C D E F G H I J K)
    (A B C D E F G H I J K L)
}

impl From<Multipart> for Vec<Message> {
    fn from(message: Multipart) -> Self {
        message.into_iter().collect()
    }
}

/// The frames, if there are exactly so many; otherwise the error has the message, whole.
impl<const N: usize> TryFrom<Multipart> for [Message; N] {
    type Error = FrameCountError;

    fn try_from(message: Multipart) -> Result<Self, FrameCountError> {
        if message.len() != N {
            return Err(FrameCountError { expected: N, message });
        }
        let mut frames = message.into_iter();
        Ok([(); N].map(|()| frames.next().unwrap_or_default()))
    }
}

impl From<FrameCountError> for Error {
    fn from(error: FrameCountError) -> Self {
        Self::FrameCount { expected: error.expected, found: error.message.len() }
    }
}
