//! What a message is compared with: other messages, and whatever else is bytes or text. Bodies alone count.

use super::Message;
use bytes::Bytes;
use std::borrow::{Borrow, Cow};
use std::hash::{Hash, Hasher};

impl PartialEq for Message {
    /// Equal bodies; whether more follows is not compared.
    fn eq(&self, other: &Self) -> bool {
        self.as_slice() == other.as_slice()
    }
}

impl Eq for Message {}

/// Of the body, as its slice would be hashed: so a map with messages as keys is asked with slices.
impl Hash for Message {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_slice().hash(state);
    }
}

impl Borrow<[u8]> for Message {
    fn borrow(&self) -> &[u8] {
        self
    }
}

/// Both ways, so that it does not matter which of the two stands first.
macro_rules! equals {
    ($($type:ty, [$($generics:tt)*], $other:ident: $body:expr;)*) => {$(
        impl<$($generics)*> PartialEq<$type> for Message {
            fn eq(&self, $other: &$type) -> bool {
                let body: &[u8] = $body;
                self.as_slice() == body
            }
        }

        impl<$($generics)*> PartialEq<Message> for $type {
            fn eq(&self, other: &Message) -> bool {
                other == self
            }
        }
    )*};
}

equals! {
    [u8], [], other: other;
    &[u8], [], other: other;
    [u8; N], [const N: usize], other: other;
    &[u8; N], [const N: usize], other: *other;
    Vec<u8>, [], other: other;
    Bytes, [], other: other;
    Box<[u8]>, [], other: other;
    Cow<'_, [u8]>, [], other: other;
    str, [], other: other.as_bytes();
    &str, [], other: other.as_bytes();
    String, [], other: other.as_bytes();
    Box<str>, [], other: other.as_bytes();
    Cow<'_, str>, [], other: other.as_bytes();
}
