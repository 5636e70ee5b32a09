#![doc = include_str!("page.md")]

mod codec;
mod context_getters;
mod context_handle;
pub(crate) mod context_table;
mod getters;
mod handle;
mod limit_setters;
mod multicast_setters;
mod pattern_setters;
mod row;
pub(crate) mod security;
mod security_setters;
mod setters;
mod socket_handle;
pub(crate) mod table;
mod tcp_setters;
mod value;
mod word_setters;
mod xpub_setters;

pub use context_handle::ContextOption;
pub use handle::OptionHandle;
pub use row::Effect;
pub use socket_handle::SocketOption;
pub use value::{OptionValue, Secret, ValueType};

use crate::error::Error;
use crate::wait::Spin;
use ringmq_transports::LinkOptions;
use ringmq_transports::options::{
    BindLimits, IpcOptions, MulticastOptions, ReconnectStop, TcpOptions,
};
use ringmq_zmtp::{Config, HeartbeatConfig, SocketType};
use security::SecurityOptions;
use std::sync::Arc;
use std::time::Duration;

/// What binds and connects made from now on are made with.
pub(crate) struct Options {
    pub(crate) linger: Option<Duration>,
    pub(crate) send_timeout: Option<Duration>,
    pub(crate) recv_timeout: Option<Duration>,
    pub(crate) immediate: bool,
    pub(crate) affinity: u64,
    pub(crate) reconnect_interval: Option<Duration>,
    pub(crate) reconnect_max: Duration,
    pub(crate) reconnect_stop: ReconnectStop,
    pub(crate) heartbeat_interval: Duration,
    pub(crate) heartbeat_timeout: Option<Duration>,
    pub(crate) heartbeat_ttl: Duration,
    pub(crate) spin: Spin,
    pub(crate) zmtp: Config,
    pub(crate) security: SecurityOptions,
    pub(crate) limits: BindLimits,
    pub(crate) max_waiting_bytes: Option<u64>,
    pub(crate) tcp: TcpOptions,
    pub(crate) ipc: IpcOptions,
    pub(crate) multicast: MulticastOptions,
    /// What binds and connects since the last change were made with.
    pub(crate) shared: Option<Arc<LinkOptions>>,
}

impl Options {
    pub(crate) fn new(socket_type: SocketType) -> Self {
        Self {
            linger: (table::LINGER.default)(socket_type),
            send_timeout: (table::SNDTIMEO.default)(socket_type),
            recv_timeout: (table::RCVTIMEO.default)(socket_type),
            immediate: (table::IMMEDIATE.default)(socket_type),
            affinity: (table::AFFINITY.default)(socket_type),
            reconnect_interval: (table::RECONNECT_IVL.default)(socket_type),
            reconnect_max: (table::RECONNECT_IVL_MAX.default)(socket_type),
            reconnect_stop: (table::RECONNECT_STOP.default)(socket_type),
            heartbeat_interval: (table::HEARTBEAT_IVL.default)(socket_type),
            heartbeat_timeout: (table::HEARTBEAT_TIMEOUT.default)(socket_type),
            heartbeat_ttl: (table::HEARTBEAT_TTL.default)(socket_type),
            spin: (table::SPIN.default)(socket_type),
            zmtp: Config::new(socket_type),
            security: SecurityOptions::default(),
            limits: BindLimits::default(),
            max_waiting_bytes: (table::MAX_WAITING_BYTES.default)(socket_type),
            tcp: TcpOptions::default(),
            ipc: IpcOptions::default(),
            multicast: MulticastOptions::default(),
            shared: None,
        }
    }

    /// What a bind or connect is made with now.
    ///
    /// # Errors
    /// [`Error::InvalidOption`], where something of the mechanism is missing.
    pub(crate) fn for_links(&mut self, discard_inbound: bool) -> Result<Arc<LinkOptions>, Error> {
        if let Some(shared) = &self.shared {
            return Ok(shared.clone());
        }
        let options = Arc::new(LinkOptions {
            zmtp: Arc::new(self.zmtp()?),
            tcp: self.tcp.clone(),
            ipc: self.ipc.clone(),
            multicast: self.multicast.clone(),
            limits: self.limits,
            max_waiting_bytes: self.max_waiting_bytes,
            discard_inbound,
            reconnect_interval: self.reconnect_interval,
            reconnect_max: self.reconnect_max,
            reconnect_stop: self.reconnect_stop,
        });
        self.shared = Some(options.clone());
        Ok(options)
    }

    fn zmtp(&self) -> Result<Config, Error> {
        let mut config = self.zmtp.clone();
        config.mechanism = self.security.config()?;
        if !self.heartbeat_interval.is_zero() {
            config.heartbeat = Some(HeartbeatConfig {
                interval: self.heartbeat_interval,
                timeout: self.heartbeat_timeout.unwrap_or(self.heartbeat_interval),
                ttl: self.heartbeat_ttl,
            });
        }
        Ok(config)
    }
}

/// A value an option cannot have.
pub(crate) fn invalid(option: &'static str, reason: impl Into<String>) -> Error {
    Error::InvalidOption { option, reason: reason.into() }
}

#[cfg(test)]
mod alias_tests;
#[cfg(test)]
mod tests;
