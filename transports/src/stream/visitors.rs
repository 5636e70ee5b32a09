//! The connections of a listener, counted, so that nobody keeps others from theirs.
//!
//! Handshakes under way are few, and whoever is one too many has to be given the place of another. Who that is
//! must not be for those to say who open connections without end. So it is one
//! * of the address that has the most handshakes under way, of IPv6 the network of 64 bits: one that has fewer
//!   loses none, however many another one opens;
//! * of these, of those whose greeting is all there or of the others, whichever are more: half a greeting costs
//!   nothing, and whoever has sent all of it is not driven out by those who have not, nor the other way round;
//! * of these, one drawn by lot, and not the one that comes. Were it the oldest, one that brings as many as there
//!   are places while another is at its handshake would keep that out each time. So it gets in with a chance of
//!   `(1 - 1/n)^k` each time that it comes, if there are `n` places and `k` others come meanwhile.
//!
//! What can still be done: from as many addresses as there are places, or from the same address with whole
//! greetings (with half ones: before that of the honest peer is there), one who brings several times as many
//! connections as there are places, while an honest peer is at its handshake, makes that peer come several times:
//! `e^(k/n)` on average, which is 1.6 where half as many come as there are places. And who completes its handshakes
//! is none of those that are counted here: the limits of connections are for them.

use super::lots::Lots;
use crate::options::BindLimits;
use ringmq_engine::{PeerLimit, Token};
use std::collections::{BTreeMap, HashMap};
use std::net::Ipv6Addr;
use std::sync::Arc;

/// See the [module's documentation](self).
#[derive(Default)]
pub(super) struct Visitors {
    all: HashMap<Token, Visitor>,
    /// How many there are from each address.
    addresses: HashMap<Arc<str>, u32>,
    handshakes: PendingHandshakes,
    random: fastrand::Rng,
}

struct Visitor {
    peer: Arc<str>,
    address: Option<Arc<str>>,
    /// Its handshake, until that is done, or was given up.
    handshake: Option<PendingHandshake>,
}

/// A handshake under way.
struct PendingHandshake {
    /// Where its peer comes from.
    origin: Arc<str>,
    /// All of the peer's greeting is there.
    greeted: bool,
}

/// The handshakes under way.
#[derive(Default)]
struct PendingHandshakes {
    count: usize,
    origins: HashMap<Arc<str>, PendingOfOrigin>,
    /// The origins that have so many each.
    by_count: BTreeMap<usize, Lots<Arc<str>>>,
}

/// The handshakes under way of one origin: whose greeting is not all there, and the others.
#[derive(Default)]
struct PendingOfOrigin {
    silent: Lots<Token>,
    greeted: Lots<Token>,
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
        if limits.per_address.is_some_and(|most| from_there.unwrap_or_default() >= most) {
            return Some(PeerLimit::ConnectionsOfAddress);
        }
        (limits.handshakes == Some(0)).then_some(PeerLimit::Handshakes)
    }

    /// The one that has to go before another may come, and its peer, if as many as may be are at their
    /// handshakes.
    pub(super) fn make_room(&mut self, limits: &BindLimits) -> Option<(Token, Arc<str>)> {
        if limits.handshakes.is_none_or(|most| self.handshakes.count < most as usize) {
            return None;
        }
        let unlucky = self.handshakes.draw(&mut self.random)?;
        self.forget_handshake(unlucky);
        Some((unlucky, self.all.get(&unlucky)?.peer.clone()))
    }

    pub(super) fn came(&mut self, session: Token, peer: Arc<str>, address: Option<Arc<str>>) {
        if let Some(address) = &address {
            *self.addresses.entry(address.clone()).or_default() += 1;
        }
        let origin = origin(address.as_ref());
        self.handshakes.change(&origin, |origin| origin.silent.insert(session));
        let handshake = Some(PendingHandshake { origin, greeted: false });
        self.all.insert(session, Visitor { peer, address, handshake });
    }

    /// All of its peer's greeting is there.
    pub(super) fn greeted(&mut self, session: Token) {
        let visitor = self.all.get_mut(&session);
        let Some(handshake) = visitor.and_then(|visitor| visitor.handshake.as_mut()) else {
            return;
        };
        if !std::mem::replace(&mut handshake.greeted, true) {
            self.handshakes.change(&handshake.origin, |origin| {
                origin.silent.remove(&session);
                origin.greeted.insert(session);
            });
        }
    }

    /// Its handshake is done.
    pub(super) fn stays(&mut self, session: Token) {
        self.forget_handshake(session);
    }

    pub(super) fn left(&mut self, session: Token) {
        self.forget_handshake(session);
        let address = self.all.remove(&session).and_then(|visitor| visitor.address);
        let Some(address) = address else { return };
        if let Some(count) = self.addresses.get_mut(&address) {
            *count -= 1;
            if *count == 0 {
                self.addresses.remove(&address);
            }
        }
    }

    fn forget_handshake(&mut self, session: Token) {
        let visitor = self.all.get_mut(&session);
        let Some(handshake) = visitor.and_then(|visitor| visitor.handshake.take()) else { return };
        self.handshakes.change(&handshake.origin, |origin| {
            let lots = if handshake.greeted { &mut origin.greeted } else { &mut origin.silent };
            lots.remove(&session);
        });
    }

    pub(super) fn drain(&mut self) -> impl Iterator<Item = Token> {
        std::mem::take(self).all.into_keys()
    }
}

/// Where a peer comes from: its address, or the network that whoever has one IPv6 address usually has. Those of
/// whom the system does not tell are one.
fn origin(address: Option<&Arc<str>>) -> Arc<str> {
    let Some(address) = address else { return "".into() };
    match address.parse::<Ipv6Addr>().map(|address| (address.to_ipv4_mapped(), address.segments()))
    {
        Ok((None, [a, b, c, d, ..])) => format!("{a:x}:{b:x}:{c:x}:{d:x}::/64").into(),
        Ok((Some(mapped), _)) => mapped.to_string().into(),
        Err(_) => address.clone(),
    }
}

impl PendingHandshakes {
    /// Changes what there is of an origin.
    fn change(&mut self, name: &Arc<str>, change: impl FnOnce(&mut PendingOfOrigin)) {
        let origin = self.origins.entry(name.clone()).or_default();
        let before = origin.len();
        change(origin);
        let after = origin.len();
        if before == after {
            return;
        }
        self.count = self.count - before + after;
        if let Some(lots) = self.by_count.get_mut(&before) {
            lots.remove(name);
            if lots.is_empty() {
                self.by_count.remove(&before);
            }
        }
        if after == 0 {
            self.origins.remove(name);
        } else {
            self.by_count.entry(after).or_default().insert(name.clone());
        }
    }

    /// The one that has to go for another.
    fn draw(&self, random: &mut fastrand::Rng) -> Option<Token> {
        let (_, most) = self.by_count.last_key_value()?;
        let PendingOfOrigin { silent, greeted } = self.origins.get(most.draw(random)?)?;
        let more = if silent.len() < greeted.len() { greeted } else { silent };
        more.draw(random).copied()
    }
}

impl PendingOfOrigin {
    fn len(&self) -> usize {
        self.silent.len() + self.greeted.len()
    }
}

#[cfg(test)]
mod tests;
