//! The transmit window: packets ready to be sent, and to be sent again.

use super::config::PgmSourceConfig;
use super::run::PacketRun;
use crate::packet::{DATA_AT, DataHeader, Sqn};

/// A ring of slots of equal size, one packet in each. Packets that fill their slots follow one another
/// without a gap. One slot more than there are packets in the window: the next one is written there while all
/// others can still be asked for.
#[derive(Debug)]
pub(crate) struct TransmitWindow {
    store: Box<[u8]>,
    /// Octets of the packet in each slot.
    lengths: Box<[u16]>,
    /// Whether the packet in the slot waits to be sent again.
    queued: Box<[bool]>,
    slot: usize,
    /// The oldest packet, and its slot.
    trail: Sqn,
    first: usize,
    /// Packets that were sent, and those that are still to be, after them.
    sent: usize,
    unsent: usize,
    header: DataHeader,
}

impl TransmitWindow {
    /// A window without packets. Its memory is the system's to give when it is written to first.
    pub(crate) fn new(config: &PgmSourceConfig, header: DataHeader) -> Self {
        let (packets, slot) = (config.window_within_bounds(), config.slot());
        TransmitWindow {
            store: vec![0; (packets + 1) * slot].into_boxed_slice(),
            lengths: vec![0; packets + 1].into_boxed_slice(),
            queued: vec![false; packets + 1].into_boxed_slice(),
            slot,
            trail: config.first,
            first: 0,
            sent: 0,
            unsent: 0,
            header,
        }
    }

    /// Packets that it may hold.
    fn capacity(&self) -> usize {
        self.lengths.len() - 1
    }

    /// Whether another packet can be taken without losing one that was never sent.
    pub(crate) fn has_room(&self) -> bool {
        self.unsent < self.capacity()
    }

    pub(crate) fn unsent(&self) -> usize {
        self.unsent
    }

    pub(crate) fn trail(&self) -> Sqn {
        self.trail
    }

    /// The last packet that was sent; before the trail if there is none.
    pub(crate) fn lead(&self) -> Sqn {
        self.trail.plus(self.sent as u32).minus(1)
    }

    /// Where the data of the next packet are to be written.
    pub(crate) fn next_tsdu(&mut self) -> &mut [u8] {
        let begin = self.place(self.sent + self.unsent) * self.slot;
        &mut self.store[begin + DATA_AT..begin + self.slot]
    }

    /// Makes a packet of the `tsdu` octets that were written to [`next_tsdu`](Self::next_tsdu), to be sent
    /// after all others. The oldest goes if there are too many.
    ///
    /// Returns how many octets the packet has.
    pub(crate) fn commit(&mut self, tsdu: usize) -> usize {
        let place = self.place(self.sent + self.unsent);
        let sqn = self.trail.plus((self.sent + self.unsent) as u32);
        if self.sent + self.unsent == self.capacity() {
            self.first = self.place(1);
            self.trail = self.trail.next();
            self.sent -= 1;
        }
        self.unsent += 1;
        let length = (DATA_AT + tsdu).min(self.slot);
        let begin = place * self.slot;
        self.header.odata(&mut self.store[begin..begin + length], sqn, self.trail);
        // A slot has no more than 64 KiB.
        self.lengths[place] = length as u16;
        self.queued[place] = false;
        length
    }

