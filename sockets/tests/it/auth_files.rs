//! Who is let in by what lies in a directory, by where he comes from, and by which process he is.

use crate::harness::{GLANCE, Harness, Transport, await_event, await_kind, over_wires};
use ringmq::auth::{AddressRules, Authenticator, Candidate, Certificate, CertificateStore, Denial};
use ringmq::{ErrorKind, Message, Monitor, MonitorEvent, Pull, Push};
use std::fs;
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tempfile::TempDir;

over_wires![
    who_is_in_the_directory_is_let_in_with_what_is_known_of_it,
    who_is_not_in_the_directory_is_told_and_does_not_come_again,
    who_speaks_something_else_than_curve_is_not_in_any_directory,
    what_changes_in_the_directory_counts_for_the_next_who_comes,
    nothing_is_looked_at_before_its_time,
    bad_files_keep_nobody_out_and_let_nobody_in,
    a_directory_that_goes_away_turns_everybody_away_until_it_is_back,
    many_who_come_at_once_are_all_judged,
    one_store_serves_several_sockets,
    address_rules_come_first_and_the_authenticator_after_them,
    the_process_of_an_ipc_peer_is_known,
    a_certificate_without_a_secret_key_cannot_be_shown,
];

/// A server that lets in whose certificates are in a directory, which is looked at each time somebody comes.
struct Club {
    folder: TempDir,
    store: CertificateStore,
    own: Certificate,
    server: Pull,
    endpoint: String,
}

fn club(harness: &Harness) -> Club {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("members")).unwrap();
    let store = CertificateStore::open(folder.path().join("members")).unwrap();
    store.set_reload_interval(Duration::ZERO);
    let own = Certificate::generate().unwrap();
    let (server, endpoint) = curve_server(harness, &own, store.clone());
    Club { folder, store, own, server, endpoint }
}

fn curve_server(
    harness: &Harness,
    own: &Certificate,
    authenticator: impl Authenticator + 'static,
) -> (Pull, String) {
    let server = harness.pull();
    server.set_certificate(own).unwrap();
    server.set_curve_server(true).unwrap();
    server.set_authenticator(authenticator).unwrap();
    let endpoint = server.bind(&harness.anywhere()).unwrap();
    (server, endpoint)
}

impl Club {
    /// A certificate that is in the directory.
    fn member(&self, name: &str) -> Certificate {
        let mut certificate = Certificate::generate().unwrap();
        certificate.set("name", name).unwrap();
        certificate.save_public(self.path(name)).unwrap();
        certificate
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join("members").join(name)
    }

    /// A client that has said who it is.
    fn comes(&self, harness: &Harness, certificate: &Certificate) -> (Push, Monitor) {
        let client = harness.push();
        client.set_certificate(certificate).unwrap();
        client.set_curve_server_key(self.own.public_key()).unwrap();
        client.set_reconnect_interval(Some(GLANCE)).unwrap();
        let monitor = client.monitor();
        client.connect(&self.endpoint).unwrap();
        // Fails if it has been turned away already.
        let _ = client.send("hello");
        (client, monitor)
    }

    fn lets_in(&self, harness: &Harness, certificate: &Certificate) {
        let client = self.comes(harness, certificate);
        let message = self.server.recv().unwrap();
        assert_eq!(property(&message, "name").as_deref(), certificate.get("name"));
        drop(client);
    }

    fn turns_away(&self, harness: &Harness, certificate: &Certificate) {
        let (client, monitor) = self.comes(harness, certificate);
        assert_eq!(status(&monitor), 400);
        await_kind!(&monitor, GaveUp);
        client.set_linger(Some(Duration::ZERO)).unwrap();
    }
}

fn property(message: &Message, name: &str) -> Option<String> {
    Some(String::from_utf8_lossy(message.properties()?.get(name)?).into_owned())
}

/// The status with which one end has refused the other, at the next refusal.
fn status(monitor: &Monitor) -> u16 {
    await_event(monitor, |event| match event {
        MonitorEvent::HandshakeFailed { reason, .. } => reason.auth_status(),
        _ => None,
    })
}

