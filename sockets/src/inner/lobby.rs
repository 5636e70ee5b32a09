//! The lobby: where news of connections wait until somebody enters the socket.
//!
//! An application may leave its socket alone for as long as it likes, while peers come and go. So whoever
//! ends a connection takes its news back: a pipe that was never looked at is dropped by the thread that
//! closes its far end, unless it has brought messages that are still to be received. Of the peers that a
//! connect has had, those are kept that have sent something, and the last. What waits here is thus bounded
//! by the connections that stand and the messages that came.
//!
//! What always holds: an announcement is in the mailbox, or about to be taken out of it, from when
//! something comes into an empty lobby until the socket's owner [takes](Lobby::take) what there is; and
//! it is there before whoever left the news goes on.

use crate::subscription::Coming;
use ringmq_engine::PipeEnd;
use ringmq_engine::{Connection, EndpointId};
use ringmq_pipe::Notify;
use ringmq_zmtp::Peer;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A pipe that is new to its socket.
pub(crate) struct Arrival {
    pub(crate) end: Box<PipeEnd>,
    pub(crate) connection: Arc<Connection>,
    pub(crate) peer: Arc<Peer>,
    /// The far end is another socket of this process.
    pub(crate) direct: bool,
    /// Subscriptions that change meanwhile are kept for it.
    pub(crate) coming: Option<Coming>,
}

/// What has happened.
pub(crate) enum News {
    /// A pipe is new.
    Pipe(Arrival),
    /// Who is at the other end of a connect's pipe from now on, after so many messages of earlier ones.
    Peer(Arc<Connection>, Arc<Peer>, u64),
}

/// See the [module's documentation](self).
pub(crate) struct Lobby {
    /// What a peer has sent is of no use to the socket once that peer has left.
    forgets_departed: bool,
    waiting: Mutex<Queued>,
}

/// What waits.
#[derive(Default)]
struct Queued {
    /// The owner has been told that there is something, and has not come yet.
    announced: bool,
    /// The number of the next news.
    next: usize,
    /// By number, in the order in which they came.
    news: BTreeMap<usize, News>,
    /// The number of the latest peer of each connect.
    peers: BTreeMap<EndpointId, usize>,
}

impl Queued {
    /// Has the owner told, unless that was done already; returns what `announce` does.
    fn announce(&mut self, announce: impl FnOnce() -> bool) -> bool {
        !std::mem::replace(&mut self.announced, true) && announce()
    }

    fn add(&mut self, news: News) -> usize {
        let number = self.next;
        self.next += 1;
        self.news.insert(number, news);
        number
    }
}

impl Lobby {
    /// A lobby for a socket that has, or has no, use for what a peer has sent that has left.
    pub(crate) fn new(forgets_departed: bool) -> Self {
        Self { forgets_departed, waiting: Mutex::default() }
    }

    /// A pipe is new. `announce` tells the owner, and whether it has to be woken, which is returned; it
    /// runs with the lobby's lock held.
    pub(crate) fn arrived(
        self: &Arc<Self>,
        mut arrival: Arrival,
        announce: impl FnOnce() -> bool,
    ) -> bool {
        let mut waiting = self.lock();
        let notify: Arc<dyn Notify> = self.clone();
        let name = waiting.next;
        arrival.end.rx.install(&notify, name);
        waiting.add(News::Pipe(arrival));
        let wake = waiting.announce(announce);
        drop(waiting);
        // The peer may have left before it could be told here.
        self.readable(name);
        wake
    }

    /// The peer of a connect's pipe is known, for the first time or again. `announce` as in
    /// [`arrived`](Self::arrived).
    pub(crate) fn peer_known(
        &self,
        connection: Arc<Connection>,
        peer: Arc<Peer>,
        earlier: u64,
        announce: impl FnOnce() -> bool,
    ) -> bool {
        let endpoint_id = connection.endpoint_id;
        let mut waiting = self.lock();
        let last = waiting.peers.get(&endpoint_id).copied();
        if let Some(number) = last
            && matches!(waiting.news.get(&number), Some(News::Peer(_, _, before)) if *before == earlier)
        {
            // It has left without a word, and is of no interest any more.
            waiting.news.remove(&number);
        }
        let number = waiting.add(News::Peer(connection, peer, earlier));
        waiting.peers.insert(endpoint_id, number);
        waiting.announce(announce)
    }

    /// Takes everything, in the order in which it came; what comes from now on is announced anew.
    pub(crate) fn take(&self) -> impl Iterator<Item = News> + use<> {
        let mut waiting = self.lock();
        let next = waiting.next;
        let all = std::mem::replace(&mut *waiting, Queued { next, ..Queued::default() });
        all.news.into_values()
    }

    fn lock(&self) -> MutexGuard<'_, Queued> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Notify for Lobby {
    /// Told of the end of a pipe that waits here, and of messages at times.
    fn readable(&self, name: usize) {
        let mut waiting = self.lock();
        let spent = match waiting.news.get_mut(&name) {
            Some(News::Pipe(Arrival { end, .. })) if self.forgets_departed => end.rx.is_deserted(),
            Some(News::Pipe(Arrival { end, .. })) => end.rx.ended(),
            Some(News::Peer(..)) | None => false,
        };
        let spent = if spent { waiting.news.remove(&name) } else { None };
        drop(waiting);
        // Not with the lock held: the far end hears of it.
        drop(spent);
    }

