//! How a bind or a connect of a transport of datagrams begins.

use super::link::DatagramLink;
use super::{DatagramRole, OpenedDatagrams};
use crate::endpoint::Endpoint;
use crate::error::BindError;
use crate::owner::Settings;
use crate::resolver::Resolver;
use ringmq_engine::{IoHandle, PipeEnd, SessionOwner, Token};
use ringmq_zmtp::Peer;
use std::sync::Arc;

/// An endpoint that is bound, on a transport of datagrams. Dropping it gives it up.
pub struct BoundDatagrams {
    endpoint: Endpoint,
    role: DatagramRole,
    resolved: Arc<str>,
    opened: OpenedDatagrams,
    settings: Settings,
}

/// Binds `endpoint`. Blocks for as long as the system takes to look a host name up.
///
/// # Errors
/// Why the endpoint cannot be bound.
pub fn bind_datagrams(
    endpoint: Endpoint,
    role: DatagramRole,
    settings: Settings,
) -> Result<BoundDatagrams, BindError> {
    let Some(transport) = endpoint.datagrams() else {
        return Err(BindError::NotSupported { endpoint: endpoint.to_string() });
    };
    let mut opened = transport.open(role, None, &settings.options)?;
    let resolved = std::mem::take(&mut opened.resolved).into();
    Ok(BoundDatagrams { endpoint, role, resolved, opened, settings })
}

impl BoundDatagrams {
    /// The endpoint, resolved.
    pub fn endpoint(&self) -> &Arc<str> {
        &self.resolved
    }

    /// Starts it, for `owner`, who knows whoever is at the other end as `peer`; returns its name. Does not block.
    pub fn start(
        self,
        pipe: PipeEnd,
        peer: Arc<Peer>,
        owner: Arc<dyn SessionOwner>,
        resolver: Arc<Resolver>,
        io: &IoHandle,
    ) -> Token {
        let Self { endpoint, role, resolved, opened, settings } = self;
        let works_for = (settings, owner, resolver);
        let link = DatagramLink::new((endpoint, role), pipe, peer, works_for, resolved);
        io.add(Box::new(link.opened(opened)))
    }
}

/// Connects to `endpoint`, now or as soon as that can be; returns the name of what does it.
pub fn connect_datagrams(
    endpoint: Endpoint,
    role: DatagramRole,
    pipe: PipeEnd,
    peer: Arc<Peer>,
    works_for: (Settings, Arc<dyn SessionOwner>, Arc<Resolver>),
    io: &IoHandle,
) -> Token {
    let text = endpoint.to_string().into();
    io.add(Box::new(DatagramLink::new((endpoint, role), pipe, peer, works_for, text)))
}
