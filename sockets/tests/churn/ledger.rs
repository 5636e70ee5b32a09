//! Who has sent how much, and what of it has arrived: all of it, in order, once; or only a beginning, if its
//! sender did not want to wait.

use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

/// Says who sends it, which of his messages it is, and a byte that all the rest consists of.
const HEAD: usize = 8;
/// Lengths of messages: some that are copied, some that are sent from where they are, some that go in pieces.
const LENGTHS: [usize; 6] = [HEAD, 40, 300, 3_000, 9_000, 70_000];
/// Beside what was sent: that all of it is to arrive.
const ALL: u32 = 1 << 31;

/// The message of that number of a peer.
pub(crate) fn body(peer: usize, number: u32) -> Vec<u8> {
    let mut body = [(peer as u32).to_le_bytes(), number.to_le_bytes()].concat();
    body.resize(LENGTHS[(peer + number as usize) % LENGTHS.len()], filler(peer, number));
    body
}

fn filler(peer: usize, number: u32) -> u8 {
    (peer as u32 * 31 + number) as u8
}

/// Reads peer and number of a message, all of whose bytes have to be right.
pub(crate) fn read(body: &[u8]) -> (usize, u32) {
    let (head, rest) = body.split_at_checked(HEAD).expect("somebody else's message");
    let number = |bytes: &[u8]| u32::from_le_bytes(bytes.try_into().unwrap());
    let (peer, number) = (number(&head[..4]) as usize, number(&head[4..]));
    assert_eq!(body.len(), LENGTHS[(peer + number as usize) % LENGTHS.len()], "of {peer}");
    assert!(
        rest.iter().all(|byte| *byte == filler(peer, number)),
        "bytes of others in {number} of {peer}"
    );
    (peer, number)
}

/// See the [module's documentation](self).
pub(crate) struct Ledger {
    next: AtomicUsize,
    /// What each peer has sent, and whether it is to arrive.
    sent: Vec<AtomicU32>,
    arrived: Vec<AtomicU32>,
}

impl Ledger {
    /// For so many peers. Its memory is all taken here.
    pub(crate) fn new(peers: usize) -> Self {
        let zeros = || (0..peers).map(|_| AtomicU32::new(0)).collect();
        Self { next: AtomicUsize::new(0), sent: zeros(), arrived: zeros() }
    }

    /// A peer that has not been there.
    pub(crate) fn peer(&self) -> usize {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    /// A peer is about to have sent so many messages. `all` of them are to arrive, or as many as do.
    pub(crate) fn send(&self, peer: usize, count: u32, all: bool) {
        self.sent[peer].store(count | if all { ALL } else { 0 }, Ordering::SeqCst);
    }

    /// A message has come: the next one of its peer.
    pub(crate) fn arrive(&self, message: &[u8]) {
        let (peer, number) = read(message);
        let expected = self.arrived[peer].fetch_add(1, Ordering::SeqCst);
        assert_eq!(number, expected, "message of {peer}");
    }

    /// The first peer of which something is still to come.
    pub(crate) fn missing(&self) -> Option<usize> {
        (0..self.sent.len()).find(|&peer| {
            let sent = self.sent[peer].load(Ordering::SeqCst);
            sent & ALL != 0 && self.arrived[peer].load(Ordering::SeqCst) < sent & !ALL
        })
    }

    /// How many messages have come. None that nobody has sent.
    pub(crate) fn arrived(&self) -> u64 {
        let count = |peer: usize| {
            let arrived = self.arrived[peer].load(Ordering::SeqCst);
            assert!(arrived <= self.sent[peer].load(Ordering::SeqCst) & !ALL, "too many of {peer}");
            u64::from(arrived)
        };
        (0..self.sent.len()).map(count).sum()
    }
}
