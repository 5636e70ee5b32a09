//! The interface of this machine by which multicast goes.

use crate::endpoint::Host;
use crate::error::ResolveError;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// An interface. Zero and unspecified leave the choice to the system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct MulticastInterface {
    pub(crate) index: u32,
    pub(crate) v4: Ipv4Addr,
    pub(crate) v6: Option<Ipv6Addr>,
}

impl MulticastInterface {
    /// The one that the system chooses.
    pub(super) const ANY: Self = Self { index: 0, v4: Ipv4Addr::UNSPECIFIED, v6: None };

    /// The one of that name, or with that address. Reads what the kernel knows, and does not block.
    ///
    /// # Errors
    /// There is none, for now.
    pub(crate) fn find(host: &Host) -> Result<Self, ResolveError> {
        let unknown = || ResolveError::UnknownInterface { host: host.to_string() };
        if *host == Host::Any {
            return Ok(Self::ANY);
        }
        // A list that cannot be read counts as empty.
        let all = if_addrs::get_if_addrs().unwrap_or_default();
        let is_asked_for = |interface: &&if_addrs::Interface| match host {
            Host::Any => true,
            Host::Name(name) => interface.name == *name,
            Host::V4(ip) => interface.ip() == IpAddr::V4(*ip),
            Host::V6(ip, _) => interface.ip() == IpAddr::V6(*ip),
        };
        let found = all.iter().find(is_asked_for).ok_or_else(unknown)?;
        let addresses = || all.iter().filter(|other| other.name == found.name).map(|own| own.ip());
        let v4 = match (host, found.ip()) {
            (Host::V4(ip), _) => Some(*ip),
            _ => addresses().find_map(|ip| if let IpAddr::V4(ip) = ip { Some(ip) } else { None }),
        };
        let v6 = match host {
            Host::V6(ip, _) => Some(*ip),
            _ => addresses().find_map(|ip| if let IpAddr::V6(ip) = ip { Some(ip) } else { None }),
        };
        let index = found.index.unwrap_or(0);
        Ok(Self { index, v4: v4.unwrap_or(Ipv4Addr::UNSPECIFIED), v6 })
    }
}

/// The name or address of an interface, IPv6 in brackets.
pub(crate) struct InBrackets<'a>(pub(crate) &'a Host);

impl fmt::Display for InBrackets<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Host::V6(..) => write!(f, "[{}]", self.0),
            other => other.fmt(f),
        }
    }
}
