//! Each feature that the backend uses, tried by itself on rings that are thrown away: what a kernel has
//! is found by using it, never by its version.
//!
//! Flags are tried by setting a ring up with them, operations by asking which ones the kernel knows, and
//! what neither tells (multishot requests, provided buffers) by doing it, with the requests that the
//! backend itself makes.

use super::buffers::{BufferRing, STREAMS};
use super::operation;
use super::probe::pauses;
use super::ring::Ring;
use super::wake::RingWaker;
use crate::backend::{Found, Receive, UringFeature, UringRefusal, Wake};
use crate::io_thread::token::Token;
use io_uring::{Builder, IoUring, cqueue, opcode, squeue};
use socket2::{Domain, Socket, Type};
use std::io::{self, Write};
use std::time::{Duration, Instant};

/// How long a request may take whose answer is there already.
const PATIENCE: Duration = Duration::from_millis(500);

/// Tries every feature; empty if no ring can be had at all.
pub(super) fn survey() -> Vec<UringFeature> {
    let Ok(mut ring) = patiently(Ring::plain) else { return Vec::new() };
    let mut features = setup_flags();
    features.extend(told_by(&ring));
    features.extend(operations(&ring));
    features.extend(multishot(&mut ring));
    features.push(UringFeature {
        name: "IORING_REGISTER_NAPI",
        purpose: "the ring polls network devices itself while it waits",
        without: Some(
            "ContextBuilder::busy_poll does nothing for I/O threads, only SO_BUSY_POLL is left",
        ),
        found: found(ring.busy_poll(Duration::from_micros(1))),
    });
    features
}

/// Says in a refusal which needed features are missing.
pub(super) fn name_missing(refusal: &mut UringRefusal) {
    let missing =
        |feature: &UringFeature| feature.without.is_none() && matches!(feature.found, Found::No(_));
    let features = survey();
    let names: Vec<&str> = features.iter().filter(|f| missing(f)).map(|f| f.name).collect();
    if !names.is_empty() {
        refusal.reason = format!("the io_uring of this kernel has no {}", names.join(", "));
    }
}

fn found<T>(result: io::Result<T>) -> Found {
    match result {
        Ok(_) => Found::Yes,
        // Says nothing about the feature.
        Err(error) if matches!(error.raw_os_error(), Some(libc::ENOMEM | libc::EMFILE)) => {
            Found::Unknown(error.to_string())
        }
        Err(error) => Found::No(error.to_string()),
    }
}

/// A feature that the backend cannot do without.
fn needed(name: &'static str, purpose: &'static str, found: Found) -> UringFeature {
    UringFeature { name, purpose, without: None, found }
}

/// Tries again while memory is short.
fn patiently<T>(mut make: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    for pause in pauses() {
        match make() {
            Err(error) if error.raw_os_error() == Some(libc::ENOMEM) => std::thread::sleep(pause),
            result => return result,
        }
    }
    make()
}

/// Whether a ring can be set up in this way.
fn sets_up(configure: fn(&mut Builder)) -> Found {
    found(patiently(|| {
        let mut builder = IoUring::builder();
        configure(&mut builder);
        builder.build(4)
    }))
}

fn setup_flags() -> Vec<UringFeature> {
    let flag = |name, purpose, configure| needed(name, purpose, sets_up(configure));
    vec![
        flag("IORING_SETUP_CQSIZE", "room for the completions of many connections", |b| {
            b.setup_cqsize(64);
        }),
        flag("IORING_SETUP_CLAMP", "the largest ring there is instead of an error", |b| {
            b.setup_clamp();
        }),
        flag("IORING_SETUP_SUBMIT_ALL", "one bad request does not hold up those behind it", |b| {
            b.setup_submit_all();
        }),
        UringFeature {
            name: "IORING_SETUP_SINGLE_ISSUER",
            purpose: "one thread owns the ring, without locks",
            without: Some("the kernel takes a lock for each submission, as it did before"),
            found: sets_up(|b| {
                b.setup_single_issuer();
            }),
        },
        UringFeature {
            name: "IORING_SETUP_DEFER_TASKRUN",
            purpose: "completions run when the owner asks",
            without: Some("they run whenever the I/O thread comes out of the kernel"),
            found: sets_up(|b| {
                b.setup_single_issuer().setup_defer_taskrun();
            }),
        },
        UringFeature {
            name: "IORING_SETUP_TASKRUN_FLAG",
            purpose: "looking for work without a system call",
            without: None,
            // It goes with either of two others.
            found: match sets_up(|b| {
                b.setup_single_issuer().setup_defer_taskrun().setup_taskrun_flag();
            }) {
                Found::No(_) => sets_up(|b| {
                    b.setup_coop_taskrun().setup_taskrun_flag();
                }),
                other => other,
            },
        },
        UringFeature {
            name: "IORING_SETUP_NO_SQARRAY",
            purpose: "one indirection less for each request",
            without: Some("requests go through an index array as before; nothing else changes"),
            found: sets_up(|b| {
                b.setup_no_sqarray();
            }),
        },
    ]
}

/// Features that the kernel tells of by itself.
fn told_by(ring: &Ring) -> [UringFeature; 2] {
    let told = |yes| if yes { Found::Yes } else { Found::No("not among its feature bits".into()) };
    let params = ring.params();
    [
        needed(
            "IORING_FEAT_NODROP",
            "completions are never lost when many come at once",
            told(params.is_feature_nodrop()),
        ),
        needed(
            "IORING_FEAT_EXT_ARG",
            "waiting with a limit of time",
            told(params.is_feature_ext_arg()),
        ),
    ]
}