fn who_is_in_the_directory_is_let_in_with_what_is_known_of_it(harness: &Harness) {
    let club = club(harness);
    let mut alice = club.member("alice");
    alice.set("role", "clerk").unwrap();
    // What a certificate says of these does not count.
    alice.set("User-Id", "queen").unwrap();
    alice.set("Peer-Address", "192.0.2.1").unwrap();
    alice.save_public(club.path("alice")).unwrap();
    let _client = club.comes(harness, &alice);
    let message = club.server.recv().unwrap();
    let known = |name: &str| property(&message, name);
    assert_eq!(known("name").as_deref(), Some("alice"));
    assert_eq!(known("role").as_deref(), Some("clerk"));
    assert_eq!(known("User-Id"), Some(alice.public_key().to_string()));
    assert_ne!(known("Peer-Address").as_deref(), Some("192.0.2.1"));
}

fn who_is_not_in_the_directory_is_told_and_does_not_come_again(harness: &Harness) {
    let club = club(harness);
    club.member("alice");
    club.turns_away(harness, &Certificate::generate().unwrap());
    assert!(club.server.try_recv().unwrap_err().is_would_block());
}

fn who_speaks_something_else_than_curve_is_not_in_any_directory(harness: &Harness) {
    let club = club(harness);
    let server = harness.pull();
    server.set_authenticator(club.store.clone()).unwrap();
    let client = harness.push();
    let monitor = client.monitor();
    client.connect(&server.bind(&harness.anywhere()).unwrap()).unwrap();
    assert_eq!(status(&monitor), 400);
}

fn what_changes_in_the_directory_counts_for_the_next_who_comes(harness: &Harness) {
    let club = club(harness);
    let alice = club.member("alice");
    club.lets_in(harness, &alice);
    let bob = club.member("bob");
    club.lets_in(harness, &bob);
    fs::remove_file(club.path("alice")).unwrap();
    club.turns_away(harness, &alice);
    // In the place of another one.
    let successor = club.member("bob");
    club.turns_away(harness, &bob);
    club.lets_in(harness, &successor);
    // In a directory below, under any name.
    fs::create_dir(club.path("more")).unwrap();
    alice.save_public(club.path("more/a")).unwrap();
    club.lets_in(harness, &alice);
}

fn nothing_is_looked_at_before_its_time(harness: &Harness) {
    let club = club(harness);
    club.store.set_reload_interval(Duration::MAX);
    let alice = club.member("alice");
    assert!(club.store.get(&alice.public_key()).is_none());
    club.turns_away(harness, &alice);
    club.store.reload().unwrap();
    assert!(club.store.get(&alice.public_key()).is_some());
    club.lets_in(harness, &alice);
    fs::remove_file(club.path("alice")).unwrap();
    club.lets_in(harness, &alice);
    club.store.set_reload_interval(Duration::ZERO);
    club.turns_away(harness, &alice);
}

fn bad_files_keep_nobody_out_and_let_nobody_in(harness: &Harness) {
    let club = club(harness);
    let leaked = Certificate::generate().unwrap();
    leaked.save_secret(club.path("leaked")).unwrap();
    let half = Certificate::generate().unwrap();
    half.save_public(club.path("half")).unwrap();
    let text = fs::read_to_string(club.path("half")).unwrap();
    fs::write(club.path("half"), &text[..text.len() - 5]).unwrap();
    fs::write(club.path("empty"), "").unwrap();
    fs::write(club.path("binary"), [0xff; 1000]).unwrap();
    fs::write(club.path("huge"), "#\n".repeat(100_000)).unwrap();
    fs::create_dir(club.path("directory")).unwrap();
    let alice = club.member("alice");
    club.lets_in(harness, &alice);
    club.turns_away(harness, &leaked);
    club.turns_away(harness, &half);
}

fn a_directory_that_goes_away_turns_everybody_away_until_it_is_back(harness: &Harness) {
    let club = club(harness);
    let alice = club.member("alice");
    let (here, away) = (club.folder.path().join("members"), club.folder.path().join("away"));
    fs::rename(&here, &away).unwrap();
    let (_client, monitor) = club.comes(harness, &alice);
    let at_server = club.server.monitor();
    assert_eq!(status(&at_server), 300);
    assert!(club.store.reload().is_err());
    assert!(club.store.get(&alice.public_key()).is_none());
    fs::rename(&away, &here).unwrap();
    // It comes again by itself.
    assert_eq!(club.server.recv().unwrap(), "hello");
    drop(monitor);
}

