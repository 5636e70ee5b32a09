//! What a peer says on the wire, octet by octet, for tests that play one.

/// A ZMTP 3.1 greeting with the mechanism NULL.
pub(crate) fn greeting() -> Vec<u8> {
    greeting_of(3, 1)
}

/// A greeting of some version 3 of ZMTP with the mechanism NULL.
pub(crate) fn greeting_of(major: u8, minor: u8) -> Vec<u8> {
    let mut greeting = vec![0xFF, 0, 0, 0, 0, 0, 0, 0, 1, 0x7F, major, minor];
    greeting.extend_from_slice(b"NULL");
    greeting.resize(64, 0);
    greeting
}

/// A short frame.
pub(crate) fn frame(flags: u8, body: &[u8]) -> Vec<u8> {
    let mut frame = vec![flags, u8::try_from(body.len()).unwrap()];
    frame.extend_from_slice(body);
    frame
}

/// The header of a long frame that ends its message.
pub(crate) fn long_header(length: u64) -> Vec<u8> {
    [&[2][..], &length.to_be_bytes()].concat()
}

/// A READY command.
pub(crate) fn ready(properties: &[(&str, &[u8])]) -> Vec<u8> {
    let mut body = b"\x05READY".to_vec();
    for (name, value) in properties {
        body.push(u8::try_from(name.len()).unwrap());
        body.extend_from_slice(name.as_bytes());
        body.extend_from_slice(&u32::try_from(value.len()).unwrap().to_be_bytes());
        body.extend_from_slice(value);
    }
    let mut frame = vec![6];
    frame.extend_from_slice(&(body.len() as u64).to_be_bytes());
    frame.extend_from_slice(&body);
    frame
}

/// All that a peer with a socket of this type says before its messages.
pub(crate) fn hello(socket_type: &str) -> Vec<u8> {
    [greeting(), ready(&[("Socket-Type", socket_type.as_bytes())])].concat()
}
