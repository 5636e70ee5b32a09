//! Options by number and by name: for C, for files and for command lines.

use super::row::{AnyRow, Effect};
use super::table::rows;
use super::value::{OptionValue, ValueType};
use crate::error::Error;
use crate::kind::Kind;
use crate::socket::Socket;
use ringmq_zmtp::SocketType;
use std::fmt;

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
#[derive(Clone, Copy)]
pub struct SocketOption(&'static dyn AnyRow);

impl SocketOption {
    /// All of them.
    ///
    /// ```
    /// use ringmq::options::SocketOption;
    /// assert!(SocketOption::all().any(|option| option.name() == "sndhwm"));
    /// ```
    pub fn all() -> impl Iterator<Item = Self> {
        rows().map(Self)
    }

    /// The one to which libzmq gives this number.
    ///
    /// # Errors
    /// [`Error::NoSuchOption`].
    ///
    /// ```
    /// use ringmq::options::SocketOption;
    /// assert_eq!(SocketOption::by_number(23)?.name(), "sndhwm");
    /// assert!(SocketOption::by_number(9999).is_err());
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    pub fn by_number(number: i32) -> Result<Self, Error> {
        let found = Self::all().find(|option| option.number() == Some(number));
        found.ok_or_else(|| no_such(number.to_string()))
    }

    /// The one of this name: libzmq's in lower case and without `ZMQ_`.
    ///
    /// # Errors
    /// [`Error::NoSuchOption`].
    ///
    /// ```
    /// use ringmq::options::SocketOption;
    /// assert_eq!(SocketOption::by_name("rcvtimeo")?.number(), Some(27));
    /// assert!(SocketOption::by_name("ZMQ_RCVTIMEO").is_err());
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    pub fn by_name(name: &str) -> Result<Self, Error> {
        let found = Self::all().find(|option| option.name() == name);
        found.ok_or_else(|| no_such(name.to_owned()))
    }

    /// libzmq's number, if it has the option.
    ///
    /// ```
    /// use ringmq::options::SocketOption;
    /// assert_eq!(SocketOption::by_name("spin")?.number(), None);
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    pub fn number(self) -> Option<i32> {
        self.0.facts().number
    }

    /// Its name in files and on command lines.
    ///
    /// ```
    /// use ringmq::options::SocketOption;
    /// assert_eq!(SocketOption::by_number(17)?.name(), "linger");
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    pub fn name(self) -> &'static str {
        self.0.facts().name
    }

    /// The type of its values in C.
    ///
    /// ```
    /// use ringmq::options::{SocketOption, ValueType};
    /// assert_eq!(SocketOption::by_name("maxmsgsize")?.value_type(), ValueType::Int64);
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    pub fn value_type(self) -> ValueType {
        self.0.value_type()
    }

    /// The unit of its values, such as `ms`; empty for bytes, switches and plain numbers.
    ///
    /// ```
    /// use ringmq::options::SocketOption;
    /// assert_eq!(SocketOption::by_name("linger")?.unit(), "ms");
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    pub fn unit(self) -> &'static str {
        self.0.facts().unit
    }

    /// What it takes, in words.
    ///
    /// ```
    /// use ringmq::options::SocketOption;
    /// assert_eq!(SocketOption::by_name("immediate")?.takes(), "0 or 1");
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    pub fn takes(self) -> &'static str {
        self.0.takes()
    }

    /// When a value counts that is set.
    ///
    /// ```
    /// use ringmq::options::{Effect, SocketOption};
    /// assert_eq!(SocketOption::by_name("sndhwm")?.effect(), Effect::AtOnce);
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    pub fn effect(self) -> Effect {
        self.0.facts().effect
    }

    /// How it differs from libzmq's and why, and what else is worth knowing; may be empty.
    ///
    /// ```
    /// use ringmq::options::SocketOption;
    /// assert!(SocketOption::by_name("backlog")?.note().contains("libzmq has 100"));
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    pub fn note(self) -> &'static str {
        self.0.facts().note
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
        self.0.facts().applies_to(socket_type)
    }

    /// Whether it can be set.
    ///
    /// ```
    /// use ringmq::options::SocketOption;
    /// assert!(!SocketOption::by_name("last_endpoint")?.can_be_set());
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    pub fn can_be_set(self) -> bool {
        self.0.can_set()
    }

    /// Whether it can be read. What can be set can, but for what is done at once and leaves nothing to read.
    ///
    /// ```
    /// use ringmq::options::SocketOption;
    /// assert!(!SocketOption::by_name("subscribe")?.can_be_read());
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    pub fn can_be_read(self) -> bool {
        self.0.can_get()
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
        self.0.default_value(socket_type)
    }

    /// A value from memory, as C has it.
    ///
    /// # Errors
    /// [`Error::InvalidOption`] if the length is wrong.
    ///
    /// ```
    /// use ringmq::options::{OptionValue, SocketOption};
    /// let linger = SocketOption::by_number(17)?;
    /// assert_eq!(linger.decode(&7_i32.to_ne_bytes())?, OptionValue::Int(7));
    /// assert!(linger.decode(&[0; 8]).is_err());
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    pub fn decode(self, bytes: &[u8]) -> Result<OptionValue, Error> {
        self.0.decode(bytes)
    }

    /// A value from text, as it is displayed: numbers are in the option's unit.
    ///
    /// # Errors
    /// [`Error::InvalidOption`] if it is no number where that is wanted, or too large for its type.
    ///
    /// ```
    /// use ringmq::options::{OptionValue, SocketOption};
    /// let linger = SocketOption::by_name("linger")?;
    /// assert_eq!(linger.parse("-1")?, OptionValue::Int(-1));
    /// assert!(linger.parse("for ever").is_err());
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    pub fn parse(self, text: &str) -> Result<OptionValue, Error> {
        self.0.parse(text)
    }

    pub(super) fn row(self) -> &'static dyn AnyRow {
        self.0
    }
}

/// The error of who asks for an option that there is not.
pub(super) fn no_such(option: String) -> Error {
    Error::NoSuchOption { option, reason: "there is none such".into() }
}

impl fmt::Debug for SocketOption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SocketOption").field(&self.name()).finish()
    }
}

impl<K: Kind> Socket<K> {
    /// Sets an option that is known at run time only; see [`options`](crate::options).
    ///
    /// # Errors
    /// [`Error::InvalidOption`] for a value that it does not take or a socket that does not have it,
    /// [`Error::NoSuchOption`] if it can only be read, [`Error::Terminated`].
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
        option.row().set_value(&self.inner, value)
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
        option.row().value(&self.inner)
    }
}
