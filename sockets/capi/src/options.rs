//! Options of sockets, by libzmq's numbers; what there is stands in ringmq's table of options.

use std::borrow::Cow;
use std::ffi::{c_int, c_void};
use std::sync::atomic::Ordering;

use ringmq::SocketType;
use ringmq::options::{OptionValue, SocketOption, ValueType};

use crate::boundary::{bytes, enter, hand_out};
use crate::errors::system::EINVAL;
use crate::errors::{ETERM, Errno, Result};
use crate::poll::{Fd, POLLIN, POLLOUT};
use crate::socket::{CSocket, get, is_thread_safe, make_raw};

const RCVMORE: c_int = 13;
const TYPE: c_int = 16;
const FD: c_int = 14;
const EVENTS: c_int = 15;
/// The older name of the contrary of `IPV6`.
const IPV4ONLY: c_int = 31;
const ROUTER_RAW: c_int = 41;
const THREAD_SAFE: c_int = 81;
const USE_FD: c_int = 89;
/// As bytes they have 32, as text 40 and a zero.
const KEYS: [c_int; 3] = [48, 49, 50];
const KEY_TEXT: usize = 41;
/// 32 zeros.
const NO_KEY: &str = "0000000000000000000000000000000000000000";

/// What only a C program asks, of a socket of its own.
fn own(socket: &CSocket, number: c_int) -> Result<Option<Vec<u8>>> {
    let number: c_int = match number {
        FD if is_thread_safe(socket.socket.socket_type()) => return Err(Errno(EINVAL)),
        FD => return event_fd(socket).map(|fd| Some(fd.to_ne_bytes().to_vec())),
        TYPE if socket.is_raw_router => SocketType::Router.code().into(),
        RCVMORE => socket.more.load(Ordering::Relaxed).into(),
        EVENTS => {
            let ready = socket.socket.events()?;
            let flag = |on: bool, flag: i16| if on { c_int::from(flag) } else { 0 };
            flag(ready.readable, POLLIN) | flag(ready.writable, POLLOUT)
        }
        USE_FD => socket.lent.number(),
        THREAD_SAFE => is_thread_safe(socket.socket.socket_type()).into(),
        IPV4ONLY => (!socket.socket.ipv6()?).into(),
        _ => match socket.kept.get(socket.socket.socket_type(), number) {
            Some(value) => value,
            None => return Ok(None),
        },
    };
    Ok(Some(number.to_ne_bytes().to_vec()))
}

/// What can be read when `EVENTS` is to be looked at.
fn event_fd(socket: &CSocket) -> Result<Fd> {
    socket.watched.store(true, Ordering::Relaxed);
    #[cfg(unix)]
    return Ok(std::os::fd::AsRawFd::as_raw_fd(&socket.socket.event_fd()?));
    #[cfg(windows)]
    return Ok(
        std::os::windows::io::AsRawSocket::as_raw_socket(&socket.socket.event_socket()?) as Fd
    );
}

fn value(socket: &CSocket, number: c_int, room: usize) -> Result<Vec<u8>> {
    if let Some(value) = own(socket, number)? {
        return Ok(value);
    }
    let value = socket.socket.option(SocketOption::by_number(number)?)?;
    let mut bytes = value.to_bytes();
    if KEYS.contains(&number) {
        return key(&bytes, room);
    }
    // Text ends with a zero, and that counts.
    if value.value_type() == ValueType::Bytes && is_text(number) {
        bytes.push(0);
    }
    Ok(bytes)
}

/// Whether what is read is text: of routing ids alone it is not.
const fn is_text(number: c_int) -> bool {
    const ROUTING_ID: c_int = 5;
    const CONNECT_ROUTING_ID: c_int = 61;
    !matches!(number, ROUTING_ID | CONNECT_ROUTING_ID)
}

/// Whether the size that a program names has to be that of a number. What the socket itself answers has room in
/// more.
fn is_number(number: c_int) -> bool {
    let is_own = matches!(number, RCVMORE | FD | EVENTS | THREAD_SAFE);
    let value_type = SocketOption::by_number(number).map(SocketOption::value_type);
    !is_own && !matches!(value_type, Ok(ValueType::Bytes))
}

