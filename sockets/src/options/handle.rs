//! What there is to know of an option, whether it is a socket's or a context's, and how it is found.

use super::row::Described;
use super::value::{OptionValue, ValueType};
use crate::error::Error;
use std::fmt;

/// Whose an option is: rows of the table of sockets' options, or of that of contexts'.
pub trait OptionTable: Copy {
    /// What its handles are called.
    const HANDLE: &'static str;

    /// The whole table.
    fn handles() -> impl Iterator<Item = OptionHandle<Self>>;
}

/// An option: what there is to know of it. As [`SocketOption`](super::SocketOption) it is one of
/// sockets, as [`ContextOption`](super::ContextOption) one of contexts.
#[derive(Clone, Copy)]
pub struct OptionHandle<R> {
    pub(super) described: &'static dyn Described,
    /// The same, with what only the options of sockets or of contexts have.
    pub(super) row: R,
}

impl<R: OptionTable> OptionHandle<R> {
    /// All of them.
    ///
    /// ```
    /// use ringmq::options::SocketOption;
    /// assert!(SocketOption::all().any(|option| option.name() == "sndhwm"));
    /// ```
    pub fn all() -> impl Iterator<Item = Self> {
        R::handles()
    }

    /// The one to which libzmq gives this number.
    ///
    /// # Errors
    /// [`Error::NoSuchOption`].
    ///
    /// ```
    /// use ringmq::options::{ContextOption, SocketOption};
    /// assert_eq!(SocketOption::by_number(23)?.name(), "sndhwm");
    /// assert_eq!(ContextOption::by_number(1)?.name(), "io_threads");
    /// assert!(SocketOption::by_number(9999).is_err());
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    pub fn by_number(number: i32) -> Result<Self, Error> {
        let found = Self::all().find(|option| option.number() == Some(number));
        found.ok_or_else(|| no_such(number.to_string()))
    }

    /// The one of this name: libzmq's in lower case and without `ZMQ_`, if that has it.
    ///
    /// # Errors
    /// [`Error::NoSuchOption`].
    ///
    /// ```
    /// use ringmq::options::{ContextOption, SocketOption};
    /// assert_eq!(SocketOption::by_name("rcvtimeo")?.number(), Some(27));
    /// assert!(SocketOption::by_name("ZMQ_RCVTIMEO").is_err());
    /// assert!(ContextOption::by_name("rcvtimeo").is_err());
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    pub fn by_name(name: &str) -> Result<Self, Error> {
        let found = Self::all().find(|option| option.name() == name);
        found.ok_or_else(|| no_such(name.to_owned()))
    }
}

impl<R> OptionHandle<R> {
    /// libzmq's number, if it has the option.
    ///
    /// ```
    /// use ringmq::options::SocketOption;
    /// assert_eq!(SocketOption::by_name("spin")?.number(), None);
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    pub fn number(self) -> Option<i32> {
        self.described.facts().number
    }

    /// Its name in files and on command lines.
    ///
    /// ```
    /// use ringmq::options::SocketOption;
    /// assert_eq!(SocketOption::by_number(17)?.name(), "linger");
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    pub fn name(self) -> &'static str {
        self.described.facts().name
    }

    /// The type of its values in C.
    ///
    /// ```
    /// use ringmq::options::{SocketOption, ValueType};
    /// assert_eq!(SocketOption::by_name("maxmsgsize")?.value_type(), ValueType::Int64);
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    pub fn value_type(self) -> ValueType {
        self.described.value_type()
    }

    /// The unit of its values, such as `ms`; empty for bytes, switches and plain numbers.
    ///
    /// ```
    /// use ringmq::options::{ContextOption, SocketOption};
    /// assert_eq!(SocketOption::by_name("linger")?.unit(), "ms");
    /// assert_eq!(ContextOption::by_name("timer_slack")?.unit(), "ns");
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    pub fn unit(self) -> &'static str {
        self.described.facts().unit
    }

    /// What it takes, in words.
    ///
    /// ```
    /// use ringmq::options::{ContextOption, SocketOption};
    /// assert_eq!(SocketOption::by_name("immediate")?.takes(), "0 or 1");
    /// assert_eq!(ContextOption::by_name("backend")?.takes(), "auto, uring or mio");
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    pub fn takes(self) -> &'static str {
        self.described.takes()
    }

    /// How it differs from libzmq's and why, and what else is worth knowing; may be empty.
    ///
    /// ```
    /// use ringmq::options::{ContextOption, SocketOption};
    /// assert!(SocketOption::by_name("backlog")?.note().contains("libzmq has 100"));
    /// assert_eq!(ContextOption::by_name("lock_memory")?.note(), "Linux only");
    /// # Ok::<(), ringmq::Error>(())
    /// ```
    pub fn note(self) -> &'static str {
        self.described.facts().note
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
        self.described.decode(bytes)
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
        self.described.parse(text)
    }
}

/// The error of who asks for an option that there is not.
fn no_such(option: String) -> Error {
    Error::NoSuchOption { option, reason: "there is none such".into() }
}

impl<R: OptionTable> fmt::Debug for OptionHandle<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple(R::HANDLE).field(&self.name()).finish()
    }
}
