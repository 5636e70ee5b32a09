//! Who has sent a message: the properties of peers, and the numbers by which messages know them.
//!
//! A received message carries four bytes of its sender: a number. Most messages are never asked for
//! more, so nothing is counted for them. What a number stands for is in one table of the process,
//! which is looked at by those who ask.
//!
//! What always holds: the number of a peer is good while anybody holds its [`KnownPeer`]: its
//! connection does, and so does every segment of a log with messages of it that were not read yet.
//! Peers that have left are remembered until [`DEPARTED`] others have left after them, or those
//! take more than [`DEPARTED_BYTES`]: a message that is kept for longer than that has no properties
//! any more, unless they are [kept for it](crate::Message::keep_properties). A number is given to
//! another peer only when all one billion have been used, and never while it is remembered.

use std::collections::{BTreeMap, VecDeque};
use std::ffi::CStr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How many peers are remembered after they have left: those who ask do so right after they have
/// received. Few, because peers that come and go are to leave nothing.
const DEPARTED: usize = 32;
/// What those take at most, in bytes: an unfriendly peer may send 64 KiB of properties each time it
/// comes.
const DEPARTED_BYTES: usize = 1024 * 1024;

/// Set in the number of a peer of which a message has asked that it be [kept](keep).
pub(super) const KEPT: u32 = 1 << 31;

/// Set beside that number in a message that was [copied](crate::Message::copy_shared), or is a copy.
pub(super) const SHARED: u32 = 1 << 30;

/// What is left of it for the number itself.
pub(super) const NUMBER: u32 = SHARED - 1;

/// Where the properties of a peer are.
pub trait PropertySource: Send + Sync {
    /// The value of a property.
    fn get(&self, name: &str) -> Option<&[u8]>;

    /// The same with a zero at its end, up to the first one that it has itself: for C programs, which
    /// borrow it for as long as this is there.
    fn get_text(&self, _: &str) -> Option<&CStr> {
        None
    }

    /// The address of the peer as an endpoint; empty if it has none.
    fn remote(&self) -> &str {
        ""
    }

    /// The system's number of the socket that the peer is at the other end of, if there is one.
    fn descriptor(&self) -> Option<u64> {
        None
    }

    /// About how much memory all of it takes, in bytes.
    fn size(&self) -> usize;
}

/// What is known of the peer that has sent a message, for as long as this is held.
///
/// Names and values are as in ZMTP: `Socket-Type`, `Identity` (also found as `Routing-Id`),
/// `Peer-Address`, and what the peer's application has added, which begins with `X-`.
#[derive(Clone)]
pub struct Properties(Arc<dyn PropertySource>);

impl Properties {
    /// The value of a property, if the peer has it. Case does not matter.
    ///
    /// # Examples
    /// ```
    /// # use ringmq_pipe::{KnownPeer, PropertySource, log};
    /// # struct Dealer;
    /// # impl PropertySource for Dealer {
    /// #     fn get(&self, name: &str) -> Option<&[u8]> {
    /// #         (name == "Socket-Type").then_some(b"DEALER")
    /// #     }
    /// #     fn size(&self) -> usize {
    /// #         0
    /// #     }
    /// # }
    /// # let (mut writer, mut reader) = log(0);
    /// # writer.set_peer(Some(KnownPeer::new(std::sync::Arc::new(Dealer))));
    /// # writer.write_body(0, b"hello").unwrap();
    /// # let message = reader.read().unwrap();
    /// // A message that was received from a DEALER.
    /// let properties = message.properties().unwrap();
    /// assert_eq!(properties.get("Socket-Type"), Some(&b"DEALER"[..]));
    /// assert_eq!(properties.get("X-Unknown"), None);
    /// ```
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        self.0.get(name)
    }

    /// The same with a zero at its end, up to the first one that it has itself.
    #[doc(hidden)]
    pub fn get_text(&self, name: &str) -> Option<&CStr> {
        self.0.get_text(name)
    }

    pub(super) fn remote(&self) -> &str {
        self.0.remote()
    }

    /// The system's number of the connection's socket.
    #[doc(hidden)]
    pub fn descriptor(&self) -> Option<u64> {
        self.0.descriptor()
    }
}

