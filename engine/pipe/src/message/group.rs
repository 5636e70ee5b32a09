//! The group of a message, which is rare, and so has a place only where bodies lie in memory of
//! their own.

use std::ffi::CStr;

/// The longest group of a RADIO, in bytes: one length byte describes it on the wire.
pub const GROUP_MAX: usize = 255;

/// A group is longer than [`GROUP_MAX`] bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GroupTooLong;

impl std::fmt::Display for GroupTooLong {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "a group has at most {GROUP_MAX} bytes")
    }
}

impl std::error::Error for GroupTooLong {}

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
    pub(super) fn new(group: &[u8]) -> Result<Option<Box<Self>>, GroupTooLong> {
        let len = u8::try_from(group.len()).map_err(|_| GroupTooLong)?;
        if len == 0 {
            return Ok(None);
        }
        let mut bytes = [0; GROUP_MAX + 1];
        bytes[..group.len()].copy_from_slice(group);
        Ok(Some(Box::new(Self { len, bytes })))
    }

    pub(super) fn as_slice(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }

    /// Up to the first zero, as C programs see it.
    pub(super) fn as_text(&self) -> &CStr {
        CStr::from_bytes_until_nul(&self.bytes).unwrap_or_default()
    }
}
