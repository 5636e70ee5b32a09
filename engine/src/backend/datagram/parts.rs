//! What is received of a datagram socket, one by one.

use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU16;

/// A datagram that was received, or a run of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Datagram<'a> {
    /// What is in it, from its beginning; possibly nothing. Of a run: what is in all of its
    /// datagrams, which [`parts`](Self::parts) tells apart.
    pub bytes: &'a [u8],
    /// Who sent it.
    pub source: SocketAddr,
    /// The address that it was sent to: one of this machine, or a group's. `None` where the system
    /// does not tell: see [`report_destination`](super::report_destination).
    pub destination: Option<IpAddr>,
    /// There was more of it than the receive was to keep; that is lost. Of a run: so it is with the
    /// last of its datagrams, and with others behind that if there were any.
    pub truncated: bool,
    /// Of a run, which only those get who [ask](super::DatagramReceive::runs): bytes of each of its
    /// datagrams; the last may be shorter.
    pub segment: Option<NonZeroU16>,
    /// Bytes that are kept of each.
    pub(in crate::backend) longest: usize,
}

/// One datagram of those that were received together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DatagramPart<'a> {
    /// What is in it, from its beginning; possibly nothing.
    pub bytes: &'a [u8],
    /// There was more of it than the receive was to keep; that is lost.
    pub truncated: bool,
}

impl<'a> Datagram<'a> {
    /// Its datagrams, in order: those of a run, or itself alone.
    pub fn parts(&self) -> impl Iterator<Item = DatagramPart<'a>> + use<'a> {
        let Self { truncated, longest, .. } = *self;
        let each = self.segment.map_or(usize::MAX, |segment| usize::from(segment.get()));
        // An empty one is one too.
        let mut rest = Some(self.bytes);
        std::iter::from_fn(move || {
            let (part, behind) = {
                let bytes = rest.take()?;
                bytes.split_at(bytes.len().min(each))
            };
            rest = (!behind.is_empty()).then_some(behind);
            let kept = &part[..part.len().min(longest)];
            let cut = kept.len() < part.len() || rest.is_none() && truncated;
            Some(DatagramPart { bytes: kept, truncated: cut })
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// The parts of so many bytes, each as its bytes and whether there were more.
    fn parts(len: usize, segment: u16, longest: usize, truncated: bool) -> Vec<(Vec<u8>, bool)> {
        let bytes: Vec<u8> = (0..len as u8).collect();
        let source = "127.0.0.1:1".parse().unwrap();
        let segment = NonZeroU16::new(segment);
        let bytes = &bytes;
        let datagram = Datagram { bytes, source, destination: None, truncated, segment, longest };
        datagram.parts().map(|part| (part.bytes.to_vec(), part.truncated)).collect()
    }

    #[test]
    fn a_datagram_has_one_part_whatever_is_in_it() {
        assert_eq!(parts(0, 0, 9, false), [(vec![], false)]);
        assert_eq!(parts(0, 4, 9, false), [(vec![], false)]);
        assert_eq!(parts(3, 0, 9, true), [(vec![0, 1, 2], true)]);
    }

    #[test]
    fn a_run_has_as_many_parts_as_segments() {
        let whole = [(vec![0, 1], false), (vec![2, 3], false), (vec![4], false)];
        assert_eq!(parts(5, 2, 9, false), whole);
        assert_eq!(parts(4, 2, 2, false), whole[..2]);
    }

    #[test]
    fn each_part_is_cut_by_itself_and_the_last_where_the_system_did() {
        assert_eq!(parts(5, 2, 1, false), [(vec![0], true), (vec![2], true), (vec![4], false)]);
        assert_eq!(parts(3, 2, 9, true), [(vec![0, 1], false), (vec![2], true)]);
        assert_eq!(parts(2, 2, 0, false), [(vec![], true)]);
    }
}