fn many_who_come_at_once_are_all_judged(harness: &Harness) {
    const MEMBERS: usize = 20;
    let club = club(harness);
    let members: Vec<Certificate> =
        (0..MEMBERS).map(|number| club.member(&number.to_string())).collect();
    let strangers: Vec<Certificate> =
        (0..MEMBERS).map(|_| Certificate::generate().unwrap()).collect();
    let clients: Vec<_> = members
        .iter()
        .zip(&strangers)
        .flat_map(|(member, stranger)| [member, stranger])
        .map(|certificate| club.comes(harness, certificate))
        .collect();
    let mut names: Vec<usize> = (0..MEMBERS)
        .map(|_| property(&club.server.recv().unwrap(), "name").unwrap().parse().unwrap())
        .collect();
    names.sort_unstable();
    assert!(names.into_iter().eq(0..MEMBERS));
    for (client, monitor) in clients.iter().skip(1).step_by(2) {
        assert_eq!(status(monitor), 400);
        client.set_linger(Some(Duration::ZERO)).unwrap();
    }
    assert!(club.server.try_recv().unwrap_err().is_would_block());
}

fn one_store_serves_several_sockets(harness: &Harness) {
    let mut club = club(harness);
    let alice = club.member("alice");
    club.lets_in(harness, &alice);
    (club.server, club.endpoint) = curve_server(harness, &club.own, club.store.clone());
    club.lets_in(harness, &alice);
}

fn address_rules_come_first_and_the_authenticator_after_them(harness: &Harness) {
    let rules = AddressRules::new;
    let local = || rules().allow("127.0.0.0/8").unwrap();
    let is_ipc = harness.transport == Transport::Ipc;
    for (rules, passes) in [
        (rules(), true),
        (local(), !is_ipc),
        (local().allow_ipc(), true),
        (rules().allow_ipc(), is_ipc),
        (rules().allow("192.0.2.0/24").unwrap(), false),
        (rules().deny("127.0.0.1").unwrap(), is_ipc),
        (local().allow_ipc().deny("127.0.0.0/8").unwrap(), is_ipc),
    ] {
        let (sender, asked) = channel();
        let sender = Mutex::new(sender);
        let next = move |candidate: Candidate| {
            sender.lock().unwrap().send(()).unwrap();
            candidate.allow_as("somebody");
        };
        let server = harness.pull();
        server.set_authenticator(rules.clone().then(next)).unwrap();
        let client = harness.push();
        let monitor = client.monitor();
        client.connect(&server.bind(&harness.anywhere()).unwrap()).unwrap();
        // Fails if it has been turned away already.
        let _ = client.send("hello");
        if passes {
            let message = server.recv().unwrap();
            assert_eq!(property(&message, "User-Id").as_deref(), Some("somebody"), "{rules:?}");
        } else {
            assert_eq!(status(&monitor), 400, "{rules:?}");
        }
        assert_eq!(asked.try_recv().is_ok(), passes, "{rules:?}");
        client.set_linger(Some(Duration::ZERO)).unwrap();
    }
}

fn the_process_of_an_ipc_peer_is_known(harness: &Harness) {
    let seen = Arc::new(Mutex::new(None));
    let told = seen.clone();
    let server = harness.pull();
    server
        .set_authenticator(move |candidate: Candidate| {
            let address = candidate.peer_address().map(str::to_owned);
            *told.lock().unwrap() = Some((candidate.unix_peer(), address));
            candidate.deny(Denial::Credentials);
        })
        .unwrap();
    let client = harness.push();
    let monitor = client.monitor();
    client.connect(&server.bind(&harness.anywhere()).unwrap()).unwrap();
    assert_eq!(status(&monitor), 400);
    let (peer, address) = seen.lock().unwrap().take().unwrap();
    if harness.transport != Transport::Ipc || cfg!(windows) {
        assert_eq!(peer, None);
        return;
    }
    let peer = peer.unwrap();
    #[cfg(unix)]
    {
        let (uid, gid) = (rustix::process::geteuid(), rustix::process::getegid());
        assert_eq!((peer.uid, peer.gid), (uid.as_raw(), gid.as_raw()));
    }
    if cfg!(any(target_os = "linux", target_vendor = "apple")) {
        assert_eq!(peer.pid, Some(std::process::id()));
    }
    if cfg!(target_os = "linux") {
        let expected = format!("localhost:{}:{}:{}", peer.uid, peer.gid, std::process::id());
        assert_eq!(address, Some(expected));
    }
}

fn a_certificate_without_a_secret_key_cannot_be_shown(harness: &Harness) {
    let public = Certificate::from(Certificate::generate().unwrap().public_key());
    let error = harness.pull().set_certificate(&public).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Certificate);
    assert_eq!(error.to_string(), "certificate: the certificate has no secret key");
}
