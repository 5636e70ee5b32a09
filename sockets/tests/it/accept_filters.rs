//! Listeners that accept connections of some only.

use crate::harness::{GLANCE, Harness, await_event, await_peers, connected, over_tcp};
use ringmq::{MonitorEvent, Pull, Push};

over_tcp![a_listener_accepts_whom_its_filters_name, a_filter_that_is_taken_away_lets_in];

/// A listener with these filters, and somebody who would like to come.
fn meet(harness: &Harness, filters: &[&str]) -> (Pull, Push, ringmq::Monitor) {
    let (pull, push) = (harness.pull(), harness.push());
    for filter in filters {
        pull.set_tcp_accept_filter(Some(filter)).unwrap();
    }
    let monitor = pull.monitor();
    let endpoint = pull.bind(&harness.anywhere()).unwrap();
    push.connect(&endpoint).unwrap();
    (pull, push, monitor)
}

/// Somebody was turned away, and has not come.
fn is_turned_away(pull: &Pull, monitor: &ringmq::Monitor) {
    let reason = await_event(monitor, |event| match event {
        MonitorEvent::AcceptFailed { error, .. } => Some(error.to_string()),
        MonitorEvent::Accepted { .. } => panic!("it was let in"),
        _ => None,
    });
    assert!(reason.contains("none of those who may come"), "{reason}");
    std::thread::sleep(GLANCE);
    assert_eq!(connected(pull), 0);
}

pub(crate) fn a_listener_accepts_whom_its_filters_name(harness: &Harness) {
    for filters in [&["127.0.0.1"][..], &["192.0.2.0/24", "127.0.0.0/8"], &["0.0.0.0/0"], &[]] {
        let (pull, push, _) = meet(harness, filters);
        push.send("in").unwrap();
        assert_eq!(pull.recv().unwrap(), "in", "{filters:?}");
    }
    for filters in [&["127.0.0.2"][..], &["192.0.2.0/24", "::1"], &["::/0"]] {
        let (pull, _push, monitor) = meet(harness, filters);
        is_turned_away(&pull, &monitor);
    }
}

fn a_filter_that_is_taken_away_lets_in(harness: &Harness) {
    let (pull, push, monitor) = meet(harness, &["192.0.2.0/24"]);
    is_turned_away(&pull, &monitor);
    // What is bound keeps its filters.
    pull.set_tcp_accept_filter(None).unwrap();
    let endpoint = pull.bind(&harness.anywhere()).unwrap();
    push.connect(&endpoint).unwrap();
    await_peers(&pull, 1);
}

#[cfg(target_os = "linux")]
mod over_ipc {
    use super::*;
    use crate::harness::{Transport, await_kind};
    use ringmq::{BackendChoice, IpcPeerRule};

    fn of_processes_users_and_groups(harness: &Harness) {
        let (user, group) = (rustix::process::geteuid(), rustix::process::getegid());
        let (user, group) = (user.as_raw(), group.as_raw());
        let ours = [
            IpcPeerRule::Process(std::process::id()),
            IpcPeerRule::User(user),
            IpcPeerRule::Group(group),
        ];
        let others = [
            IpcPeerRule::Process(std::process::id() + 1),
            IpcPeerRule::User(user + 1),
            IpcPeerRule::Group(0x7fff_fff0),
        ];
        for own in 0..3 {
            let (pull, push) = (harness.pull(), harness.push());
            let monitor = pull.monitor();
            pull.set_ipc_accept_filter(Some(others[own])).unwrap();
            push.connect(&pull.bind("ipc://*").unwrap()).unwrap();
            await_kind!(&monitor, AcceptFailed);
            assert_eq!(connected(&pull), 0);
            // One that fits is enough.
            pull.set_ipc_accept_filter(Some(ours[own])).unwrap();
            push.connect(&pull.bind("ipc://*").unwrap()).unwrap();
            await_peers(&pull, 1);
        }
    }

    #[test]
    fn mio() {
        Harness::run(Transport::Ipc, BackendChoice::Mio, of_processes_users_and_groups);
    }

    #[test]
    fn uring() {
        Harness::run(Transport::Ipc, BackendChoice::Uring, of_processes_users_and_groups);
    }
}
