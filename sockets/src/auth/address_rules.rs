//! From which addresses peers may come at all, before anybody looks at what they have to show.

use super::candidate::{Authenticator, Candidate};
use crate::error::Error;
use ringmq_transports::network::Network;
use ringmq_zmtp::Denial;
use std::net::IpAddr;

/// Lists of addresses and networks from which peers may come, or may not, for an authenticator that judges
/// those who pass:
/// * who is on the list of those denied is turned away, whatever else is said;
/// * as soon as something is allowed, whoever is not on that list is turned away as well;
/// * the others are the [authenticator's](Self::then).
///
/// Who is turned away is told so with status 400, and does not come again by itself
/// ([`Denial::Credentials`]).
///
/// Rules are written as an address, `192.0.2.1` or `2001:db8::1`, or as a network, `192.0.2.0/24`. An IPv4
/// peer of an IPv6 socket is seen as IPv4, and `::ffff:192.0.2.0/120` is the same rule as `192.0.2.0/24`;
/// other rules of IPv6, such as `::/0`, do not concern IPv4. Peers over ipc have no such address: they pass
/// where nothing is allowed by name, and otherwise only if [they are](Self::allow_ipc).
///
/// # Examples
/// ```
/// use ringmq::auth::{AddressRules, Candidate};
/// let context = ringmq::Context::new();
/// let server = context.pull()?;
/// let rules = AddressRules::new().allow("127.0.0.0/8")?.allow("::1")?.deny("127.0.0.66")?;
/// server.set_authenticator(rules.then(|candidate: Candidate| candidate.allow()))?;
/// let endpoint = server.bind("tcp://127.0.0.1:*")?;
/// let client = context.push()?;
/// client.connect(&endpoint)?;
/// client.send("from nearby")?;
/// assert_eq!(server.recv()?, "from nearby");
/// # Ok::<(), ringmq::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AddressRules {
    allowed: Vec<Network>,
    denied: Vec<Network>,
    allows_ipc: bool,
}

impl AddressRules {
    /// No rules yet: everybody passes.
    ///
    /// # Examples
    /// ```
    /// use ringmq::auth::AddressRules;
    /// let office = AddressRules::new().allow("192.0.2.0/24")?.deny("192.0.2.7")?;
    /// assert_ne!(office, AddressRules::new());
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Lets an address or a network pass, and from now on nobody whom no rule allows.
    ///
    /// # Errors
    /// [`Error::AddressRule`] if the text is neither.
    ///
    /// # Examples
    /// ```
    /// use ringmq::auth::AddressRules;
    /// AddressRules::new().allow("10.0.0.0/8")?.allow("2001:db8::/32")?;
    /// let refused = AddressRules::new().allow("localhost").unwrap_err();
    /// assert!(refused.to_string().starts_with("localhost is no address rule"));
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    pub fn allow(mut self, network: impl AsRef<str>) -> Result<Self, Error> {
        self.allowed.push(parse(network.as_ref())?);
        Ok(self)
    }

    /// Turns an address or a network away, whether it is allowed or not.
    ///
    /// # Errors
    /// [`Error::AddressRule`] if the text is neither.
    ///
    /// # Examples
    /// ```
    /// use ringmq::auth::AddressRules;
    /// AddressRules::new().deny("192.0.2.7")?.deny("198.51.100.0/24")?;
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    pub fn deny(mut self, network: impl AsRef<str>) -> Result<Self, Error> {
        self.denied.push(parse(network.as_ref())?);
        Ok(self)
    }

    /// Lets peers over ipc pass, and from now on nobody whom no rule allows. Which of them may come in is
    /// for the authenticator to say, by [`Candidate::unix_peer`].
    ///
    /// # Examples
    /// ```
    /// use ringmq::auth::AddressRules;
    /// AddressRules::new().allow("10.0.0.0/8")?.allow_ipc();
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    #[must_use]
    pub fn allow_ipc(mut self) -> Self {
        self.allows_ipc = true;
        self
    }

    /// An authenticator that turns away whom the rules do, and leaves the others to `next`.
    ///
    /// # Examples
    /// ```
    /// use ringmq::auth::{AddressRules, Candidate, Denial};
    /// let server = ringmq::Context::new().rep()?;
    /// server.set_plain_server(true)?;
    /// server.set_authenticator(AddressRules::new().allow("10.0.0.0/8")?.then(
    ///     |candidate: Candidate| match candidate.password() {
    ///         Some(b"wonderland") => candidate.allow(),
    ///         _ => candidate.deny(Denial::Credentials),
    ///     },
    /// ))?;
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    pub fn then<A: Authenticator>(self, next: A) -> impl Authenticator + use<A> {
        move |candidate: Candidate| match self.passes(origin(&candidate)) {
            true => next.authenticate(candidate),
            false => candidate.deny(Denial::Credentials),
        }
    }

    fn passes(&self, origin: Origin) -> bool {
        let all_pass = self.allowed.is_empty() && !self.allows_ipc;
        match origin {
            Origin::Ip(address) => {
                let on = |list: &[Network]| list.iter().any(|network| network.contains(address));
                !on(&self.denied) && (all_pass || on(&self.allowed))
            }
            Origin::Ipc => all_pass || self.allows_ipc,
            // No rule can be said to hold for it.
            Origin::Unknown => all_pass && self.denied.is_empty(),
        }
    }
}

