//! WebSockets over tcp (RFC 45): descriptors as those of tcp, of which the session makes WebSockets.

pub(crate) mod endpoint;

use std::net::SocketAddr;

use ringmq_zmtp::Carrier;
use socket2::Socket;

use crate::address::RemoteEnd;
use crate::endpoint::{TcpEndpoint, Text, WsEndpoint};
use crate::error::{BindError, EndpointError, OptionError};
use crate::owner::LinkOptions;
use crate::tcp;
use crate::transport::{FirstStep, Listening, Transport};

impl WsEndpoint {
    /// A listener of tcp's as one of WebSockets.
    fn listening(&self, tcp: Result<Listening, BindError>) -> Result<Listening, BindError> {
        let mut listening = tcp.map_err(|error| error.at(self.to_string()))?;
        listening.resolved = self.with_address(&listening.resolved);
        listening.carrier = Carrier::WebSocketServer;
        Ok(listening)
    }
}

impl Transport for WsEndpoint {
    fn parse_bind(text: Text<'_>, address: &str) -> Result<Self, EndpointError> {
        Self::read_bind(text, address)
    }

    fn parse_connect(text: Text<'_>, address: &str) -> Result<Self, EndpointError> {
        Self::read_connect(text, address)
    }

    fn listen(&self, options: &LinkOptions) -> Result<Listening, BindError> {
        self.listening(self.tcp().listen(options))
    }

    fn adopt(&self, listener: Socket) -> Result<Listening, BindError> {
        self.listening(self.tcp().adopt(listener))
    }

    fn dial(&self, options: &LinkOptions) -> FirstStep<'_> {
        self.tcp().dial(options)
    }

    fn dial_address(&self, address: SocketAddr, options: &LinkOptions) -> Result<Socket, String> {
        self.tcp().dial_address(address, options)
    }

    fn carrier(&self) -> Carrier {
        // What the endpoint's text may hold, a request may hold.
        self.target().map_or(Carrier::WebSocketServer, Carrier::WebSocketClient)
    }

    fn admits(peer: &RemoteEnd, options: &LinkOptions) -> bool {
        TcpEndpoint::admits(peer, options)
    }

    fn tune(accepted: &Socket, options: &LinkOptions) -> Result<(), OptionError> {
        tcp::tune_stream(accepted, &options.tcp)
    }
}
