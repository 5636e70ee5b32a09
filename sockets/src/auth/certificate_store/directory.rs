//! What is in a directory of certificates, and what has changed since the last look.
//!
//! A file is read again when its [stamp](Stamp) is another one, and as long as it is so new that a change of it
//! could leave the stamp as it is.

use crate::auth::certificate::{Certificate, CertificateError, CertificateFault, SECRET_SUFFIX};
use ringmq_zmtp::CurvePublicKey;
use std::collections::{BTreeMap, HashMap};
use std::fs::{self, DirEntry, Metadata};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// The largest step in which a file system tells time: FAT's.
const STAMP_STEP: Duration = Duration::from_secs(2);

/// The files of a directory as they were when it was looked at.
#[derive(Default)]
pub(super) struct Directory {
    /// In order, so that of two files with one key it is always the same that counts.
    files: BTreeMap<PathBuf, Known>,
}

/// A file, or a directory in the directory that cannot be read.
struct Known {
    /// `None` if it is to be read again in any case.
    stamp: Option<Stamp>,
    read: Result<Arc<Certificate>, CertificateError>,
}

/// Tells one state of a file from another one.
#[derive(PartialEq, Eq)]
struct Stamp {
    len: u64,
    modified: Option<SystemTime>,
    /// Device, number and the time of the last change of anything: what replaces a file is another one, even
    /// with the times of the one before.
    #[cfg(unix)]
    inode: (u64, u64, i64, i64),
}

/// Whom a directory knew when it was looked at.
#[derive(Default)]
pub(super) struct Members {
    pub(super) certificates: HashMap<CurvePublicKey, Arc<Certificate>>,
    /// Whether everything could be read, so that whoever is not in here is not in the directory.
    pub(super) complete: bool,
}

impl Directory {
    /// Looks what has changed at a time, which must not be later than now, and says what is wrong that was not
    /// wrong at the last look.
    ///
    /// # Errors
    /// [`CertificateError`] if the directory itself cannot be read. What was known of it says nothing then.
    pub(super) fn look(
        &mut self,
        root: &Path,
        now: SystemTime,
    ) -> Result<Vec<CertificateError>, CertificateError> {
        let mut before = std::mem::take(&mut self.files);
        let mut faults = Vec::new();
        let mut folders = vec![root.to_owned()];
        while let Some(folder) = folders.pop() {
            let entries = match entries(&folder) {
                Ok(entries) => entries,
                Err(error) if folder == root => {
                    self.files = before;
                    return Err(unreadable(&folder, error));
                }
                Err(error) => {
                    let read = Err(unreadable(&folder, error));
                    self.take(&mut before, &mut faults, folder, Known { stamp: None, read });
                    continue;
                }
            };
            for entry in entries.filter(is_wanted) {
                let path = entry.path();
                if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                    folders.push(path);
                } else if let Some(known) = look_at(&entry, &path, before.get(&path), now) {
                    self.take(&mut before, &mut faults, path, known);
                }
            }
        }
        Ok(faults)
    }

    /// Knows a file from now on, and tells of its fault unless it is the one it had before.
    fn take(
        &mut self,
        before: &mut BTreeMap<PathBuf, Known>,
        faults: &mut Vec<CertificateError>,
        path: PathBuf,
        known: Known,
    ) {
        let earlier = before.remove(&path);
        let told = |error: &CertificateError| {
            let text = earlier.as_ref().and_then(|earlier| earlier.read.as_ref().err());
            text.is_some_and(|earlier| earlier.to_string() == error.to_string())
        };
        if let Err(error) = &known.read
            && !told(error)
        {
            faults.push(error.clone());
        }
        self.files.insert(path, known);
    }

    pub(super) fn members(&self) -> Members {
        let mut members = Members { complete: true, ..Members::default() };
        for known in self.files.values() {
            match &known.read {
                Ok(certificate) => {
                    let certificate = certificate.clone();
                    members.certificates.entry(certificate.public_key()).or_insert(certificate);
                }
                Err(error) => members.complete &= !is_refused(error),
            }
        }
        members
    }
}

/// Whether the system has refused to read what may be a certificate.
fn is_refused(error: &CertificateError) -> bool {
    let missing = io::ErrorKind::NotFound;
    matches!(error.fault(), CertificateFault::Io { error, .. } if error.kind() != missing)
}

fn unreadable(folder: &Path, error: io::Error) -> CertificateError {
    CertificateError::io(folder, "cannot be read", error)
}

/// What is in a folder; an error in the midst of it is as bad as one at the beginning.
fn entries(folder: &Path) -> io::Result<std::vec::IntoIter<DirEntry>> {
    fs::read_dir(folder)?.collect::<io::Result<Vec<_>>>().map(IntoIterator::into_iter)
}

/// Whether this may be a public certificate: neither hidden, as what is about to be saved is, nor secret.
fn is_wanted(entry: &DirEntry) -> bool {
    let name = entry.file_name();
    let name = name.as_encoded_bytes();
    !name.starts_with(b".") && !name.ends_with(SECRET_SUFFIX.as_bytes())
}

