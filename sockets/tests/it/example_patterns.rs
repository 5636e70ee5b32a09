//! The examples of reliable patterns, run as processes of which some die.
//!
//! Their time-outs are short here, so that they often ask again: whatever is asked twice, the outcome is the
//! same.

use crate::examples::Example;
use crate::harness::{Address, Harness, Transport, eventually, patient};
use ringmq::{BackendChoice, Context, Multipart};

/// Where an example may listen, die, and listen again.
fn addresses<const N: usize>() -> [Address; N] {
    let (context, backend) = (Context::new(), BackendChoice::Auto);
    let harness = Harness { context, transport: Transport::Tcp, backend };
    [(); N].map(|()| Address::new(&harness))
}

/// The arguments of a client that asks again as often as it takes.
const STUBBORN: [&str; 4] = ["--timeout", "500", "--attempts", "1000"];

/// What the lazy pirate's client prints for so many answers.
fn answers(count: u32) -> String {
    (0..count).map(|number| format!("reply {number}: answer to request {number}\n")).collect()
}

#[test]
fn a_router_receives_and_answers() {
    let arguments = ["--endpoint", "tcp://127.0.0.1:*", "--count", "8"];
    let mut server = Example::start("router_server", &arguments);
    let endpoint = server.line("listening on ");
    let clients = [(); 2]
        .map(|()| Example::start("hello_client", &["--endpoint", &endpoint, "--count", "3"]));
    let dealer = patient(Context::new().dealer().unwrap());
    dealer.connect(&endpoint).unwrap();
    for question in ["one", "two"] {
        dealer.send(question).unwrap();
    }
    for answer in ["world, 1 times", "world, 2 times"] {
        assert_eq!(dealer.recv_multipart().unwrap(), answer.into());
    }
    for client in clients {
        let expected =
            [1, 2, 3].map(|times| format!("reply {}: world, {times} times\n", times - 1));
        assert_eq!(client.finish(), expected.concat());
    }
    assert_eq!(server.finish().lines().count(), 8);
}

#[test]
fn a_lazy_pirate_outlives_its_server() {
    let [address] = addresses();
    let at = ["--endpoint", &address.endpoint];
    let client =
        Example::start("lazy_pirate_client", &[&at[..], &STUBBORN, &["--count", "6"]].concat());
    let mut server =
        Example::start("lazy_pirate_server", &[&at[..], &["--fail-after", "3"]].concat());
    server.line("listening on ");
    let output = server.finish();
    assert!(output.starts_with("dying of request "), "{output}");
    let _server = Example::start("lazy_pirate_server", &at);
    assert_eq!(client.finish(), answers(6));
}

#[test]
fn a_lazy_pirate_gives_up() {
    let [address] = addresses();
    let arguments = ["--endpoint", &address.endpoint, "--timeout", "10", "--attempts", "3"];
    let client = Example::start("lazy_pirate_client", &arguments);
    assert_eq!(client.end(), (false, "giving up\n".into()));
}

#[test]
fn paranoid_pirates_outlive_workers_and_the_queue() {
    let [frontend, backend] = addresses();
    let often = ["--interval", "100"];
    let start_queue = || {
        let at = ["queue", "--frontend", &frontend.endpoint, "--backend", &backend.endpoint];
        let mut queue = Example::start("paranoid_pirate", &[&at[..], &often].concat());
        queue.line("frontend on ");
        queue.line("backend on ");
        queue
    };
    let start_worker = |extra: &[&str]| {
        let at = ["worker", "--endpoint", &backend.endpoint];
        let mut worker = Example::start("paranoid_pirate", &[&at[..], &often, extra].concat());
        worker.line("ready");
        worker
    };
    let start_client = |count| {
        let at = ["--endpoint", &frontend.endpoint, "--count", count];
        Example::start("lazy_pirate_client", &[&at[..], &STUBBORN].concat())
    };
    let queue = start_queue();
    let mortal = start_worker(&["--fail-after", "2"]);
    let client = start_client("6");
    // It is alone until it dies of the third request, whose client asks again.
    assert!(mortal.finish().ends_with("dying\n"));
    let mut worker = start_worker(&[]);
    assert_eq!(client.finish(), answers(6));
    drop(queue);
    let _queue = start_queue();
    worker.line("ready again");
    assert_eq!(start_client("3").finish(), answers(3));
}

#[test]
fn a_majordomo_finds_another_worker() {
    let [address] = addresses();
    let at = ["--endpoint", &address.endpoint];
    let often = ["--interval", "100"];
    let mut broker = Example::start("majordomo", &[&["broker"], &at[..], &often].concat());
    broker.line("listening on ");
    let start_worker = |extra: &[&str]| {
        let arguments = [&["worker"], &at[..], &often, extra].concat();
        let mut worker = Example::start("majordomo", &arguments);
        worker.line("ready");
        worker
    };
    let start_client = |rest: &[&str]| {
        Example::start("majordomo", &[&["client"], &at[..], &STUBBORN, rest].concat())
    };
    let mortal = start_worker(&["--fail-after", "1"]);
    let client = start_client(&["as you like it", "twelfth night", "cymbeline"]);
    assert!(mortal.finish().ends_with("dying\n"));
    let worker = start_worker(&[]);
    let expected = "as you like it: as you like it 4\n\
                    twelfth night: twelfth night 2\n\
                    cymbeline: cymbeline 1\n";
    assert_eq!(client.finish(), expected);
    let who_is_there = start_client(&["--service", "mmi.service", "words", "deeds"]).finish();
    assert_eq!(who_is_there, "words: 200\ndeeds: 404\n");
    drop(worker);
    eventually("its silence is noticed", || {
        start_client(&["--service", "mmi.service", "words"]).finish() == "words: 404\n"
    });
}

