//! The greeting, by which two ends find out what they both speak.
//!
//! A greeting of ours is 64 bytes, but a peer of an older version must not get more of them than
//! it understands, so they go out in steps, each as soon as the peer's bytes allow it:
//!
//! | bytes known of the peer | we send |
//! |---|---|
//! | none | the signature: `FF`, eight bytes of padding, `7F` |
//! | 10 with the last one odd | our major version, `03` |
//! | 11 | to revisions 0 and 1 our socket type; to the rest all that is left |
//!
//! The padding holds the length of our routing id plus one. To a ZMTP 1.0 peer the signature is
//! therefore the header of a frame that holds our routing id.

use crate::error::quote;
use crate::header::{Framing, write_v1, write_v2};
use crate::limits::QUOTE_MAX;
use crate::mechanism::NAME_SIZE;
use crate::{Config, ProtocolError, SocketType, Version};

/// Bytes of the signature.
const SIGNATURE: usize = 10;
/// Where the peer's major version stands, which libzmq calls the revision.
const REVISION: usize = SIGNATURE;
/// The byte count at which the revision is known.
const REVISION_KNOWN: usize = REVISION + 1;
/// Where the minor version stands, or the socket type in the greeting of a revision below 3.
const MINOR: usize = 11;
/// Where the name of the mechanism begins.
const MECHANISM: usize = 12;
/// Bytes of a greeting of revision 0 or 1.
const LEGACY_SIZE: usize = 12;
/// Bytes of a greeting of revision 3 and above.
const SIZE: usize = 64;

/// The version that we announce: 3.1.
const OWN_MAJOR: u8 = 3;
const OWN_MINOR: u8 = 1;

/// What the peer's greeting turned out to be.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// None at all: a ZMTP 1.0 peer has sent the first bytes of a frame, held by
    /// [`Greeting::seen`].
    Unversioned,
    /// That of revision 0 or 1. Frames follow, the first with the peer's routing id.
    Legacy { framing: Framing, socket_type: Option<SocketType> },
    /// That of ZMTP 3, with the same mechanism as ours.
    Modern { version: Version },
}

/// The peer's greeting, as far as it has arrived.
#[derive(Debug)]
pub(crate) struct Greeting {
    bytes: [u8; SIZE],
    have: usize,
}

impl Greeting {
    /// Begins a greeting: puts the signature out, and waits for the peer's.
    pub(crate) fn new(config: &Config, out: &mut Vec<u8>) -> Self {
        out.push(0xFF);
        out.extend_from_slice(&(config.routing_id().len() as u64 + 1).to_be_bytes());
        out.push(0x7F);
        Greeting { bytes: [0; SIZE], have: 0 }
    }

    /// The bytes that have arrived.
    pub(crate) fn seen(&self) -> &[u8] {
        &self.bytes[..self.have]
    }

    /// Takes bytes of the peer, and puts out what they allow us to say. Returns how many were
    /// taken, and the outcome once that is certain; nothing beyond the greeting is taken.
    pub(crate) fn input(
        &mut self,
        mut input: &[u8],
        config: &Config,
        out: &mut Vec<u8>,
    ) -> Result<(usize, Option<Outcome>), ProtocolError> {
        let available = input.len();
        // Goes on only to the next byte count at which something is decided.
        while let Some(taken) = self.take(&mut input) {
            if taken && let Some(outcome) = self.decide(config, out)? {
                return Ok((available - input.len(), Some(outcome)));
            }
        }
        Ok((available, None))
    }

    /// Moves bytes from `input` up to the next decision. `None` if there are none left, else
    /// whether the decision can be made.
    fn take(&mut self, input: &mut &[u8]) -> Option<bool> {
        if input.is_empty() {
            return None;
        }
        let goal = match self.have {
            0 => 1,
            1..SIGNATURE => SIGNATURE,
            SIGNATURE => SIGNATURE + 1,
            _ if self.bytes[REVISION] <= 1 => LEGACY_SIZE,
            _ => SIZE,
        };
        let count = input.len().min(goal - self.have);
        let (taken, rest) = input.split_at(count);
        self.bytes[self.have..][..count].copy_from_slice(taken);
        self.have += count;
        *input = rest;
        Some(self.have == goal)
    }

    fn decide(&self, config: &Config, out: &mut Vec<u8>) -> Result<Option<Outcome>, ProtocolError> {
        let revision = self.bytes[REVISION];
        match self.have {
            1 if self.bytes[0] != 0xFF => unversioned(config, out).map(Some),
            // A long ZMTP 1.0 frame: where the signature ends in 7F, that has flags without MORE.
            SIGNATURE if self.bytes[SIGNATURE - 1] & 1 == 0 => unversioned(config, out).map(Some),
            SIGNATURE => {
                out.push(OWN_MAJOR);
                Ok(None)
            }
            REVISION_KNOWN if revision <= 1 => {
                let version = if revision == 0 { Version::V1_0 } else { Version::V2_0 };
                refuse_if_insecure(config, version)?;
                out.push(config.socket_type.code());
                write_routing_id(config, Framing::of(version), out);
                Ok(None)
            }
            REVISION_KNOWN => {
                out.push(OWN_MINOR);
                out.extend_from_slice(&config.mechanism.field());
                // As-server and filler. The role is a matter of settings at both ends, not of the
                // greeting: libzmq always writes 0 and never reads it, and so do we.
                out.extend_from_slice(&[0; SIZE - MECHANISM - NAME_SIZE]);
                Ok(None)
            }
            LEGACY_SIZE => {
                let framing = if revision == 0 { Framing::V1 } else { Framing::V2 };
                let socket_type = SocketType::from_code(self.bytes[MINOR]);
                Ok(Some(Outcome::Legacy { framing, socket_type }))
            }
            SIZE => self.modern(config).map(Some),
            _ => Ok(None),
        }
    }

    fn modern(&self, config: &Config) -> Result<Outcome, ProtocolError> {
        let mechanism = &self.bytes[MECHANISM..][..NAME_SIZE];
        if mechanism != config.mechanism.field() {
            let end = mechanism.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
            return Err(ProtocolError::MechanismMismatch {
                own: config.mechanism.name(),
                peer: quote(&mechanism[..end], QUOTE_MAX),
            });
        }
        // Revision 2 never existed in the wild; libzmq answers it, like all above 3, with 3.1.
        let is_3_0 = self.bytes[REVISION] == 3 && self.bytes[MINOR] == 0;
        Ok(Outcome::Modern { version: if is_3_0 { Version::V3_0 } else { Version::V3_1 } })
    }
}

/// Answers a ZMTP 1.0 peer: the signature was the header, so only the routing id is missing.
fn unversioned(config: &Config, out: &mut Vec<u8>) -> Result<Outcome, ProtocolError> {
    refuse_if_insecure(config, Version::V1_0)?;
    out.extend_from_slice(config.routing_id());
    Ok(Outcome::Unversioned)
}

fn refuse_if_insecure(config: &Config, version: Version) -> Result<(), ProtocolError> {
    if config.rejects_unauthenticated() {
        return Err(ProtocolError::VersionTooOld { version });
    }
    Ok(())
}

/// Appends the frame with which a connection of revision 0 or 1 begins.
fn write_routing_id(config: &Config, framing: Framing, out: &mut Vec<u8>) {
    let id = config.routing_id();
    match framing {
        Framing::V1 => write_v1(out, 0, id.len() as u64),
        Framing::V2 | Framing::V3 => write_v2(out, 0, id.len() as u64),
    }
    out.extend_from_slice(id);
}
