//! What a peer says on the wire, byte by byte, as an attacker puts it together.

/// Bytes of a greeting.
pub(crate) const GREETING: usize = 64;
/// Flags of a frame.
pub(crate) const MORE: u8 = 1;
pub(crate) const LONG: u8 = 2;
pub(crate) const COMMAND: u8 = 4;

/// The greeting of ZMTP 3.1 with that mechanism.
pub(crate) fn greeting(mechanism: &str) -> Vec<u8> {
    let mut greeting = vec![0xFF, 0, 0, 0, 0, 0, 0, 0, 1, 0x7F, 3, 1];
    greeting.extend_from_slice(mechanism.as_bytes());
    greeting.resize(GREETING, 0);
    greeting
}

/// The header of a long frame.
pub(crate) fn long_header(flags: u8, length: u64) -> Vec<u8> {
    [&[flags | LONG][..], &length.to_be_bytes()].concat()
}

/// A whole frame.
pub(crate) fn frame(flags: u8, body: &[u8]) -> Vec<u8> {
    let mut frame = match u8::try_from(body.len()) {
        Ok(length) => vec![flags, length],
        Err(_) => long_header(flags, body.len() as u64),
    };
    frame.extend_from_slice(body);
    frame
}

/// A command of that name.
pub(crate) fn command(name: &str, data: &[u8]) -> Vec<u8> {
    let mut body = vec![name.len() as u8];
    body.extend_from_slice(name.as_bytes());
    body.extend_from_slice(data);
    frame(COMMAND, &body)
}

/// A property of a READY.
pub(crate) fn property(name: &str, value: &[u8]) -> Vec<u8> {
    let mut property = vec![name.len() as u8];
    property.extend_from_slice(name.as_bytes());
    property.extend_from_slice(&(value.len() as u32).to_be_bytes());
    property.extend_from_slice(value);
    property
}

/// A READY of a socket of that type, with more properties.
pub(crate) fn ready(socket_type: &str, more: &[u8]) -> Vec<u8> {
    let mut data = property("Socket-Type", socket_type.as_bytes());
    data.extend_from_slice(more);
    command("READY", &data)
}

/// All that a socket of that type says before its messages.
pub(crate) fn hello(socket_type: &str) -> Vec<u8> {
    [greeting("NULL"), ready(socket_type, &[])].concat()
}

/// A subscription.
pub(crate) fn subscribe(topic: &[u8]) -> Vec<u8> {
    command("SUBSCRIBE", topic)
}

/// The opposite.
pub(crate) fn cancel(topic: &[u8]) -> Vec<u8> {
    command("CANCEL", topic)
}

/// Where each frame after the greeting ends, of those that are whole.
pub(crate) fn frame_ends(stream: &[u8]) -> Vec<usize> {
    let mut ends = Vec::new();
    let mut at = GREETING;
    while let Some(&[flags, short]) = stream.get(at..at + 2).and_then(|two| two.first_chunk()) {
        let (header, length) = if flags & LONG == 0 {
            (2, usize::from(short))
        } else {
            let Some(long) = stream.get(at + 1..).and_then(|rest| rest.first_chunk()) else {
                break;
            };
            (9, usize::try_from(u64::from_be_bytes(*long)).unwrap_or(usize::MAX))
        };
        let Some(end) = at.checked_add(header + length).filter(|end| *end <= stream.len()) else {
            break;
        };
        ends.push(end);
        at = end;
    }
    ends
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_found_however_long_they_are() {
        let mut stream = greeting("NULL");
        stream.extend(frame(0, b"short"));
        stream.extend(frame(MORE, &[7; 300]));
        let whole = stream.len();
        stream.extend(&frame(0, b"cut off")[..4]);
        assert_eq!(frame_ends(&stream), [GREETING + 7, whole]);
        assert!(frame_ends(&stream[..GREETING + 1]).is_empty());
    }
}
