//! A ROUTER that stays, and gives back to each peer what comes from it.

use crate::harness::{PATIENCE, eventually};
use crate::ledger::{Ledger, body, read};
use ringmq::auth::{CurveKeyPair, curve_keypair};
use ringmq::{Context, Dealer, Error, Router};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tempfile::TempDir;

/// Loopback addresses, so that ports are not used up by connections that have just ended.
const ADDRESSES: usize = 4;

/// How a door is come through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Tcp,
    Ipc,
    TcpUnderCurve,
    IpcUnderCurve,
}

impl Place {
    pub(crate) const ALL: [Self; 4] =
        [Self::Tcp, Self::Ipc, Self::TcpUnderCurve, Self::IpcUnderCurve];
}

/// See the [module's documentation](self).
pub(crate) struct Door {
    place: Place,
    pub(crate) endpoints: Vec<String>,
    keys: Option<CurveKeyPair>,
    pub(crate) ledger: Ledger,
    router: Router,
    /// Messages that the socket has taken to give them back.
    returned: AtomicU64,
    _folder: TempDir,
}

impl Door {
    /// For so many peers at most.
    pub(crate) fn open(context: &Context, place: Place, peers: usize) -> Self {
        let (router, folder) = (context.router().unwrap(), tempfile::tempdir().unwrap());
        router.set_linger(Some(Duration::ZERO)).unwrap();
        let is_secret = matches!(place, Place::TcpUnderCurve | Place::IpcUnderCurve);
        let keys = is_secret.then(|| curve_keypair().unwrap());
        if let Some(keys) = &keys {
            router.set_curve_server(true).unwrap();
            router.set_curve_secret_key(keys.secret.clone()).unwrap();
        }
        let addresses = match place {
            Place::Tcp | Place::TcpUnderCurve => {
                (1..=ADDRESSES).map(|last| format!("tcp://127.0.0.{last}:*")).collect()
            }
            _ => vec![format!("ipc://{}/door", folder.path().display())],
        };
        let endpoints = addresses.iter().map(|address| router.bind(address).unwrap()).collect();
        let (ledger, returned) = (Ledger::new(peers), AtomicU64::new(0));
        Self { place, endpoints, keys, ledger, router, returned, _folder: folder }
    }

    /// A peer that is about to come in.
    pub(crate) fn dealer(&self, context: &Context, endpoint: &str) -> Dealer {
        let dealer = context.dealer().unwrap();
        dealer.set_reconnect_interval(Some(Duration::from_millis(5))).unwrap();
        if let Some(keys) = &self.keys {
            dealer.set_curve_secret_key(curve_keypair().unwrap().secret).unwrap();
            dealer.set_curve_server_key(keys.public).unwrap();
        }
        dealer.connect(endpoint).unwrap();
        dealer
    }

    /// One message there and back.
    pub(crate) fn greet(&self, context: &Context) {
        let (peer, dealer) = (self.ledger.peer(), self.dealer(context, &self.endpoints[0]));
        dealer.set_recv_timeout(Some(PATIENCE)).unwrap();
        self.ledger.send(peer, 1, true);
        dealer.send(body(peer, 0)).unwrap();
        assert_eq!(read(&dealer.recv().unwrap()), (peer, 0));
    }

    pub(crate) fn is_secret(&self) -> bool {
        self.keys.is_some()
    }

    /// Works until the context is shut down.
    pub(crate) fn serve(&self) {
        loop {
            let message = match self.router.recv_multipart() {
                Ok(message) => message,
                Err(Error::Terminated) => return,
                Err(error) => panic!("{:?}: {error}", self.place),
            };
            self.ledger.arrive(&message[1]);
            // Whether its peer is still there is another question.
            match self.router.try_send_multipart(message) {
                Ok(()) => _ = self.returned.fetch_add(1, Ordering::SeqCst),
                Err(refused) => {
                    assert!(matches!(refused.error, Error::Terminated), "{}", refused.error)
                }
            }
        }
    }

    /// Waits until all has come that is to come, and nobody is there any more.
    pub(crate) fn await_silence(&self) {
        let wanted = |what: &'static str| {
            move || format!("{what} at {:?}: {:?}", self.place, self.router.stats())
        };
        eventually(wanted("all that was promised"), || self.ledger.missing().is_none());
        eventually(wanted("nobody"), || self.router.stats().is_empty());
        eventually(wanted("nothing that waits"), || self.router.totals().waiting == 0);
    }

    /// The socket's own figures, when it is over.
    pub(crate) fn check_figures(&self) {
        let (totals, place) = (self.router.totals(), self.place);
        println!("  {place:?}: {totals:?}");
        assert_eq!(totals.received, self.ledger.arrived(), "{place:?}");
        // What has no room, because its peer is about to go, say, is dropped before it counts as sent.
        let returned = self.returned.load(Ordering::SeqCst);
        let counted = totals.sent + totals.to_nobody;
        assert!((counted..=counted + totals.dropped).contains(&returned), "{place:?}: {returned}");
        assert!(totals.received > 0 && totals.sent > 0, "{place:?}");
        assert_eq!((totals.waiting, totals.refused), (0, 0), "{place:?}");
    }
}
