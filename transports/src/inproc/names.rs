//! What is behind the lock of [`Inproc`](super::Inproc): sans-clock, and nothing of it hands over or drops
//! a pipe: that is for the caller, without the lock.

use super::{Acceptor, Ticket};
use crate::endpoint::InprocName;
use crate::owner::Offer;
use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// See the [module's documentation](self).
#[derive(Default)]
pub(super) struct NameTable {
    known: HashMap<InprocName, NameUse>,
    /// The next connect that has to wait.
    next: u64,
    /// Those whose sockets have gone and linger for a limited time, by when that ends. All of them wait.
    lingering: BTreeMap<(Instant, Ticket), InprocName>,
}

enum NameUse {
    Bound(Arc<dyn Acceptor>),
    /// Never empty.
    Awaited(BTreeMap<Ticket, WaitingConnect>),
}

struct WaitingConnect {
    offer: Offer,
    /// When its linger time ends.
    until: Option<Instant>,
}

/// What a connect has met.
#[expect(clippy::large_enum_variant, reason = "made once a connect and taken apart at once")]
pub(super) enum Met {
    Waits(Ticket),
    /// Who has bound the name, to be given the offer.
    Bound(Arc<dyn Acceptor>, Offer),
}

impl NameTable {
    /// Binds a name, and gives what waited for it. `None` if somebody has it already.
    pub(super) fn bind(
        &mut self,
        name: InprocName,
        acceptor: &Arc<dyn Acceptor>,
    ) -> Option<Vec<Offer>> {
        let bound = NameUse::Bound(acceptor.clone());
        let before = match self.known.entry(name) {
            Entry::Vacant(entry) => {
                entry.insert(bound);
                return Some(Vec::new());
            }
            Entry::Occupied(entry) if matches!(entry.get(), NameUse::Bound(_)) => return None,
            Entry::Occupied(mut entry) => entry.insert(bound),
        };
        let NameUse::Awaited(awaited) = before else { return None };
        let lingering = &mut self.lingering;
        let taken = awaited.into_iter().map(|(ticket, WaitingConnect { offer, until })| {
            if let Some(until) = until {
                lingering.remove(&(until, ticket));
            }
            offer
        });
        Some(taken.collect())
    }

    /// Gives a name up.
    pub(super) fn unbind(&mut self, name: &InprocName) -> Option<Arc<dyn Acceptor>> {
        match self.known.get(name) {
            Some(NameUse::Bound(_)) => match self.known.remove(name) {
                Some(NameUse::Bound(acceptor)) => Some(acceptor),
                _ => None,
            },
            _ => None,
        }
    }

    pub(super) fn connect(&mut self, name: &InprocName, offer: Offer) -> Met {
        let none = || NameUse::Awaited(BTreeMap::new());
        match self.known.entry(name.clone()).or_insert_with(none) {
            NameUse::Bound(acceptor) => Met::Bound(acceptor.clone(), offer),
            NameUse::Awaited(awaited) => {
                let ticket = Ticket(self.next);
                self.next += 1;
                awaited.insert(ticket, WaitingConnect { offer, until: None });
                Met::Waits(ticket)
            }
        }
    }

    /// The near end of a pipe is closed: takes the far one out, unless it lingers.
    pub(super) fn withdraw(
        &mut self,
        now: Instant,
        name: &InprocName,
        ticket: Ticket,
    ) -> Option<Offer> {
        let Some(NameUse::Awaited(awaited)) = self.known.get_mut(name) else { return None };
        let waiting = awaited.get_mut(&ticket)?;
        let end = &mut waiting.offer.end;
        let linger =
            if end.rx.ended() { Some(Duration::ZERO) } else { end.state.closing().flatten() };
        if linger == Some(Duration::ZERO) {
            return self.take(name, ticket);
        }
        // Beyond the end of time is for ever.
        if let Some(until) = linger.and_then(|linger| now.checked_add(linger)) {
            waiting.until = Some(until);
            self.lingering.insert((until, ticket), name.clone());
        }
        None
    }

    /// Counts the linger times anew that were changed.
    pub(super) fn linger_changed(&mut self, now: Instant) {
        for (name, known) in &mut self.known {
            let NameUse::Awaited(awaited) = known else { continue };
            for (ticket, waiting) in awaited {
                if !waiting.offer.end.state.take_linger_change() {
                    continue;
                }
                if let Some(until) = waiting.until.take() {
                    self.lingering.remove(&(until, *ticket));
                }
                let linger = waiting.offer.end.state.closing().flatten();
                // Beyond the end of time is for ever.
                waiting.until = linger.and_then(|linger| now.checked_add(linger));
                if let Some(until) = waiting.until {
                    self.lingering.insert((until, *ticket), name.clone());
                }
            }
        }
    }

    /// All that wait.
    pub(super) fn into_offers(self) -> impl Iterator<Item = Offer> {
        self.known.into_values().flat_map(|known| {
            let awaited = match known {
                NameUse::Bound(_) => BTreeMap::new(),
                NameUse::Awaited(awaited) => awaited,
            };
            awaited.into_values().map(|waiting| waiting.offer)
        })
    }

    /// Takes those out whose linger time is over.
    pub(super) fn sweep(&mut self, now: Instant) -> Vec<Offer> {
        let mut over = Vec::new();
        while let Some(entry) = self.lingering.first_entry() {
            let (until, ticket) = *entry.key();
            if until > now {
                break;
            }
            let name = entry.remove();
            over.extend(self.take(&name, ticket));
        }
        over
    }

