//! Options of descriptors, read back from the descriptors of this process.
#![cfg(target_os = "linux")]

use crate::harness::{Harness, over_tcp};
use rustix::fd::OwnedFd;
use rustix::process::{PidfdFlags, PidfdGetfdFlags, getpid, pidfd_getfd, pidfd_open};
use socket2::{SockAddr, SockRef};
use std::time::Duration;

over_tcp![options_of_linux_reach_both_ends, options_of_linux_are_off_by_default];

/// What is asked for.
const MAX_RT: Duration = Duration::from_millis(12_345);
const PRIORITY: u32 = 5;
const DEVICE: &[u8] = b"lo";

/// The ends of the one tcp connection of this process to that endpoint.
fn ends(endpoint: &str) -> [OwnedFd; 2] {
    let port = Some(endpoint.rsplit_once(':').unwrap().1.parse().unwrap());
    let this = pidfd_open(getpid(), PidfdFlags::empty()).unwrap();
    let open = std::fs::read_dir("/proc/self/fd").unwrap();
    let numbers = open.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    let numbers: Vec<i32> = numbers.collect();
    let of = |address: SockAddr| address.as_socket().map(|address| address.port());
    let find = |connects: bool| {
        let get = |number: &i32| pidfd_getfd(&this, *number, PidfdGetfdFlags::empty()).ok();
        let wanted = |fd: &OwnedFd| {
            let socket = SockRef::from(fd);
            let (Ok(local), Ok(peer)) = (socket.local_addr(), socket.peer_addr()) else {
                return false;
            };
            of(if connects { peer } else { local }) == port
        };
        numbers.iter().filter_map(get).find(wanted).expect("an end of the connection")
    };
    [find(true), find(false)]
}

fn options_of_linux_reach_both_ends(harness: &Harness) {
    let (push, pull) = (harness.push(), harness.pull());
    push.set_max_rt(Some(MAX_RT)).unwrap();
    pull.set_max_rt(Some(MAX_RT)).unwrap();
    push.set_priority(PRIORITY).unwrap();
    pull.set_priority(PRIORITY).unwrap();
    let device = str::from_utf8(DEVICE).unwrap();
    let bound = push.set_bind_to_device(Some(device)).and(pull.set_bind_to_device(Some(device)));
    for end in ends(&harness.join(&pull, &push)) {
        let socket = SockRef::from(&end);
        assert_eq!(socket.tcp_user_timeout().unwrap(), Some(MAX_RT));
        assert_eq!(socket.priority().unwrap(), PRIORITY);
        match &bound {
            Ok(()) => assert_eq!(socket.device().unwrap().unwrap(), DEVICE),
            Err(error) => assert!(error.to_string().contains("CAP_NET_RAW"), "{error}"),
        }
    }
    push.send("hello").unwrap();
    assert_eq!(pull.recv().unwrap(), "hello");
}

fn options_of_linux_are_off_by_default(harness: &Harness) {
    let (push, pull) = (harness.push(), harness.pull());
    push.set_max_rt(Some(MAX_RT)).unwrap();
    push.set_max_rt(None).unwrap();
    push.set_bind_to_device(Some("lo")).ok();
    push.set_bind_to_device(None).unwrap();
    for end in ends(&harness.join(&pull, &push)) {
        let socket = SockRef::from(&end);
        assert_eq!(socket.tcp_user_timeout().unwrap(), None);
        assert_eq!(socket.priority().unwrap(), 0);
        assert!(socket.device().unwrap().is_none());
    }
}
