//! REQ and REP: requests and replies in lock-step, whatever peers send.

use crate::harness::{
    GLANCE, Harness, await_peers, connected, eventually, everywhere, within_process,
};
use ringmq::{Dealer, Error, Multipart, Router};

everywhere![
    a_req_cannot_send_twice,
    a_req_cannot_receive_first,
    a_rep_cannot_send_first,
    a_rep_cannot_receive_twice,
    requests_go_to_each_server_in_turn,
    a_rep_answers_who_asked,
    a_rep_keeps_the_whole_way_back,
    a_request_without_delimiter_is_ignored,
    a_reply_to_one_who_left_is_dropped,
    a_req_takes_no_reply_without_delimiter,
    a_req_takes_replies_only_from_whom_it_asked,
    a_relaxed_req_gives_a_request_up,
    a_correlated_req_takes_only_its_reply,
    correlation_counts_for_the_next_request,
    a_rep_echoes_the_correlation,
];

within_process![a_request_that_is_refused_gives_nothing_up];

fn a_req_cannot_send_twice(harness: &Harness) {
    let (req, rep) = (harness.req(), harness.rep());
    harness.join(&rep, &req);
    req.send("one").unwrap();
    let failed = req.send("two").unwrap_err();
    assert!(matches!(failed.error, Error::State(_)));
    assert_eq!(failed.message, "two".into());
    assert_eq!(rep.recv().unwrap(), "one");
    rep.send("reply").unwrap();
    assert_eq!(req.recv().unwrap(), "reply");
    req.send("two").unwrap();
    assert_eq!(rep.recv().unwrap(), "two");
}

fn a_req_cannot_receive_first(harness: &Harness) {
    let (req, rep) = (harness.req(), harness.rep());
    harness.join(&rep, &req);
    assert!(matches!(req.recv(), Err(Error::State(_))));
    assert!(matches!(req.try_recv_multipart(), Err(Error::State(_))));
}

fn a_rep_cannot_send_first(harness: &Harness) {
    let (req, rep) = (harness.req(), harness.rep());
    harness.join(&rep, &req);
    assert!(matches!(rep.send("unasked").unwrap_err().error, Error::State(_)));
}

fn a_rep_cannot_receive_twice(harness: &Harness) {
    let (req, rep) = (harness.req(), harness.rep());
    harness.join(&rep, &req);
    req.send("ask").unwrap();
    rep.recv().unwrap();
    assert!(matches!(rep.recv(), Err(Error::State(_))));
    rep.send("answer").unwrap();
    assert!(matches!(rep.send("again").unwrap_err().error, Error::State(_)));
    assert_eq!(req.recv().unwrap(), "answer");
}

fn requests_go_to_each_server_in_turn(harness: &Harness) {
    let req = harness.req();
    let reps = [harness.rep(), harness.rep(), harness.rep()];
    for rep in &reps {
        req.connect(&rep.bind(&harness.anywhere()).unwrap()).unwrap();
    }
    await_peers(&req, 3);
    for _ in 0..3 {
        for (number, rep) in reps.iter().enumerate() {
            req.send([number as u8]).unwrap();
            assert_eq!(rep.recv().unwrap(), [number as u8]);
            rep.send("done").unwrap();
            assert_eq!(req.recv().unwrap(), "done");
        }
    }
}

pub(crate) fn a_rep_answers_who_asked(harness: &Harness) {
    let rep = harness.rep();
    let reqs = [harness.req(), harness.req(), harness.req()];
    let endpoint = rep.bind(&harness.anywhere()).unwrap();
    for (name, req) in reqs.iter().enumerate() {
        req.connect(&endpoint).unwrap();
        req.send([name as u8]).unwrap();
    }
    for _ in &reqs {
        let request = rep.recv().unwrap();
        rep.send(request).unwrap();
    }
    for (name, req) in reqs.iter().enumerate() {
        assert_eq!(req.recv().unwrap(), [name as u8]);
    }
}

/// A DEALER that is connected to a REP.
fn dealer_at_rep(harness: &Harness) -> (Dealer, ringmq::Rep) {
    let (dealer, rep) = (harness.dealer(), harness.rep());
    harness.join(&rep, &dealer);
    (dealer, rep)
}

fn a_rep_keeps_the_whole_way_back(harness: &Harness) {
    let (dealer, rep) = dealer_at_rep(harness);
    dealer.send_multipart(["hop 1", "hop 2", "hop 3", "", "body", "more"]).unwrap();
    assert_eq!(rep.recv_multipart().unwrap(), ["body", "more"].into());
    rep.send_multipart(["reply", "too"]).unwrap();
    let reply = dealer.recv_multipart().unwrap();
    assert_eq!(reply, ["hop 1", "hop 2", "hop 3", "", "reply", "too"].into());
}

fn a_request_without_delimiter_is_ignored(harness: &Harness) {
    let (dealer, rep) = dealer_at_rep(harness);
    dealer.send("no delimiter").unwrap();
    dealer.send_multipart(["none", "here", "either"]).unwrap();
    dealer.send_multipart(["delimiter last", ""]).unwrap();
    dealer.send("").unwrap();
    dealer.send_multipart(["", "good"]).unwrap();
    assert_eq!(rep.recv_multipart().unwrap(), "good".into());
    rep.send("answer").unwrap();
    assert_eq!(dealer.recv_multipart().unwrap(), ["", "answer"].into());
}