    /// New packets that are next to be sent, at most `most`: all of one length, or the last one shorter.
    pub(crate) fn unsent_run(&self, most: usize) -> PacketRun<'_> {
        self.run(self.sent, self.unsent.min(most))
    }

    /// The first `packets` of those that were still to be sent are sent.
    pub(crate) fn mark_sent(&mut self, packets: usize) {
        let packets = packets.min(self.unsent);
        self.sent += packets;
        self.unsent -= packets;
    }

    /// Whether `sqn` was sent and can be sent again.
    pub(crate) fn has_sent(&self, sqn: Sqn) -> bool {
        self.sent_at(sqn).is_some()
    }

    /// Marks that `sqn` waits to be sent again. False if it does so already, or is not in the window.
    pub(crate) fn queue(&mut self, sqn: Sqn) -> bool {
        self.sent_at(sqn).is_some_and(|at| {
            let place = self.place(at);
            !std::mem::replace(&mut self.queued[place], true)
        })
    }

    /// Marks that `sqn` was sent again.
    pub(crate) fn unqueue(&mut self, sqn: Sqn) {
        if let Some(at) = self.sent_at(sqn) {
            self.queued[self.place(at)] = false;
        }
    }

    /// Octets of the packet `sqn`, if it was sent and is still here.
    pub(crate) fn length(&self, sqn: Sqn) -> Option<usize> {
        self.sent_at(sqn).map(|at| usize::from(self.lengths[self.place(at)]))
    }

    /// Makes `packets` from `sqn` on ready to be sent again, as far as they make up one run.
    pub(crate) fn repair_run(&mut self, sqn: Sqn, packets: usize) -> PacketRun<'_> {
        let Some(at) = self.sent_at(sqn) else { return PacketRun::default() };
        let packets = self.run(at, packets.min(self.sent - at)).len();
        for at in at..at + packets {
            let place = self.place(at);
            let begin = place * self.slot;
            let packet = &mut self.store[begin..begin + usize::from(self.lengths[place])];
            DataHeader::rdata(packet, self.trail);
        }
        self.run(at, packets)
    }

    /// How many packets after the trail `sqn` is, if it was sent.
    fn sent_at(&self, sqn: Sqn) -> Option<usize> {
        usize::try_from(sqn.since(self.trail)).ok().filter(|at| *at < self.sent)
    }

    /// The slot of the packet that is `at` packets after the trail.
    fn place(&self, at: usize) -> usize {
        let place = self.first + at;
        if place >= self.lengths.len() { place - self.lengths.len() } else { place }
    }

    /// The run that begins `at` packets after the trail; it ends where a length differs or the ring does.
    fn run(&self, at: usize, most: usize) -> PacketRun<'_> {
        let begin = self.place(at);
        let lengths = &self.lengths[begin..(begin + most).min(self.lengths.len())];
        let Some((first, others)) = lengths.split_first() else { return PacketRun::default() };
        let equal = others.iter().take_while(|length| *length == first).count();
        let shorter = others.get(equal).filter(|length| *length < first);
        let packets = 1 + equal + usize::from(shorter.is_some());
        let store = &self.store[begin * self.slot..(begin + packets) * self.slot];
        let last = usize::from(*shorter.unwrap_or(first));
        PacketRun::new(store, self.slot, usize::from(*first), last)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::packet::{Body, Gsi, Packet, Tsi};

    fn window(packets: usize) -> TransmitWindow {
        let session = Tsi { gsi: Gsi([1; 6]), port: 1 };
        let host = core::net::IpAddr::from([127, 0, 0, 1]);
        let config = PgmSourceConfig {
            max_tpdu: DATA_AT + 10,
            reserve: 0,
            window: packets,
            ..PgmSourceConfig::new(session, 2, host, host)
        };
        TransmitWindow::new(&config, DataHeader::new(session, 2))
    }

    fn push(window: &mut TransmitWindow, data: &[u8]) {
        window.next_tsdu()[..data.len()].copy_from_slice(data);
        window.commit(data.len());
    }

    fn data(run: &PacketRun<'_>) -> Vec<(u32, u32, Vec<u8>)> {
        let read = |packet| match Packet::parse(packet).unwrap().body {
            Body::Odata(data) | Body::Rdata(data) => (data.sqn.0, data.trail.0, data.tsdu.to_vec()),
            other => panic!("{other:?}"),
        };
        run.iter().map(read).collect()
    }

    #[test]
    fn a_run_has_packets_of_one_length_and_one_shorter() {
        let mut window = window(8);
        for length in [10, 10, 10, 4, 4, 5] {
            push(&mut window, &[length; 10][..usize::from(length)]);
        }
        let run = window.unsent_run(64);
        assert_eq!((run.len(), run.segment()), (4, DATA_AT + 10));
        assert_eq!(data(&run)[3], (3, 0, vec![4; 4]));
        let octets: Vec<u8> = run.iter().flatten().copied().collect();
        assert_eq!(run.contiguous(), Some(&octets[..]), "they fill their slots");
        assert_eq!(window.unsent_run(2).len(), 2);
        window.mark_sent(4);
        let run = window.unsent_run(64);
        assert_eq!((run.len(), run.contiguous().is_some()), (1, true), "5 is not shorter than 4");
        window.mark_sent(1);
        assert_eq!((window.unsent(), window.unsent_run(64).len()), (1, 1));
    }

    #[test]
    fn the_trail_follows_and_what_is_behind_it_is_gone() {
        let mut window = window(3);
        for number in 0..20_u8 {
            push(&mut window, &[number]);
            let run = window.unsent_run(64);
            assert_eq!(run.len(), 1);
            let trail = u32::from(number.saturating_sub(2));
            assert_eq!(data(&run), [(u32::from(number), trail, vec![number])]);
            window.mark_sent(1);
            assert_eq!((window.trail(), window.lead()), (Sqn(trail), Sqn(u32::from(number))));
            let kept: Vec<u32> = (0..25).filter(|sqn| window.has_sent(Sqn(*sqn))).collect();
            assert_eq!(kept, (trail..=u32::from(number)).collect::<Vec<_>>());
        }
        assert!(window.queue(Sqn(18)) && !window.queue(Sqn(18)) && !window.queue(Sqn(16)));
        push(&mut window, &[20]);
        assert_eq!(window.repair_run(Sqn(18), 1).len(), 1);
        assert_eq!(data(&window.repair_run(Sqn(18), 1)), [(18, 18, vec![18])]);
        window.unqueue(Sqn(18));
        assert!(window.queue(Sqn(18)));
        assert_eq!(window.repair_run(Sqn(20), 1).len(), 0, "never sent");
    }

    #[test]
    fn there_is_no_room_for_more_unsent_packets_than_the_window_has() {
        let mut window = window(2);
        push(&mut window, b"a");
        assert!(window.has_room());
        push(&mut window, b"b");
        assert!(!window.has_room());
        window.mark_sent(1);
        assert!(window.has_room());
    }
}
