//! The whole table of options: each is set by name, by number and by its method, to its bounds and
//! beyond.

use crate::harness::{Harness, over_tcp, within_process};
use crate::option_cases::cases;
use ringmq::options::{ContextOption, OptionValue, SocketOption, ValueType};
use ringmq::{AnySocket, Context, Error, SocketType};

within_process![
    each_value_is_read_as_it_was_set,
    each_value_beyond_is_refused_and_changes_nothing,
    defaults_are_those_of_libzmq_unless_it_says_so,
    sockets_without_an_option_refuse_it,
    what_can_only_be_read_is_known,
    what_is_no_option_is_an_error,
    what_is_too_large_for_c_is_the_largest_there_is,
];

over_tcp![contexts_have_what_they_were_built_with];

/// A socket that has an option.
fn make(harness: &Harness, option: SocketOption) -> AnySocket {
    let has = |socket_type: &SocketType| option.applies_to(*socket_type);
    let types = [
        SocketType::Dealer,
        SocketType::Router,
        SocketType::Req,
        SocketType::XPub,
        SocketType::Stream,
    ];
    harness.context.socket(types.into_iter().find(has).unwrap()).unwrap()
}

fn each_value_is_read_as_it_was_set(harness: &Harness) {
    let cases = cases();
    for option in SocketOption::all().filter(|option| option.can_be_set() && option.can_be_read()) {
        let case = cases.iter().find(|case| case.name == option.name());
        let case = case.unwrap_or_else(|| panic!("no case for {option:?}"));
        for (text, typed) in &case.takes {
            let (by_name, by_number) = (make(harness, option), make(harness, option));
            let value = option.parse(text).unwrap();
            by_name.set_option(option, &value).unwrap_or_else(|error| panic!("{text}: {error}"));
            let number = option.number().map_or(Ok(option), SocketOption::by_number).unwrap();
            let same = number.decode(&value.to_bytes()).unwrap();
            by_number.set_option(number, &same).unwrap();
            for socket in [&by_name, &by_number] {
                let secret = matches!(value, OptionValue::Secret(_)) && !text.is_empty();
                let shown = if secret { "(secret)" } else { text };
                assert_eq!(socket.option(option).unwrap().to_string(), shown, "{option:?}");
                assert_eq!((case.read)(socket), *typed, "{option:?}");
                (case.again)(socket).unwrap();
                assert_eq!(socket.option(number).unwrap(), value, "{option:?}");
            }
        }
    }
}

fn each_value_beyond_is_refused_and_changes_nothing(harness: &Harness) {
    for case in cases() {
        let option = SocketOption::by_name(case.name).unwrap();
        let socket = make(harness, option);
        let before = socket.option(option).unwrap();
        for text in case.refuses {
            let refused = option.parse(text).and_then(|value| socket.set_option(option, &value));
            assert!(
                matches!(refused, Err(Error::InvalidOption { .. })),
                "{option:?} {text}: {refused:?}"
            );
            assert_eq!(socket.option(option).unwrap(), before);
        }
        // Another type's value, and bytes that are too many.
        let other = match option.value_type() {
            ValueType::Int => OptionValue::Int64(0),
            _ => OptionValue::Int(0),
        };
        let refused = socket.set_option(option, &other);
        assert!(matches!(refused, Err(Error::InvalidOption { .. })), "{refused:?}");
        if option.value_type() != ValueType::Bytes {
            for length in [0, 1, 3, 5, 9, 64] {
                assert!(option.decode(&vec![0; length]).is_err());
            }
        }
    }
}

/// What libzmq 4.3 starts with, where that is not 0 and not empty.
const OF_LIBZMQ: &[(&str, &str)] = &[
    ("linger", "-1"),
    ("sndhwm", "1000"),
    ("rcvhwm", "1000"),
    ("sndtimeo", "-1"),
    ("rcvtimeo", "-1"),
    ("sndbuf", "-1"),
    ("rcvbuf", "-1"),
    ("reconnect_ivl", "100"),
    ("backlog", "100"),
    ("maxmsgsize", "-1"),
    ("tcp_keepalive", "-1"),
    ("tcp_keepalive_cnt", "-1"),
    ("tcp_keepalive_idle", "-1"),
    ("tcp_keepalive_intvl", "-1"),
    ("handshake_ivl", "30000"),
    ("stream_notify", "1"),
    ("multicast_hops", "1"),
    ("multicast_loop", "1"),
    ("multicast_maxtpdu", "1500"),
    ("rate", "100"),
    ("recovery_ivl", "10000"),
    ("heartbeat_timeout", "-1"),
];

