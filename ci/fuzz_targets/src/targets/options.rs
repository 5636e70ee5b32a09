//! Values of options, from C's memory and from text, set on a socket and read again.
//!
//! Input: type and option, a byte each; the value.

use std::sync::LazyLock;

use ringmq::options::{ContextOption, OptionValue, SocketOption};
use ringmq::{AnySocket, Context, SocketType};

use crate::input::Input;

static CONTEXT: LazyLock<Context> = LazyLock::new(Context::new);

/// Panics if a value does not survive being written, or a socket does not give back what it has taken.
pub fn run(data: &[u8]) {
    let mut input = Input::new(data);
    let socket_type = input.choose(&SocketType::ALL);
    let options: Vec<_> = SocketOption::all().collect();
    let option = input.choose(&options);
    let value = input.rest();
    let text = String::from_utf8_lossy(value);
    let read: Vec<_> = [option.decode(value), option.parse(&text)].into_iter().flatten().collect();
    read.iter().for_each(|value| check_forms(option, value));
    if !read.is_empty()
        && let Ok(socket) = CONTEXT.socket(socket_type)
    {
        read.iter().for_each(|value| set(&socket, option, value));
    }
    let options: Vec<_> = ContextOption::all().collect();
    let option = options[value.len() % options.len()];
    for read in [option.decode(value), option.parse(&text)].into_iter().flatten() {
        // Whatever is wrong with it is found here, or when the context is built.
        drop(ringmq::Context::builder().option(option, &read));
    }
    assert!(
        SocketOption::by_name(&text).is_ok_and(|found| found.name() == text)
            || SocketOption::all().all(|option| option.name() != text)
    );
}

/// A value is the same after it was bytes, and after it was text.
fn check_forms(option: SocketOption, value: &OptionValue) {
    assert_eq!(value.value_type(), option.value_type());
    assert_eq!(option.decode(&value.to_bytes()).as_ref().ok(), Some(value));
    if !matches!(value, OptionValue::Secret(_)) {
        assert_eq!(option.parse(&value.to_string()).as_ref().ok(), Some(value));
    }
}

fn set(socket: &AnySocket, option: SocketOption, value: &OptionValue) {
    let before = socket.option(option);
    match socket.set_option(option, value) {
        // What is not taken changes nothing.
        Err(_) => assert_eq!(socket.option(option).ok(), before.ok()),
        Ok(()) => {
            let own = socket.socket_type();
            // A type that has nothing but the default takes that.
            assert!(option.applies_to(own) || *value == option.default(own), "{option:?}");
            assert!(option.can_be_set());
            if let Ok(told) = socket.option(option) {
                // A value may be told in another form, which is then kept.
                assert!(socket.set_option(option, &told).is_ok(), "{option:?} {told:?}");
                assert_eq!(socket.option(option).ok(), Some(told), "{option:?}");
            }
        }
    }
}

/// The default of each option, and numbers that are wrong for some.
pub fn seeds() -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    for (number, option) in (0..).zip(SocketOption::all()) {
        for (own, socket_type) in (0..).zip(SocketType::ALL) {
            if option.applies_to(socket_type) && option.can_be_set() {
                let default = option.default(socket_type).to_bytes();
                seeds.push([&[own, number], &default[..]].concat());
                seeds.push([&[own, number], &b"-1"[..]].concat());
                // Text that looks like what stands for bytes in text.
                seeds.push([&[own, number], &br"a\x41\x"[..]].concat());
                break;
            }
        }
    }
    seeds
}
