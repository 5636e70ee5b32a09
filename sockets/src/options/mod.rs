//! The options of a socket, with ZeroMQ's defaults.

mod pattern_setters;
mod setters;
mod tcp_setters;

use crate::error::Error;
use crate::types::traits;
use crate::wait::Spin;
use ringmq_transports::LinkOptions;
use ringmq_transports::options::{IpcOptions, ReconnectStop, TcpOptions};
use ringmq_zmtp::{Config, HeartbeatConfig, SocketType};
use std::sync::Arc;
use std::time::Duration;

/// ZMQ_SNDHWM and ZMQ_RCVHWM, in messages.
const HWM: u32 = 1000;
/// ZMQ_RECONNECT_IVL.
const RECONNECT: Duration = Duration::from_millis(100);

/// What binds and connects made from now on are made with.
pub(crate) struct Options {
    pub(crate) send_hwm: u32,
    pub(crate) recv_hwm: u32,
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
    pub(crate) tcp: TcpOptions,
    pub(crate) ipc: IpcOptions,
    /// What binds and connects since the last change were made with.
    pub(crate) shared: Option<Arc<LinkOptions>>,
}

impl Options {
    pub(crate) fn new(socket_type: SocketType) -> Self {
        Self {
            send_hwm: HWM,
            recv_hwm: HWM,
            linger: if traits(socket_type).lingers { None } else { Some(Duration::ZERO) },
            send_timeout: None,
            recv_timeout: None,
            immediate: false,
            affinity: 0,
            reconnect_interval: Some(RECONNECT),
            reconnect_max: Duration::ZERO,
            reconnect_stop: ReconnectStop::NEVER,
            heartbeat_interval: Duration::ZERO,
            heartbeat_timeout: None,
            heartbeat_ttl: Duration::ZERO,
            spin: Spin::default(),
            zmtp: Config::new(socket_type),
            tcp: TcpOptions::default(),
            ipc: IpcOptions::default(),
            shared: None,
        }
    }

    /// What a bind or connect is made with now.
    pub(crate) fn for_links(&mut self, discard_inbound: bool) -> Arc<LinkOptions> {
        if let Some(shared) = &self.shared {
            return shared.clone();
        }
        let options = Arc::new(LinkOptions {
            zmtp: Arc::new(self.zmtp()),
            tcp: self.tcp.clone(),
            ipc: self.ipc.clone(),
            discard_inbound,
            reconnect_interval: self.reconnect_interval,
            reconnect_max: self.reconnect_max,
            reconnect_stop: self.reconnect_stop,
        });
        self.shared = Some(options.clone());
        options
    }

    fn zmtp(&self) -> Config {
        let mut config = self.zmtp.clone();
        if !self.heartbeat_interval.is_zero() {
            config.heartbeat = Some(HeartbeatConfig {
                interval: self.heartbeat_interval,
                timeout: self.heartbeat_timeout.unwrap_or(self.heartbeat_interval),
                ttl: self.heartbeat_ttl,
            });
        }
        config
    }
}

/// A value an option cannot have.
pub(crate) fn invalid(option: &'static str, reason: impl Into<String>) -> Error {
    Error::InvalidOption { option, reason: reason.into() }
}
