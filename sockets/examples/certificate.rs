//! Makes and shows certificates for CURVE, in the format of czmq and pyzmq, like czmq's zmakecert.
//!
//! `certificate new alice.key name=Alice` makes a new pair of keys: `alice.key` to be given away, and
//! `alice.key_secret` to be kept.

use clap::{Parser, Subcommand};
use ringmq::Error;
use ringmq::auth::Certificate;
use std::path::PathBuf;

#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Makes a new pair of keys.
    New {
        /// Where the public certificate goes; the secret one goes to the same with `_secret`.
        path: PathBuf,
        /// What is said of who has it: name=Alice.
        metadata: Vec<String>,
    },
    /// Shows what others may know.
    Show {
        /// The public certificate.
        path: PathBuf,
    },
    /// Reads one certificate, with its secret if there is one beside it, and writes it anew.
    Copy {
        /// The public certificate.
        from: PathBuf,
        /// Where to.
        to: PathBuf,
    },
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    match Arguments::parse().task {
        Task::New { path, metadata } => {
            let mut certificate = Certificate::generate()?;
            for property in &metadata {
                let (name, value) = property.split_once('=').ok_or("write name=value")?;
                certificate.set(name, value)?;
            }
            certificate.save(&path)?;
            show(&certificate);
        }
        Task::Show { path } => show(&Certificate::load(&path)?),
        Task::Copy { from, to } => copy(&Certificate::load(&from)?, to)?,
    }
    Ok(())
}

fn show(certificate: &Certificate) {
    println!("{}", certificate.public_key());
    for (name, value) in certificate.metadata() {
        println!("{name} = {value}");
    }
}

fn copy(certificate: &Certificate, to: PathBuf) -> Result<(), Error> {
    match certificate.secret_key() {
        Some(_) => certificate.save(to)?,
        None => certificate.save_public(to)?,
    }
    Ok(())
}