/// A key, which the table has as text, in the form for which there is room.
fn key(text: &[u8], room: usize) -> Result<Vec<u8>> {
    let text = match std::str::from_utf8(text) {
        Ok("") => NO_KEY,
        text => text.map_err(|_| Errno(EINVAL))?,
    };
    match room {
        32 => ringmq::auth::z85_decode(text).map_err(|_| Errno(EINVAL)),
        KEY_TEXT => Ok([text.as_bytes(), &[0]].concat()),
        _ => Err(Errno(EINVAL)),
    }
}

/// A value in the form in which the table of options reads it: libzmq reads some in more than one.
fn as_read(number: c_int, value: &[u8]) -> Cow<'_, [u8]> {
    /// Of these any number but 0 is 1: INVERT_MATCHING, ZAP_ENFORCE_DOMAIN, LOOPBACK_FASTPATH, MULTICAST_LOOP.
    const SWITCHES: [c_int; 4] = [74, 93, 94, 96];
    const MAXMSGSIZE: c_int = 22;
    const HEARTBEAT_TTL: c_int = 76;
    const IPC_FILTERS: std::ops::RangeInclusive<c_int> = 58..=60;
    /// It is told to peers in tenths of a second; what is less is left out.
    const TENTH_MS: c_int = 100;
    if KEYS.contains(&number)
        && let [text @ .., 0] = value
        && value.len() == KEY_TEXT
    {
        return text.into();
    }
    if value.is_empty() && IPC_FILTERS.contains(&number) {
        return (-1 as c_int).to_ne_bytes().to_vec().into();
    }
    let int = value.try_into().map(c_int::from_ne_bytes);
    match (number, int) {
        (_, Ok(on)) if SWITCHES.contains(&number) => {
            c_int::from(on != 0).to_ne_bytes().to_vec().into()
        }
        (HEARTBEAT_TTL, Ok(ms)) => (ms / TENTH_MS * TENTH_MS).to_ne_bytes().to_vec().into(),
        // Less than nothing is no limit.
        (MAXMSGSIZE, _) => match value.try_into().map(i64::from_ne_bytes) {
            Ok(limit) => limit.max(-1).to_ne_bytes().to_vec().into(),
            Err(_) => value.into(),
        },
        _ => value.into(),
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_setsockopt(
    handle: *mut c_void,
    option: c_int,
    value: *const c_void,
    size: usize,
) -> c_int {
    enter(|| {
        let socket = get(handle)?;
        // SAFETY: the program promises so many bytes.
        let given = unsafe { bytes(value, size) }.map_err(|_| Errno(EINVAL))?;
        if socket.context.is_shut_down() {
            return Err(Errno(ETERM));
        }
        let given = &*as_read(option, given);
        if socket.kept.set(socket.socket.socket_type(), option, given)? {
            return Ok(0);
        }
        let number = || given.try_into().map(c_int::from_ne_bytes).map_err(|_| Errno(EINVAL));
        if option == USE_FD {
            return socket.lent.set(number()?).map(|()| 0);
        }
        if option == ROUTER_RAW {
            let on = number()? > 0;
            return if on { make_raw(handle).map(|()| 0) } else { Ok(0) };
        }
        if option == IPV4ONLY {
            let on = number()?;
            let on = u8::try_from(on).ok().filter(|on| *on < 2).ok_or(Errno(EINVAL))?;
            socket.socket.set_ipv6(on == 0)?;
            return Ok(0);
        }
        let option = SocketOption::by_number(option)?;
        let value = OptionValue::from_bytes(option.value_type(), given).ok_or(Errno(EINVAL))?;
        socket.socket.set_option(option, &value)?;
        Ok(0)
    })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_getsockopt(
    socket: *mut c_void,
    option: c_int,
    into: *mut c_void,
    size: *mut usize,
) -> c_int {
    enter(|| {
        let socket = get(socket)?;
        let value = |room| {
            let value = value(&socket, option, room)?;
            if is_number(option) && value.len() != room {
                return Err(Errno(EINVAL));
            }
            Ok(value)
        };
        // SAFETY: the program promises a number, and so much room.
        unsafe { hand_out(into, size, value) }
    })
}
