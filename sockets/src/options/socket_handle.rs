//! Options of sockets by number and by name: for C, for files and for command lines.

use super::handle::{OptionHandle, OptionTable};
use super::row::{AnyRow, Effect};
use super::table;
use super::value::OptionValue;
use crate::error::Error;
use crate::kind::Kind;
use crate::socket::Socket;
use ringmq_zmtp::SocketType;

/// An option of sockets: what there is to know of it.
///
/// ```
/// use ringmq::options::SocketOption;
/// let socket = ringmq::Context::new().push()?;
/// let linger = SocketOption::by_name("linger")?;
/// assert_eq!(linger.number(), Some(17));
/// socket.set_option(linger, &linger.parse("100")?)?;
/// assert_eq!(socket.option(linger)?.to_string(), "100");
/// # Ok::<(), ringmq::Error>(())
/// ```
pub type SocketOption = OptionHandle<OfSocket>;

/// Makes an [`OptionHandle`] one of sockets.
#[derive(Clone, Copy)]
pub struct OfSocket(&'static dyn AnyRow);

impl OptionTable for OfSocket {
    const HANDLE: &'static str = "SocketOption";

    fn handles() -> impl Iterator<Item = SocketOption> {
        table::rows().map(|row| OptionHandle { described: row, row: OfSocket(row) })
    }
}

impl SocketOption {
    /// When a value counts that is set.
    ///
    /// ```
    /// use ringmq::options::{Effect, SocketOption};
    /// assert_eq!(SocketOption::by_name("sndhwm")?.effect(), Effect::AtOnce);
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    pub fn effect(self) -> Effect {
        self.row.0.facts().effect
    }

    /// Whether sockets of a type have it.
    ///
    /// ```
    /// use ringmq::{SocketType, options::SocketOption};
    /// let mandatory = SocketOption::by_name("router_mandatory")?;
    /// assert!(mandatory.applies_to(SocketType::Router) && !mandatory.applies_to(SocketType::Req));
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    pub fn applies_to(self, socket_type: SocketType) -> bool {
        self.row.0.facts().applies_to(socket_type)
    }

    /// Whether it can be set.
    ///
    /// ```
    /// use ringmq::options::SocketOption;
    /// assert!(!SocketOption::by_name("last_endpoint")?.can_be_set());
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    pub fn can_be_set(self) -> bool {
        self.row.0.can_set()
    }

    /// Whether it can be read. What can be set can, but for what is done at once and leaves nothing
    /// to read.
    ///
    /// ```
    /// use ringmq::options::SocketOption;
    /// assert!(!SocketOption::by_name("subscribe")?.can_be_read());
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    pub fn can_be_read(self) -> bool {
        self.row.0.can_get()
    }

    /// What a socket of a type starts with.
    ///
    /// ```
    /// use ringmq::{SocketType, options::SocketOption};
    /// let linger = SocketOption::by_name("linger")?;
    /// assert_eq!(linger.default(SocketType::Push).to_string(), "-1");
    /// assert_eq!(linger.default(SocketType::Sub).to_string(), "0");
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    pub fn default(self, socket_type: SocketType) -> OptionValue {
        self.row.0.default_value(socket_type)
    }
}

impl<K: Kind> Socket<K> {
    /// Sets an option that is known at run time only; see [`options`](crate::options).
    ///
    /// # Errors
    /// [`Error::InvalidOption`] for a value that it does not take or a socket that does not have
    /// it, [`Error::NoSuchOption`] if it can only be read, [`Error::Terminated`].
    ///
    /// # Examples
    /// ```
    /// use ringmq::options::{OptionValue, SocketOption};
    /// let socket = ringmq::Context::new().push()?;
    /// socket.set_option(SocketOption::by_number(23)?, &OptionValue::Int(10))?;
    /// assert_eq!(socket.send_hwm()?, 10);
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    #[doc(alias = "zmq_setsockopt")]
    pub fn set_option(&self, option: SocketOption, value: &OptionValue) -> Result<(), Error> {
        option.row.0.set_value(&self.inner, value)
    }

    /// Reads an option that is known at run time only; see [`options`](crate::options).
    ///
    /// # Errors
    /// [`Error::NoSuchOption`] if it cannot be read or a socket of this type does not have it,
    /// [`Error::Terminated`].
    ///
    /// # Examples
    /// ```
    /// use ringmq::options::{OptionValue, SocketOption};
    /// let socket = ringmq::Context::new().push()?;
    /// assert_eq!(socket.option(SocketOption::by_name("type")?)?, OptionValue::Int(8));
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    #[doc(alias = "zmq_getsockopt")]
    pub fn option(&self, option: SocketOption) -> Result<OptionValue, Error> {
        option.row.0.value(&self.inner)
    }
}
