//! Unbinding and disconnecting by the texts that bind and connect took, and by those they gave.

use crate::harness::{Harness, await_event, eventually, everywhere, over_tcp, over_wires};
use ringmq::{Error, Monitor, MonitorEvent};

everywhere![a_bind_is_given_up_by_what_was_asked_for];

over_wires![a_text_that_names_several_is_refused];

over_tcp![
    every_text_that_bind_takes_unbinds,
    every_text_that_connect_takes_disconnects,
    a_resolved_endpoint_goes_before_what_was_asked_for,
];

/// Waits until a listener or connecter has ended.
fn await_closed(monitor: &Monitor, closed: &str) {
    await_event(monitor, |event| match event {
        MonitorEvent::Closed { endpoint } => {
            assert_eq!(**endpoint, *closed);
            Some(())
        }
        _ => None,
    });
}

fn a_bind_is_given_up_by_what_was_asked_for(harness: &Harness) {
    let pull = harness.pull();
    for _ in 0..3 {
        let asked = harness.anywhere();
        let resolved = pull.bind(&asked).unwrap();
        pull.unbind(&asked).unwrap();
        for gone in [&asked, &resolved] {
            assert!(matches!(pull.unbind(gone), Err(Error::NoSuchEndpoint { .. })));
        }
    }
}

fn a_text_that_names_several_is_refused(harness: &Harness) {
    let (pull, asked) = (harness.pull(), harness.anywhere());
    let (first, second) = (pull.bind(&asked).unwrap(), pull.bind(&asked).unwrap());
    let error = pull.unbind(&asked).unwrap_err();
    assert!(matches!(&error, Error::AmbiguousEndpoint { endpoint } if *endpoint == asked));
    assert!(error.to_string().contains("the text that bind returned"), "{error}");
    pull.unbind(&second).unwrap();
    let push = harness.push();
    push.connect(&first).unwrap();
    push.send("the other one is there").unwrap();
    assert_eq!(pull.recv().unwrap(), "the other one is there");
    pull.unbind(&asked).unwrap();
    assert!(pull.unbind(&first).is_err());
}

fn every_text_that_bind_takes_unbinds(harness: &Harness) {
    let pull = harness.pull();
    let monitor = pull.monitor();
    let port = |endpoint: &str| endpoint.rsplit_once(':').unwrap().1.to_owned();
    let mut hosts = vec!["*", "127.0.0.1", "localhost"];
    if cfg!(target_os = "linux") {
        hosts.push("lo");
    }
    for host in hosts {
        let mut free = String::new();
        for wildcard in ["*", "0"] {
            let resolved = pull.bind(&format!("tcp://{host}:{wildcard}")).unwrap();
            // Any way to say "any port" is the same.
            pull.unbind(&format!("tcp://{host}:*")).unwrap();
            await_closed(&monitor, &resolved);
            free = port(&resolved);
        }
        let asked = format!("tcp://{host}:{free}");
        let mut resolved = String::new();
        eventually("the port is free", || pull.bind(&asked).map(|bound| resolved = bound).is_ok());
        pull.unbind(&asked).unwrap();
        await_closed(&monitor, &resolved);
        assert!(pull.unbind(&resolved).is_err(), "{asked}");
    }
}

fn every_text_that_connect_takes_disconnects(harness: &Harness) {
    let push = harness.push();
    push.set_ipv6(true).unwrap();
    for (asked, also) in [
        ("tcp://localhost:1", "tcp://localhost:1"),
        ("tcp://127.0.0.1:1", "tcp://127.0.0.1:1"),
        ("tcp://::1:1", "tcp://[::1]:1"),
        ("tcp://[::1]:1", "tcp://::1:1"),
        ("tcp://*:0;127.0.0.1:1", "tcp://*:*;127.0.0.1:1"),
        ("tcp://127.0.0.1:*;localhost:1", "tcp://127.0.0.1:0;localhost:1"),
    ] {
        for text in [asked, also] {
            push.connect(asked).unwrap();
            push.disconnect(text).unwrap();
            assert!(push.stats().is_empty(), "{asked}");
        }
        push.connect(asked).unwrap();
        push.disconnect(&push.last_endpoint()).unwrap();
        assert!(push.stats().is_empty(), "{asked}");
    }
}

fn a_resolved_endpoint_goes_before_what_was_asked_for(harness: &Harness) {
    // What one was asked for is what another one is.
    let pull = harness.pull();
    let port = loop {
        let resolved = pull.bind("tcp://localhost:*").unwrap();
        let port = resolved.rsplit_once(':').unwrap().1.to_owned();
        pull.unbind(&resolved).unwrap();
        if pull.bind(&format!("tcp://localhost:{port}")).is_ok() {
            break port;
        }
    };
    let other = pull.bind("tcp://127.0.0.1:*").unwrap();
    pull.unbind(&format!("tcp://127.0.0.1:{port}")).unwrap();
    assert!(pull.unbind(&format!("tcp://localhost:{port}")).is_err());
    pull.unbind(&other).unwrap();
}
