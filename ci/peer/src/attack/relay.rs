//! Somebody in the middle: a good client of CURVE, whose bytes are altered, kept and repeated on their way.

use std::io::ErrorKind;
use std::net::TcpListener;
use std::thread;
use std::time::Duration;

use ringmq::{AnySocket, SocketType};

use super::AttackError;
use super::bytes::{GREETING, frame_ends};
use super::field::Field;
use super::part::{self, Guard};
use super::wire::Wire;

/// The first pause of a client that comes again, and all others.
const AT_ONCE: Duration = Duration::from_millis(1);
/// Between two looks at who has said something.
const GLANCE: Duration = Duration::from_micros(100);

/// The client's bytes that come next become those that go on; the others are all that it has said before.
pub(crate) type Alter<'a> = dyn FnMut(&[u8], Vec<u8>) -> Vec<u8> + 'a;

/// A client, and the door that it takes for the server's.
pub(crate) struct Relay<'a> {
    field: &'a Field,
    listener: TcpListener,
    client: AnySocket,
}

/// What both ends have said, each whole.
#[derive(Debug, Default)]
pub(crate) struct Carried {
    pub(crate) by_client: Vec<u8>,
    pub(crate) by_server: usize,
}

impl<'a> Relay<'a> {
    pub(crate) fn new(field: &'a Field) -> Result<Self, AttackError> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        listener.set_nonblocking(true)?;
        let client = field.context.socket(SocketType::Push)?;
        part::equip(&client, Guard::Curve)?;
        client.set_reconnect_interval(Some(AT_ONCE))?;
        client.set_linger(Some(Duration::ZERO))?;
        client.connect(&format!("tcp://{}", listener.local_addr()?))?;
        Ok(Self { field, listener, client })
    }

    /// Carries what the client and the server say on the client's next connection, until there has been
    /// enough of it, or one of them has had enough. The client has that to say as soon as it is let in.
    pub(crate) fn carry(
        &self,
        message: Option<&str>,
        alter: &mut Alter<'_>,
        is_enough: impl Fn(&Carried) -> bool,
    ) -> Result<Carried, AttackError> {
        let mut client = self.accept()?;
        if let Some(message) = message {
            // Not before its last connection is over, on which it would be lost. Without room it has enough to say.
            let _ = self.client.try_send(message);
        }
        let mut server = self.field.connect()?;
        let mut carried = Carried::default();
        let mut heard = [0; 4096];
        self.field.until("the relay has carried enough", || {
            loop {
                let said = client.hear(&mut heard);
                if said > 0 {
                    server.say(&alter(&carried.by_client, heard[..said].to_vec()));
                    carried.by_client.extend_from_slice(&heard[..said]);
                }
                let answered = server.hear(&mut heard);
                if answered > 0 {
                    client.say(&heard[..answered]);
                    carried.by_server += answered;
                }
                if said + answered == 0 {
                    break;
                }
            }
            thread::sleep(GLANCE);
            is_enough(&carried) || client.is_ended() || server.is_ended()
        })?;
        server.reset();
        Ok(carried)
    }

    fn accept(&self) -> Result<Wire, AttackError> {
        let mut accepted = None;
        self.field.until("the client comes again", || {
            accepted = match self.listener.accept() {
                Err(error) if error.kind() == ErrorKind::WouldBlock => None,
                result => Some(result),
            };
            accepted.is_some()
        })?;
        match accepted {
            Some(result) => Ok(Wire::around(result?.0)?),
            None => Err(AttackError::Unexpected("the client does not come again".to_owned())),
        }
    }
}

impl Carried {
    /// How many frames of the client are whole.
    pub(crate) fn frames(&self) -> usize {
        frame_ends(&self.by_client).len()
    }

    /// Whether the server has let the client in: it has said more than its greeting and WELCOME.
    pub(crate) fn is_let_in(&self) -> bool {
        const WELCOME: usize = 2 + 168;
        self.frames() >= 2 && self.by_server > GREETING + WELCOME
    }
}

/// Leaves everything as it is.
pub(crate) fn nothing(_: &[u8], bytes: Vec<u8>) -> Vec<u8> {
    bytes
}
