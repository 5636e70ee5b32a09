//! Packets that the kernel can take in one call.

/// Packets for one destination, all of one kind: all have the same length, but the last may be shorter. That is
/// what `UDP_SEGMENT` asks for, with [`segment`](Self::segment) as the length.
///
/// Each packet has a place in memory that is as long as the longest packet of the session. So packets of that
/// length lie one after another, and are [`contiguous`](Self::contiguous); shorter ones have gaps between them, and
/// are to be gathered. Linux takes at least 64 packets with such a call, and no more octets than fit one datagram of
/// UDP, 65,507: how many packets these are at most is for the caller to tell
/// [`transmit`](crate::PgmSource::transmit), 45 where they have 1452 octets.
#[derive(Clone, Copy, Debug, Default)]
pub struct PacketRun<'a> {
    /// The slots, whole.
    store: &'a [u8],
    /// Octets from the beginning of a packet to that of the next.
    stride: usize,
    segment: usize,
    last: usize,
}

impl<'a> PacketRun<'a> {
    /// Packets at the beginnings of slots of `stride` octets each, which are all of `store`.
    pub(crate) fn new(store: &'a [u8], stride: usize, segment: usize, last: usize) -> Self {
        PacketRun { store, stride, segment, last }
    }

    /// A packet alone.
    pub(crate) fn single(packet: &'a [u8]) -> Self {
        PacketRun::new(packet, packet.len().max(1), packet.len(), packet.len())
    }

    /// How many packets.
    pub fn len(&self) -> usize {
        self.store.len().checked_div(self.stride).unwrap_or(0)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Octets of each packet but the last.
    pub fn segment(&self) -> usize {
        self.segment
    }

    /// Octets of all packets together.
    pub fn octets(&self) -> usize {
        self.len().checked_sub(1).map_or(0, |others| others * self.segment + self.last)
    }

    /// The packets.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &'a [u8]> + use<'a> {
        let PacketRun { segment, last, .. } = *self;
        let ends = self.len().wrapping_sub(1);
        let slots = self.store.chunks(self.stride.max(1)).enumerate();
        slots.map(move |(at, slot)| &slot[..if at == ends { last } else { segment }])
    }

    /// All packets one after another, if that is how they lie in memory: those that are as long as any can be,
    /// and one alone.
    pub fn contiguous(&self) -> Option<&'a [u8]> {
        let whole = self.len() <= 1 || self.segment == self.stride;
        whole.then(|| &self.store[..self.octets()])
    }
}
