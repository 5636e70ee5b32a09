//! The group of a message, which is rare, and so has a place only where bodies do not lie inside the message: behind
//! a short one in the same memory, and for a long one in a box.
#![allow(unsafe_code)]

use super::inline::Flags;
use super::opaque::Opaque;
use super::slice::Slice;
use super::{Message, Repr, room};
use crate::sync::foreign::ForeignBytes;
use std::ffi::CStr;

/// The longest group of a RADIO, in bytes: one length byte describes it on the wire.
pub const GROUP_MAX: usize = 255;

/// A body of up to so many bytes is copied to where its group is: that takes less than memory for both.
const SHORT: usize = 1024;

/// A group is longer than [`GROUP_MAX`] bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GroupTooLong;

impl std::fmt::Display for GroupTooLong {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "a group has at most {GROUP_MAX} bytes")
    }
}

impl std::error::Error for GroupTooLong {}

/// A copy of a body and, behind it, of a group with a zero, which C programs look for; and how many bytes are behind the
/// body. `None` if there is no room to cut it from now.
fn cut(body: &[u8], group: &[u8]) -> Option<(Slice, u16)> {
    let behind = u16::try_from(group.len()).ok()? + 1;
    let slice = room::cut(body.len() + usize::from(behind), |room| {
        let (place, rest) = room.split_at_mut(body.len());
        place.copy_from_slice(body);
        rest[..group.len()].copy_from_slice(group);
    });
    let mut slice = slice.ok()?;
    slice.truncate(body.len());
    Some((slice, behind))
}

/// The group behind a body, with its zero.
fn behind(slice: &Slice, behind: u16) -> &[u8] {
    // SAFETY: what says how many there are comes with a slice from `cut`, which has cut so many off it.
    unsafe { slice.behind(behind.into()) }
}

/// A group: one allocation, of one size.
#[derive(Clone)]
pub(super) struct Group {
    len: u8,
    /// With a zero behind the group, which C programs look for.
    bytes: [u8; GROUP_MAX + 1],
}

const _: () = assert!(GROUP_MAX == u8::MAX as usize);

impl Group {
    /// `None` for no bytes, which is no group.
    pub(super) fn new(group: &[u8]) -> Option<Box<Self>> {
        let len = u8::try_from(group.len()).ok().filter(|len| *len > 0)?;
        let mut bytes = [0; GROUP_MAX + 1];
        bytes[..group.len()].copy_from_slice(group);
        Some(Box::new(Self { len, bytes }))
    }

    pub(super) fn as_slice(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }

    /// Up to the first zero, as C programs see it.
    pub(super) fn as_text(&self) -> &CStr {
        CStr::from_bytes_until_nul(&self.bytes).unwrap_or_default()
    }
}

impl Message {
    /// The group in which a RADIO sends the message, or a DISH has received it; empty if none.
    ///
    /// # Examples
    /// ```
    /// use ringmq_pipe::Message;
    /// assert!(Message::from("body").group().is_empty());
    /// ```
    #[doc(alias = "zmq_msg_group")]
    pub fn group(&self) -> &[u8] {
        match self.0.get() {
            Repr::Slice { slice, behind: bytes @ 1.., .. } => {
                let with_zero = behind(slice, *bytes);
                &with_zero[..with_zero.len() - 1]
            }
            Repr::Shared { group: Some(group), .. } => group.as_slice(),
            _ => &[],
        }
    }

    /// The same as text of C's, up to the first zero in it: empty if there is none.
    ///
    /// # Examples
    /// ```
    /// use ringmq_pipe::Message;
    /// let mut report = Message::from("sunny");
    /// report.set_group(b"weather")?;
    /// assert_eq!(report.group_text(), c"weather");
    /// # Ok::<(), ringmq_pipe::GroupTooLong>(())
    /// ```
    #[doc(alias = "zmq_msg_group")]
    pub fn group_text(&self) -> &CStr {
        match self.0.get() {
            Repr::Slice { slice, behind: bytes @ 1.., .. } => {
                CStr::from_bytes_until_nul(behind(slice, *bytes)).unwrap_or_default()
            }
            Repr::Shared { group: Some(group), .. } => group.as_text(),
            _ => c"",
        }
    }

    /// Says in which group a RADIO is to send the message.
    ///
    /// # Errors
    /// [`GroupTooLong`] for more than 255 bytes; the group is then as it was.
    ///
    /// # Examples
    /// ```
    /// use ringmq_pipe::Message;
    /// let mut report = Message::from("sunny");
    /// report.set_group(b"weather")?;
    /// assert_eq!(report.group(), b"weather");
    /// assert_eq!(report, "sunny");
    /// assert!(report.set_group(&[b'x'; 256]).is_err());
    /// # Ok::<(), ringmq_pipe::GroupTooLong>(())
    /// ```
    #[doc(alias = "zmq_msg_set_group")]
    pub fn set_group(&mut self, group: &[u8]) -> Result<(), GroupTooLong> {
        let is_kept = self.is_lent() || self.len() > SHORT;
        self.put_group(group, is_kept)
    }

    /// The same, and a body that does not lie inside of the message stays where it is: a C program may know it.
    ///
    /// # Errors
    /// As there.
    #[doc(hidden)]
    pub fn set_group_apart(&mut self, group: &[u8]) -> Result<(), GroupTooLong> {
        self.put_group(group, true)
    }

    fn put_group(&mut self, group: &[u8], apart: bool) -> Result<(), GroupTooLong> {
        if group.len() > GROUP_MAX {
            return Err(GroupTooLong);
        }
        if group.is_empty() {
            self.drop_group();
            return Ok(());
        }
        let (flags, ids) = (Flags::of(self.flags()), self.0.ids());
        let together = if apart { None } else { cut(self, group) };
        if let Some((slice, behind)) = together {
            self.0 = Opaque::with_ids(Repr::Slice { flags, behind, slice }, ids);
        } else if let Repr::Shared { group: old, .. } = self.0.get_mut() {
            *old = Group::new(group);
        } else {
            let bytes = ForeignBytes::new(std::mem::take(self).into_bytes());
            let group = Group::new(group);
            self.0 = Opaque::with_ids(Repr::Shared { flags, lent: false, bytes, group }, ids);
        }
        Ok(())
    }

    /// It is in no group any more.
    pub(super) fn drop_group(&mut self) {
        match self.0.get_mut() {
            Repr::Shared { group, .. } => *group = None,
            Repr::Slice { behind, .. } => *behind = 0,
            Repr::Inline(_) => {}
        }
    }
}
