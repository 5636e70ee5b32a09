//! What the system is asked for: descriptors of tcp, and some of ipc.
//!
//! Values that no system takes are refused when they are set; so is what this system does not
//! grant, where that can be tried beforehand.

use super::{field, group};
use crate::options::codec::{
    COUNT, COUNT_OR_NONE, FLAG, FLAG_OR_NONE, MICROS, MILLIS_NOT_ZERO, SECONDS_OR_NONE,
    SIZE_OR_NONE, TEXT_OR_NONE,
};
use crate::options::row::{Access, Check, OptionFacts, OptionRow};
use ringmq_transports::error::OptionError;
use ringmq_transports::options::{DEFAULT_BACKLOG, TcpOptions};
use ringmq_transports::tcp::try_out;
use std::time::Duration;

/// Longest time to poll a device: a thread that does so for longer is lost to the machine.
const BUSY_POLL_MAX: Duration = Duration::from_secs(1);
/// Shortest time for an attempt to connect: timers are no finer.
const CONNECT_TIMEOUT_MIN: Duration = Duration::from_millis(1);
/// Sizes of buffers and times are numbers of 31 bits to the system.
const INT_MAX: u32 = i32::MAX as u32;
/// Bytes of an interface's name on Linux, which ends with a zero byte there.
const DEVICE_MAX: usize = 15;
/// What Linux takes for keep-alive probes: seconds, and how many.
const PROBE_SECONDS: std::ops::RangeInclusive<u64> = 1..=32_767;
const PROBES: std::ops::RangeInclusive<u32> = 1..=127;
/// For the errors.
const BUFFERS: &str = "1 to 2147483647 bytes, or none at all for the system's choice";
const KEEPALIVE: &str = "times of 1 to 32767 seconds, and 1 to 127 probes";
const PRIORITIES: &str = "0 to 6, and up to 2147483647 with CAP_NET_ADMIN \
                          (setcap cap_net_admin+ep PROGRAM)";
const NAMES: &str = "a name of 1 to 15 bytes without spaces, slashes or colons, and CAP_NET_RAW \
                     (setcap cap_net_raw+ep PROGRAM) or Linux 5.7";
const MAX_RT: &str = "1 to 2147483647 milliseconds, or none at all for the system's choice";

/// Whether the system grants what `tcp` asks for.
fn grants(tcp: &TcpOptions, takes: &str) -> Result<(), String> {
    try_out(tcp).map_err(|error| match error {
        OptionError::Refused { source, .. } => format!("it takes {takes} ({source})"),
        OptionError::NotSupported { .. } => "only Linux has it".into(),
        error => error.to_string(),
    })
}

fn is_buffer(bytes: &Option<usize>) -> bool {
    bytes.is_none_or(|bytes| bytes > 0 && bytes <= INT_MAX as usize)
}

fn is_probe_time(time: &Option<Duration>) -> bool {
    time.is_none_or(|time| PROBE_SECONDS.contains(&time.as_secs()))
}

fn is_device(name: &str) -> bool {
    let other = |c: char| c.is_whitespace() || matches!(c, '\0' | '/' | ':');
    (1..=DEVICE_MAX).contains(&name.len()) && !name.contains(other)
}

