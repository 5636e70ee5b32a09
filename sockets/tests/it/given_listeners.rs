//! Sockets of the system's that somebody else has bound, and gives away to be listened on.

use crate::harness::{Harness, over_tcp};
use ringmq::{BindError, Error, ErrorKind};
use std::net::{TcpListener, TcpStream};

over_tcp![
    a_listener_that_was_given_is_listened_on_and_closed_at_the_end,
    what_is_no_listener_is_refused,
];

fn a_listener_that_was_given_is_listened_on_and_closed_at_the_end(harness: &Harness) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (pull, push) = (harness.pull(), harness.push());
    let endpoint = pull.bind_listener("tcp://*:*", listener).unwrap();
    assert_eq!((&*endpoint, &*pull.last_endpoint()), (&*format!("tcp://{address}"), &*endpoint));
    push.connect(&endpoint).unwrap();
    push.send("there").unwrap();
    assert_eq!(pull.recv().unwrap(), "there");
    assert_eq!(pull.bind(&endpoint).unwrap_err().kind(), ErrorKind::AddressInUse);
    pull.unbind(&endpoint).unwrap();
    // The number of the port is free again.
    crate::harness::eventually("the listener is closed", || TcpListener::bind(address).is_ok());
}

fn what_is_no_listener_is_refused(harness: &Harness) {
    let pull = harness.pull();
    let unfit = |endpoint: &str, listener: ringmq::OwnedListener| match pull
        .bind_listener(endpoint, listener)
    {
        Err(Error::Bind(error)) if matches!(*error, BindError::UnfitListener { .. }) => {
            error.to_string()
        }
        other => panic!("{other:?}"),
    };
    let listener = || TcpListener::bind("127.0.0.1:0").unwrap();
    assert!(unfit("ipc://*", listener().into()).contains("an address of another kind"));
    assert!(unfit("inproc://anywhere", listener().into()).contains("with this transport"));
    let datagrams = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    assert!(unfit("tcp://*:*", datagrams.into()).contains("no stream"));
    if cfg!(target_os = "linux") {
        let listener = listener();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        assert!(unfit("tcp://*:*", stream.into()).contains("does not listen"));
    }
    assert!(matches!(pull.bind_listener("tcp://", listener()), Err(Error::Endpoint(_))));
}

#[cfg(unix)]
#[test]
fn so_is_one_of_a_path() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("given");
    let context = ringmq::Context::new();
    let (pull, push) = (context.pull().unwrap(), context.push().unwrap());
    let listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
    let endpoint = pull.bind_listener("ipc://*", listener).unwrap();
    assert_eq!(endpoint, format!("ipc://{}", path.display()));
    push.connect(&endpoint).unwrap();
    push.send("there").unwrap();
    assert_eq!(pull.recv().unwrap(), "there");
}
