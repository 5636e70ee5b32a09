//! Datagrams of udp: RADIO to DISH in groups, and DGRAM to any address, one message each.

mod addressed;
pub(crate) mod endpoint;
mod groups;

use crate::datagram::{DatagramRole, DatagramTransport, OpenedDatagrams, receiver, sender};
use crate::endpoint::{TcpEndpoint, Text, UdpEndpoint};
use crate::error::{BindError, EndpointError, ResolveError};
use crate::owner::LinkOptions;
use crate::tcp;
use crate::tcp::endpoint::Side;
use crate::transport::Transport;
use addressed::Addressed;
use groups::Groups;
use ringmq_engine::{Carriage, DatagramReceive, LONGEST_DATAGRAM};
use std::io;
use std::net::SocketAddr;

/// Bytes of a datagram of RADIO and DISH: what libzmq sends and receives at the most.
pub(crate) const LONGEST_OF_GROUP: usize = 8192;

impl Transport for UdpEndpoint {
    fn parse_bind(text: Text<'_>, address: &str) -> Result<Self, EndpointError> {
        Self::read(text, address, Side::Bind)
    }

    fn parse_connect(text: Text<'_>, address: &str) -> Result<Self, EndpointError> {
        Self::read(text, address, Side::Peer)
    }

    fn datagrams(&self) -> Option<&dyn DatagramTransport> {
        Some(self)
    }
}

impl DatagramTransport for UdpEndpoint {
    fn unresolved(&self, role: DatagramRole) -> Option<&TcpEndpoint> {
        let is_named = role == DatagramRole::SendGroups && self.address().as_numeric().is_none();
        is_named.then(|| self.address())
    }

    fn open(
        &self,
        role: DatagramRole,
        address: Option<SocketAddr>,
        options: &LinkOptions,
    ) -> Result<OpenedDatagrams, BindError> {
        let endpoint = self.to_string();
        let host = |source| BindError::Host { endpoint: endpoint.clone(), source };
        let address = match address.or_else(|| self.address().as_numeric()) {
            Some(address) => address,
            None => tcp::local(self.address().address(), options.tcp.ipv6).map_err(host)?,
        };
        if address.is_ipv6() && !options.tcp.ipv6 {
            return Err(host(ResolveError::Ipv6Disabled { host: address.ip().to_string() }));
        }
        if role == DatagramRole::SendGroups {
            return self.open_to(address, &endpoint, options);
        }
        let (socket, membership) = receiver(address, self.interface(), &endpoint, options)?;
        let local =
            socket.local_addr().ok().and_then(|local| local.as_socket()).ok_or_else(|| {
                BindError::of_system(&endpoint, "getsockname", io::ErrorKind::Other.into())
            })?;
        // On Windows a member of a group is bound to no address.
        let bound = SocketAddr::new(address.ip(), local.port());
        let (longest, carriage): (_, Box<dyn Carriage>) = match role {
            DatagramRole::Addressed => (LONGEST_DATAGRAM, Box::<Addressed>::default()),
            _ => (LONGEST_OF_GROUP, Box::new(Groups::receiving())),
        };
        Ok(OpenedDatagrams {
            socket,
            resolved: self.at(bound),
            peer: String::new(),
            membership,
            receives: Some(DatagramReceive { longest, runs: true }),
            carriage,
        })
    }
}

impl UdpEndpoint {
    /// OpenedDatagrams to send to one address.
    fn open_to(
        &self,
        address: SocketAddr,
        endpoint: &str,
        options: &LinkOptions,
    ) -> Result<OpenedDatagrams, BindError> {
        let (socket, membership) = sender(address, self.interface(), endpoint, options)?;
        Ok(OpenedDatagrams {
            socket,
            resolved: self.at(address),
            peer: format!("udp://{address}"),
            membership,
            receives: None,
            carriage: Box::new(Groups::sending_to(address)),
        })
    }
}