group! {
    IPV6: bool = OptionRow {
        facts: OptionFacts::libzmq(42, "ipv6", "ipv6"),
        codec: &FLAG,
        check: Check::Any,
        default: |_| false,
        access: field!(tcp.ipv6),
    };

    BACKLOG: u32 = OptionRow {
        facts: OptionFacts::libzmq(19, "backlog", "backlog")
            .unit("connections")
            .note(
                "libzmq has 100: of thousands that connect at once most would have to \
                 try again, after seconds",
            ),
        codec: &COUNT,
        check: Check::Any,
        default: |_| DEFAULT_BACKLOG,
        access: Access {
            set: Some(|core, connections| {
                core.options.tcp.backlog = Some(connections);
                core.options.ipc.backlog = Some(connections);
                Ok(())
            }),
            get: Some(|core| Ok(core.options.tcp.backlog.unwrap_or(DEFAULT_BACKLOG))),
        },
    };

    SNDBUF: Option<usize> = OptionRow {
        facts: OptionFacts::libzmq(11, "sndbuf", "send_buffer")
            .unit("bytes")
            .takes(BUFFERS)
            .note(
                "-1 leaves tcp to the kernel and asks for 1 MiB for ipc; libzmq takes \
                 0 too: the least that the kernel has",
            ),
        codec: &SIZE_OR_NONE,
        check: Check::When(is_buffer),
        default: |_| None,
        access: Access {
            set: Some(|core, bytes| {
                core.options.tcp.send_buffer = bytes;
                core.options.ipc.send_buffer = bytes;
                Ok(())
            }),
            get: Some(|core| Ok(core.options.tcp.send_buffer)),
        },
    };

    RCVBUF: Option<usize> = OptionRow {
        facts: OptionFacts::libzmq(12, "rcvbuf", "recv_buffer")
            .unit("bytes")
            .takes(BUFFERS)
            .note("as sndbuf"),
        codec: &SIZE_OR_NONE,
        check: Check::When(is_buffer),
        default: |_| None,
        access: Access {
            set: Some(|core, bytes| {
                core.options.tcp.recv_buffer = bytes;
                core.options.ipc.recv_buffer = bytes;
                Ok(())
            }),
            get: Some(|core| Ok(core.options.tcp.recv_buffer)),
        },
    };

    TOS: u32 = OptionRow {
        facts: OptionFacts::libzmq(57, "tos", "tos")
            .takes("0 to 255: it is one byte")
            .note("0 is the system's; tcp only"),
        codec: &COUNT,
        check: Check::When(|tos| *tos <= 255),
        default: |_| 0,
        access: field!(tcp.tos),
    };

    PRIORITY: u32 = OptionRow {
        facts: OptionFacts::libzmq(112, "priority", "priority")
            .takes(PRIORITIES)
            .note("0 is the system's; tcp only, on Linux"),
        codec: &COUNT,
        check: Check::Try(|priority| {
            if *priority > INT_MAX {
                return Err(format!("it takes {PRIORITIES}"));
            }
            grants(&TcpOptions { priority: *priority, ..TcpOptions::default() }, PRIORITIES)
        }),
        default: |_| 0,
        access: field!(tcp.priority),
    };

    BINDTODEVICE: Option<String> = OptionRow {
        facts: OptionFacts::libzmq(92, "bindtodevice", "bind_to_device")
            .takes(NAMES)
            .note("empty for none; tcp only, on Linux"),
        codec: &TEXT_OR_NONE,
        check: Check::Try(|device| {
            if !device.as_deref().is_none_or(is_device) {
                return Err(format!("it takes {NAMES}"));
            }
            let tcp = TcpOptions { bind_to_device: device.clone(), ..TcpOptions::default() };
            grants(&tcp, NAMES)
        }),
        default: |_| None,
        access: field!(tcp.bind_to_device),
    };

    TCP_MAXRT: Option<Duration> = OptionRow {
        facts: OptionFacts::libzmq(80, "tcp_maxrt", "max_rt")
            .unit("ms")
            .takes(MAX_RT)
            .note("0 is the system's; on Linux"),
        codec: &MILLIS_NOT_ZERO,
        check: Check::Try(|limit| {
            let millis = limit.map(|limit| limit.as_millis());
            if !millis.is_none_or(|millis| (1..=u128::from(INT_MAX)).contains(&millis)) {
                return Err(format!("it takes {MAX_RT}"));
            }
            grants(&TcpOptions { max_rt: *limit, ..TcpOptions::default() }, MAX_RT)
        }),
        default: |_| None,
        access: field!(tcp.max_rt),
    };

    BUSY_POLL: Duration = OptionRow {
        facts: OptionFacts::libzmq(113, "busy_poll", "busy_poll")
            .unit("us")
            .takes("1 microsecond to 1 second, or zero for the system's choice")
            .note("0 is the system's; the default is the context's; a wish, tcp only, on Linux"),
        codec: &MICROS,
        check: Check::When(|time| {
            time.is_zero() || time.as_micros() > 0 && *time <= BUSY_POLL_MAX
        }),
        default: |_| Duration::ZERO,
        access: Access {
            set: Some(|core, time| {
                core.options.tcp.busy_poll = time.as_micros().try_into().unwrap_or(0);
                Ok(())
            }),
            get: Some(|core| Ok(Duration::from_micros(core.options.tcp.busy_poll.into()))),
        },
    };

    TCP_KEEPALIVE: Option<bool> = OptionRow {
        facts: OptionFacts::libzmq(34, "tcp_keepalive", "tcp_keepalive")
            .note("-1 is the system's; the other three count only with 1"),
        codec: &FLAG_OR_NONE,
        check: Check::Any,
        default: |_| None,
        access: field!(tcp.keepalive.enabled),
    };

    TCP_KEEPALIVE_CNT: Option<u32> = OptionRow {
        facts: OptionFacts::libzmq(35, "tcp_keepalive_cnt", "tcp_keepalive")
            .unit("probes")
            .takes(KEEPALIVE)
            .note("-1 is the system's; libzmq leaves 0 to the system, which refuses it"),
        codec: &COUNT_OR_NONE,
        check: Check::When(|count| count.is_none_or(|count| PROBES.contains(&count))),
        default: |_| None,
        access: field!(tcp.keepalive.count),
    };

    TCP_KEEPALIVE_IDLE: Option<Duration> = OptionRow {
        facts: OptionFacts::libzmq(36, "tcp_keepalive_idle", "tcp_keepalive")
            .unit("s")
            .takes(KEEPALIVE)
            .note("as tcp_keepalive_cnt"),
        codec: &SECONDS_OR_NONE,
        check: Check::When(is_probe_time),
        default: |_| None,
        access: field!(tcp.keepalive.idle),
    };

    TCP_KEEPALIVE_INTVL: Option<Duration> = OptionRow {
        facts: OptionFacts::libzmq(37, "tcp_keepalive_intvl", "tcp_keepalive")
            .unit("s")
            .takes(KEEPALIVE)
            .note("as tcp_keepalive_cnt"),
        codec: &SECONDS_OR_NONE,
        check: Check::When(is_probe_time),
        default: |_| None,
        access: field!(tcp.keepalive.interval),
    };

    CONNECT_TIMEOUT: Option<Duration> = OptionRow {
        facts: OptionFacts::libzmq(79, "connect_timeout", "connect_timeout")
            .unit("ms")
            .takes("1 millisecond or more, or none at all for the system's choice")
            .note("0 is as long as the system tries"),
        codec: &MILLIS_NOT_ZERO,
        check: Check::When(|limit| limit.is_none_or(|limit| limit >= CONNECT_TIMEOUT_MIN)),
        default: |_| None,
        access: field!(tcp.connect_timeout),
    };
}
