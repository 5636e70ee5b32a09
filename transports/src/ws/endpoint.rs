//! `ws://host:port/path`: a tcp endpoint, and where on it a WebSocket is opened. Without a path it is `/`.

use std::fmt;

use ringmq_zmtp::{ConfigError, WebSocketTarget};

use crate::endpoint::{Host, TcpAddress, TcpEndpoint, Text};
use crate::error::{EndpointError, EndpointPart};

/// The port that a client need not tell a server that it has asked.
const HTTP_PORT: u16 = 80;

/// Where WebSockets are opened.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct WsEndpoint {
    tcp: TcpEndpoint,
    path: String,
}

impl WsEndpoint {
    pub(super) fn read_bind(text: Text<'_>, address: &str) -> Result<Self, EndpointError> {
        let (address, path) = split(text, address)?;
        Ok(Self { tcp: TcpEndpoint::read_bind(text, address)?, path })
    }

    pub(super) fn read_connect(text: Text<'_>, address: &str) -> Result<Self, EndpointError> {
        let (address, path) = split(text, address)?;
        Ok(Self { tcp: TcpEndpoint::read_connect(text, address)?, path })
    }

    /// What to listen on, or to connect to.
    ///
    /// # Examples
    /// ```
    /// use ringmq_transports::endpoint::Endpoint;
    ///
    /// let Endpoint::Ws(endpoint) = Endpoint::parse_bind("ws://*:8080/messages")? else { panic!() };
    /// assert_eq!((endpoint.tcp().address().port, endpoint.path()), (8080, "/messages"));
    /// # Ok::<(), ringmq_transports::error::EndpointError>(())
    /// ```
    #[must_use]
    pub fn tcp(&self) -> &TcpEndpoint {
        &self.tcp
    }

    /// What is asked for there: begins with a slash. Those who bind take every path, as in libzmq.
    ///
    /// # Examples
    /// ```
    /// use ringmq_transports::endpoint::Endpoint;
    ///
    /// let Endpoint::Ws(endpoint) = Endpoint::parse_connect("ws://localhost:80")? else { panic!() };
    /// assert_eq!(endpoint.path(), "/");
    /// # Ok::<(), ringmq_transports::error::EndpointError>(())
    /// ```
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The same through a proxy; see [`TcpEndpoint::through`].
    pub(crate) fn through(self, proxy: &str) -> Result<(Self, TcpAddress), EndpointError> {
        let (tcp, peer) = self.tcp.through(proxy)?;
        Ok((Self { tcp, path: self.path }, peer))
    }

    /// What a client tells the server of where it wants to go.
    pub(super) fn target(&self) -> Result<WebSocketTarget, ConfigError> {
        let TcpAddress { host, port } = self.tcp.address();
        let host = match host {
            // A zone is this machine's name for an interface, and none of the server's business.
            Host::V6(ip, _) => format!("[{ip}]"),
            host => host.to_string(),
        };
        let host = if *port == HTTP_PORT { host } else { format!("{host}:{port}") };
        WebSocketTarget::new(&host, &self.path)
    }

    /// The endpoint of that address of tcp, with this path.
    pub(super) fn with_address(&self, tcp: &str) -> String {
        let address = tcp.strip_prefix("tcp://").unwrap_or(tcp);
        format!("ws://{address}{}", self.path)
    }
}

/// Takes an address apart into that of tcp and a path.
fn split<'a>(text: Text<'_>, address: &'a str) -> Result<(&'a str, String), EndpointError> {
    let Some(at) = address.find('/') else { return Ok((address, "/".to_owned())) };
    let (address, path) = address.split_at(at);
    if !WebSocketTarget::is_path(path) {
        let expected = "at most 1024 visible ASCII characters, none of them #";
        return Err(text.invalid(EndpointPart::Path, path, expected));
    }
    Ok((address, path.to_owned()))
}

/// The canonical text, scheme included.
impl fmt::Display for WsEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.with_address(&self.tcp.to_string()))
    }
}