/// Where a peer comes from.
#[derive(Clone, Copy)]
enum Origin {
    Ip(IpAddr),
    Ipc,
    /// The system does not tell, mostly because the peer has gone already.
    Unknown,
}

fn origin(candidate: &Candidate) -> Origin {
    if candidate.endpoint().starts_with("ipc://") {
        return Origin::Ipc;
    }
    match candidate.peer_address().and_then(|address| address.parse().ok()) {
        Some(address) => Origin::Ip(address),
        None => Origin::Unknown,
    }
}

fn parse(text: &str) -> Result<Network, Error> {
    Network::parse(text).ok_or_else(|| Error::AddressRule { rule: text.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> Origin {
        Origin::Ip(text.parse().expect("an address"))
    }

    fn rules(allowed: &[&str], denied: &[&str]) -> AddressRules {
        let mut rules = AddressRules::new();
        for network in allowed {
            rules = rules.allow(network).expect("a rule");
        }
        for network in denied {
            rules = rules.deny(network).expect("a rule");
        }
        rules
    }

    #[test]
    fn without_rules_everybody_passes() {
        for origin in [ip("192.0.2.1"), ip("2001:db8::1"), Origin::Ipc, Origin::Unknown] {
            assert!(AddressRules::new().passes(origin));
        }
    }

    #[test]
    fn who_is_denied_is_turned_away_even_if_allowed() {
        for rules in
            [rules(&["10.0.0.0/8"], &["10.1.0.0/16"]), rules(&["10.1.2.3"], &["10.0.0.0/8"])]
        {
            assert!(!rules.passes(ip("10.1.2.3")));
            assert!(!rules.passes(ip("::ffff:10.1.2.3")));
        }
    }

    #[test]
    fn where_something_is_allowed_nothing_else_is() {
        let rules = rules(&["10.0.0.0/8", "2001:db8::/32"], &[]);
        for (address, passes) in [
            ("10.255.255.255", true),
            ("11.0.0.0", false),
            ("2001:db8:ffff::1", true),
            ("2001:db9::", false),
            ("::ffff:10.0.0.1", true),
            ("::10.0.0.1", false),
            ("::1", false),
        ] {
            assert_eq!(rules.passes(ip(address)), passes, "{address}");
        }
    }

    #[test]
    fn where_something_is_denied_everything_else_passes() {
        let rules = rules(&[], &["192.0.2.7", "fe80::/10"]);
        for (address, passes) in
            [("192.0.2.7", false), ("192.0.2.8", true), ("fe80::1", false), ("fec0::1", true)]
        {
            assert_eq!(rules.passes(ip(address)), passes, "{address}");
        }
        assert!(rules.passes(Origin::Ipc));
        assert!(!rules.passes(Origin::Unknown));
    }

    #[test]
    fn the_bits_behind_the_prefix_make_no_difference() {
        assert!(rules(&["10.9.8.7/8"], &[]).passes(ip("10.1.1.1")));
        assert!(rules(&["0.0.0.0/0"], &[]).passes(ip("203.0.113.9")));
        assert!(!rules(&["0.0.0.0/0"], &[]).passes(ip("2001:db8::1")));
    }

    #[test]
    fn a_rule_of_mapped_addresses_is_one_of_ipv4() {
        assert_eq!(rules(&["::ffff:10.0.0.0/104"], &[]), rules(&["10.0.0.0/8"], &[]));
        assert_eq!(rules(&["::ffff:10.0.0.1"], &[]), rules(&["10.0.0.1"], &[]));
        assert_eq!(rules(&["::ffff:0:0/96"], &[]), rules(&["0.0.0.0/0"], &[]));
        assert!(!rules(&["::/0"], &[]).passes(ip("::ffff:10.0.0.1")));
        assert!(rules(&["::/0"], &[]).passes(ip("2001:db8::1")));
    }

    #[test]
    fn peers_over_ipc_pass_where_nothing_is_allowed_or_they_are() {
        assert!(!rules(&["0.0.0.0/0", "::/0"], &[]).passes(Origin::Ipc));
        assert!(rules(&["10.0.0.0/8"], &[]).allow_ipc().passes(Origin::Ipc));
        assert!(rules(&[], &["0.0.0.0/0"]).passes(Origin::Ipc));
        assert!(!AddressRules::new().allow_ipc().passes(ip("127.0.0.1")));
        assert!(!AddressRules::new().allow_ipc().passes(Origin::Unknown));
    }

    #[test]
    fn what_is_no_rule_is_said_to_be_none() {
        for text in ["", "localhost", "10.0.0.0/33", "10.0.0.0/", "10.0.0", "10.0.0.0/-1", "::/129"]
            .into_iter()
            .chain([
                "10.0.0.0/8 ",
                "10.0.0.0/+8",
                "10.0.0.0/8/8",
                "/8",
                "10.0.0.1:80",
                "fe80::1%lo",
                "*",
                "10.0.0.0/255.0.0.0",
            ])
        {
            match AddressRules::new().deny(text) {
                Err(Error::AddressRule { rule }) => assert_eq!(rule, text),
                other => panic!("{text}: {other:?}"),
            }
        }
    }
}
