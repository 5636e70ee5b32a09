//! From frames to packets.

use super::{NONE_BEGINS, OFFSET};

/// Fills the data of one packet with as many octets as fit.
///
/// ```
/// use ringmq_pgm::Packer;
///
/// let mut slot = [0; 12]; // Of PgmSource::slot.
/// let mut packer = Packer::new(&mut slot);
/// // The rest of a message that began in another packet, and one that begins here.
/// assert_eq!(packer.push(b"bcd", None), 3);
/// assert_eq!(packer.push(b"\x06\x00Hello", Some(0)), 7);
/// assert_eq!(packer.push(b"\x06\x00World", Some(0)), 0);
/// assert_eq!(packer.finish(), 12);
/// assert_eq!(&slot, b"\x00\x03bcd\x06\x00Hello");
/// ```
#[derive(Debug)]
pub struct Packer<'a> {
    tsdu: &'a mut [u8],
    length: usize,
    offset: u16,
}

impl<'a> Packer<'a> {
    /// Begins with an empty packet, whose data have room in `tsdu`.
    pub fn new(tsdu: &'a mut [u8]) -> Self {
        Packer { tsdu, length: OFFSET, offset: NONE_BEGINS }
    }

    /// Octets that fit still.
    pub fn room(&self) -> usize {
        self.tsdu.len().saturating_sub(self.length)
    }

    /// Whether it has no octets.
    pub fn is_empty(&self) -> bool {
        self.length <= OFFSET
    }

    /// Puts as many of `octets` in as fit, and returns how many. `begins` is where the first of the messages in
    /// them begins, if one does: 0 if they are the beginning of one.
    pub fn push(&mut self, octets: &[u8], begins: Option<usize>) -> usize {
        let taken = octets.len().min(self.room());
        if taken == 0 {
            return 0;
        }
        if self.offset == NONE_BEGINS
            && let Some(begins) = begins.filter(|begins| *begins < taken)
        {
            // A packet has less than 64 KiB, so no place is FFFF.
            self.offset = (self.length - OFFSET + begins) as u16;
        }
        self.tsdu[self.length..self.length + taken].copy_from_slice(&octets[..taken]);
        self.length += taken;
        taken
    }

    /// The packet is full enough. Returns its length, for [`PgmSource::commit`](crate::PgmSource::commit).
    pub fn finish(self) -> usize {
        if let Some(offset) = self.tsdu.first_chunk_mut::<OFFSET>() {
            *offset = self.offset.to_be_bytes();
        }
        self.length.min(self.tsdu.len())
    }
}
