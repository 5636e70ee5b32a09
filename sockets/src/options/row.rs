//! A row of the table of options: all that there is to know of one option, and how it is set and
//! read.

use super::codec::ValueCodec;
use super::invalid;
use super::value::{OptionValue, Secret, ValueType};
use crate::error::Error;
use crate::inner::Core;
use crate::socket::Inner;
use ringmq_pipe::BiasedMutexGuard;
use ringmq_zmtp::SocketType;
use std::fmt;

/// When a value counts that was set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Effect {
    /// At once, also for the connections there are.
    AtOnce,
    /// For binds and connects that are made afterwards.
    NextEndpoint,
    /// For the next connect, and only for that.
    NextConnect,
    /// For peers that come afterwards.
    NextPeer,
}

impl Effect {
    /// What a value that is set counts for.
    pub(crate) const fn text(self) -> &'static str {
        match self {
            Self::AtOnce => "at once",
            Self::NextEndpoint => "binds and connects from then on",
            Self::NextConnect => "the next connect",
            Self::NextPeer => "peers that come from then on",
        }
    }

    /// Whether something is there for which a value that is set now does not count any more.
    fn is_late(self, core: &Core) -> bool {
        match self {
            Self::AtOnce | Self::NextConnect => false,
            Self::NextEndpoint => !core.endpoints.is_empty(),
            Self::NextPeer => core.pipes.iter().next().is_some(),
        }
    }
}

impl fmt::Display for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

/// The types of sockets that have an option.
#[derive(Clone, Copy)]
pub(crate) enum Applies {
    /// All of them.
    All,
    /// These; for the others it is an error to set or read it.
    Only(fn(SocketType) -> bool),
    /// These; the others have the default, and take nothing else.
    Varies(fn(SocketType) -> bool),
}

/// What is known of an option, whatever the type of its values.
pub(crate) struct OptionFacts {
    pub(crate) number: Option<i32>,
    pub(crate) name: &'static str,
    /// The Rust method that reads it, or does it; with `set_` before it the one that sets it. Of a
    /// context the builder's method. Errors call the option so. Empty if there is none.
    pub(crate) method: &'static str,
    pub(crate) unit: &'static str,
    /// What it takes, if that is less than all that its type has.
    pub(crate) takes: &'static str,
    pub(crate) applies: Applies,
    pub(crate) effect: Effect,
    /// It can be set and read of a socket that is closed, too.
    pub(crate) outlives: bool,
    /// Its value is not to be shown.
    pub(crate) secret: bool,
    /// How it differs from libzmq's and why, and what else is worth knowing.
    pub(crate) note: &'static str,
}

impl OptionFacts {
    /// An option that libzmq has. Unless the following say otherwise, all sockets have it, and it
    /// counts for binds and connects made afterwards.
    pub(crate) const fn libzmq(number: i32, name: &'static str, method: &'static str) -> Self {
        Self { number: Some(number), ..Self::own(name, method) }
    }

    /// One that libzmq does not have.
    pub(crate) const fn own(name: &'static str, method: &'static str) -> Self {
        Self {
            number: None,
            name,
            method,
            unit: "",
            takes: "",
            applies: Applies::All,
            effect: Effect::NextEndpoint,
            outlives: false,
            secret: false,
            note: "",
        }
    }

    pub(crate) const fn unit(self, unit: &'static str) -> Self {
        Self { unit, ..self }
    }

    pub(crate) const fn takes(self, takes: &'static str) -> Self {
        Self { takes, ..self }
    }

    pub(crate) const fn only(self, which: fn(SocketType) -> bool) -> Self {
        Self { applies: Applies::Only(which), ..self }
    }

    pub(crate) const fn varies(self, which: fn(SocketType) -> bool) -> Self {
        Self { applies: Applies::Varies(which), ..self }
    }

    pub(crate) const fn counts(self, effect: Effect) -> Self {
        Self { effect, ..self }
    }

    pub(crate) const fn outlives(self) -> Self {
        Self { outlives: true, ..self }
    }

    pub(crate) const fn secret(self) -> Self {
        Self { secret: true, ..self }
    }