fn defaults_are_those_of_libzmq_unless_it_says_so(harness: &Harness) {
    for socket_type in SocketType::ALL {
        let Ok(socket) = harness.context.socket(socket_type) else { continue };
        let subscribes =
            matches!(socket_type, SocketType::Sub | SocketType::XSub | SocketType::Dish);
        let options = SocketOption::all().filter(|option| option.can_be_read());
        for option in options.filter(|option| option.applies_to(socket_type)) {
            let value = socket.option(option).unwrap();
            assert_eq!(value, option.default(socket_type), "{option:?}");
            if !option.can_be_set() || option.number().is_none() {
                continue;
            }
            let theirs = OF_LIBZMQ.iter().find(|(name, _)| *name == option.name());
            let nothing = if option.value_type() == ValueType::Bytes { "" } else { "0" };
            let theirs = match theirs {
                Some(("linger", _)) if subscribes => "0",
                Some((_, default)) => default,
                None => nothing,
            };
            let same = value.to_string() == theirs;
            assert!(same || option.note().contains(&format!("libzmq has {theirs}")), "{option:?}");
        }
    }
}

fn sockets_without_an_option_refuse_it(harness: &Harness) {
    for socket_type in SocketType::ALL {
        let Ok(socket) = harness.context.socket(socket_type) else { continue };
        for option in SocketOption::all().filter(|option| !option.applies_to(socket_type)) {
            if option.can_be_set() {
                let value = match option.value_type() {
                    ValueType::Bytes => OptionValue::Bytes(b"x".to_vec()),
                    _ => OptionValue::Int(1),
                };
                let refused = socket.set_option(option, &value);
                assert!(matches!(refused, Err(Error::InvalidOption { .. })), "{option:?}");
            }
            // What all have and only some may change is read.
            match socket.option(option) {
                Ok(value) => assert_eq!((option.name(), value), ("conflate", OptionValue::Int(0))),
                Err(error) => assert!(matches!(error, Error::NoSuchOption { .. }), "{error}"),
            }
        }
    }
}

fn what_can_only_be_read_is_known(harness: &Harness) {
    let option = |name| SocketOption::by_name(name).unwrap();
    let socket = harness.context.socket(SocketType::Sub).unwrap();
    let endpoint = socket.bind(&harness.anywhere()).unwrap();
    for text in ["a", "a", "b"] {
        socket.set_option(option("subscribe"), &option("subscribe").parse(text).unwrap()).unwrap();
    }
    let gone = OptionValue::Bytes(b"b".to_vec());
    socket.set_option(option("unsubscribe"), &gone).unwrap();
    for (name, value) in
        [("type", "2"), ("last_endpoint", &*endpoint), ("mechanism", "0"), ("topics_count", "1")]
    {
        assert_eq!(socket.option(option(name)).unwrap().to_string(), value);
        assert!(!option(name).can_be_set());
        let refused = socket.set_option(option(name), &option(name).parse(value).unwrap());
        assert!(matches!(refused, Err(Error::NoSuchOption { .. })), "{refused:?}");
    }
    for name in ["subscribe", "unsubscribe"] {
        assert!(!option(name).can_be_read());
        assert!(matches!(socket.option(option(name)), Err(Error::NoSuchOption { .. })));
    }
}

fn what_is_no_option_is_an_error(harness: &Harness) {
    for number in [-1, 0, 2, 9999, i32::MIN, i32::MAX] {
        assert!(matches!(SocketOption::by_number(number), Err(Error::NoSuchOption { .. })));
    }
    for name in ["", "Linger", "linger ", "set_linger", "send_hwm", "\0"] {
        assert!(matches!(SocketOption::by_name(name), Err(Error::NoSuchOption { .. })));
    }
    let mark = SocketOption::by_number(23).unwrap();
    let socket = make(harness, mark);
    harness.context.shutdown();
    assert!(matches!(socket.option(mark), Err(Error::Terminated)));
    assert!(matches!(socket.send_hwm(), Err(Error::Terminated)));
    let zero = OptionValue::Int(0);
    assert!(matches!(socket.set_option(mark, &zero), Err(Error::Terminated)));
    // What lingers can be told to hurry when the socket is closed.
    let linger = SocketOption::by_number(17).unwrap();
    socket.set_option(linger, &zero).unwrap();
    assert_eq!(socket.option(linger).unwrap(), zero);
    assert_eq!(socket.linger().unwrap(), Some(std::time::Duration::ZERO));
}

