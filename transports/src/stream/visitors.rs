//! The connections of a listener, counted, so that nobody keeps others from theirs.

use crate::options::BindLimits;
use ringmq_engine::{PeerLimit, Token};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// See the [module's documentation](self).
#[derive(Default)]
pub(super) struct Visitors {
    all: HashMap<Token, Visitor>,
    /// How many there are from each address.
    addresses: HashMap<Arc<str>, u32>,
    /// Those whose handshake is not done, the oldest first.
    unknown: BTreeMap<u64, Token>,
    next: u64,
}

struct Visitor {
    peer: Arc<str>,
    address: Option<Arc<str>>,
    /// Its place among the unknown, as long as it is one of them.
    place: Option<u64>,
}

impl Visitors {
    /// Why one more is refused that comes from `address`.
    pub(super) fn refuse(
        &self,
        limits: &BindLimits,
        address: Option<&Arc<str>>,
    ) -> Option<PeerLimit> {
        if limits.connections.is_some_and(|most| self.all.len() >= most as usize) {
            return Some(PeerLimit::Connections);
        }
        let from_there = address.and_then(|address| self.addresses.get(address)).copied();
        limits
            .per_address
            .is_some_and(|most| from_there.unwrap_or_default() >= most)
            .then_some(PeerLimit::ConnectionsOfAddress)
    }

    pub(super) fn came(&mut self, session: Token, peer: Arc<str>, address: Option<Arc<str>>) {
        if let Some(address) = &address {
            *self.addresses.entry(address.clone()).or_default() += 1;
        }
        let place = self.next;
        self.next += 1;
        self.unknown.insert(place, session);
        self.all.insert(session, Visitor { peer, address, place: Some(place) });
    }

    /// Its handshake is done.
    pub(super) fn stays(&mut self, session: Token) {
        let place = self.all.get_mut(&session).and_then(|visitor| visitor.place.take());
        place.map(|place| self.unknown.remove(&place));
    }

    pub(super) fn left(&mut self, session: Token) {
        let Some(visitor) = self.all.remove(&session) else { return };
        visitor.place.map(|place| self.unknown.remove(&place));
        let Some(address) = visitor.address else { return };
        if let Some(count) = self.addresses.get_mut(&address) {
            *count -= 1;
            if *count == 0 {
                self.addresses.remove(&address);
            }
        }
    }

    /// The one that has been at its handshake for longest, and its peer, if too many are: those who do it
    /// quickly are never among the oldest for long, however many others only hold their place.
    pub(super) fn too_slow(&mut self, limits: &BindLimits) -> Option<(Token, Arc<str>)> {
        if limits.handshakes.is_none_or(|most| self.unknown.len() <= most as usize) {
            return None;
        }
        let (_, oldest) = self.unknown.pop_first()?;
        let visitor = self.all.get_mut(&oldest)?;
        visitor.place = None;
        Some((oldest, visitor.peer.clone()))
    }

    pub(super) fn drain(&mut self) -> impl Iterator<Item = Token> {
        std::mem::take(self).all.into_keys()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn limits(connections: u32, per_address: u32, handshakes: u32) -> BindLimits {
        let some = |limit: u32| (limit > 0).then_some(limit);
        BindLimits {
            connections: some(connections),
            per_address: some(per_address),
            handshakes: some(handshakes),
        }
    }

    fn come(visitors: &mut Visitors, address: &Arc<str>) -> Token {
        let session = Token::unique();
        visitors.came(session, address.clone(), Some(address.clone()));
        session
    }

    #[test]
    fn who_leaves_makes_room() {
        let (here, there): (Arc<str>, Arc<str>) = ("10.0.0.1".into(), "10.0.0.2".into());
        let mut visitors = Visitors::default();
        let limits = limits(3, 2, 0);
        let first = come(&mut visitors, &here);
        assert_eq!(visitors.refuse(&limits, Some(&here)), None);
        come(&mut visitors, &here);
        assert_eq!(visitors.refuse(&limits, Some(&here)), Some(PeerLimit::ConnectionsOfAddress));
        assert_eq!(visitors.refuse(&limits, Some(&there)), None);
        assert_eq!(visitors.refuse(&limits, None), None);
        let last = come(&mut visitors, &there);
        assert_eq!(visitors.refuse(&limits, Some(&there)), Some(PeerLimit::Connections));
        visitors.left(first);
        visitors.left(first);
        assert_eq!(visitors.refuse(&limits, Some(&here)), None);
        visitors.left(last);
        assert_eq!(visitors.addresses.len(), 1, "nothing is kept of who is gone");
        assert_eq!(visitors.unknown.len(), 1);
    }

    #[test]
    fn the_oldest_without_a_handshake_goes_and_nobody_else() {
        let here: Arc<str> = "10.0.0.1".into();
        let mut visitors = Visitors::default();
        let limits = limits(0, 0, 2);
        let known = come(&mut visitors, &here);
        visitors.stays(known);
        let slow: Vec<Token> = (0..2).map(|_| come(&mut visitors, &here)).collect();
        assert!(visitors.too_slow(&limits).is_none());
        let quick = come(&mut visitors, &here);
        assert_eq!(visitors.too_slow(&limits).unwrap().0, slow[0]);
        assert!(visitors.too_slow(&limits).is_none());
        visitors.stays(quick);
        assert!(visitors.too_slow(&limits).is_none());
        come(&mut visitors, &here);
        visitors.left(slow[0]);
        assert!(visitors.too_slow(&limits).is_none());
        assert_eq!(visitors.drain().count(), 4);
    }
}