    pub(crate) const fn note(self, note: &'static str) -> Self {
        Self { note, ..self }
    }

    /// What errors call it.
    pub(crate) fn label(&self) -> &'static str {
        if self.method.is_empty() { self.name } else { self.method }
    }

    pub(crate) fn applies_to(&self, socket_type: SocketType) -> bool {
        match self.applies {
            Applies::All => true,
            Applies::Only(which) | Applies::Varies(which) => which(socket_type),
        }
    }

    /// The error of a socket that has no such option.
    fn not_there(&self, socket_type: SocketType) -> String {
        format!("a {} socket has no such option", socket_type.name())
    }

    fn no_such(&self, reason: impl Into<String>) -> Error {
        Error::NoSuchOption { option: self.label().into(), reason: reason.into() }
    }
}

/// Whether a value is one that an option takes.
pub(crate) enum Check<T> {
    Any,
    /// If this is so; otherwise the error says what it takes.
    When(fn(&T) -> bool),
    /// By trying it out: otherwise this is the error's reason.
    Try(fn(&T) -> Result<(), String>),
}

type Set<T> = fn(&mut Core, T) -> Result<(), Error>;
type Get<T> = fn(&mut Core) -> Result<T, Error>;

/// Where the value of an option is.
pub(crate) struct Access<T> {
    /// `None` if it can only be read.
    pub(crate) set: Option<Set<T>>,
    /// `None` if there is nothing to read: something is done.
    pub(crate) get: Option<Get<T>>,
}

/// See the [module's documentation](self).
pub(crate) struct OptionRow<T: 'static> {
    pub(crate) facts: OptionFacts,
    pub(crate) codec: &'static ValueCodec<T>,
    pub(crate) check: Check<T>,
    /// What a socket of a type starts with. Where the value itself is another crate's, a test
    /// compares.
    pub(crate) default: fn(SocketType) -> T,
    pub(crate) access: Access<T>,
}

impl<T> OptionRow<T> {
    /// # Errors
    /// [`Error::InvalidOption`] if the option does not take `value`.
    pub(crate) fn check(&self, value: &T) -> Result<(), Error> {
        let reason = match self.check {
            Check::Any => return Ok(()),
            Check::When(takes) if takes(value) => return Ok(()),
            Check::When(_) => format!("it takes {}", self.facts.takes),
            Check::Try(attempt) => match attempt(value) {
                Ok(()) => return Ok(()),
                Err(reason) => reason,
            },
        };
        Err(invalid(self.facts.label(), reason))
    }

    /// Sets a value that was checked, in a socket that was entered.
    ///
    /// # Errors
    /// [`Error::InvalidOption`] if the socket has no such option, or cannot have that value now.
    pub(crate) fn put(&self, core: &mut Core, value: T) -> Result<(), Error> {
        let Some(set) = self.access.set else {
            return Err(self.facts.no_such("it can only be read"));
        };
        let socket_type = core.shared.socket_type;
        if !self.facts.applies_to(socket_type) {
            let default = (self.codec.encode)(&(self.default)(socket_type));
            let varies = matches!(self.facts.applies, Applies::Varies(_));
            if !varies || (self.codec.encode)(&value) != default {
                return Err(invalid(self.facts.label(), self.facts.not_there(socket_type)));
            }
        }
        // The next bind or connect looks at the options anew.
        core.options.shared = None;
        if !self.facts.effect.is_late(core) {
            return set(core, value);
        }
        let before = self.text(core);
        set(core, value)?;
        if self.text(core) != before {
            core.tell_late(self.facts.label(), self.facts.effect.text());
        }
        Ok(())
    }

    /// The value as it is.
    fn text(&self, core: &mut Core) -> Option<OptionValue> {
        let value = self.access.get?(core).ok()?;
        Some((self.codec.encode)(&value))
    }

    /// Reads it, in a socket that was entered.
    ///
    /// # Errors
    /// [`Error::NoSuchOption`] if the socket has none such, or there is nothing to read.
    pub(crate) fn take(&self, core: &mut Core) -> Result<T, Error> {
        let Some(get) = self.access.get else {
            return Err(self.facts.no_such("it can only be set"));
        };
        let socket_type = core.shared.socket_type;
        if matches!(self.facts.applies, Applies::Only(which) if !which(socket_type)) {
            return Err(self.facts.no_such(self.facts.not_there(socket_type)));
        }
        get(core)
    }

