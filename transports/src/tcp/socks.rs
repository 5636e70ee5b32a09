//! How a SOCKS 5 proxy is asked for a connection (RFC 1928), with a name and a password where it wants them
//! (RFC 1929). A state machine without I/O: bytes of the proxy in, bytes for it out.
//!
//! Names are the proxy's to look up: it may be the only one that can.

use crate::endpoint::{Host, TcpAddress};
use crate::options::SocksLogin;
use std::fmt;
use thiserror::Error;
use zeroize::Zeroizing;

const VERSION: u8 = 5;
const LOGIN_VERSION: u8 = 1;
const CONNECT: u8 = 1;
const RESERVED: u8 = 0;
/// Ways to log in.
const NO_LOGIN: u8 = 0;
const NAME_AND_PASSWORD: u8 = 2;
const NONE_OF_THEM: u8 = 0xff;
/// Forms of addresses.
const IPV4: u8 = 1;
const NAME: u8 = 3;
const IPV6: u8 = 4;

const SUCCESS: u8 = 0;

/// Why a proxy gives no connection.
#[derive(Debug, Error, PartialEq, Eq)]
pub(crate) enum SocksError {
    /// It says something else than the protocol has there.
    #[error("the proxy does not speak SOCKS 5: {0:#04x} instead of {1}")]
    Malformed(u8, &'static str),
    /// It wants a name and a password, and there are none, or what it wants is neither.
    #[error("the proxy wants a login that is not there (socks_username, socks_password)")]
    LoginWanted,
    /// The name or the password is not right.
    #[error("the proxy does not take this name and password")]
    LoginRefused,
    /// It has tried, or does not want to.
    #[error("the proxy says: {}", reply(*.0))]
    Refused(u8),
    /// It has closed the connection.
    #[error("the proxy has hung up")]
    HungUp,
}

impl SocksError {
    /// Nobody listens there, as the proxy says.
    pub(crate) fn is_refusal(&self) -> bool {
        matches!(self, Self::Refused(5))
    }
}

/// What a reply means, in the words of RFC 1928.
fn reply(code: u8) -> &'static str {
    match code {
        1 => "general failure",
        2 => "not allowed by its rules",
        3 => "network unreachable",
        4 => "host unreachable",
        5 => "connection refused",
        6 => "time to live expired",
        7 => "no such command",
        8 => "no such form of address",
        _ => "an error that the protocol does not have",
    }
}

/// What is to be done after some bytes of the proxy's.
#[derive(PartialEq, Eq)]
pub(crate) enum SocksStep {
    /// Await more of them.
    Await,
    /// Send these.
    Send(Zeroizing<Vec<u8>>),
    /// The connection is there; these bytes have come over it already.
    Connected(Vec<u8>),
}

/// Without the password that may be in what is sent.
impl fmt::Debug for SocksStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Await => f.write_str("Await"),
            Self::Send(bytes) => write!(f, "Send({} bytes)", bytes.len()),
            Self::Connected(rest) => f.debug_tuple("Connected").field(rest).finish(),
        }
    }
}

/// What is awaited.
#[derive(Clone, Copy, Debug)]
enum Awaited {
    Method,
    Login,
    Reply,
}

/// See the [module's documentation](self).
#[derive(Debug)]
pub(crate) struct SocksHandshake {
    login: SocksLogin,
    request: Vec<u8>,
    awaited: Awaited,
    /// What has come and is not a whole answer yet.
    incoming: Vec<u8>,
}

impl SocksHandshake {
    /// To ask for a connection to `target`.
    pub(crate) fn new(target: &TcpAddress, login: SocksLogin) -> Self {
        let request = request(target);
        Self { login, request, awaited: Awaited::Method, incoming: Vec::new() }
    }

    /// What the proxy is told first.
    pub(crate) fn greeting(&self) -> Zeroizing<Vec<u8>> {
        // No login is offered beside one that is there: a proxy might choose it, and treat us as a stranger.
        let method = if self.login.username.is_empty() { NO_LOGIN } else { NAME_AND_PASSWORD };
        vec![VERSION, 1, method].into()
    }

    /// Takes bytes of the proxy's in.
    ///
    /// # Errors
    /// Why there will be no connection.
    pub(crate) fn take_in(&mut self, bytes: &[u8]) -> Result<SocksStep, SocksError> {
        self.incoming.extend_from_slice(bytes);
        match self.awaited {
            Awaited::Method => self.method(),
            Awaited::Login => self.logged_in(),
            Awaited::Reply => self.reply(),
        }
    }

