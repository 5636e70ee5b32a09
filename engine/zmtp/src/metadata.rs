//! The properties that the two ends tell each other in a handshake.
//!
//! `*( name-length(1) name value-length(4) value )`, RFC 23, section "Metadata".

use std::collections::HashSet;

use crate::ProtocolError;
use crate::limits::PROPERTY_VALUE_MAX;

/// The property that holds the name of a socket type. Written in exactly this way, because libzmq
/// compares names with case, which the specification says nobody should.
pub(crate) const SOCKET_TYPE: &str = "Socket-Type";
/// The property that holds a routing id. See [`SOCKET_TYPE`].
pub(crate) const IDENTITY: &str = "Identity";

/// The property that holds what an authenticator calls the peer.
const USER_ID: &str = "User-Id";

/// Names and values.
pub(crate) type PropertyList = Vec<(String, Vec<u8>)>;

/// How many bytes a property takes.
pub(crate) fn size(name: &str, value: &[u8]) -> usize {
    // The lengths of the name and of the value.
    const LENGTHS: usize = 1 + size_of::<u32>();
    LENGTHS.saturating_add(name.len()).saturating_add(value.len())
}

/// Appends a property. `name` has at most 255 bytes and `value` less than 2^31: what
/// [`Config`](crate::Config) guarantees.
pub(crate) fn write(out: &mut Vec<u8>, name: &str, value: &[u8]) {
    out.push(name.len() as u8);
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(&(value.len() as u32).to_be_bytes());
    out.extend_from_slice(value);
}

/// Reads all properties. Of those with the same name (whatever the case) the first one counts.
pub(crate) fn parse(mut bytes: &[u8]) -> Result<PropertyList, ProtocolError> {
    let mut properties = Vec::new();
    let mut known = HashSet::new();
    while !bytes.is_empty() {
        let (name, value) = parse_property(&mut bytes)?;
        if known.insert(name.to_ascii_lowercase()) {
            properties.push((name.to_owned(), value.to_vec()));
        }
    }
    // Kept for as long as the connection.
    properties.shrink_to_fit();
    Ok(properties)
}

/// The value of the property with that name, whatever the case.
pub(crate) fn find<'a>(properties: &'a [(String, Vec<u8>)], name: &str) -> Option<&'a [u8]> {
    let found = properties.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
    found.map(|(_, value)| value.as_slice())
}

/// What an authenticator knows of a peer.
pub(crate) fn of_user(user_id: Vec<u8>, mut properties: PropertyList) -> PropertyList {
    if !user_id.is_empty() {
        properties.insert(0, (USER_ID.to_owned(), user_id));
    }
    properties
}

/// Removes what only an authenticator can know of a peer, and a peer must not say of itself.
pub(crate) fn remove_claims(properties: &mut PropertyList) {
    properties.retain(|(name, _)| !name.eq_ignore_ascii_case(USER_ID));
}

/// Puts `first` before the others, and in the place of those of the same name.
pub(crate) fn put_before(properties: &mut PropertyList, mut first: PropertyList) {
    if !first.is_empty() {
        properties.retain(|(name, _)| find(&first, name).is_none());
        first.append(properties);
        *properties = first;
    }
}

fn parse_property<'a>(bytes: &mut &'a [u8]) -> Result<(&'a str, &'a [u8]), ProtocolError> {
    let malformed = |what| ProtocolError::InvalidMetadata { what };

    let (&length, rest) = bytes.split_first().ok_or(malformed("nothing left to read"))?;
    if length == 0 {
        return Err(malformed("a name is empty"));
    }
    let (name, rest) =
        rest.split_at_checked(usize::from(length)).ok_or(malformed("a name is cut off"))?;
    // Applications name properties as they like, libzmq does not check; we only need a text.
    let name = str::from_utf8(name).map_err(|_| malformed("a name is not text"))?;

    let (length, rest) =
        rest.split_first_chunk().ok_or(malformed("the length of a value is cut off"))?;
    let length = u32::from_be_bytes(*length) as usize;
    if length > PROPERTY_VALUE_MAX {
        return Err(malformed("a value is longer than 2^31-1 bytes"));
    }
    let (value, rest) = rest.split_at_checked(length).ok_or(malformed("a value is cut off"))?;
    *bytes = rest;
    Ok((name, value))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn properties_survive_the_round_trip() {
        let mut bytes = Vec::new();
        write(&mut bytes, SOCKET_TYPE, b"REQ");
        write(&mut bytes, IDENTITY, b"");
        write(&mut bytes, "X-key", &[0, 255]);
        let properties = parse(&bytes).unwrap();
        assert_eq!(properties.len(), 3);
        assert_eq!(find(&properties, "socket-TYPE"), Some(b"REQ".as_slice()));
        assert_eq!(find(&properties, "identity"), Some(b"".as_slice()));
        assert_eq!(find(&properties, "X-key"), Some([0, 255].as_slice()));
        assert_eq!(find(&properties, "X-other"), None);
    }

    #[test]
    fn the_first_of_two_properties_counts() {
        let mut bytes = Vec::new();
        write(&mut bytes, "X-a", b"1");
        write(&mut bytes, "x-A", b"2");
        assert_eq!(parse(&bytes).unwrap(), [("X-a".to_owned(), b"1".to_vec())]);
    }

    #[test]
    fn every_truncation_is_refused() {
        let mut bytes = Vec::new();
        write(&mut bytes, SOCKET_TYPE, b"REQ");
        let whole = bytes.len();
        write(&mut bytes, IDENTITY, b"me");
        for cut in (1..bytes.len()).filter(|&cut| cut != whole) {
            let result = parse(&bytes[..cut]);
            assert!(matches!(result, Err(ProtocolError::InvalidMetadata { .. })), "cut at {cut}");
        }
    }

    #[test]
    fn what_is_no_property_is_refused() {
        for bytes in
            [b"\0\0\0\0\0".as_slice(), b"\x01\xFF\0\0\0\0", b"\x01a\x80\0\0\0", b"\x01a\0\0\0\x01"]
        {
            assert!(parse(bytes).is_err(), "{bytes:?}");
        }
    }
}