    /// Checks and sets a value.
    ///
    /// # Errors
    /// As of [`check`](Self::check) and [`put`](Self::put), and [`Error::Terminated`].
    pub(crate) fn store(&self, socket: &Inner, value: T) -> Result<(), Error> {
        self.check(&value)?;
        let mut core = self.enter(socket)?;
        self.put(&mut core, value)?;
        if self.facts.outlives && core.closed {
            socket.linger_changed(core.options.linger);
        }
        Ok(())
    }

    /// Reads it.
    ///
    /// # Errors
    /// As of [`take`](Self::take), and [`Error::Terminated`].
    pub(crate) fn load(&self, socket: &Inner) -> Result<T, Error> {
        let mut core = self.enter(socket)?;
        self.take(&mut core)
    }

    fn enter<'a>(&self, socket: &'a Inner) -> Result<BiasedMutexGuard<'a, Core>, Error> {
        let mut core = socket.lock()?;
        match core.enter() {
            Err(_) if self.facts.outlives => {}
            result => result?,
        }
        Ok(core)
    }
}

/// What is known of an option, of a socket or of a context.
pub(crate) trait Described: Sync {
    fn facts(&self) -> &OptionFacts;
    fn value_type(&self) -> ValueType;
    fn takes(&self) -> &'static str;

    /// A value from C's memory.
    fn decode(&self, bytes: &[u8]) -> Result<OptionValue, Error> {
        let value = OptionValue::from_bytes(self.value_type(), bytes).ok_or_else(|| {
            let (name, length) = (self.value_type().name(), bytes.len());
            invalid(self.facts().label(), format!("it takes an {name}, not {length} bytes"))
        })?;
        Ok(self.hidden(value))
    }

    /// The value, as a secret if it is one.
    fn hidden(&self, value: OptionValue) -> OptionValue {
        if self.facts().secret { OptionValue::Secret(Secret::new(value.to_bytes())) } else { value }
    }

    /// A value from text.
    fn parse(&self, text: &str) -> Result<OptionValue, Error> {
        let value = OptionValue::from_text(self.value_type(), text).ok_or_else(|| {
            invalid(self.facts().label(), format!("it takes {}, not {text:?}", self.takes()))
        })?;
        Ok(self.hidden(value))
    }
}

/// A row, whatever the type of its values.
pub(crate) trait AnyRow: Described {
    fn can_set(&self) -> bool;
    fn can_get(&self) -> bool;
    fn default_value(&self, socket_type: SocketType) -> OptionValue;
    fn set_value(&self, socket: &Inner, value: &OptionValue) -> Result<(), Error>;
    fn value(&self, socket: &Inner) -> Result<OptionValue, Error>;
}

impl<T> Described for OptionRow<T> {
    fn facts(&self) -> &OptionFacts {
        &self.facts
    }

    fn value_type(&self) -> ValueType {
        self.codec.value_type
    }

    fn takes(&self) -> &'static str {
        if self.facts.takes.is_empty() { self.codec.takes } else { self.facts.takes }
    }
}

impl<T> AnyRow for OptionRow<T> {
    fn can_set(&self) -> bool {
        self.access.set.is_some()
    }

    fn can_get(&self) -> bool {
        self.access.get.is_some()
    }

    fn default_value(&self, socket_type: SocketType) -> OptionValue {
        (self.codec.encode)(&(self.default)(socket_type))
    }

    fn set_value(&self, socket: &Inner, value: &OptionValue) -> Result<(), Error> {
        match (self.codec.decode)(value) {
            Some(value) => self.store(socket, value),
            None => Err(invalid(self.facts.label(), format!("it takes {}", self.codec.takes))),
        }
    }

    fn value(&self, socket: &Inner) -> Result<OptionValue, Error> {
        Ok((self.codec.encode)(&self.load(socket)?))
    }
}
