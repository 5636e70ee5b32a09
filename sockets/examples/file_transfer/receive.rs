//! The receiver: gives credit, and puts together what comes.

use crate::Failure;
use crate::protocol::{LARGEST_CHUNK, from_frame, measure, to_frame};
use clap::Args;
use ringmq::{Context, Dealer, Error, Message, Multipart};
use std::collections::BTreeSet;
use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

#[derive(Args)]
pub(crate) struct Arguments {
    /// Where to write the file to.
    file: PathBuf,
    /// Where the sender listens.
    #[arg(long, default_value = "tcp://127.0.0.1:5580")]
    endpoint: String,
    /// How many chunks may be on their way.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=500))]
    credit: u64,
    /// Bytes of a chunk.
    #[arg(long, default_value_t = 1 << 16, value_parser = clap::value_parser!(u64).range(1..=LARGEST_CHUNK))]
    chunk: u64,
    /// Milliseconds of silence after which to ask again for what has not come.
    #[arg(long, default_value_t = 1000)]
    timeout: u64,
}

/// Silences in a row after which to connect anew.
const PATIENCE: u32 = 3;

/// Who has the file, as far as one can tell from here.
struct Sender<'a> {
    socket: Dealer,
    endpoint: &'a str,
    silences: u32,
}

/// The chunks of a file that are on their way, and where the next one begins.
struct Transfer<'a> {
    sender: Sender<'a>,
    chunk: u64,
    length: u64,
    next: u64,
    on_their_way: BTreeSet<u64>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode, Failure> {
    let context = Context::new();
    let socket = context.dealer()?;
    socket.set_recv_timeout(Some(Duration::from_millis(arguments.timeout)))?;
    // Asks those only who are there, and leaves no question behind.
    socket.set_immediate(true)?;
    socket.set_linger(Some(Duration::ZERO))?;
    socket.connect(&arguments.endpoint)?;
    let mut sender = Sender { socket, endpoint: &arguments.endpoint, silences: 0 };
    let (length, hash) = sender.ask_size()?;
    println!("receiving {length} bytes");
    let mut file =
        File::options().read(true).write(true).create(true).truncate(true).open(&arguments.file)?;
    let mut transfer =
        Transfer { sender, chunk: arguments.chunk, length, next: 0, on_their_way: BTreeSet::new() };
    for _ in 0..arguments.credit {
        transfer.ask_next()?;
    }
    while !transfer.on_their_way.is_empty() {
        let Some(answer) = transfer.sender.hear()? else {
            transfer.ask_again()?;
            continue;
        };
        if let Some((offset, bytes)) = transfer.take(&answer) {
            file.seek(SeekFrom::Start(offset))?;
            file.write_all(bytes)?;
            transfer.ask_next()?;
        }
    }
    file.seek(SeekFrom::Start(0))?;
    if measure(&file)? != (length, hash) {
        println!("the file is damaged");
        return Ok(ExitCode::FAILURE);
    }
    println!("received {length} bytes");
    Ok(ExitCode::SUCCESS)
}

impl Sender<'_> {
    /// Length and hash, from the first that says so.
    fn ask_size(&mut self) -> Result<(u64, u64), Error> {
        loop {
            self.socket.send("size")?;
            let Some(answer) = self.hear()?.filter(|answer| answer[0] == "size") else { continue };
            let numbers = (from_frame(answer.get(1)), from_frame(answer.get(2)));
            if let (Some(length), Some(hash)) = numbers {
                return Ok((length, hash));
            }
        }
    }

    /// An answer; `None` if there was silence, and what is asked for is to be asked for again. A connection
    /// on which one silence follows another may lead to a machine that died without a word: it is given up.
    fn hear(&mut self) -> Result<Option<Multipart>, Error> {
        match self.socket.recv_multipart() {
            Ok(answer) => {
                self.silences = 0;
                Ok(Some(answer))
            }
            Err(Error::WouldBlock) => {
                self.silences += 1;
                if self.silences == PATIENCE {
                    self.silences = 0;
                    self.socket.disconnect(self.endpoint)?;
                    self.socket.connect(self.endpoint)?;
                }
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }
}

impl Transfer<'_> {
    fn ask(&self, offset: u64) -> Result<(), Error> {
        let request = [Message::from("chunk"), to_frame(offset), to_frame(self.chunk)];
        Ok(self.sender.socket.send_multipart(request)?)
    }

    /// Gives credit for the next chunk, if there is one.
    fn ask_next(&mut self) -> Result<(), Error> {
        if self.next < self.length {
            self.ask(self.next)?;
            self.on_their_way.insert(self.next);
            self.next = self.next.saturating_add(self.chunk);
        }
        Ok(())
    }

    /// Nothing has come for a while: the sender was started anew, and knows nothing of what was asked of the
    /// one before.
    fn ask_again(&self) -> Result<(), Error> {
        self.on_their_way.iter().try_for_each(|offset| self.ask(*offset))
    }

    /// The offset and bytes of a chunk that was on its way; what comes twice is on it once.
    fn take<'a>(&mut self, answer: &'a Multipart) -> Option<(u64, &'a [u8])> {
        let offset = from_frame(answer.get(1)).filter(|_| answer[0] == "chunk")?;
        let bytes = answer.get(2)?;
        let whole = bytes.len() as u64 == self.chunk.min(self.length - offset.min(self.length));
        (whole && self.on_their_way.remove(&offset)).then_some((offset, bytes))
    }
}
