//! Listening on what somebody else has bound.

use super::Socket;
use crate::error::Error;
use crate::inner::endpoints::{EndpointKind, Entry, LinkSide, goes_with};
use crate::kind::Kind;
use ringmq_transports::adopt;
use ringmq_transports::endpoint::Endpoint;

/// A socket of the system's that is given away: a `TcpListener` and a `UnixListener` of the standard library turn
/// into one.
#[cfg(unix)]
pub type OwnedListener = std::os::fd::OwnedFd;
/// A socket of the system's that is given away: a `TcpListener` of the standard library turns into one.
#[cfg(windows)]
pub type OwnedListener = std::os::windows::io::OwnedSocket;

impl<K: Kind> Socket<K> {
    /// Listens on a socket of the system's that somebody else has bound, and listens with: a supervisor that hands
    /// over sockets, or a program that binds before it gives up its rights. Of `endpoint` only the transport
    /// counts, `tcp://*:*` or `ipc://*`. Returns the endpoint as [`bind`](Self::bind) does. The socket is closed
    /// with the endpoint; the file of an ipc path stays.
    ///
    /// # Errors
    /// [`Error::Bind`] for one that does not fit the transport, or does not listen (where the system tells);
    /// [`Error::Endpoint`] for a malformed endpoint.
    ///
    /// # Examples
    /// ```
    /// let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    /// let port = listener.local_addr()?.port();
    /// let socket = ringmq::Context::new().pull()?;
    /// let endpoint = socket.bind_listener("tcp://*:*", listener)?;
    /// assert_eq!(endpoint, format!("tcp://127.0.0.1:{port}"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "ZMQ_USE_FD")]
    pub fn bind_listener(
        &self,
        endpoint: &str,
        listener: impl Into<OwnedListener>,
    ) -> Result<String, Error> {
        let parsed = Endpoint::parse_bind(endpoint)?;
        goes_with(self.socket_type(), &parsed, LinkSide::Bind)?;
        let listener = listener.into().into();
        let mut core = self.inner.lock()?;
        core.enter()?;
        let endpoint_id = core.endpoints.endpoint_id();
        let settings = Self::settings(&mut core, endpoint_id)?;
        let io = self.inner.context.io(core.options.affinity)?;
        let bound = adopt(&parsed, listener, settings)?;
        let endpoint = bound.endpoint().clone();
        let token = bound.listen(self.inner.shared.clone(), &io);
        let resolved = endpoint.to_string();
        let place = EndpointKind::Io(io, token);
        core.add_bound(Entry { endpoint, asked: None, endpoint_id, place });
        Ok(resolved)
    }
}
