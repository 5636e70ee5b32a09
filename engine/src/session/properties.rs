//! What the messages of a connection can tell of its peer.

use crate::owner::Connection;
use ringmq_pipe::{KnownPeer, PropertySource};
use ringmq_zmtp::Peer;
use std::ffi::{CStr, CString};
use std::sync::{Arc, OnceLock};

/// The address of a peer without a port, as text.
const PEER_ADDRESS: &str = "Peer-Address";
/// What ZMTP calls a peer's routing id.
const IDENTITY: &str = "Identity";
/// The name of the same in ZeroMQ's interface.
const ROUTING_ID: &str = "Routing-Id";

/// What a peer has said of itself, and what others say of it, for which its own word is not taken.
struct PeerProperties {
    connection: Arc<Connection>,
    peer: Arc<Peer>,
    /// The values under all names there are, for C programs; made when the first one asks.
    texts: OnceLock<Vec<(String, CString)>>,
}

/// The peer of a connection, as messages will know it.
pub(super) fn known(connection: &Arc<Connection>, peer: &Arc<Peer>) -> KnownPeer {
    let (connection, peer) = (connection.clone(), peer.clone());
    KnownPeer::new(Arc::new(PeerProperties { connection, peer, texts: OnceLock::new() }))
}

impl PeerProperties {
    fn texts(&self) -> Vec<(String, CString)> {
        let metadata = self.peer.metadata.iter().map(|(name, _)| name.as_str());
        let names = [PEER_ADDRESS, IDENTITY, ROUTING_ID].into_iter().chain(metadata);
        let text = |name: &str| {
            let value = self.get(name)?;
            let end = value.iter().position(|byte| *byte == 0).unwrap_or(value.len());
            Some((name.to_owned(), CString::new(&value[..end]).ok()?))
        };
        names.filter_map(text).collect()
    }
}

impl PropertySource for PeerProperties {
    fn get(&self, name: &str) -> Option<&[u8]> {
        if name.eq_ignore_ascii_case(PEER_ADDRESS) {
            return self.connection.peer_address.as_ref().map(|address| address.as_bytes());
        }
        if [ROUTING_ID, IDENTITY].iter().any(|known| name.eq_ignore_ascii_case(known))
            && let Some(id) = self.connection.assigned_id.get()
        {
            return Some(id);
        }
        let name = if name.eq_ignore_ascii_case(ROUTING_ID) { IDENTITY } else { name };
        let mut metadata = self.peer.metadata.iter();
        let (_, value) = metadata.find(|(known, _)| known.eq_ignore_ascii_case(name))?;
        Some(value)
    }

    fn get_text(&self, name: &str) -> Option<&CStr> {
        let texts = self.texts.get_or_init(|| self.texts());
        let (_, text) = texts.iter().find(|(known, _)| known.eq_ignore_ascii_case(name))?;
        Some(text)
    }

    fn remote(&self) -> &str {
        &self.connection.peer
    }

    fn descriptor(&self) -> Option<u64> {
        self.connection.descriptor
    }

    fn size(&self) -> usize {
        /// Of what holds the parts of a property.
        const EACH: usize = size_of::<(String, Vec<u8>)>();
        let metadata = self.peer.metadata.iter();
        // Once as they came, and once as text.
        2 * metadata.map(|(name, value)| EACH + name.len() + value.len()).sum::<usize>()
            + self.peer.routing_id.len()
            + size_of::<Self>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ringmq_zmtp::{SocketType, Version};

    fn properties(address: Option<&str>) -> PeerProperties {
        let metadata = [("Socket-Type", "DEALER"), ("Identity", "me"), ("X-Colour", "red")]
            .into_iter()
            .chain([("Peer-Address", "a lie"), ("x-colour", "blue")])
            .map(|(name, value)| (name.to_owned(), value.into()))
            .collect();
        let (version, socket_type) = (Version::V3_1, Some(SocketType::Dealer));
        let peer = Peer { version, socket_type, routing_id: b"me".to_vec(), metadata };
        let peer_address = address.map(Arc::from);
        let connection = Connection { peer_address, ..Connection::default() };
        let (connection, peer) = (Arc::new(connection), Arc::new(peer));
        PeerProperties { connection, peer, texts: OnceLock::new() }
    }

    #[test]
    fn what_a_peer_has_said_is_found_and_the_first_of_a_name_counts() {
        let properties = properties(Some("127.0.0.1"));
        let get = |name| properties.get(name).map(String::from_utf8_lossy);
        assert_eq!(get("Socket-Type").as_deref(), Some("DEALER"));
        assert_eq!(get("Identity"), get("Routing-Id"));
        assert_eq!(get("X-COLOUR").as_deref(), Some("red"));
        assert_eq!(get("X-Size"), None);
    }

    #[test]
    fn a_c_program_borrows_them_as_text() {
        let mut properties = properties(Some("127.0.0.1"));
        let peer = Arc::get_mut(&mut properties.peer).expect("it is nobody else's");
        peer.metadata.push(("X-Cut".to_owned(), b"one\0two".to_vec()));
        let get = |name| properties.get_text(name).map(CStr::to_bytes);
        assert_eq!(get("socket-type"), Some(&b"DEALER"[..]));
        assert_eq!((get("Routing-Id"), get("x-cut")), (Some(&b"me"[..]), Some(&b"one"[..])));
        assert_eq!((get("Peer-Address"), get("X-None")), (Some(&b"127.0.0.1"[..]), None));
        assert_eq!(get("X-Colour"), Some(&b"red"[..]), "the first of a name counts");
    }

    #[test]
    fn a_routing_id_that_was_chosen_for_a_peer_is_found_as_one_of_its_own() {
        let properties = properties(None);
        properties.connection.assigned_id.set((*b"chosen").into()).expect("the first one");
        for name in ["Identity", "routing-id"] {
            assert_eq!(properties.get(name), Some(&b"chosen"[..]));
        }
    }

    #[test]
    fn where_a_peer_is_is_not_its_own_to_say() {
        for address in [Some("127.0.0.1"), None] {
            let properties = properties(address);
            assert_eq!(properties.get("Peer-Address"), address.map(str::as_bytes));
        }
    }
}
