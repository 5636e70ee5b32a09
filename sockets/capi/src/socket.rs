//! Sockets: made, bound, connected, closed.

use std::collections::VecDeque;
use std::ffi::{c_char, c_int, c_void};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ringmq::kind::AnyKind;
use ringmq::options::SocketOption;
use ringmq::{Socket, SocketType};

use crate::boundary::{enter, text};
use crate::context::{self, CContext};
use crate::errors::system::{EINVAL, EMFILE, ENOTSOCK};
use crate::errors::{ENOCOMPATPROTO, Errno, Result};
use crate::handles::{Handles, LastUsed};
use crate::kept::KeptOptions;
use crate::lent_listener::LentListener;
use crate::monitor::Watching;

/// Kilobits a second that a source of PGM sends unless told otherwise.
const LIBZMQ_RATE: u32 = 100;

pub(crate) static SOCKETS: Handles<CSocket> = Handles::new();

/// What a handle of a socket stands for.
pub(crate) struct CSocket {
    pub(crate) socket: Socket<AnyKind>,
    /// More frames follow the one that was received last.
    pub(crate) more: AtomicBool,
    /// The program watches its descriptor.
    pub(crate) watched: AtomicBool,
    pub(crate) kept: KeptOptions,
    pub(crate) lent: LentListener,
    /// A ROUTER to the program, in the mode that STREAM has taken over.
    pub(crate) is_raw_router: bool,
    pub(crate) context: Arc<CContext>,
    pub(crate) bound: Arc<BoundEndpoints>,
    watching: Mutex<Option<Watching>>,
}

/// What was bound, as it was resolved: who is told of an endpoint cannot tell it from one that was connected.
#[derive(Default)]
pub(crate) struct BoundEndpoints(Mutex<VecDeque<String>>);

impl BoundEndpoints {
    /// More than that are bound at a time by nobody; the oldest is forgotten first.
    const MOST: usize = 4096;

    fn add(&self, endpoint: String) {
        let mut bound = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if bound.len() == Self::MOST {
            bound.pop_front();
        }
        bound.push_back(endpoint);
    }

    pub(crate) fn contains(&self, endpoint: &str) -> bool {
        let bound = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        bound.iter().any(|one| one == endpoint)
    }
}