    fn method(&mut self) -> Result<SocksStep, SocksError> {
        expect(self.incoming.first(), VERSION, "version 5")?;
        let Some(&method) = self.incoming.get(1) else { return Ok(SocksStep::Await) };
        self.end_answer(2)?;
        match method {
            NO_LOGIN => Ok(self.ask()),
            NAME_AND_PASSWORD if !self.login.username.is_empty() => {
                self.awaited = Awaited::Login;
                Ok(SocksStep::Send(login(&self.login)))
            }
            NAME_AND_PASSWORD | NONE_OF_THEM => Err(SocksError::LoginWanted),
            other => Err(SocksError::Malformed(other, "a way to log in that was offered")),
        }
    }

    fn logged_in(&mut self) -> Result<SocksStep, SocksError> {
        expect(self.incoming.first(), LOGIN_VERSION, "version 1 of the login")?;
        let Some(&status) = self.incoming.get(1) else { return Ok(SocksStep::Await) };
        self.end_answer(2)?;
        if status != SUCCESS {
            return Err(SocksError::LoginRefused);
        }
        Ok(self.ask())
    }

    /// An answer has so many bytes, and nothing comes behind it before the proxy is asked something else.
    fn end_answer(&mut self, len: usize) -> Result<(), SocksError> {
        let rest = self.incoming.get(len).copied();
        self.incoming.clear();
        rest.map_or(Ok(()), |byte| Err(SocksError::Malformed(byte, "nothing before it is asked")))
    }

    /// Logged in, if that was wanted.
    fn ask(&mut self) -> SocksStep {
        self.awaited = Awaited::Reply;
        SocksStep::Send(std::mem::take(&mut self.request).into())
    }

    fn reply(&mut self) -> Result<SocksStep, SocksError> {
        expect(self.incoming.first(), VERSION, "version 5")?;
        // A proxy that refuses may stop there.
        match self.incoming.get(1) {
            None => return Ok(SocksStep::Await),
            Some(&SUCCESS) => {}
            Some(&code) => return Err(SocksError::Refused(code)),
        }
        // Behind that and what is reserved stands the address that the proxy connects from, and a port.
        let address = match (self.incoming.get(3), self.incoming.get(4)) {
            (None, _) | (Some(&NAME), None) => return Ok(SocksStep::Await),
            (Some(&IPV4), _) => 4,
            (Some(&IPV6), _) => 16,
            (Some(&NAME), Some(&len)) => 1 + usize::from(len),
            (Some(&other), _) => return Err(SocksError::Malformed(other, "a form of address")),
        };
        let end = 4 + address + 2;
        if self.incoming.len() < end {
            return Ok(SocksStep::Await);
        }
        Ok(SocksStep::Connected(self.incoming.split_off(end)))
    }
}

fn expect(byte: Option<&u8>, expected: u8, what: &'static str) -> Result<(), SocksError> {
    match byte {
        Some(&byte) if byte != expected => Err(SocksError::Malformed(byte, what)),
        _ => Ok(()),
    }
}

/// Text of at most 255 bytes after its length. Longer ones are refused where they are set.
fn put(out: &mut Vec<u8>, text: &[u8]) {
    let len = u8::try_from(text.len()).unwrap_or(u8::MAX);
    out.push(len);
    out.extend_from_slice(&text[..usize::from(len)]);
}

fn login(login: &SocksLogin) -> Zeroizing<Vec<u8>> {
    let (name, password) = (login.username.as_bytes(), &login.password[..]);
    // With room for all of it, so that no copy of the password is left behind.
    let mut out = Zeroizing::new(Vec::with_capacity(3 + name.len() + password.len()));
    out.push(LOGIN_VERSION);
    put(&mut out, name);
    put(&mut out, password);
    out
}

fn request(target: &TcpAddress) -> Vec<u8> {
    let mut out = vec![VERSION, CONNECT, RESERVED];
    match &target.host {
        Host::V4(ip) => {
            out.push(IPV4);
            out.extend_from_slice(&ip.octets());
        }
        // On which interface is the proxy's to know.
        Host::V6(ip, _) => {
            out.push(IPV6);
            out.extend_from_slice(&ip.octets());
        }
        Host::Name(name) => {
            out.push(NAME);
            put(&mut out, name.as_bytes());
        }
        // No endpoint to connect to has that.
        Host::Any => {
            out.push(NAME);
            put(&mut out, b"*");
        }
    }
    out.extend_from_slice(&target.port.to_be_bytes());
    out
}

#[cfg(test)]
mod tests;
