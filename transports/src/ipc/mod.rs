//! ipc endpoints to configured, non-blocking descriptors of Unix stream sockets.
//!
//! Windows has those since version 10 1803; where a system has none, every call says so. What systems
//! differ in beyond that is in `unix.rs` and `windows.rs`, which have the same functions.

pub(crate) mod endpoint;
mod listen;

#[cfg(unix)]
#[path = "unix.rs"]
mod system;

#[cfg(windows)]
#[path = "windows.rs"]
mod system;

pub use listen::{IpcGuard, listen, start_connect, tune_stream};
use system::is_member;
pub(crate) use system::{describe, unix_peer};

use crate::address::RemoteEnd;
use crate::endpoint::{IpcEndpoint, Text};
use crate::error::{BindError, EndpointError, OptionError};
use crate::options::IpcPeerRule;
use crate::owner::LinkOptions;
use crate::transport::{FirstStep, Listening, Transport};
use ringmq_engine::UnixPeer;
use socket2::Socket;

impl Transport for IpcEndpoint {
    fn parse_bind(text: Text<'_>, address: &str) -> Result<Self, EndpointError> {
        Self::read_bind(text, address)
    }

    fn parse_connect(text: Text<'_>, address: &str) -> Result<Self, EndpointError> {
        Self::read_connect(text, address)
    }

    fn listen(&self, options: &LinkOptions) -> Result<Listening, BindError> {
        let (socket, resolved, guard) = listen(self, &options.ipc)?;
        Ok(Listening::new::<Self>(socket, resolved, Some(Box::new(guard))))
    }

    fn adopt(&self, listener: Socket) -> Result<Listening, BindError> {
        Listening::adopted(listener, self, |address| address.is_unix())
    }

    fn dial(&self, options: &LinkOptions) -> FirstStep<'_> {
        match start_connect(self, &options.ipc) {
            Ok((socket, address)) => FirstStep::Connect(socket, address),
            Err(error) => FirstStep::Failed(error.to_string()),
        }
    }

    fn admits(peer: &RemoteEnd, options: &LinkOptions) -> bool {
        let rules = &options.ipc.accepts;
        let fits = |peer: UnixPeer| rules.iter().any(|rule| is_fit(*rule, peer));
        rules.is_empty() || peer.unix_peer.is_some_and(fits)
    }

    fn tune(accepted: &Socket, options: &LinkOptions) -> Result<(), OptionError> {
        tune_stream(accepted, &options.ipc)
    }
}

fn is_fit(rule: IpcPeerRule, peer: UnixPeer) -> bool {
    match rule {
        IpcPeerRule::Process(pid) => peer.pid == Some(pid),
        IpcPeerRule::User(uid) => peer.uid == uid,
        IpcPeerRule::Group(gid) => peer.gid == gid || is_member(peer.uid, gid),
    }
}
