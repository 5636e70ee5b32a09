//! All that a fuzzer was given or has found, once more: without a fuzzer, as any other test.
#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};
use std::sync::Mutex;

use ringmq_fuzz::targets::{TARGETS, Target};

/// At most so many files in the tree for each target, and bytes.
const FILES: usize = 100;
const BYTES: u64 = 200 * 1024;

/// The targets count the memory of the process: one at a time.
static TURN: Mutex<()> = Mutex::new(());

fn files(kind: &str, target: &Target) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(kind).join(target.name);
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

fn replay(name: &str) {
    let _turn = TURN.lock();
    let target = TARGETS.iter().find(|target| target.name == name).unwrap();
    let seeds = (target.seeds)();
    assert!(!seeds.is_empty(), "nothing to begin with");
    seeds.iter().for_each(|seed| (target.run)(seed));
    for file in [files("corpus", target), files("findings", target)].concat() {
        // Names the culprit.
        println!("{}", file.display());
        (target.run)(&std::fs::read(file).unwrap());
    }
}

macro_rules! replays {
    ($($name:ident)*) => {
        $(
            #[test]
            fn $name() {
                replay(stringify!($name));
            }
        )*

        #[test]
        fn no_target_is_left_out() {
            let names: Vec<_> = TARGETS.iter().map(|target| target.name).collect();
            assert_eq!(names, [$(stringify!($name)),*]);
        }
    };
}

replays! {
    greeting null plain curve decoder sealed connection subscriptions endpoints z85 zap certificates
    options web_socket pgm_source pgm_receiver
}

#[test]
fn what_is_kept_is_small() {
    for target in TARGETS {
        let files = files("corpus", target);
        assert!(files.len() < FILES, "{}: {} files", target.name, files.len());
        let bytes: u64 = files.iter().map(|file| file.metadata().unwrap().len()).sum();
        assert!(bytes < BYTES, "{}: {bytes} bytes", target.name);
    }
}
