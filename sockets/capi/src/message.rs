//! `zmq_msg_t`: a [`Message`] in the program's own memory, all 64 bytes of it.
//!
//! How that fits, and who releases what a message keeps of its sender, is told where `Message` is defined.
//! Closed, a `zmq_msg_t` has a first byte that no message has, so that closing it again is an error and not a
//! second release.

use std::ffi::{c_char, c_int, c_void};
use std::ptr;

use ringmq::Message;

use crate::boundary::{bytes, enter, text};
use crate::errors::system::{EFAULT, EINVAL, ENOMEM};
use crate::errors::{Errno, Result};
use crate::writable::Writable;

/// What lies in the program's memory.
#[repr(C, align(8))]
pub struct ZmqMsg([u8; 64]);

const _: () = assert!(size_of::<ZmqMsg>() == size_of::<Message>());
const _: () = assert!(align_of::<Message>() <= align_of::<ZmqMsg>());

/// The first byte of one that is closed.
const CLOSED: u8 = 0xFF;

const MORE: c_int = 1;
const SRCFD: c_int = 2;
const SHARED: c_int = 3;

type Free = unsafe extern "C" fn(*mut c_void, *mut c_void);

/// The message in a `zmq_msg_t`.
///
/// # Safety
/// `msg` is NULL, or a `zmq_msg_t` that was initialised, and nobody else uses it.
pub(crate) unsafe fn get<'a>(msg: *mut ZmqMsg) -> Result<&'a mut Message> {
    // SAFETY: the caller promises that there is one, so that its first byte is initialised.
    if msg.is_null() || unsafe { *msg.cast::<u8>() } == CLOSED {
        return Err(Errno(EFAULT));
    }
    // SAFETY: it is not closed, so it holds a message, for which it is large and aligned enough.
    Ok(unsafe { &mut *msg.cast::<Message>() })
}

/// As [`get`], of one that is only read, which other threads may do at once.
///
/// # Safety
/// `msg` is NULL, or a `zmq_msg_t` that was initialised, and nobody changes it.
unsafe fn look<'a>(msg: *const ZmqMsg) -> Result<&'a Message> {
    // SAFETY: as in `get`.
    if msg.is_null() || unsafe { *msg.cast::<u8>() } == CLOSED {
        return Err(Errno(EFAULT));
    }
    // SAFETY: as in `get`.
    Ok(unsafe { &*msg.cast::<Message>() })
}

/// Puts a message where none is.
///
/// # Safety
/// `msg` is NULL, or memory for a `zmq_msg_t`.
unsafe fn place(msg: *mut ZmqMsg, message: Message) -> Result<c_int> {
    if msg.is_null() {
        return Err(Errno(EFAULT));
    }
    // SAFETY: the caller promises the memory. What it held before is no message.
    unsafe { msg.cast::<Message>().write(message) };
    Ok(0)
}

/// Puts another message in the place of one.
pub(crate) fn replace(place: &mut Message, message: Message) {
    place.release_properties();
    *place = message;
}

/// Drops the message where it is, which leaves an empty one.
pub(crate) fn clear(place: &mut Message) {
    place.release_properties();
    *place = Message::new();
}

/// Takes the message away, which leaves an empty one.
pub(crate) fn take(place: &mut Message) -> Message {
    place.release_properties();
    std::mem::take(place)
}

/// Memory of the program's, with the function that frees it.
struct Foreign {
    data: *const u8,
    size: usize,
    free: Option<Free>,
    hint: *mut c_void,
}

impl AsRef<[u8]> for Foreign {
    fn as_ref(&self) -> &[u8] {
        if self.size == 0 {
            return &[];
        }
        // SAFETY: the program promises so many bytes, which stay as they are until it is told to free them.
        unsafe { std::slice::from_raw_parts(self.data, self.size) }
    }
}

impl Drop for Foreign {
    fn drop(&mut self) {
        if let Some(free) = self.free {
            // SAFETY: the program gave the function for this memory and this hint, and it is called once.
            unsafe { free(self.data.cast_mut().cast(), self.hint) };
        }
    }
}

// SAFETY: the program was told that the function may be called by another thread.
unsafe impl Send for Foreign {}

/// A message of the program's memory, which is not copied.
pub(crate) fn foreign(
    data: *const c_void,
    size: usize,
    free: Option<Free>,
    hint: *mut c_void,
) -> Message {
    Message::from_owner(Foreign { data: data.cast(), size, free, hint })
}

/// Up to this a body is written where it costs nothing to find room.
const SMALL: usize = 2 * 1024;

