//! Who is let in, and who has to go.
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
    assert_eq!(visitors.handshakes.count, 1);
}

/// Comes where so many may be, and whoever has to goes.
fn push_in(visitors: &mut Visitors, limits: &BindLimits, address: &Arc<str>) -> Token {
    if let Some((unlucky, _)) = visitors.make_room(limits) {
        visitors.left(unlucky);
    }
    come(visitors, address)
}

fn is_here(visitors: &Visitors, session: Token) -> bool {
    visitors.all.contains_key(&session)
}

fn seeded(seed: u64) -> Visitors {
    Visitors { random: fastrand::Rng::with_seed(seed), ..Visitors::default() }
}

/// What those do who open connections without end: from one address, or each from its own, with half a greeting or
/// all of it.
#[derive(Clone, Copy, Debug)]
struct Flood {
    addresses: usize,
    greets: bool,
}

impl Flood {
    fn bring(&self, visitors: &mut Visitors, limits: &BindLimits, connections: usize) {
        for number in 0..connections {
            let which = number % self.addresses;
            let address = format!("10.1.{}.{}", which / 256, which % 256).into();
            let session = push_in(visitors, limits, &address);
            if self.greets {
                visitors.greeted(session);
            }
        }
    }

    /// How often an honest peer has to come beside it, if so many others come before its greeting is there, and
    /// so many after that.
    fn attempts(&self, from: &str, before: usize, after: usize) -> usize {
        let (limits, address) = (limits(0, 0, PLACES as u32), from.into());
        let mut visitors = seeded(7);
        self.bring(&mut visitors, &limits, 10 * PLACES);
        for attempt in 1..1000 {
            let honest = push_in(&mut visitors, &limits, &address);
            self.bring(&mut visitors, &limits, before);
            visitors.greeted(honest);
            self.bring(&mut visitors, &limits, after);
            if is_here(&visitors, honest) {
                return attempt;
            }
        }
        panic!("{self:?} keeps {from} out");
    }
}

const PLACES: usize = 64;
const ELSEWHERE: &str = "10.0.0.1";
const THE_SAME: &str = "10.1.0.0";

#[test]
fn who_floods_from_some_addresses_keeps_nobody_of_another_one_out() {
    for addresses in [1, 2, PLACES / 2 - 1] {
        for greets in [false, true] {
            let flood = Flood { addresses, greets };
            let attempts = flood.attempts(ELSEWHERE, 30 * PLACES, 30 * PLACES);
            assert_eq!(attempts, 1, "{flood:?}");
        }
    }
}

#[test]
fn who_has_greeted_is_not_driven_out_by_half_greetings_of_its_own_address() {
    let flood = Flood { addresses: 1, greets: false };
    let attempts = flood.attempts(THE_SAME, 0, 30 * PLACES);
    assert_eq!(attempts, 1);
    // Until then it is a matter of luck.
    let attempts = flood.attempts(THE_SAME, PLACES, 30 * PLACES);
    assert!(attempts < 30, "{attempts}");
}

#[test]
fn who_comes_again_gets_in_beside_whole_greetings_of_its_own_address() {
    let flood = Flood { addresses: 1, greets: true };
    // While its own greeting is not there it is none of those that are many.
    assert_eq!(flood.attempts(THE_SAME, 30 * PLACES, 0), 1);
    // Then with chances of 1 to 2.7, and 1 to 20.
    for (others, most) in [(PLACES, 30), (3 * PLACES, 200)] {
        let attempts = flood.attempts(THE_SAME, others / 8, others - others / 8);
        assert!(attempts < most, "{others}: {attempts}");
    }
}

#[test]
fn who_comes_again_gets_in_beside_a_flood_from_everywhere() {
    let flood = Flood { addresses: 10 * PLACES, greets: true };
    for (others, most) in [(PLACES, 30), (3 * PLACES, 200)] {
        let attempts = flood.attempts(ELSEWHERE, others / 2, others - others / 2);
        assert!(attempts < most, "{others}: {attempts}");
    }
}

#[test]
fn who_comes_has_not_to_go_at_once_and_who_is_known_never() {
    let here: Arc<str> = "10.0.0.1".into();
    for seed in 0..100 {
        let mut visitors = seeded(seed);
        let limits = limits(0, 0, 2);
        let known = come(&mut visitors, &here);
        visitors.stays(known);
        let slow: Vec<Token> = (0..2).map(|_| push_in(&mut visitors, &limits, &here)).collect();
        assert!(slow.iter().all(|session| is_here(&visitors, *session)));
        let quick = push_in(&mut visitors, &limits, &here);
        assert!(is_here(&visitors, quick) && is_here(&visitors, known));
        assert_eq!(slow.iter().filter(|session| is_here(&visitors, **session)).count(), 1);
        // It is done, and makes room.
        visitors.stays(quick);
        assert_eq!(visitors.make_room(&limits), None);
        come(&mut visitors, &here);
        assert!(visitors.make_room(&limits).is_some_and(|(session, _)| session != quick));
        assert_eq!(visitors.drain().count(), 4);
    }
}

#[test]
fn nothing_is_kept_of_handshakes_that_are_over() {
    let limits = limits(0, 0, 3);
    let mut visitors = seeded(1);
    let flood = Flood { addresses: 5, greets: true };
    flood.bring(&mut visitors, &limits, 100);
    assert_eq!((visitors.all.len(), visitors.handshakes.count), (3, 3));
    for session in visitors.all.keys().copied().collect::<Vec<_>>() {
        visitors.stays(session);
        visitors.greeted(session);
        visitors.left(session);
    }
    let PendingHandshakes { count, origins, by_count } = &visitors.handshakes;
    assert!(*count == 0 && origins.is_empty() && by_count.is_empty());
    assert!(visitors.all.is_empty() && visitors.addresses.is_empty());
}

#[test]
fn where_none_may_be_none_is_let_in() {
    let mut visitors = Visitors::default();
    assert_eq!(visitors.refuse(&limits(0, 0, 0), None), None, "no limit");
    let none = BindLimits { handshakes: Some(0), ..limits(0, 0, 0) };
    assert_eq!(visitors.refuse(&none, None), Some(PeerLimit::Handshakes));
    assert_eq!(visitors.make_room(&none), None);
}

#[test]
fn an_ipv6_network_counts_as_one() {
    let origin = |address: &str| origin(Some(&address.into()));
    assert_eq!(origin("2001:db8:1:2:3:4:5:6"), origin("2001:db8:1:2:ffff::"));
    assert_ne!(origin("2001:db8:1:2::1"), origin("2001:db8:1:3::1"));
    assert_eq!(origin("::ffff:192.0.2.1"), origin("192.0.2.1"));
    assert_ne!(origin("::ffff:192.0.2.1"), origin("::ffff:192.0.2.2"));
    assert_ne!(origin("localhost:0:0:1"), origin("localhost:0:0:2"));
}
