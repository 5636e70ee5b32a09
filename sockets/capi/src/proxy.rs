//! Proxies, and the devices of libzmq's first days.

use std::ffi::{c_int, c_void};

use ringmq::ProxyOptions;

use crate::boundary::enter;
use crate::errors::system::EFAULT;
use crate::errors::{Errno, Result};
use crate::socket::get;

fn run(
    frontend: *mut c_void,
    backend: *mut c_void,
    capture: *mut c_void,
    control: *mut c_void,
) -> Result<c_int> {
    if frontend.is_null() || backend.is_null() {
        return Err(Errno(EFAULT));
    }
    let (frontend, backend) = (get(frontend)?, get(backend)?);
    let optional = |handle: *mut c_void| (!handle.is_null()).then(|| get(handle)).transpose();
    let (capture, control) = (optional(capture)?, optional(control)?);
    let mut options = ProxyOptions::new();
    if let Some(capture) = &capture {
        options = options.capture(&capture.socket);
    }
    if let Some(control) = &control {
        options = options.control(&control.socket);
    }
    ringmq::proxy_with(&frontend.socket, &backend.socket, &options)?;
    Ok(0)
}

#[unsafe(no_mangle)]
pub extern "C" fn zmq_proxy(
    frontend: *mut c_void,
    backend: *mut c_void,
    capture: *mut c_void,
) -> c_int {
    enter(|| run(frontend, backend, capture, std::ptr::null_mut()))
}

#[unsafe(no_mangle)]
pub extern "C" fn zmq_proxy_steerable(
    frontend: *mut c_void,
    backend: *mut c_void,
    capture: *mut c_void,
    control: *mut c_void,
) -> c_int {
    enter(|| run(frontend, backend, capture, control))
}

/// Of whatever type it is called: the sockets decide what it does.
#[unsafe(no_mangle)]
pub extern "C" fn zmq_device(_: c_int, frontend: *mut c_void, backend: *mut c_void) -> c_int {
    zmq_proxy(frontend, backend, std::ptr::null_mut())
}
