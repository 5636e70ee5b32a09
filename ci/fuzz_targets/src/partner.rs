//! The honest end of a connection, for whoever is to get past a mechanism that nobody passes by chance.

use std::sync::{Arc, LazyLock};

use ringmq_pipe::frame;
use ringmq_zmtp::{
    AuthAnswer, Config, CurveClient, CurveServer, MechanismConfig, PlainClient, PlainServer,
    SocketType,
};

use crate::boxes::Keys;
use crate::clear::Clear;
use crate::common::{Recorder, partner};
use crate::duel::SEEDS;
use crate::end::End;
use crate::input::Input;

/// What it does before what it has said is passed on, by its number.
pub(crate) const NOTHING: u8 = 0;
pub(crate) const SEND: u8 = 1;
pub(crate) const PING: u8 = 2;
const ACTIONS: u8 = 3;

/// The mechanisms there are, by their number.
pub(crate) const NULL: u8 = 0;
pub(crate) const PLAIN_SERVER: u8 = 1;
pub(crate) const PLAIN_CLIENT: u8 = 2;
pub(crate) const CURVE_SERVER: u8 = 3;
pub(crate) const CURVE_CLIENT: u8 = 4;
pub(crate) const CLEAR: u8 = 5;
pub(crate) const MECHANISMS: u8 = 6;

static KEYS: LazyLock<Keys> = LazyLock::new(|| Keys::of(SEEDS[0], SEEDS[1]));

/// The mechanism of that number, with the one pair of keys that each role has.
pub(crate) fn mechanism(number: u8) -> MechanismConfig {
    MechanismConfig::Other(match number {
        PLAIN_SERVER => Arc::new(PlainServer),
        PLAIN_CLIENT => match PlainClient::new("user", "password") {
            Ok(client) => Arc::new(client),
            Err(error) => panic!("{error}"),
        },
        CURVE_SERVER => Arc::new(CurveServer::new(KEYS.server.secret.clone())),
        CURVE_CLIENT => Arc::new(CurveClient::new(KEYS.server.public, KEYS.client.clone())),
        CLEAR => Arc::new(Clear),
        _ => return MechanismConfig::Null,
    })
}

/// See the [module's documentation](self).
pub(crate) struct Partner(End);

impl Partner {
    /// Of an end of that type and mechanism; there is none that talks to a STREAM.
    pub(crate) fn new(of: SocketType, number: u8) -> Option<Self> {
        if of == SocketType::Stream {
            return None;
        }
        let mut config = Config::new(partner(of));
        config.mechanism = mechanism(match number {
            PLAIN_SERVER => PLAIN_CLIENT,
            PLAIN_CLIENT => PLAIN_SERVER,
            CURVE_SERVER => CURVE_CLIENT,
            CURVE_CLIENT => CURVE_SERVER,
            other => other,
        });
        let answer = AuthAnswer::Allow { user_id: Vec::new(), properties: Vec::new() };
        Some(Self(End::new(&Arc::new(config), SEEDS[1], Some(answer))))
    }

    /// Hears what the end has said.
    pub(crate) fn hear(&mut self, bytes: &[u8]) {
        self.0.feed(bytes);
        // It keeps no more of the past than the end does.
        if self.0.recorder.open.is_none() {
            self.0.recorder = Recorder::default();
        }
    }

    /// Does something, and gives what it has said since the last time.
    pub(crate) fn speak(&mut self, input: &mut Input<'_>) -> Vec<u8> {
        match input.byte() % ACTIONS {
            SEND => {
                let more = input.byte() & frame::MORE;
                self.0.send(more, input.bytes());
            }
            PING => {
                let ttl = input.number();
                if let Some(established) = &mut self.0.established {
                    established.encoder.ping(ttl, &mut self.0.seen.output);
                }
            }
            _ => {}
        }
        std::mem::take(&mut self.0.seen.output)
    }
}