#[test]
fn clones_outlive_their_server() {
    let addresses = addresses::<3>();
    let flags = ["--snapshots", "--updates", "--changes"];
    let at: Vec<&str> = flags
        .iter()
        .zip(&addresses)
        .flat_map(|(flag, address)| [*flag, &*address.endpoint])
        .collect();
    let start_server = || {
        let arguments = [&["server"], &at[..], &["--interval", "100"]].concat();
        let mut server = Example::start("clone", &arguments);
        for name in ["snapshots on ", "updates on ", "changes on "] {
            server.line(name);
        }
        server
    };
    let start_client = |wishes: &[&str]| {
        let arguments = [&["client"], &at[..], &["--timeout", "500"], wishes].concat();
        Example::start("clone", &arguments)
    };
    let server = start_server();
    let first = start_client(&["--set", "a=1", "--keys", "2"]);
    assert!(start_client(&["--keys", "1"]).finish().ends_with("a=1\n"), "set by another one");
    drop(server);
    let _server = start_server();
    let second = start_client(&["--set", "b=2", "--keys", "2"]);
    for client in [first, second] {
        let output = client.finish();
        assert!(output.ends_with("a=1\nb=2\n"), "{output}");
    }
    let output = start_client(&["--set", "a=", "--keys", "1"]).finish();
    assert!(output.ends_with("\nb=2\n") && !output.ends_with("a=1\nb=2\n"), "{output}");
}

#[test]
fn a_cache_has_the_last_value_for_who_comes_late() {
    let context = Context::new();
    let publisher = patient(context.xpub().unwrap());
    let published = publisher.bind("tcp://127.0.0.1:*").unwrap();
    let arguments = ["--endpoint", "tcp://127.0.0.1:*", &published];
    let mut cache = Example::start("last_value_cache", &arguments);
    let endpoint = cache.line("listening on ");
    assert_eq!(publisher.recv().unwrap(), "\x01", "it wants everything");
    for report in [["zurich", "1"], ["lima", "20"], ["zurich", "3"], ["last", "0"]] {
        publisher.send_multipart(report).unwrap();
    }
    // What is there when the last report is: nothing more is published from now on.
    let witness = patient(context.subscriber().unwrap());
    witness.subscribe("last").unwrap();
    witness.connect(&endpoint).unwrap();
    assert_eq!(witness.recv_multipart().unwrap(), ["last", "0"].into());
    for (place, degrees) in [("zurich", "3.0"), ("lima", "20.0"), ("z", "3.0")] {
        let arguments = ["--endpoint", &endpoint, "--place", place, "--count", "1"];
        let line = Example::start("weather_subscriber", &arguments).finish();
        assert_eq!(line, format!("{place}: {degrees} degrees on average of 1\n"));
    }
}

#[test]
fn a_file_arrives_whole_although_its_sender_dies() {
    let [address] = addresses();
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let original: Vec<u8> =
        (0..500_001u32).map(|number| (number.wrapping_mul(7919) >> 8) as u8).collect();
    std::fs::write(path("original"), &original).unwrap();
    std::fs::write(path("empty"), "").unwrap();
    let send = |name: &str| {
        let arguments = ["send", "--endpoint", &address.endpoint, &path(name)];
        let mut sender = Example::start("file_transfer", &arguments);
        sender.line("listening on ");
        sender
    };
    let receive = |name: &str, chunk: &str| {
        let at = ["receive", "--endpoint", &address.endpoint, "--timeout", "500"];
        Example::start("file_transfer", &[&at[..], &["--chunk", chunk, &path(name)]].concat())
    };
    let sender = send("original");
    let mut receivers = [receive("one", "1000"), receive("two", "65536")];
    for receiver in &mut receivers {
        receiver.line("receiving 500001 bytes");
    }
    // Wherever they are with it.
    drop(sender);
    let sender = send("original");
    for receiver in receivers {
        assert_eq!(receiver.finish(), "received 500001 bytes\n");
    }
    drop(sender);
    let _sender = send("empty");
    assert_eq!(receive("three", "1000").finish(), "receiving 0 bytes\nreceived 0 bytes\n");
    for (name, expected) in [("one", &original[..]), ("two", &original), ("three", b"")] {
        assert!(std::fs::read(path(name)).unwrap() == expected, "{name}");
    }
}

#[test]
fn a_sender_that_falls_silent_is_connected_anew() {
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("copy");
    let sender = patient(Context::new().router().unwrap());
    let endpoint = sender.bind("tcp://127.0.0.1:*").unwrap();
    let at = ["receive", "--endpoint", &endpoint, "--timeout", "50"];
    let receiver = Example::start("file_transfer", &[&at[..], &[copy.to_str().unwrap()]].concat());
    let (length, fnv_1a) = (3u64, 0xe71f_a219_0541_574b_u64);
    // The first connection hears of the size, and of nothing else.
    let mut deserted = None;
    loop {
        let request = sender.recv_multipart().unwrap();
        let (id, what) = (&request[0], &request[1]);
        let first = deserted.get_or_insert_with(|| id.clone());
        if what == "size" {
            let numbers = [length, fnv_1a].map(u64::to_be_bytes);
            let answer = Multipart::from((id, what, &numbers[0][..], &numbers[1][..]));
            sender.send_multipart(answer).unwrap();
        } else if id != first {
            sender.send_multipart(Multipart::from((id, what, &request[2], "abc"))).unwrap();
            break;
        }
    }
    assert_eq!(receiver.finish(), "receiving 3 bytes\nreceived 3 bytes\n");
    assert_eq!(std::fs::read(copy).unwrap(), b"abc");
}
