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

/// The chunks of a file that are on their way, and where the next one begins.
struct Transfer<'a> {
    sender: &'a Dealer,
    chunk: u64,
    length: u64,
    next: u64,
    on_their_way: BTreeSet<u64>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode, Failure> {
    let context = Context::new();
    let sender = context.dealer()?;
    sender.set_recv_timeout(Some(Duration::from_millis(arguments.timeout)))?;
    // Asks those only who are there, and leaves no question behind.
    sender.set_immediate(true)?;
    sender.set_linger(Some(Duration::ZERO))?;
    sender.connect(&arguments.endpoint)?;
    let (length, hash) = ask_size(&sender)?;
    println!("receiving {length} bytes");
    let mut file =
        File::options().read(true).write(true).create(true).truncate(true).open(&arguments.file)?;
    let mut transfer = Transfer {
        sender: &sender,
        chunk: arguments.chunk,
        length,
        next: 0,
        on_their_way: BTreeSet::new(),
    };
    for _ in 0..arguments.credit {
        transfer.ask_next()?;
    }
    while !transfer.on_their_way.is_empty() {
        match sender.recv_multipart() {
            Ok(answer) => {
                if let Some((offset, bytes)) = transfer.take(&answer) {
                    file.seek(SeekFrom::Start(offset))?;
                    file.write_all(bytes)?;
                    transfer.ask_next()?;
                }
            }
            Err(Error::WouldBlock) => transfer.ask_again()?,
            Err(error) => return Err(error.into()),
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

/// Length and hash, from the first sender that says so.
fn ask_size(sender: &Dealer) -> Result<(u64, u64), Error> {
    loop {
        sender.send("size")?;
        match sender.recv_multipart() {
            Ok(answer) if answer[0] == "size" => {
                let numbers = (from_frame(answer.get(1)), from_frame(answer.get(2)));
                if let (Some(length), Some(hash)) = numbers {
                    return Ok((length, hash));
                }
            }
            Ok(_) | Err(Error::WouldBlock) => {}
            Err(error) => return Err(error),
        }
    }
}

impl Transfer<'_> {
    fn ask(&self, offset: u64) -> Result<(), Error> {
        let request = [Message::from("chunk"), to_frame(offset), to_frame(self.chunk)];
        Ok(self.sender.send_multipart(request)?)
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