    /// When the next linger time is over.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.lingering.keys().next().map(|(until, _)| *until)
    }

    /// Takes out one that waits, whose linger time is not limited or is taken care of.
    fn take(&mut self, name: &InprocName, ticket: Ticket) -> Option<Offer> {
        let Some(NameUse::Awaited(awaited)) = self.known.get_mut(name) else { return None };
        let waiting = awaited.remove(&ticket);
        if awaited.is_empty() {
            self.known.remove(name);
        }
        waiting.map(|waiting| waiting.offer)
    }

    pub(super) fn is_waiting(&self, name: &InprocName, ticket: Ticket) -> bool {
        let known = self.known.get(name);
        matches!(known, Some(NameUse::Awaited(awaited)) if awaited.contains_key(&ticket))
    }

    pub(super) fn is_bound(&self, name: &InprocName) -> bool {
        matches!(self.known.get(name), Some(NameUse::Bound(_)))
    }

    /// How many wait.
    pub(super) fn waiting(&self) -> usize {
        let waiting = |name: &NameUse| match name {
            NameUse::Bound(_) => 0,
            NameUse::Awaited(awaited) => awaited.len(),
        };
        self.known.values().map(waiting).sum()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::endpoint::Endpoint;
    use ringmq_engine::PipeEnd;
    use ringmq_pipe::{Capacity, Message, pipe};
    use ringmq_zmtp::{Peer, SocketType, Version};

    const SECOND: Duration = Duration::from_secs(1);

    struct Nobody;

    impl Acceptor for Nobody {
        fn offer(&self, _: Offer) {}
    }

    fn name(text: &str) -> InprocName {
        let Ok(Endpoint::Inproc(name)) = Endpoint::parse_bind(&format!("inproc://{text}")) else {
            panic!("a name")
        };
        name
    }

    /// A pipe: the near end, and the far one on its way.
    fn offer() -> (PipeEnd, Offer) {
        let (near, end) = pipe(Capacity::Messages(10), Capacity::Messages(10));
        let peer = Peer {
            version: Version::V3_1,
            socket_type: Some(SocketType::Push),
            routing_id: Vec::new(),
            metadata: Vec::new(),
        };
        (near, Offer { end, peer: Arc::new(peer), taken: Box::new(|_| {}) })
    }

    /// Connects, sends if so wished, and closes with a linger time.
    fn come_and_go(names: &mut NameTable, now: Instant, sends: bool, linger: Option<Duration>) {
        let (mut near, offer) = offer();
        let Met::Waits(ticket) = names.connect(&name("a"), offer) else {
            panic!("nobody is there")
        };
        if sends {
            near.tx.write(&mut Message::from("message")).unwrap();
        }
        near.state.close(linger);
        drop(near);
        drop(names.withdraw(now, &name("a"), ticket));
    }

    #[test]
    fn who_closes_leaves_nothing_that_is_not_to_be_delivered() {
        let (mut names, now) = (NameTable::default(), Instant::now());
        let (_stays, offer) = offer();
        names.connect(&name("a"), offer);
        for _ in 0..1000 {
            come_and_go(&mut names, now, false, None);
            come_and_go(&mut names, now, false, Some(SECOND));
            come_and_go(&mut names, now, true, Some(Duration::ZERO));
        }
        assert_eq!((names.waiting(), names.lingering.len()), (1, 0));
    }

    #[test]
    fn a_name_that_nobody_waits_for_any_more_is_forgotten() {
        let (mut names, now) = (NameTable::default(), Instant::now());
        come_and_go(&mut names, now, false, None);
        come_and_go(&mut names, now, true, Some(SECOND));
        drop(names.sweep(now + SECOND));
        assert!(names.known.is_empty());
    }

    #[test]
    fn what_was_sent_stays_for_the_linger_time() {
        let (mut names, now) = (NameTable::default(), Instant::now());
        come_and_go(&mut names, now, true, Some(2 * SECOND));
        come_and_go(&mut names, now, true, Some(SECOND));
        come_and_go(&mut names, now, true, None);
        come_and_go(&mut names, now, true, Some(Duration::MAX));
        for (later, gone, left) in [(0, 0, 4), (1, 1, 3), (2, 1, 2), (1_000_000, 0, 2)] {
            assert_eq!(names.sweep(now + SECOND * later).len(), gone);
            assert_eq!(names.waiting(), left);
        }
        let acceptor: Arc<dyn Acceptor> = Arc::new(Nobody);
        let mut awaited = names.bind(name("a"), &acceptor).unwrap();
        assert!(awaited.iter_mut().all(|offer| offer.end.rx.read().unwrap() == *b"message"));
        assert_eq!((awaited.len(), names.waiting()), (2, 0));
    }

    #[test]
    fn what_was_taken_does_not_linger() {
        let (mut names, now) = (NameTable::default(), Instant::now());
        let acceptor: Arc<dyn Acceptor> = Arc::new(Nobody);
        for _ in 0..100 {
            come_and_go(&mut names, now, true, Some(1000 * SECOND));
            assert_eq!(names.bind(name("a"), &acceptor).unwrap().len(), 1);
            assert!(names.bind(name("a"), &acceptor).is_none(), "it is bound");
            assert!(names.unbind(&name("a")).is_some());
        }
        assert!(names.lingering.is_empty() && names.known.is_empty());
    }

    #[test]
    fn who_was_taken_has_nothing_to_withdraw() {
        let (mut names, now) = (NameTable::default(), Instant::now());
        let acceptor: Arc<dyn Acceptor> = Arc::new(Nobody);
        let (_near, first) = offer();
        let Met::Waits(ticket) = names.connect(&name("a"), first) else { panic!("it waits") };
        assert_eq!(names.bind(name("a"), &acceptor).unwrap().len(), 1);
        assert!(names.withdraw(now, &name("a"), ticket).is_none());
        let (_near, second) = offer();
        assert!(matches!(names.connect(&name("a"), second), Met::Bound(..)));
        assert!(names.unbind(&name("b")).is_none());
    }
}