#[cold]
fn of_size(size: usize) -> Result<Message> {
    Ok(Message::from_owner(Writable::new(size).ok_or(Errno(ENOMEM))?))
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_msg_init(msg: *mut ZmqMsg) -> c_int {
    // SAFETY: the program promises the memory.
    enter(|| unsafe { place(msg, Message::new()) })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_msg_init_size(msg: *mut ZmqMsg, size: usize) -> c_int {
    enter(|| {
        if msg.is_null() {
            return Err(Errno(EFAULT));
        }
        if size <= SMALL {
            // Made where it is to be: a message is large to be moved about.
            // SAFETY: the program promises the memory.
            unsafe { msg.cast::<Message>().write(Message::build(size, |_| ())) };
            return Ok(0);
        }
        // SAFETY: as above.
        unsafe { place(msg, of_size(size)?) }
    })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_msg_init_buffer(
    msg: *mut ZmqMsg,
    data: *const c_void,
    size: usize,
) -> c_int {
    // SAFETY: the program promises the memory, and so many bytes.
    enter(|| unsafe { place(msg, Message::copy_from(bytes(data, size)?)) })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_msg_init_data(
    msg: *mut ZmqMsg,
    data: *mut c_void,
    size: usize,
    free: Option<Free>,
    hint: *mut c_void,
) -> c_int {
    enter(|| {
        if msg.is_null() || size > isize::MAX as usize || (data.is_null() && size > 0) {
            return Err(Errno(EFAULT));
        }
        let mut message = foreign(data, size, free, hint);
        if free.is_none() {
            // Constant, so that whoever writes to it writes to everybody's.
            message.set_shared();
        } else {
            // The program may take the call for the sign that all was sent.
            message.set_lent();
        }
        // SAFETY: the program promises the memory.
        unsafe { place(msg, message) }
    })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_msg_close(msg: *mut ZmqMsg) -> c_int {
    enter(|| {
        // SAFETY: the program promises that it was initialised and is its own.
        clear(unsafe { get(msg) }?);
        // SAFETY: it is there, and the empty message in it holds nothing.
        unsafe { msg.cast::<u8>().write(CLOSED) };
        Ok(0)
    })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_msg_move(into: *mut ZmqMsg, from: *mut ZmqMsg) -> c_int {
    enter(|| {
        if ptr::eq(into, from) {
            // SAFETY: the program promises that.
            return unsafe { get(into) }.map(|_| 0);
        }
        // SAFETY: the program promises two of its own; they are not the same.
        let (into, from) = unsafe { (get(into)?, get(from)?) };
        // What is known of the sender goes along.
        into.release_properties();
        *into = std::mem::take(from);
        Ok(0)
    })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_msg_copy(into: *mut ZmqMsg, from: *mut ZmqMsg) -> c_int {
    enter(|| {
        if ptr::eq(into, from) {
            // SAFETY: the program promises that.
            return unsafe { get(into) }.map(|_| 0);
        }
        // SAFETY: the program promises two of its own; they are not the same.
        let (into, from) = unsafe { (get(into)?, get(from)?) };
        replace(into, from.copy_shared());
        Ok(0)
    })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_msg_data(msg: *mut ZmqMsg) -> *mut c_void {
    // SAFETY: the program promises that.
    enter(|| Ok(unsafe { look(msg) }?.as_slice().as_ptr().cast_mut().cast()))
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_msg_size(msg: *const ZmqMsg) -> usize {
    // SAFETY: the program promises that.
    unsafe { look(msg) }.map_or(0, |message| message.len())
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_msg_more(msg: *const ZmqMsg) -> c_int {
    // SAFETY: the program promises that.
    unsafe { zmq_msg_get(msg, MORE) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_msg_get(msg: *const ZmqMsg, property: c_int) -> c_int {
    enter(|| {
        // SAFETY: the program promises that.
        let message = unsafe { look(msg) }?;
        match property {
            MORE => Ok(message.more().into()),
            SRCFD => {
                // SAFETY: as above; asking has its sender remembered.
                let properties = unsafe { get(msg.cast_mut()) }?.keep_properties();
                let descriptor = properties.and_then(|properties| properties.descriptor());
                descriptor.and_then(|number| c_int::try_from(number).ok()).ok_or(Errno(EINVAL))
            }
            SHARED => Ok(message.is_shared().into()),
            _ => Err(Errno(EINVAL)),
        }
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn zmq_msg_set(_: *mut ZmqMsg, _: c_int, _: c_int) -> c_int {
    enter(|| Err(Errno(EINVAL)))
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_msg_gets(msg: *const ZmqMsg, name: *const c_char) -> *const c_char {
    enter(|| {
        // SAFETY: the program promises text, and a message that is its own: asking has its sender remembered.
        let (name, message) = unsafe { (text(name)?, get(msg.cast_mut())?) };
        let properties = message.keep_properties().ok_or(Errno(EINVAL))?;
        Ok(properties.get_text(name).ok_or(Errno(EINVAL))?.as_ptr())
    })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_msg_set_routing_id(msg: *mut ZmqMsg, routing_id: u32) -> c_int {
    enter(|| {
        if routing_id == 0 {
            return Err(Errno(EINVAL));
        }
        // SAFETY: the program promises that.
        unsafe { get(msg) }?.set_routing_id(routing_id);
        Ok(0)
    })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn zmq_msg_routing_id(msg: *mut ZmqMsg) -> u32 {
    // SAFETY: the program promises that.
    unsafe { look(msg) }.map_or(0, Message::routing_id)
}