fn what_is_too_large_for_c_is_the_largest_there_is(harness: &Harness) {
    use std::time::Duration;
    let socket = harness.context.socket(SocketType::Dealer).unwrap();
    let read = |name| socket.option(SocketOption::by_name(name).unwrap()).unwrap().to_string();
    socket.set_send_hwm(u32::MAX).unwrap();
    socket.set_linger(Some(Duration::MAX)).unwrap();
    socket.set_recv_timeout(Some(Duration::from_nanos(1))).unwrap();
    socket.set_max_message_size(Some(u64::MAX)).unwrap();
    assert_eq!(read("sndhwm"), "2147483647");
    assert_eq!(read("linger"), "2147483647");
    assert_eq!(read("rcvtimeo"), "1", "no wait becomes none");
    assert_eq!(read("maxmsgsize"), "9223372036854775807");
    assert_eq!(socket.linger().unwrap(), Some(Duration::MAX), "the method knows it all");
}

/// An option of a context: what it starts with, what it takes and refuses, and how it is read.
type ContextCase = (
    &'static str,
    &'static str,
    &'static [(&'static str, &'static str)],
    &'static [&'static str],
    fn(&Context) -> String,
);

/// What an option starts with that is half of the machine's memory.
const HALF: &str = "half of the memory";

/// What takes rights of its own is only refused here; `ContextBuilder`'s examples try it.
const CONTEXTS: &[ContextCase] = &[
    ("io_threads", "1", &[("1", "1"), ("3", "3")], &["-1", "1025", "x"], |c| {
        format!("{:?}", c.io_threads())
    }),
    ("thread_name_prefix", "ringmq-io", &[("", "\"\""), ("feed", "\"feed\"")], &[r"a\x00b"], |c| {
        format!("{:?}", c.thread_name())
    }),
    ("pin_io_threads", "", &[("", "[]")], &["1024", "1,x", ","], |c| format!("{:?}", c.io_cores())),
    ("backend", "auto", &[("mio", "Mio"), ("auto", "Auto")], &["epoll"], |c| {
        format!("{:?}", c.backend_choice())
    }),
    ("io_patience", "50", &[("0", "0ns"), ("2147483647", "2147.483647s")], &["-1"], |c| {
        format!("{:?}", c.io_patience())
    }),
    ("busy_poll", "0", &[("0", "None"), ("1000000", "Some(1s)")], &["-1", "1000001"], |c| {
        format!("{:?}", c.busy_poll())
    }),
    ("timer_slack", "0", &[("0", "None")], &["-1", "1000000001"], |c| {
        format!("{:?}", c.timer_slack())
    }),
    ("realtime", "0", &[("0", "None")], &["-1", "100", "256"], |c| format!("{:?}", c.realtime())),
    ("lock_memory", "0", &[("0", "false")], &["-1", "2"], |c| format!("{:?}", c.lock_memory())),
    ("max_waiting_bytes", HALF, &[("-1", "None"), ("1000000", "Some(1000000)")], &["-2"], |c| {
        format!("{:?}", c.max_waiting_bytes())
    }),
    ("spin", "-1", &[("-1", "Adaptive"), ("0", "Off"), ("7", "Fixed(7µs)")], &["-2"], |c| {
        format!("{:?}", c.spin())
    }),
];

fn contexts_have_what_they_were_built_with(harness: &Harness) {
    let build = |option: ContextOption, text| {
        let builder = Context::builder().backend(harness.backend);
        builder.option(option, &option.parse(text)?)?.build()
    };
    let half = Context::new().max_waiting_bytes().unwrap().to_string();
    for option in ContextOption::all() {
        let case = CONTEXTS.iter().find(|case| case.0 == option.name());
        let (_, default, takes, refuses, read) =
            case.unwrap_or_else(|| panic!("no case for {option:?}"));
        let default = if *default == HALF { &*half } else { default };
        assert_eq!(option.default().to_string(), default);
        assert_eq!(Context::new().option(option).to_string(), default);
        for (text, typed) in *takes {
            let context = build(option, text).unwrap();
            assert_eq!(context.option(option).to_string(), *text);
            assert_eq!(read(&context), *typed, "{option:?}");
            let number = option.number().map_or(Ok(option), ContextOption::by_number).unwrap();
            let bytes = context.option(number).to_bytes();
            assert_eq!(option.decode(&bytes).unwrap(), context.option(option));
        }
        for text in *refuses {
            let error = build(option, text).unwrap_err();
            assert!(matches!(error, Error::InvalidOption { .. }), "{option:?} {text}: {error}");
        }
    }
    let threads = ContextOption::by_number(1).unwrap();
    assert!(threads.decode(&[0; 8]).is_err());
    assert_eq!(build(threads, "0").unwrap().io_threads(), 1);
    assert!(matches!(ContextOption::by_number(2), Err(Error::NoSuchOption { .. })));
    assert!(matches!(ContextOption::by_name("sndhwm"), Err(Error::NoSuchOption { .. })));
}