impl std::fmt::Debug for Properties {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Properties")
    }
}

/// A peer that has a number, which stays good while this or a clone of it is held.
#[derive(Clone)]
pub struct KnownPeer(Arc<PeerNumber>);

struct PeerNumber {
    number: u32,
}

impl KnownPeer {
    /// Gives a peer a number.
    pub fn new(source: Arc<dyn PropertySource>) -> Self {
        let number = table().add(Properties(source));
        Self(Arc::new(PeerNumber { number }))
    }

    pub(crate) fn number(&self) -> u32 {
        self.0.number
    }
}

impl Drop for PeerNumber {
    fn drop(&mut self) {
        let forgotten = table().depart(self.number);
        // Not with the lock held: somebody else's code.
        drop(forgotten);
    }
}

/// What a number stands for.
pub(super) fn of(number: u32) -> Option<Properties> {
    if number == 0 {
        return None;
    }
    table().peers.get(&number).map(|entry| entry.properties.clone())
}

/// Has a number remembered until it is [released](release), once more; `None` if it stands for
/// nobody.
pub(super) fn keep(number: u32) -> Option<()> {
    table().peers.get_mut(&number)?.kept += 1;
    Some(())
}

/// Undoes a [`keep`].
pub(super) fn release(number: u32) {
    let forgotten = table().release(number);
    // Not with the lock held: somebody else's code.
    drop(forgotten);
}

struct PeerEntry {
    properties: Properties,
    /// How many messages want it to be remembered.
    kept: usize,
    /// It is remembered for those alone.
    forgotten: bool,
}

struct PeerTable {
    /// The number that was given last.
    last: u32,
    peers: BTreeMap<u32, PeerEntry>,
    /// Those of them that have left and are not forgotten, in that order, and what they take.
    departed: VecDeque<u32>,
    departed_bytes: usize,
}

static TABLE: Mutex<PeerTable> = Mutex::new(PeerTable::new());

fn table() -> MutexGuard<'static, PeerTable> {
    // Nothing in it is half done while foreign code runs.
    TABLE.lock().unwrap_or_else(PoisonError::into_inner)
}

impl PeerTable {
    const fn new() -> Self {
        Self { last: 0, peers: BTreeMap::new(), departed: VecDeque::new(), departed_bytes: 0 }
    }

    fn add(&mut self, properties: Properties) -> u32 {
        loop {
            self.last = self.last.wrapping_add(1) & NUMBER;
            if self.last != 0 && !self.peers.contains_key(&self.last) {
                let entry = PeerEntry { properties, kept: 0, forgotten: false };
                self.peers.insert(self.last, entry);
                return self.last;
            }
        }
    }

    fn size(&self, number: u32) -> usize {
        self.peers.get(&number).map_or(0, |entry| entry.properties.0.size())
    }

    /// A peer has left. Returns those that are too many.
    fn depart(&mut self, number: u32) -> Vec<PeerEntry> {
        self.departed.push_back(number);
        self.departed_bytes += self.size(number);
        let mut forgotten = Vec::new();
        while self.departed.len() > DEPARTED || self.departed_bytes > DEPARTED_BYTES {
            let Some(oldest) = self.departed.pop_front() else { break };
            self.departed_bytes -= self.size(oldest);
            if let Some(entry) = self.peers.get_mut(&oldest) {
                entry.forgotten = true;
            }
            forgotten.extend(self.remove_unwanted(oldest));
        }
        forgotten
    }

    fn release(&mut self, number: u32) -> Option<PeerEntry> {
        self.peers.get_mut(&number)?.kept -= 1;
        self.remove_unwanted(number)
    }

