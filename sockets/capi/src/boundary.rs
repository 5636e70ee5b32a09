//! The way in from C and out again: panics end here, and errors go into `errno`.

use std::ffi::{CStr, c_char, c_int, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;

use crate::errors::system::{EFAULT, EINVAL};
use crate::errors::{Errno, Result};

/// What a function of C returns when it fails.
pub(crate) trait Failure {
    const FAILED: Self;
}

impl Failure for c_int {
    const FAILED: Self = -1;
}

/// A number of a peer, of which 0 is none.
impl Failure for u32 {
    const FAILED: Self = 0;
}

impl<T> Failure for *mut T {
    const FAILED: Self = ptr::null_mut();
}

impl<T> Failure for *const T {
    const FAILED: Self = ptr::null();
}

/// Runs what a function of C does; what fails, or panics, is told as C programs expect it.
#[inline(always)]
pub(crate) fn enter<T: Failure>(run: impl FnOnce() -> Result<T>) -> T {
    // What a panic leaves behind is what it leaves to a Rust program that goes on after one.
    match catch_unwind(AssertUnwindSafe(run)) {
        Ok(Ok(value)) => value,
        Ok(Err(error)) => fail(error),
        Err(_) => fail(Errno(EFAULT)),
    }
}

#[cold]
fn fail<T: Failure>(error: Errno) -> T {
    errno::set_errno(errno::Errno(error.0));
    T::FAILED
}

/// Text of the caller's.
///
/// # Safety
/// `text` is NULL or ends with a zero, and is not changed while the result is used.
pub(crate) unsafe fn text<'a>(text: *const c_char) -> Result<&'a str> {
    if text.is_null() {
        return Err(Errno(EINVAL));
    }
    // SAFETY: the caller promises that.
    unsafe { CStr::from_ptr(text) }.to_str().map_err(|_| Errno(EINVAL))
}

/// Text of the caller's in whatever encoding.
///
/// # Safety
/// As of [`text`].
pub(crate) unsafe fn raw_text<'a>(text: *const c_char) -> Result<&'a [u8]> {
    if text.is_null() {
        return Err(Errno(EINVAL));
    }
    // SAFETY: the caller promises that.
    Ok(unsafe { CStr::from_ptr(text) }.to_bytes())
}

/// Writes what is asked for where the caller wants it, and how many bytes that is in the place of how many fit.
/// What to write may depend on the room.
///
/// # Safety
/// `size` is NULL or points to a number, and `into` is NULL or has so much room.
pub(crate) unsafe fn hand_out(
    into: *mut c_void,
    size: *mut usize,
    value: impl FnOnce(usize) -> Result<Vec<u8>>,
) -> Result<c_int> {
    if into.is_null() || size.is_null() {
        return Err(Errno(EFAULT));
    }
    // SAFETY: it is not NULL, and the caller promises that there is a number.
    let room = unsafe { size.read_unaligned() };
    let value = value(room)?;
    if value.len() > room {
        return Err(Errno(EINVAL));
    }
    // SAFETY: as above, and there is room for it.
    unsafe {
        std::ptr::copy_nonoverlapping(value.as_ptr(), into.cast(), value.len());
        size.write_unaligned(value.len());
    }
    Ok(0)
}

/// Bytes of the caller's. NULL stands for none of them.
///
/// # Safety
/// `data` is NULL or points to `size` bytes, which are not changed while the result is used.
pub(crate) unsafe fn bytes<'a>(data: *const c_void, size: usize) -> Result<&'a [u8]> {
    if size == 0 {
        return Ok(&[]);
    }
    if data.is_null() || size > isize::MAX as usize {
        return Err(Errno(EFAULT));
    }
    // SAFETY: the caller promises that, and no object is larger.
    Ok(unsafe { std::slice::from_raw_parts(data.cast(), size) })
}
