//! Z85 (RFC 32), and CURVE's keys written in it.

use std::ffi::{c_char, c_int};

use crate::boundary::{bytes, enter, text};
use crate::errors::system::{EFAULT, EINVAL};
use crate::errors::{Errno, Result};

/// Writes text with a zero at its end.
///
/// # Safety
/// `into` is NULL or has room for it.
unsafe fn write_text(into: *mut c_char, text: &str) -> Result<()> {
    if into.is_null() {
        return Err(Errno(EFAULT));
    }
    // SAFETY: the caller promises the room.
    unsafe {
        std::ptr::copy_nonoverlapping(text.as_ptr().cast(), into, text.len());
        into.add(text.len()).write(0);
    }
    Ok(())
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_z85_encode(
    into: *mut c_char,
    data: *const u8,
    size: usize,
) -> *mut c_char {
    enter(|| {
        // SAFETY: the program promises so many bytes, and room for five characters for each four of them.
        unsafe {
            let text = match bytes(data.cast(), size)? {
                // libzmq writes nothing as nothing, and reads it as no text.
                [] => String::new(),
                data => ringmq::auth::z85_encode(data).map_err(|_| Errno(EINVAL))?,
            };
            write_text(into, &text)?;
        }
        Ok(into)
    })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_z85_decode(into: *mut u8, characters: *const c_char) -> *mut u8 {
    enter(|| {
        // SAFETY: the program promises text.
        let characters = unsafe { text(characters) }?;
        let data = ringmq::auth::z85_decode(characters).map_err(|_| Errno(EINVAL))?;
        if data.is_empty() || into.is_null() {
            return Err(Errno(EINVAL));
        }
        // SAFETY: the program promises room for four bytes for each five characters.
        unsafe { std::ptr::copy_nonoverlapping(data.as_ptr(), into, data.len()) };
        Ok(into)
    })
}

/// Both keys, 40 characters and a zero each.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_curve_keypair(public: *mut c_char, secret: *mut c_char) -> c_int {
    enter(|| {
        #[cfg(feature = "curve")]
        {
            let pair = ringmq::auth::curve_keypair()?;
            // SAFETY: the program promises room for both.
            unsafe {
                write_text(public, &pair.public.to_string())?;
                write_text(secret, &pair.secret.to_z85())?;
            }
            Ok(0)
        }
        #[cfg(not(feature = "curve"))]
        {
            _ = (public, secret);
            Err(Errno(crate::errors::system::ENOTSUP))
        }
    })
}

/// The public key of a secret one, each 40 characters and a zero.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_curve_public(public: *mut c_char, secret: *const c_char) -> c_int {
    enter(|| {
        #[cfg(feature = "curve")]
        {
            // SAFETY: the program promises text.
            let secret = unsafe { text(secret) }?;
            let secret: ringmq::auth::CurveSecretKey = secret.parse().map_err(|_| Errno(EINVAL))?;
            // SAFETY: the program promises the room.
            unsafe { write_text(public, &secret.public_key().to_string())? };
            Ok(0)
        }
        #[cfg(not(feature = "curve"))]
        {
            _ = (public, secret);
            Err(Errno(crate::errors::system::ENOTSUP))
        }
    })
}
