//! What a socket of the system needs for multicast: the way out, and groups.
//!
//! An interface that goes takes its part with it, in silence: memberships end, and the way out leads nowhere. So a
//! link sees to it now and then that both are as they were asked for: for an interface that has come back, too.

use super::interface::MulticastInterface;
use crate::endpoint::Host;
use crate::error::OptionError;
use crate::options::MulticastOptions;
use socket2::{InterfaceIndexOrAddress, Socket};
use std::io;
use std::net::{IpAddr, Ipv4Addr};

/// A socket's place in a group.
#[derive(Debug)]
pub(crate) struct Membership {
    pub(crate) group: IpAddr,
    /// By which interface; `*` leaves that to the system.
    pub(crate) interface: Host,
    /// It receives what is sent to the group.
    pub(crate) receives: bool,
    /// It sends to it.
    pub(crate) sends: bool,
    /// The interface, as it was found last.
    pub(crate) found: Option<MulticastInterface>,
}

impl Membership {
    /// Takes the place, or takes it again after the interface has changed.
    ///
    /// # Errors
    /// There is no such interface now, or the system says no.
    pub(crate) fn renew(&mut self, socket: &Socket) -> io::Result<()> {
        let interface = MulticastInterface::find(&self.interface).map_err(io::Error::other)?;
        if self.sends && self.found != Some(interface) {
            send_to_groups_by(socket, self.group, interface)?;
        }
        let before = self.found.replace(interface);
        if !self.receives {
            return Ok(());
        }
        if let Some(before) = before
            && before.index != interface.index
        {
            // That of an interface that is gone still counts: Linux grants a socket 20. Elsewhere it may have ended.
            let _ = leave(socket, self.group, before);
        }
        match join(socket, self.group, interface) {
            // It is a member already.
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => Ok(()),
            result => result,
        }
    }
}

/// Has what is sent to groups go by the interface of that name or address, if one is named. `ip` tells the family.
///
/// # Errors
/// There is no such interface now, or the system says no.
pub(super) fn send_by(socket: &Socket, ip: IpAddr, interface: &Host) -> io::Result<()> {
    if *interface == Host::Any {
        return Ok(());
    }
    let interface = MulticastInterface::find(interface).map_err(io::Error::other)?;
    send_to_groups_by(socket, ip, interface)
}

fn send_to_groups_by(socket: &Socket, ip: IpAddr, interface: MulticastInterface) -> io::Result<()> {
    match ip {
        IpAddr::V4(_) if interface.v4 == Ipv4Addr::UNSPECIFIED && interface.index != 0 => {
            Err(io::Error::other("the interface has no IPv4 address"))
        }
        IpAddr::V4(_) => socket.set_multicast_if_v4(&interface.v4),
        IpAddr::V6(_) => socket.set_multicast_if_v6(interface.index),
    }
}

/// How an interface is named to IPv4: by its number, since several may have one address, or one none. Windows takes
/// numbers, and Wine does not; there it is the address if there is one.
fn by(interface: MulticastInterface) -> InterfaceIndexOrAddress {
    let has_address = interface.v4 != Ipv4Addr::UNSPECIFIED;
    if interface.index == 0 || cfg!(windows) && has_address {
        InterfaceIndexOrAddress::Address(interface.v4)
    } else {
        InterfaceIndexOrAddress::Index(interface.index)
    }
}

fn join(socket: &Socket, group: IpAddr, interface: MulticastInterface) -> io::Result<()> {
    match group {
        IpAddr::V4(group) => socket.join_multicast_v4_n(&group, &by(interface)),
        IpAddr::V6(group) => socket.join_multicast_v6(&group, interface.index),
    }
}

fn leave(socket: &Socket, group: IpAddr, interface: MulticastInterface) -> io::Result<()> {
    match group {
        IpAddr::V4(group) => socket.leave_multicast_v4_n(&group, &by(interface)),
        IpAddr::V6(group) => socket.leave_multicast_v6(&group, interface.index),
    }
}

/// Sets how far what is sent to groups goes, and whether this machine hears it.
///
/// # Errors
/// Names the option that the system refused.
pub(super) fn set_reach(
    socket: &Socket,
    v6: bool,
    options: &MulticastOptions,
) -> Result<(), OptionError> {
    let refused = |option| move |source| OptionError::Refused { option, source };
    let hops = if v6 {
        socket.set_multicast_hops_v6(options.hops)
    } else {
        socket.set_multicast_ttl_v4(options.hops)
    };
    hops.map_err(refused("multicast_hops"))?;
    let loops = if v6 {
        socket.set_multicast_loop_v6(options.loopback)
    } else {
        socket.set_multicast_loop_v4(options.loopback)
    };
    loops.map_err(refused("multicast_loop"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use socket2::{Domain, Type};

    #[test]
    fn a_membership_moves_with_its_interface() {
        let all = if_addrs::get_if_addrs().unwrap();
        let v4 = |found: &if_addrs::Interface| match found.ip() {
            IpAddr::V4(ip) => Some(Host::V4(ip)),
            IpAddr::V6(_) => None,
        };
        // As if the one had gone and come back with another number.
        let first = all.iter().find(|one| one.is_loopback()).and_then(v4);
        let second = all.iter().filter(|one| !one.is_loopback()).find_map(v4);
        let (Some(first), Some(second)) = (first, second) else {
            eprintln!("SKIPPED: needs two interfaces with IPv4");
            return;
        };
        let group = Ipv4Addr::new(239, 192, 10, 1);
        let socket = Socket::new(Domain::IPV4, Type::DGRAM, None).unwrap();
        let mut membership = Membership {
            group: group.into(),
            interface: first.clone(),
            receives: true,
            sends: true,
            found: None,
        };
        membership.renew(&socket).unwrap();
        // Still a member.
        membership.renew(&socket).unwrap();
        let before = membership.found.unwrap();
        membership.interface = second;
        membership.renew(&socket).unwrap();
        assert_ne!(membership.found.unwrap().index, before.index);
        let left = join(&socket, group.into(), before);
        assert!(left.is_ok(), "a member there no more: {left:?}");
    }
}