impl CSocket {
    /// The monitor that there is.
    pub(crate) fn watching(&self) -> MutexGuard<'_, Option<Watching>> {
        self.watching.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The type of a number of libzmq's, if there are sockets of it.
fn socket_type(number: c_int) -> Option<SocketType> {
    u8::try_from(number).ok().and_then(SocketType::from_code)
}

/// Whether libzmq has one lock around each call of such a socket. Those have no descriptor, and messages of one
/// frame.
pub(crate) const fn is_thread_safe(socket_type: SocketType) -> bool {
    use SocketType::{Channel, Client, Dish, Gather, Peer, Radio, Scatter, Server};
    matches!(socket_type, Client | Server | Radio | Dish | Scatter | Gather | Peer | Channel)
}

thread_local! {
    static LAST: LastUsed<CSocket> = const { LastUsed::nothing() };
}

/// Does something with the socket of a handle.
#[inline(always)]
pub(crate) fn with<R>(handle: *const c_void, run: impl FnOnce(&CSocket) -> Result<R>) -> Result<R> {
    SOCKETS.with(&LAST, handle, run).unwrap_or(Err(Errno(ENOTSOCK)))
}

/// The socket of a handle.
#[inline]
pub(crate) fn get(handle: *const c_void) -> Result<Arc<CSocket>> {
    SOCKETS.get(handle).ok_or(Errno(ENOTSOCK))
}

fn make(
    context: &Arc<CContext>,
    socket_type: SocketType,
    is_raw_router: bool,
) -> Result<Arc<CSocket>> {
    let socket = context.open(|context, defaults| {
        let socket = context.socket(socket_type)?;
        if defaults.ipv6 {
            socket.set_ipv6(true)?;
        }
        // As programs of libzmq expect who have not said anything of it.
        socket.set_rate(LIBZMQ_RATE)?;
        if !defaults.blocky {
            socket.set_linger(Some(std::time::Duration::ZERO))?;
        }
        Ok(socket)
    })?;
    Ok(Arc::new(CSocket {
        socket,
        more: AtomicBool::new(false),
        watched: AtomicBool::new(false),
        kept: KeptOptions::default(),
        lent: LentListener::default(),
        is_raw_router,
        context: context.clone(),
        bound: Arc::default(),
        watching: Mutex::new(None),
    }))
}

/// ROUTER_RAW: from now on a ROUTER that was neither bound nor connected yet does as a STREAM does, with the options
/// that both have.
pub(crate) fn make_raw(handle: *mut c_void) -> Result<()> {
    let router = get(handle)?;
    if router.is_raw_router {
        return Ok(());
    }
    let is_fresh = router.socket.last_endpoint().is_empty();
    if router.socket.socket_type() != SocketType::Router || !is_fresh {
        return Err(Errno(EINVAL));
    }
    let raw = make(&router.context, SocketType::Stream, true)?;
    let common = SocketOption::all().filter(|option| {
        let both = [SocketType::Router, SocketType::Stream];
        option.can_be_set()
            && option.can_be_read()
            && both.iter().all(|one| option.applies_to(*one))
    });
    for option in common {
        let value = router.socket.option(option)?;
        if value != option.default(SocketType::Router) {
            raw.socket.set_option(option, &value)?;
        }
    }
    let replaced = SOCKETS.replace(handle, raw.clone());
    // One of both is over, whichever it is.
    let over = if replaced.is_some() { &router } else { &raw };
    over.socket.close();
    over.context.count_closed();
    replaced.map(drop).ok_or(Errno(ENOTSOCK))
}

#[unsafe(no_mangle)]
pub extern "C" fn zmq_socket(context: *mut c_void, number: c_int) -> *mut c_void {
    enter(|| {
        let context = context::get(context)?;
        let made = make(&context, socket_type(number).ok_or(Errno(EINVAL))?, false)?;
        SOCKETS.add(made).ok_or_else(|| {
            context.count_closed();
            Errno(EMFILE)
        })
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn zmq_close(socket: *mut c_void) -> c_int {
    enter(|| {
        let closed = SOCKETS.remove(socket).ok_or(Errno(ENOTSOCK))?;
        // Nothing of it stays with the thread that has used it, as long as that is this one.
        let _ = LAST.try_with(LastUsed::forget);
        closed.socket.close();
        *closed.watching() = None;
        closed.context.count_closed();
        Ok(0)
    })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_bind(socket: *mut c_void, endpoint: *const c_char) -> c_int {
    enter(|| {
        let socket = get(socket)?;
        // SAFETY: the program promises text that ends with a zero.
        let endpoint = unsafe { text(endpoint) }?;
        let bound = match socket.lent.get(endpoint) {
            Some(number) => socket.lent.bind(&socket.socket, endpoint, number)?,
            None => {
                socket.socket.bind(endpoint).map_err(|error| wrong(&socket, endpoint, error))?
            }
        };
        socket.bound.add(bound);
        Ok(0)
    })
}

/// That it names a transport and an address, whatever these are.
pub(crate) fn well_formed(endpoint: &str) -> Result<()> {
    let (transport, address) = endpoint.split_once("://").ok_or(Errno(EINVAL))?;
    if transport.is_empty() || address.is_empty() { Err(Errno(EINVAL)) } else { Ok(()) }
}

/// What libzmq says of it: the transports that are not built do not go with each type of socket, either.
fn wrong(socket: &CSocket, endpoint: &str, error: ringmq::Error) -> Errno {
    use SocketType::{Dgram, Dish, Pub, Radio, Stream, Sub, XPub, XSub};
    let socket_type = socket.socket.socket_type();
    let goes = match endpoint.split("://").next() {
        Some("udp") => matches!(socket_type, Radio | Dish | Dgram),
        Some("pgm" | "epgm" | "norm") => matches!(socket_type, Pub | Sub | XPub | XSub),
        Some("ws") => socket_type != Stream,
        _ => true,
    };
    if goes { error.into() } else { Errno(ENOCOMPATPROTO) }
}

macro_rules! with_endpoint {
    ($($function:ident does $method:ident;)*) => {$(
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $function(socket: *mut c_void, endpoint: *const c_char) -> c_int {
            enter(|| {
                let socket = get(socket)?;
                // SAFETY: the program promises text that ends with a zero.
                let endpoint = unsafe { text(endpoint) }?;
                well_formed(endpoint)?;
                socket.socket.$method(endpoint).map_err(|error| wrong(&socket, endpoint, error))?;
                Ok(0)
            })
        }
    )*};
}

with_endpoint! {
    zmq_connect does connect;
    zmq_unbind does unbind;
    zmq_disconnect does disconnect;
}
