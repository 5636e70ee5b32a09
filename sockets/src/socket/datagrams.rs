//! Binds and connects of transports that carry datagrams: one pipe from the start, and no connections.

use crate::constants::ZMTP_VERSION;
use crate::error::Error;
use crate::inner::Core;
use crate::inner::endpoints::{EndpointKind, Entry, datagram_role};
use crate::inner::pipes::Pipe;
use crate::kind::Kind;
use crate::socket::Socket;
use ringmq_engine::{EndpointId, PipeEnd, SessionOwner};
use ringmq_pipe::BiasedMutexGuard;
use ringmq_transports::endpoint::Endpoint;
use ringmq_transports::{bind_datagrams, connect_datagrams};
use ringmq_zmtp::{Peer, SocketType};
use std::sync::Arc;

impl<K: Kind> Socket<K> {
    /// Binds what the system has to give, without the lock, as that may take a while.
    pub(super) fn bind_datagrams<'a>(
        &'a self,
        mut core: BiasedMutexGuard<'a, Core>,
        endpoint_id: EndpointId,
        endpoint: Endpoint,
    ) -> Result<(BiasedMutexGuard<'a, Core>, Entry), Error> {
        let settings = Self::settings(&mut core, endpoint_id)?;
        let socket_type = self.inner.shared.socket_type;
        if socket_type == SocketType::Dgram && !core.endpoints.is_empty() {
            let (socket, action) = (socket_type.name(), "bind twice: unbind the other one first");
            return Err(Error::NotSupported { socket, action });
        }
        let affinity = core.options.affinity;
        drop(core);
        let io = self.inner.context.io(affinity)?;
        let bound = bind_datagrams(endpoint, datagram_role(socket_type), settings);
        let mut core = self.inner.lock()?;
        core.enter()?;
        let bound = bound?;
        let endpoint = bound.endpoint().clone();
        let far = self.attach_datagrams(&mut core, endpoint_id);
        let (owner, resolver) = (self.owner(), self.inner.context.resolver.clone());
        let token = bound.start(far, whoever(socket_type), owner, resolver, &io);
        Ok((core, Entry { endpoint, asked: None, endpoint_id, place: EndpointKind::Io(io, token) }))
    }

    pub(super) fn connect_datagrams(
        &self,
        core: &mut Core,
        endpoint_id: EndpointId,
        endpoint: Endpoint,
    ) -> Result<EndpointKind, Error> {
        let settings = Self::settings(core, endpoint_id)?;
        let socket_type = self.inner.shared.socket_type;
        let io = self.inner.context.io(core.options.affinity)?;
        let far = self.attach_datagrams(core, endpoint_id);
        let works_for = (settings, self.owner(), self.inner.context.resolver.clone());
        let (role, peer) = (datagram_role(socket_type), whoever(socket_type));
        let token = connect_datagrams(endpoint, role, far, peer, works_for, &io);
        Ok(EndpointKind::Io(io, token))
    }

    /// Makes the pipe, and gives its far end.
    fn attach_datagrams(&self, core: &mut Core, endpoint_id: EndpointId) -> PipeEnd {
        let (near, far) = self.inner.shared.make_pipe();
        core.attach(Pipe { unfiltered: true, ..Pipe::new(near, endpoint_id, false) });
        far
    }

    fn owner(&self) -> Arc<dyn SessionOwner> {
        self.inner.shared.clone()
    }
}

/// Whoever is at the other end. Nobody says who that is.
fn whoever(socket_type: SocketType) -> Arc<Peer> {
    let other = |peer: &SocketType| socket_type.compatible(*peer);
    Arc::new(Peer {
        version: ZMTP_VERSION,
        socket_type: SocketType::ALL.into_iter().find(other),
        routing_id: Vec::new(),
        metadata: Vec::new(),
    })
}
