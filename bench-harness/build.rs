//! Records the compiler's version and the revision of the source, which belong beside every figure in
//! a report.

use std::path::Path;
use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let rustc = std::env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned());
    let version = said(&rustc, &["--version"]).unwrap_or_else(|| "rustc of unknown version".into());
    println!("cargo::rustc-env=RINGMQ_BENCH_RUSTC={version}");

    let revision = said("git", &["rev-parse", "--short", "HEAD"]).unwrap_or_default();
    println!("cargo::rustc-env=RINGMQ_BENCH_REVISION={revision}");
    // Git adds a line to this at every commit; naming a file that is not there would build this crate
    // anew every time.
    if let Some(log) = said("git", &["rev-parse", "--git-path", "logs/HEAD"])
        && Path::new(&log).exists()
    {
        println!("cargo::rerun-if-changed={log}");
    }
}

/// What a command says on standard output, if it succeeds.
fn said(program: &str, args: &[&str]) -> Option<String> {
    let output = Command::new(program).args(args).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}
