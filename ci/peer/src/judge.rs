//! Who lets peers in to the socket of `ringmq-peer drive`: verdicts from the command line, said by an
//! authenticator of the socket or by a ZAP handler in its context.
//!
//! Twin of `ci/interop_lib/judge.py`: the same flags, the same questions and answers.

use std::collections::HashMap;
use std::thread;

use clap::{Args, ValueEnum};
use ringmq::auth::{Candidate, Denial};
use ringmq::{AnySocket, Context, Error, Multipart};

/// Where a ZAP handler binds.
const ZAP_ENDPOINT: &str = "inproc://zeromq.zap.01";
/// Who is let in is somebody, and has a property.
const USER_ID: &str = "judged";
const PROPERTY: (&str, &[u8]) = ("Role", b"clerk");
/// The same as ZMTP writes it.
const METADATA: &[u8] = b"\x04Role\x00\x00\x00\x05clerk";
/// What is said of those of whom no flag says anything.
const OTHERWISE: &str = "400";

/// Flags that say who is let in.
#[derive(Debug, Args)]
pub(crate) struct JudgeArgs {
    /// Who says the verdicts; nobody unless this is given.
    #[arg(long)]
    judge: Option<Judge>,
    /// QUESTION=STATUS, of ZAP; may be repeated. A question is DOMAIN/ADDRESS/MECHANISM, and each
    /// credential in hex after another slash; the address may be * for any.
    #[arg(long = "verdict")]
    verdicts: Vec<String>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Judge {
    /// An authenticator of the socket.
    Native,
    /// A REP in the same context.
    Zap,
}

/// The status for each question.
struct Verdicts(HashMap<String, String>);

impl JudgeArgs {
    /// Has somebody judge the peers of the socket from now on.
    pub(crate) fn install(&self, context: &Context, socket: &AnySocket) -> Result<(), Error> {
        let verdicts = self.verdicts.iter().filter_map(|verdict| verdict.rsplit_once('='));
        let verdicts = verdicts.map(|(question, status)| (question.to_owned(), status.to_owned()));
        let verdicts = Verdicts(verdicts.collect());
        match self.judge {
            None => Ok(()),
            Some(Judge::Native) => {
                socket.set_authenticator(move |candidate: Candidate| verdicts.judge(candidate))
            }
            Some(Judge::Zap) => verdicts.handle(context),
        }
    }
}

impl Verdicts {
    fn status<F: AsRef<[u8]>>(
        &self,
        domain: &str,
        address: &str,
        mechanism: &str,
        credentials: &[F],
    ) -> &str {
        let credentials: String =
            credentials.iter().map(|credential| format!("/{}", hex::encode(credential))).collect();
        let status = [address, "*"]
            .iter()
            .find_map(|place| self.0.get(&format!("{domain}/{place}/{mechanism}{credentials}")));
        status.map_or(OTHERWISE, String::as_str)
    }

    fn judge(&self, candidate: Candidate) {
        let status = self.status(
            candidate.domain(),
            candidate.peer_address().unwrap_or_default(),
            candidate.mechanism(),
            candidate.credentials(),
        );
        match status {
            "200" => candidate.allow_with(USER_ID, [PROPERTY]),
            "300" => candidate.deny(Denial::Temporary),
            "500" => candidate.deny(Denial::Internal),
            _ => candidate.deny(Denial::Credentials),
        }
    }

    /// Judges on a thread of its own until the context ends.
    fn handle(self, context: &Context) -> Result<(), Error> {
        let handler = context.rep()?;
        handler.bind(ZAP_ENDPOINT)?;
        thread::spawn(move || {
            while let Ok(question) = handler.recv_multipart() {
                let reply = self.reply(&question);
                if handler.send_multipart(reply).is_err() {
                    return;
                }
            }
        });
        Ok(())
    }

    fn reply(&self, question: &Multipart) -> Multipart {
        let frames: Vec<&[u8]> = question.iter().map(AsRef::as_ref).collect();
        let [version, id, domain, address, _identity, mechanism, credentials @ ..] = &frames[..]
        else {
            // No reply of ZAP: the peer that is asked about is not let in.
            return Multipart::from(["not six frames"]);
        };
        let [domain, address, mechanism] =
            [domain, address, mechanism].map(|frame| String::from_utf8_lossy(frame));
        let status = self.status(&domain, &address, &mechanism, credentials);
        let (user_id, metadata) =
            if status == "200" { (USER_ID, METADATA) } else { ("", &b""[..]) };
        [version, id, status.as_bytes(), b"as the flags say", user_id.as_bytes(), metadata].into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the handler says of alice.
    fn ask(verdicts: &[(&str, &str)]) -> Vec<Vec<u8>> {
        let verdicts = verdicts.iter().map(|&(question, status)| (question.into(), status.into()));
        let question: Multipart =
            [&b"1.0"[..], b"7", b"lab", b"127.0.0.1", b"", b"PLAIN", b"alice", b"\xff"].into();
        let reply = Verdicts(verdicts.collect()).reply(&question);
        reply.iter().map(|frame| frame.to_vec()).collect()
    }

    #[test]
    fn the_flags_are_what_it_says() {
        // ci/interop_lib/tests.py expects the same of its twin.
        let (anywhere, here) = ("lab/*/PLAIN/616c696365/ff", "lab/127.0.0.1/PLAIN/616c696365/ff");
        let known = [&b"1.0"[..], b"7", b"200", b"as the flags say", b"judged", METADATA];
        assert_eq!(ask(&[(anywhere, "200")]), known);
        assert_eq!(
            ask(&[(anywhere, "200"), (here, "500")])[2..5],
            [&b"500"[..], b"as the flags say", b""]
        );
        assert_eq!(ask(&[("/*/PLAIN/616c696365/ff", "200")])[2], b"400");
    }
}