fn operations(ring: &Ring) -> Vec<UringFeature> {
    let known = ring.operations().map_err(|error| error.to_string());
    let operation = |name, code, purpose| {
        let found = match &known {
            Ok(known) if known.is_supported(code) => Found::Yes,
            Ok(_) => Found::No("not among its operations".into()),
            Err(error) => Found::Unknown(format!("IORING_REGISTER_PROBE: {error}")),
        };
        needed(name, purpose, found)
    };
    vec![
        operation("IORING_OP_ACCEPT", opcode::Accept::CODE, "accepting connections"),
        operation("IORING_OP_CONNECT", opcode::Connect::CODE, "making connections"),
        operation("IORING_OP_RECV", opcode::Recv::CODE, "receiving one buffer"),
        operation("IORING_OP_SEND", opcode::Send::CODE, "sending one stretch of memory"),
        operation("IORING_OP_SENDMSG", opcode::SendMsg::CODE, "sending several at once"),
        operation("IORING_OP_ASYNC_CANCEL", opcode::AsyncCancel::CODE, "ending requests"),
        operation("IORING_OP_POLL_ADD", opcode::PollAdd::CODE, "being woken by other threads"),
    ]
}

/// What only doing it tells.
fn multishot(ring: &mut Ring) -> [UringFeature; 3] {
    let mut buffers = patiently(|| BufferRing::new(ring, STREAMS));
    let received = match &mut buffers {
        Ok(buffers) => found(try_receive(ring, buffers, PATIENCE)),
        Err(_) => Found::Unknown("it takes a buffer ring".into()),
    };
    [
        needed(
            "IORING_REGISTER_PBUF_RING",
            "all connections share receive buffers, idle ones hold none",
            found(buffers.as_ref().map_err(copy)),
        ),
        needed("IORING_RECV_MULTISHOT", "one request receives until it is ended", received),
        needed(
            "IORING_POLL_ADD_MULTI",
            "one request wakes the I/O thread each time",
            found(try_poll(ring)),
        ),
    ]
}

fn copy(error: &io::Error) -> io::Error {
    error.raw_os_error().map_or_else(|| error.kind().into(), io::Error::from_raw_os_error)
}

/// The first answer to a request, unless it is an error.
fn answer(ring: &mut Ring, request: &squeue::Entry) -> io::Result<cqueue::Entry> {
    ring.push(request);
    good(completion(ring, request.get_user_data(), PATIENCE)?)
}

/// The next completion of a request, good or bad.
fn completion(ring: &mut Ring, user_data: u64, patience: Duration) -> io::Result<cqueue::Entry> {
    let deadline = Instant::now() + patience;
    let mut completions = Vec::new();
    while Instant::now() < deadline {
        ring.enter(Some(patience))?;
        ring.reap(&mut completions);
        let mine = |entry: &cqueue::Entry| entry.user_data() == user_data;
        if let Some(entry) = completions.drain(..).find(mine) {
            return Ok(entry);
        }
    }
    Err(io::ErrorKind::TimedOut.into())
}

fn good(entry: cqueue::Entry) -> io::Result<cqueue::Entry> {
    match entry.result() {
        error @ ..0 => Err(io::Error::from_raw_os_error(-error)),
        _ => Ok(entry),
    }
}

fn goes_on(entry: &cqueue::Entry) -> io::Result<()> {
    if cqueue::more(entry.flags()) {
        return Ok(());
    }
    Err(io::Error::other("it answered once and ended"))
}

/// Receives something and sees the receive end. If that is not seen, which a busy machine can bring about,
/// the kernel may write to a buffer later, and for as long as the ring lives: then it keeps them for good.
fn try_receive(ring: &mut Ring, buffers: &mut BufferRing, patience: Duration) -> io::Result<()> {
    let (near, mut far) = Socket::pair(Domain::UNIX, Type::STREAM, None)?;
    far.write_all(b"probe")?;
    let request = operation::receive(Token::unique(), &near, Receive::Stream);
    ring.push(&request);
    let mut next = || completion(ring, request.get_user_data(), patience);
    let first = next();
    // Without a writer nothing comes any more, and the request ends.
    drop(far);
    let last = match &first {
        Ok(entry) if !cqueue::more(entry.flags()) => Ok(entry.clone()),
        _ => next(),
    };
    if last.as_ref().map_or(true, |entry| cqueue::more(entry.flags())) {
        buffers.leak();
    }
    let first = good(first?)?;
    goes_on(&first)?;
    last?;
    cqueue::buffer_select(first.flags()).map(drop).ok_or_else(|| io::Error::other("no buffer"))
}

fn try_poll(ring: &mut Ring) -> io::Result<()> {
    let waker = RingWaker::new()?;
    waker.wake();
    goes_on(&answer(ring, &waker.request())?)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// As on a machine that is so busy that the trial is given up.
    #[test]
    fn a_trial_without_an_end_leaves_its_buffers_to_the_kernel() {
        let Ok(mut ring) = patiently(Ring::plain) else {
            eprintln!("SKIPPED: no io_uring here");
            return;
        };
        let mut buffers = patiently(|| BufferRing::new(&ring, STREAMS)).unwrap();
        let timed_out = try_receive(&mut ring, &mut buffers, Duration::ZERO).unwrap_err();
        assert_eq!(timed_out.kind(), io::ErrorKind::TimedOut);
        // The other end is gone: nothing comes any more.
        drop(ring);
        assert!(buffers.take_back());
    }

    #[test]
    fn a_trial_that_ends_gives_them_back() {
        let Ok(mut ring) = patiently(Ring::plain) else {
            eprintln!("SKIPPED: no io_uring here");
            return;
        };
        let mut buffers = patiently(|| BufferRing::new(&ring, STREAMS)).unwrap();
        let result = try_receive(&mut ring, &mut buffers, 20 * PATIENCE);
        assert!(result.is_ok() && !buffers.take_back(), "{result:?}");
    }
}
