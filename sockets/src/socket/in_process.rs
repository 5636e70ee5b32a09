//! Binds and connects within the process.

use crate::constants::ZMTP_VERSION;
use crate::error::Error;
use crate::inner::Core;
use crate::inner::endpoints::{EndpointKind, Entry};
use crate::inner::mailbox::{Binder, within_process};
use crate::inner::pipes::Pipe;
use crate::kind::Kind;
use crate::socket::Socket;
use ringmq_engine::EndpointId;
use ringmq_transports::Offer;
use ringmq_transports::endpoint::{Endpoint, InprocName};
use ringmq_transports::inproc::{Acceptor, Ticket};
use ringmq_zmtp::Peer;
use std::sync::Arc;

impl<K: Kind> Socket<K> {
    pub(super) fn bind_inproc(
        &self,
        core: &Core,
        endpoint_id: EndpointId,
        name: InprocName,
    ) -> Result<Entry, Error> {
        let names = self.inner.context.inproc.clone();
        let endpoint: Arc<str> = Endpoint::Inproc(name.clone()).to_string().into();
        let binder: Arc<dyn Acceptor> = Arc::new(Binder {
            shared: self.inner.shared.clone(),
            endpoint_id,
            endpoint: endpoint.clone(),
            itself: itself(core),
        });
        if !names.bind(name.clone(), &binder) {
            return Err(Error::AddressInUse { endpoint: endpoint.to_string() });
        }
        Ok(Entry {
            endpoint,
            asked: None,
            endpoint_id,
            place: EndpointKind::InprocBind(names, name),
        })
    }

    pub(super) fn connect_inproc(
        &self,
        core: &mut Core,
        endpoint_id: EndpointId,
        name: &InprocName,
        endpoint: Arc<str>,
    ) -> Option<Ticket> {
        let shared = self.inner.shared.clone();
        let (near, far) = shared.make_pipe();
        core.attach(Pipe::new(near, endpoint_id, true));
        let taken = Box::new(move |peer: &Arc<Peer>| {
            shared.peer_known(&within_process(endpoint_id, &endpoint), peer, 0);
        });
        self.inner.context.inproc.connect(name, Offer { end: far, peer: itself(core), taken })
    }
}

/// This socket as a peer of others in the same process.
fn itself(core: &Core) -> Arc<Peer> {
    Arc::new(Peer {
        version: ZMTP_VERSION,
        socket_type: Some(core.shared.socket_type),
        routing_id: core.options.zmtp.routing_id().to_vec(),
        metadata: Vec::new(),
    })
}
