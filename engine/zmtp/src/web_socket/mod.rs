//! WebSocket below ZMTP: ZWS 2.0 (RFC 45) over RFC 6455.
//!
//! A connection opens with [a request of HTTP](upgrade), which also settles the mechanism. From then on each frame
//! of ZMTP, the mechanism's included, is [a frame of WebSocket](frames). What is left out of both specifications
//! is what libzmq leaves out: frames in fragments, texts, extensions. More than RFC 45 has, as in libzmq: frames of
//! commands after the handshake, without which groups could not be joined.

pub(crate) mod frames;
mod mask;
pub(crate) mod upgrade;

use std::sync::Arc;

use crate::ConfigError;

/// The longest path of a [`WebSocketTarget`], in bytes: it fits into one line of HTTP anywhere.
const PATH_MAX: usize = 1024;

/// What carries the frames of a connection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Carrier {
    /// A stream of bytes: what is on it is ZMTP.
    #[default]
    Stream,
    /// A WebSocket that this end opens, there.
    WebSocketClient(WebSocketTarget),
    /// A WebSocket that the other end opens.
    WebSocketServer,
}

/// Where a client opens a WebSocket, as it tells the server.
///
/// # Examples
/// ```
/// use ringmq_zmtp::WebSocketTarget;
/// let target = WebSocketTarget::new("example.org:8080", "/messages")?;
/// assert_eq!((target.host(), target.path()), ("example.org:8080", "/messages"));
/// assert!(WebSocketTarget::new("example.org", "/two words").is_err());
/// # Ok::<(), ringmq_zmtp::ConfigError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebSocketTarget {
    host: Arc<str>,
    path: Arc<str>,
}

impl WebSocketTarget {
    /// A path on a host, which may be followed by a port.
    ///
    /// # Errors
    /// [`ConfigError::WebSocketTarget`] unless both can stand in a request of HTTP: the path begins with a slash
    /// and has at most 1,024 bytes, and both are of visible ASCII characters without `#`.
    pub fn new(host: &str, path: &str) -> Result<Self, ConfigError> {
        let visible = |text: &str| text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#');
        if host.is_empty() || !visible(host) || !Self::is_path(path) {
            let target = format!("{host}{path}");
            return Err(ConfigError::WebSocketTarget { target });
        }
        Ok(WebSocketTarget { host: host.into(), path: path.into() })
    }

    /// Whether that can be a path.
    ///
    /// # Examples
    /// ```
    /// use ringmq_zmtp::WebSocketTarget;
    /// assert!(WebSocketTarget::is_path("/a/b?c=d"));
    /// assert!(!WebSocketTarget::is_path("a"));
    /// ```
    pub fn is_path(text: &str) -> bool {
        text.starts_with('/')
            && text.len() <= PATH_MAX
            && text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#')
    }

    /// The host, with its port if that was given.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The path, which begins with a slash.
    pub fn path(&self) -> &str {
        &self.path
    }
}
