//! One end of a connection, from its first byte on: handshake, authenticator, decoder, all of which is kept
//! that can be seen from outside.

use std::sync::{Arc, LazyLock};
use std::time::Instant;

use ringmq_zmtp::{AuthAnswer, AuthRequest, Carrier, Config, Decoded, Established, Handshake};

use crate::common::{Event, Recorder, Seen};
use crate::random::Counting;

/// A time to begin at: only what passes after it counts.
pub(crate) static START: LazyLock<Instant> = LazyLock::new(Instant::now);

/// See the [module's documentation](self).
#[derive(Debug)]
pub(crate) struct End {
    pub(crate) handshake: Handshake,
    pub(crate) established: Option<Established>,
    /// What has come of it so far, but for the events.
    pub(crate) seen: Seen,
    pub(crate) recorder: Recorder,
    pub(crate) random: Counting,
    /// What the authenticator answers at once; `None` if it never does.
    answer: Option<AuthAnswer>,
    /// What the authenticator was asked.
    pub(crate) asked: Vec<AuthRequest>,
    /// Bytes that nobody takes before the authenticator has answered.
    pub(crate) waiting: Vec<u8>,
}

impl End {
    pub(crate) fn new(config: &Arc<Config>, seed: u64, answer: Option<AuthAnswer>) -> Self {
        End::carried(config, &Carrier::Stream, seed, answer)
    }

    /// The same, on what carries the connection.
    pub(crate) fn carried(
        config: &Arc<Config>,
        carrier: &Carrier,
        seed: u64,
        answer: Option<AuthAnswer>,
    ) -> Self {
        let mut random = Counting::new(seed);
        let mut handshake =
            Handshake::carried(config.clone(), carrier, *START, &mut |out| random.fill(out))
                .expect("there are random bytes");
        let mut seen = Seen { output: Vec::new(), peer: None, events: Vec::new(), error: None };
        handshake.take_output(&mut seen.output);
        End {
            handshake,
            established: None,
            seen,
            recorder: Recorder::default(),
            random,
            answer,
            asked: Vec::new(),
            waiting: Vec::new(),
        }
    }

    /// Takes bytes of the peer, unless there was an error.
    pub(crate) fn feed(&mut self, bytes: &[u8]) {
        if self.seen.error.is_none() {
            self.waiting.extend_from_slice(bytes);
            self.go_on();
        }
    }

    /// Gives an answer, whether or not anybody has asked.
    pub(crate) fn answer(&mut self, answer: AuthAnswer) {
        let random = &mut self.random;
        let result = self.handshake.answer(*START, &mut |out| random.fill(out), answer);
        self.seen.error = self.seen.error.take().or(result.err());
        self.handshake.take_output(&mut self.seen.output);
    }

    fn go_on(&mut self) {
        while self.seen.error.is_none() {
            if self.established.is_some() {
                return self.decode();
            }
            let random = &mut self.random;
            let taken = self.handshake.input(*START, &mut |out| random.fill(out), &self.waiting);
            self.handshake.take_output(&mut self.seen.output);
            match taken {
                Ok(taken) => {
                    assert!(taken <= self.waiting.len(), "more than there was");
                    self.waiting.drain(..taken);
                }
                Err(error) => return self.seen.error = Some(error),
            }
            if let Some(established) = self.handshake.established() {
                self.seen.peer = Some(established.peer.clone());
                self.established = Some(established);
            } else if self.handshake.is_waiting() {
                self.asked.extend(self.handshake.poll_request());
                let Some(answer) = self.answer.clone() else { return };
                self.answer(answer);
            } else {
                return assert!(self.waiting.is_empty(), "bytes left, and nobody is awaited");
            }
        }
    }

    fn decode(&mut self) {
        let Some(established) = &mut self.established else { return };
        let before = self.recorder.messages;
        match established.decoder.decode(&self.waiting, usize::MAX, &mut self.recorder) {
            Ok(Decoded { consumed, messages }) => {
                assert_eq!(consumed, self.waiting.len());
                assert_eq!(messages, self.recorder.messages - before);
                self.waiting.clear();
            }
            Err(error) => self.seen.error = Some(error),
        }
    }

    /// Sends a frame, if the handshake is over.
    pub(crate) fn send(&mut self, flags: u8, body: &[u8]) -> bool {
        match &mut self.established {
            Some(established) if self.seen.error.is_none() => {
                established.encoder.translate(flags, body, &mut self.seen.output);
                true
            }
            _ => false,
        }
    }

    /// All that is to be seen of it.
    pub(crate) fn into_seen(self) -> Seen {
        Seen { events: self.recorder.events, ..self.seen }
    }

    /// The frames that have come, commands for the session left out.
    pub(crate) fn frames(&self) -> impl Iterator<Item = (u8, &[u8])> {
        self.recorder.events.iter().filter_map(|event| match event {
            Event::Frame(flags, body) => Some((*flags, body.as_slice())),
            _ => None,
        })
    }
}

/// An end to which a stream comes in those pieces.
pub(crate) fn listen(
    config: &Arc<Config>,
    seed: u64,
    answer: Option<&AuthAnswer>,
    pieces: &[&[u8]],
) -> Seen {
    listen_on(config, &Carrier::Stream, seed, answer, pieces)
}

/// The same, on what carries the connection.
pub(crate) fn listen_on(
    config: &Arc<Config>,
    carrier: &Carrier,
    seed: u64,
    answer: Option<&AuthAnswer>,
    pieces: &[&[u8]],
) -> Seen {
    let mut end = End::carried(config, carrier, seed, answer.cloned());
    for piece in pieces {
        end.feed(piece);
    }
    end.into_seen()
}