fn a_reply_to_one_who_left_is_dropped(harness: &Harness) {
    let (req, rep, other) = (harness.req(), harness.rep(), harness.req());
    let endpoint = harness.join(&rep, &req);
    req.send("question").unwrap();
    assert_eq!(rep.recv().unwrap(), "question");
    drop(req);
    eventually("it has left", || connected(&rep) == 0);
    rep.send_multipart(["to", "nobody"]).unwrap();
    other.connect(&endpoint).unwrap();
    other.send("next").unwrap();
    assert_eq!(rep.recv().unwrap(), "next");
    rep.send("fine").unwrap();
    assert_eq!(other.recv().unwrap(), "fine");
}

/// A ROUTER that plays a server, and takes a request apart: its envelope, then its body.
fn router_asked(router: &Router) -> (Multipart, Multipart) {
    let mut request = router.recv_multipart().unwrap();
    let mut envelope = Multipart::new();
    while let Some(frame) = request.pop_front() {
        let delimiter = frame.is_empty();
        envelope.push_back(frame);
        if delimiter {
            break;
        }
    }
    (envelope, request)
}

fn answer(router: &Router, mut envelope: Multipart, body: &str) {
    envelope.push_back(body);
    router.send_multipart(envelope).unwrap();
}

fn a_req_takes_no_reply_without_delimiter(harness: &Harness) {
    // Over a wire such a peer may be cut off instead; so the good reply comes from another request.
    let (req, router) = (harness.req(), harness.router());
    harness.join(&router, &req);
    req.set_relaxed(true).unwrap();
    req.send("one").unwrap();
    let (envelope, _) = router_asked(&router);
    let id = envelope[0].clone();
    router.send_multipart([id.clone(), "no delimiter".into()]).unwrap();
    router.send_multipart([id, "none".into(), "here".into()]).unwrap();
    req.set_recv_timeout(Some(GLANCE)).unwrap();
    assert!(req.recv().unwrap_err().is_would_block());
}

fn a_req_takes_replies_only_from_whom_it_asked(harness: &Harness) {
    let req = harness.req();
    req.set_routing_id("asker").unwrap();
    let (asked, meddler) = (harness.router(), harness.router());
    for router in [&asked, &meddler] {
        harness.join(router, &req);
    }
    meddler.send_multipart(["asker", "", "unasked"]).unwrap();
    req.send("question").unwrap();
    let (envelope, body) = router_asked(&asked);
    assert_eq!(body, "question".into());
    meddler.send_multipart(["asker", "", "unasked"]).unwrap();
    req.set_recv_timeout(Some(GLANCE)).unwrap();
    assert!(req.recv().unwrap_err().is_would_block());
    answer(&asked, envelope, "right");
    req.set_recv_timeout(Some(crate::harness::PATIENCE)).unwrap();
    assert_eq!(req.recv().unwrap(), "right");
}

fn a_relaxed_req_gives_a_request_up(harness: &Harness) {
    let (req, router) = (harness.req(), harness.router());
    req.set_relaxed(true).unwrap();
    req.set_correlate(true).unwrap();
    harness.join(&router, &req);
    req.send("first").unwrap();
    req.send("second").unwrap();
    let (first, body) = router_asked(&router);
    assert_eq!(body, "first".into());
    answer(&router, first, "late");
    let (second, body) = router_asked(&router);
    assert_eq!(body, "second".into());
    answer(&router, second, "in time");
    assert_eq!(req.recv().unwrap(), "in time");
}

fn a_correlated_req_takes_only_its_reply(harness: &Harness) {
    let (req, router) = (harness.req(), harness.router());
    req.set_correlate(true).unwrap();
    harness.join(&router, &req);
    req.send("question").unwrap();
    let (envelope, body) = router_asked(&router);
    assert_eq!(body, "question".into());
    assert_eq!(envelope.len(), 3, "id of the peer, number, delimiter");
    assert_eq!(envelope[1].len(), 4);
    let mut wrong = envelope.clone();
    wrong[1] = [envelope[1][0] ^ 1, envelope[1][1], envelope[1][2], envelope[1][3]].into();
    answer(&router, wrong, "wrong");
    answer(&router, envelope, "right");
    assert_eq!(req.recv().unwrap(), "right");
}

fn correlation_counts_for_the_next_request(harness: &Harness) {
    let (req, rep) = (harness.req(), harness.rep());
    harness.join(&rep, &req);
    for on in [true, false, true] {
        req.send("question").unwrap();
        // This one is on its way already.
        req.set_correlate(on).unwrap();
        rep.send(rep.recv().unwrap()).unwrap();
        assert_eq!(req.recv().unwrap(), "question");
    }
}

fn a_rep_echoes_the_correlation(harness: &Harness) {
    let (req, rep) = (harness.req(), harness.rep());
    req.set_correlate(true).unwrap();
    harness.join(&rep, &req);
    for number in 0..10u8 {
        req.send([number]).unwrap();
        rep.send(rep.recv().unwrap()).unwrap();
        assert_eq!(req.recv().unwrap(), [number]);
    }
}

fn a_request_that_is_refused_gives_nothing_up(harness: &Harness) {
    let (req, router) = (harness.req(), harness.router());
    req.set_relaxed(true).unwrap();
    req.set_send_hwm(1).unwrap();
    router.set_recv_hwm(1).unwrap();
    harness.join(&router, &req);
    req.send("question").unwrap();
    let (envelope, _) = router_asked(&router);
    // Nobody takes those.
    while req.try_send("question").is_ok() {}
    answer(&router, envelope, "answer");
    assert!(req.try_send("refused").unwrap_err().error.is_would_block());
    assert_eq!(req.try_recv().unwrap(), "answer");
}