    fn remove_unwanted(&mut self, number: u32) -> Option<PeerEntry> {
        let entry = self.peers.get(&number)?;
        if entry.forgotten && entry.kept == 0 { self.peers.remove(&number) } else { None }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    struct Named(String, usize);

    impl PropertySource for Named {
        fn get(&self, name: &str) -> Option<&[u8]> {
            (name == "name").then_some(self.0.as_bytes())
        }

        fn size(&self) -> usize {
            self.1
        }
    }

    fn properties(name: impl ToString, size: usize) -> Properties {
        Properties(Arc::new(Named(name.to_string(), size)))
    }

    fn name(table: &PeerTable, number: u32) -> Option<String> {
        let name = table.peers.get(&number)?.properties.get("name")?;
        Some(String::from_utf8_lossy(name).into_owned())
    }

    #[test]
    fn those_that_are_there_are_known_however_many_come_and_go() {
        let mut table = PeerTable::new();
        let stays = table.add(properties("stays", 100));
        for _ in 0..3 * DEPARTED {
            let number = table.add(properties("goes", 100));
            table.depart(number);
        }
        assert_eq!(name(&table, stays).as_deref(), Some("stays"));
        assert_eq!(table.peers.len(), 1 + DEPARTED);
        assert_eq!((table.departed.len(), table.departed_bytes), (DEPARTED, 100 * DEPARTED));
    }

    #[test]
    fn those_that_have_left_are_forgotten_in_the_order_in_which_they_left() {
        let mut table = PeerTable::new();
        let numbers: Vec<u32> =
            (0..=DEPARTED).map(|number| table.add(properties(number, 1))).collect();
        assert!(numbers[1..].iter().all(|&number| table.depart(number).is_empty()));
        let forgotten = table.depart(numbers[0]);
        assert_eq!(forgotten.len(), 1);
        assert_eq!(name(&table, numbers[1]), None);
        assert_eq!(name(&table, numbers[0]).as_deref(), Some("0"));
    }

    #[test]
    fn large_properties_of_those_that_have_left_are_kept_up_to_a_limit() {
        const LARGE: usize = DEPARTED_BYTES / 4;
        let mut table = PeerTable::new();
        for number in 0..10 {
            let number = table.add(properties(number, LARGE));
            table.depart(number);
        }
        assert_eq!(table.departed.len(), 4);
        let number = table.add(properties("too large", 2 * DEPARTED_BYTES));
        table.depart(number);
        assert!(table.peers.is_empty() && table.departed_bytes == 0);
    }

    #[test]
    fn what_is_kept_is_remembered_until_it_is_released_as_often() {
        let mut table = PeerTable::new();
        let kept = table.add(properties("kept", 2 * DEPARTED_BYTES));
        for entry in table.peers.values_mut() {
            entry.kept = 2;
        }
        assert!(table.depart(kept).is_empty());
        assert_eq!((table.departed.len(), table.departed_bytes), (0, 0));
        assert!(table.release(kept).is_none());
        assert_eq!(name(&table, kept).as_deref(), Some("kept"));
        assert!(table.release(kept).is_some());
        assert_eq!(name(&table, kept), None);
    }

    #[test]
    fn what_is_released_while_its_peer_is_there_stays() {
        let peer = KnownPeer::new(Arc::new(Named("there".into(), 1)));
        assert!(keep(peer.number()).is_some());
        release(peer.number());
        assert!(of(peer.number()).is_some());
        assert!(keep(0).is_none());
    }

    #[test]
    fn a_number_that_is_in_use_is_not_given_again() {
        let mut table = PeerTable::new();
        assert_eq!(table.add(properties("one", 1)), 1);
        table.last = NUMBER - 1;
        assert_eq!(table.add(properties("last", 1)), NUMBER);
        assert_eq!(table.add(properties("two", 1)), 2, "neither nobody's nor one's");
    }

    #[test]
    fn a_peer_is_known_by_its_number_while_it_is_held() {
        let peer = KnownPeer::new(Arc::new(Named("held".into(), 1)));
        let clone = peer.clone();
        drop(peer);
        let properties = of(clone.number()).expect("it is held");
        assert_eq!(properties.get("name"), Some(&b"held"[..]));
        assert!(of(0).is_none());
    }
}