/// Reads a file unless that is known already; nothing if it is gone.
fn look_at(
    entry: &DirEntry,
    path: &Path,
    before: Option<&Known>,
    now: SystemTime,
) -> Option<Known> {
    let metadata = match fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(error) => {
            let is_link = entry.file_type().is_ok_and(|kind| kind.is_symlink());
            let is_gone = error.kind() == io::ErrorKind::NotFound && !is_link;
            let read = Err(unreadable(path, error));
            return (!is_gone).then_some(Known { stamp: None, read });
        }
    };
    if metadata.is_dir() {
        // A link to one, which may lead round in a circle.
        return None;
    }
    // Before the file is read: whatever changes it afterwards changes the stamp.
    let stamp = Stamp::of(&metadata, now);
    if let Some(before) = before
        && stamp.is_some()
        && stamp == before.stamp
    {
        return Some(Known { stamp, read: before.read.clone() });
    }
    let read = Certificate::load_public(path).map(Arc::new);
    // What the system refuses now it may grant later, without a change of the file.
    let stamp = if read.as_ref().is_err_and(is_refused) { None } else { stamp };
    Some(Known { stamp, read })
}

impl Stamp {
    /// None of a file that has changed so short a time ago that it might change once more without being seen.
    fn of(metadata: &Metadata, now: SystemTime) -> Option<Self> {
        let modified = metadata.modified().ok();
        let settled = |time: SystemTime| now.duration_since(time).is_ok_and(|age| age > STAMP_STEP);
        if !modified.is_some_and(settled) {
            return None;
        }
        #[cfg(unix)]
        let inode = {
            use std::os::unix::fs::MetadataExt as _;
            let seconds = u64::try_from(metadata.ctime()).unwrap_or(0);
            let nanoseconds = u32::try_from(metadata.ctime_nsec()).unwrap_or(0);
            let since = Duration::new(seconds, nanoseconds);
            if !settled(SystemTime::UNIX_EPOCH + since) {
                return None;
            }
            (metadata.dev(), metadata.ino(), metadata.ctime(), metadata.ctime_nsec())
        };
        Some(Self {
            len: metadata.len(),
            modified,
            #[cfg(unix)]
            inode,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tempfile::TempDir;

    /// Long after every file was written.
    fn later() -> SystemTime {
        SystemTime::now() + Duration::from_secs(3600)
    }

    fn save(folder: &TempDir, name: &str) -> CurvePublicKey {
        let certificate = Certificate::generate().expect("keys");
        certificate.save_public(folder.path().join(name)).expect("a file");
        certificate.public_key()
    }

    fn keys(directory: &Directory) -> Vec<CurvePublicKey> {
        let mut keys: Vec<_> = directory.members().certificates.into_keys().collect();
        keys.sort();
        keys
    }

    fn sorted<const N: usize>(mut keys: [CurvePublicKey; N]) -> [CurvePublicKey; N] {
        keys.sort();
        keys
    }

    /// Looks, and says how many faults are told.
    fn look(directory: &mut Directory, folder: &TempDir, now: SystemTime) -> usize {
        directory.look(folder.path(), now).expect("a directory").len()
    }

    #[test]
    fn public_certificates_are_found_wherever_they_lie() {
        let folder = tempfile::tempdir().expect("a directory");
        let nested = folder.path().join("below");
        fs::create_dir(&nested).expect("a directory");
        let own = Certificate::generate().expect("keys");
        own.save(nested.join("own.txt")).expect("two files");
        own.save_public(folder.path().join(".hidden")).expect("a file");
        let first = save(&folder, "first.key");
        let mut directory = Directory::default();
        assert_eq!(look(&mut directory, &folder, later()), 0);
        assert_eq!(keys(&directory), sorted([first, own.public_key()]));
        assert!(directory.members().complete);
    }

    #[test]
    fn what_comes_goes_and_changes_is_seen() {
        let folder = tempfile::tempdir().expect("a directory");
        let mut directory = Directory::default();
        // Elsewhere one file is told from another one by its time alone.
        let settled = if cfg!(unix) { later() } else { SystemTime::now() };
        for now in [SystemTime::now(), settled] {
            let (first, second) = (save(&folder, "a"), save(&folder, "b"));
            look(&mut directory, &folder, now);
            assert_eq!(keys(&directory), sorted([first, second]));
            // In its place, and within the same moment.
            let replaced = save(&folder, "a");
            look(&mut directory, &folder, now);
            assert_eq!(keys(&directory), sorted([replaced, second]));
            fs::remove_file(folder.path().join("a")).expect("a file");
            look(&mut directory, &folder, now);
            assert_eq!(keys(&directory), [second]);
        }
    }

    #[test]
    fn what_is_written_into_a_file_that_is_new_is_seen_at_once() {
        let folder = tempfile::tempdir().expect("a directory");
        let mut directory = Directory::default();
        let path = folder.path().join("a");
        for _ in 0..20 {
            let other = save(&folder, "other");
            let text = fs::read(folder.path().join("other")).expect("a file");
            fs::remove_file(folder.path().join("other")).expect("a file");
            // The same length each time, the same inode, and perhaps the same time.
            fs::write(&path, text).expect("a file");
            look(&mut directory, &folder, SystemTime::now());
            assert_eq!(keys(&directory), [other]);
        }
    }

    #[test]
    fn what_has_not_changed_is_not_read_again() {
        let folder = tempfile::tempdir().expect("a directory");
        save(&folder, "a");
        let mut directory = Directory::default();
        let read = |directory: &Directory| {
            let members = directory.members();
            members.certificates.into_values().next().expect("one")
        };
        look(&mut directory, &folder, later());
        let first = read(&directory);
        look(&mut directory, &folder, later());
        assert!(Arc::ptr_eq(&first, &read(&directory)));
        look(&mut directory, &folder, SystemTime::now() - STAMP_STEP);
        assert!(!Arc::ptr_eq(&first, &read(&directory)));
    }

    #[test]
    fn a_fault_is_told_once_and_again_when_it_is_another_one() {
        let folder = tempfile::tempdir().expect("a directory");
        let good = save(&folder, "good");
        let bad = folder.path().join("bad");
        fs::write(&bad, "curve\n").expect("a file");
        let mut directory = Directory::default();
        for (now, told) in [(SystemTime::now(), 1), (SystemTime::now(), 0), (later(), 0)] {
            assert_eq!(look(&mut directory, &folder, now), told);
            assert_eq!(keys(&directory), [good]);
        }
        assert!(directory.members().complete);
        fs::write(&bad, "curve\n    public-key = x\n").expect("a file");
        assert_eq!(look(&mut directory, &folder, later()), 1);
        let other = save(&folder, "bad");
        assert_eq!(look(&mut directory, &folder, later()), 0);
        assert_eq!(keys(&directory), sorted([good, other]));
    }

    #[test]
    fn a_file_with_a_secret_key_lets_nobody_in() {
        let folder = tempfile::tempdir().expect("a directory");
        let own = Certificate::generate().expect("keys");
        own.save_secret(folder.path().join("own.key")).expect("a file");
        let mut directory = Directory::default();
        let faults = directory.look(folder.path(), later()).expect("a directory");
        assert!(matches!(faults[0].fault(), CertificateFault::SecretInPublic), "{faults:?}");
        assert!(keys(&directory).is_empty());
    }

    #[test]
    fn of_two_files_with_one_key_the_first_counts() {
        let folder = tempfile::tempdir().expect("a directory");
        let mut certificate = Certificate::generate().expect("keys");
        for name in ["b", "a", "c"] {
            certificate.set("name", name).expect("a name");
            certificate.save_public(folder.path().join(name)).expect("a file");
        }
        let mut directory = Directory::default();
        look(&mut directory, &folder, later());
        let members = directory.members();
        let known = members.certificates.get(&certificate.public_key()).expect("one");
        assert_eq!(known.get("name"), Some("a"));
    }

    #[test]
    fn a_directory_that_is_gone_is_an_error_and_nothing_is_told_twice_when_it_is_back() {
        let folder = tempfile::tempdir().expect("a directory");
        let (path, away) = (folder.path().join("here"), folder.path().join("away"));
        fs::create_dir(&path).expect("a directory");
        fs::write(path.join("bad"), "curve\n").expect("a file");
        let mut directory = Directory::default();
        let mut look = || directory.look(&path, later()).map(|faults| faults.len());
        assert_eq!(look().expect("a directory"), 1);
        fs::rename(&path, &away).expect("a directory");
        assert_eq!(look().expect_err("it is gone").path(), Some(&*path));
        fs::rename(&away, &path).expect("a directory");
        assert_eq!(look().expect("a directory"), 0);
    }

    #[cfg(unix)]
    #[test]
    fn links_are_followed_to_files_and_not_round_in_circles() {
        use std::os::unix::fs::symlink;
        let folder = tempfile::tempdir().expect("a directory");
        let elsewhere = tempfile::tempdir().expect("a directory");
        let linked = save(&elsewhere, "target");
        let at = |name: &str| folder.path().join(name);
        symlink(elsewhere.path().join("target"), at("link")).expect("a link");
        symlink(folder.path(), at("circle")).expect("a link");
        let mut directory = Directory::default();
        assert_eq!(look(&mut directory, &folder, later()), 0);
        assert_eq!(keys(&directory), [linked]);
        // What replaces the target is seen through the link.
        let other = save(&elsewhere, "target");
        look(&mut directory, &folder, later());
        assert_eq!(keys(&directory), [other]);
        // One that leads nowhere hides nobody; of one that leads to itself the system does not say that.
        symlink("nowhere", at("dangling")).expect("a link");
        assert_eq!(look(&mut directory, &folder, later()), 1);
        assert!(directory.members().complete);
        symlink("itself", at("itself")).expect("a link");
        assert_eq!(look(&mut directory, &folder, later()), 1);
        assert!(!directory.members().complete);
        assert_eq!(keys(&directory), [other]);
    }
}
