//! The sender: answers whoever asks.

use crate::Failure;
use crate::protocol::{LARGEST_CHUNK, from_frame, measure, to_frame};
use clap::Args;
use ringmq::{Context, Message, Multipart};
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::PathBuf;

#[derive(Args)]
pub(crate) struct Arguments {
    /// The file.
    file: PathBuf,
    /// Where to listen.
    #[arg(long, default_value = "tcp://127.0.0.1:5580")]
    endpoint: String,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let mut file = File::open(&arguments.file)?;
    let (length, hash) = measure(&file)?;
    let context = Context::new();
    let receivers = context.router()?;
    println!("listening on {}", receivers.bind(&arguments.endpoint)?);
    loop {
        let request = receivers.recv_multipart()?;
        let numbers = (from_frame(request.get(2)), from_frame(request.get(3)));
        let Some(what) = request.get(1) else { continue };
        let rest = match numbers {
            _ if *what == "size" => [to_frame(length), to_frame(hash)],
            (Some(offset), Some(length)) if *what == "chunk" => {
                [to_frame(offset), chunk(&mut file, offset, length)?]
            }
            _ => continue,
        };
        let mut answer = Multipart::from([&request[0], what]);
        answer.extend(rest);
        receivers.send_multipart(answer)?;
    }
}

/// What the file has there; less at its end.
fn chunk(file: &mut File, offset: u64, length: u64) -> io::Result<Message> {
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(offset))?;
    file.take(length.min(LARGEST_CHUNK)).read_to_end(&mut bytes)?;
    Ok(bytes.into())
}
