//! libzmq as a worker: a small program in C, compiled when it is needed, that loads the library by its name.
//!
//! It takes a C compiler and the shared library (Debian's libzmq5 has OpenPGM), and no header of either.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};

use super::args::GroupTransport;

/// The program.
const SOURCE: &str = include_str!("libzmq.c");
/// The library where none is named.
const USUAL: &str = "libzmq.so.5";

/// A worker that is libzmq, and the folder that it is in, removed when dropped.
pub(crate) struct Theirs {
    folder: PathBuf,
    library: PathBuf,
}

impl Theirs {
    /// Compiles it.
    ///
    /// # Errors
    ///
    /// What is missing.
    pub(crate) fn make(over: GroupTransport, library: Option<&Path>) -> Result<Self> {
        let folder = env::temp_dir().join(format!("ringmq-bench-libzmq-{}", std::process::id()));
        fs::create_dir_all(&folder).with_context(|| format!("making {}", folder.display()))?;
        let library = library.unwrap_or(Path::new(USUAL)).to_owned();
        let theirs = Self { folder, library };
        let source = theirs.folder.join("worker.c");
        fs::write(&source, SOURCE).with_context(|| format!("writing {}", source.display()))?;
        let mut compiler = Command::new(env::var_os("CC").unwrap_or_else(|| "cc".into()));
        compiler.args(["-std=c11", "-O2", "-o"]).arg(theirs.program()).arg(source).arg("-ldl");
        succeeds(compiler).context("compiling the worker that is libzmq takes a C compiler")?;
        let (capability, missing) = match over {
            GroupTransport::Epgm => ("pgm", "has no OpenPGM"),
            GroupTransport::Udp => ("draft", "has no drafts, and so no RADIO and DISH"),
        };
        let mut has = Command::new(theirs.program());
        has.args(theirs.arguments()).args(["has", capability]);
        let name = theirs.library.display();
        succeeds(has).with_context(|| format!("{name} {missing}, or is not there"))?;
        Ok(theirs)
    }

    /// The program.
    pub(crate) fn program(&self) -> PathBuf {
        self.folder.join("worker")
    }

    /// What it is told to be a worker.
    pub(crate) fn arguments(&self) -> [&Path; 1] {
        [&self.library]
    }
}

impl Drop for Theirs {
    fn drop(&mut self) {
        // A folder for temporary files, which somebody else may have emptied.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn succeeds(mut command: Command) -> Result<()> {
    let output = command.stdin(Stdio::null()).output().context("it does not start")?;
    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    let said = if said.is_empty() { output.status.to_string() } else { said };
    ensure!(output.status.success(), said);
    Ok(())
}