    fn writable(&self, _: usize) {}
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::Message;
    use crate::types::traits;
    use ringmq_pipe::{Capacity, pipe};
    use ringmq_zmtp::{SocketType, Version};

    fn peer() -> Arc<Peer> {
        let (routing_id, metadata) = (Vec::new(), Vec::new());
        Arc::new(Peer { version: Version::V3_1, socket_type: None, routing_id, metadata })
    }

    /// A peer comes; its end.
    fn come(lobby: &Arc<Lobby>, announced: &mut usize, capacity: Capacity) -> PipeEnd {
        let (near, far) = pipe(capacity, capacity);
        let arrival = Arrival {
            end: Box::new(near),
            connection: Arc::default(),
            peer: peer(),
            direct: false,
            coming: None,
        };
        lobby.arrived(arrival, || {
            *announced += 1;
            true
        });
        far
    }

    const CAPACITIES: [Capacity; 2] = [Capacity::Messages(10), Capacity::Conflated];

    #[test]
    fn who_leaves_unseen_leaves_nothing() {
        for (socket_type, capacity) in
            SocketType::ALL.into_iter().flat_map(|t| CAPACITIES.map(|b| (t, b)))
        {
            let lobby = Arc::new(Lobby::new(traits(socket_type).forgets_departed));
            let mut announced = 0;
            for _ in 0..1000 {
                let stays = come(&lobby, &mut announced, capacity);
                drop(come(&lobby, &mut announced, capacity));
                assert_eq!(lobby.lock().news.len(), 1, "{socket_type:?}");
                drop(stays);
            }
            assert_eq!((lobby.lock().news.len(), announced), (0, 1), "{socket_type:?}");
        }
    }

    #[test]
    fn what_is_still_to_be_received_stays() {
        for (socket_type, kept) in [
            (SocketType::Pull, 1),
            (SocketType::Rep, 1),
            (SocketType::XPub, 1),
            (SocketType::Pub, 0),
            (SocketType::Push, 0),
            (SocketType::Req, 0),
        ] {
            for capacity in CAPACITIES {
                let lobby = Arc::new(Lobby::new(traits(socket_type).forgets_departed));
                let mut far = come(&lobby, &mut 0, capacity);
                far.tx.write(&mut Message::from("message")).unwrap();
                assert_eq!(lobby.lock().news.len(), 1, "{socket_type:?}: its peer is there");
                drop(far);
                assert_eq!(lobby.lock().news.len(), kept, "{socket_type:?}");
                let message = lobby.take().next().map(|news| match news {
                    News::Pipe(mut arrival) => arrival.end.rx.read(),
                    News::Peer(..) => None,
                });
                assert_eq!(message.flatten().is_some(), kept == 1);
            }
        }
    }

    #[test]
    fn who_left_before_it_was_here_is_not_taken_in() {
        let lobby = Arc::new(Lobby::new(false));
        let (near, far) = pipe(Capacity::Messages(1), Capacity::Messages(1));
        drop(far);
        let arrival = Arrival {
            end: Box::new(near),
            connection: Arc::default(),
            peer: peer(),
            direct: true,
            coming: None,
        };
        lobby.arrived(arrival, || false);
        assert!(lobby.lock().news.is_empty());
    }

    #[test]
    fn of_the_peers_of_a_connect_the_last_is_kept_and_who_has_sent_something() {
        let lobby = Arc::new(Lobby::new(false));
        let mut announced = 0;
        for number in 0..1000_u32 {
            let mut known = Peer::clone(&peer());
            known.routing_id = number.to_be_bytes().to_vec();
            let earlier = u64::from(number >= 500);
            let endpoint_id = u64::from(number % 2);
            let connection = Arc::new(Connection { endpoint_id, ..Connection::default() });
            lobby.peer_known(connection, Arc::new(known), earlier, || {
                announced += 1;
                false
            });
        }
        assert_eq!(announced, 1);
        let ids = lobby.take().map(|news| match news {
            News::Peer(_, peer, _) => peer.routing_id[2..].to_vec(),
            News::Pipe(_) => Vec::new(),
        });
        let expected = [498_u16, 499, 998, 999].map(u16::to_be_bytes);
        assert_eq!(ids.collect::<Vec<_>>(), expected);
    }

    #[test]
    fn what_comes_after_a_visit_is_announced_again() {
        let lobby = Arc::new(Lobby::new(false));
        let mut announced = 0;
        let _first = come(&lobby, &mut announced, CAPACITIES[0]);
        assert_eq!(lobby.take().count(), 1);
        let second = come(&lobby, &mut announced, CAPACITIES[0]);
        assert_eq!(announced, 2);
        drop(second);
        let _third = come(&lobby, &mut announced, CAPACITIES[0]);
        assert_eq!(announced, 2, "nobody has been here since");
        assert_eq!(lobby.take().count(), 1);
    }
}
