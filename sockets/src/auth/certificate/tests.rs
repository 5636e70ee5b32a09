//! Certificates as texts and as files, good and bad.
#![allow(clippy::unwrap_used)]

use super::*;
use proptest::prelude::*;
use std::fs;
use std::path::PathBuf;
use tempfile::TempDir;

/// A pair of keys of RFC 26, and the public key of another pair.
const PUBLIC: &str = "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID";
const SECRET: &str = "D:)Q[IlAW!ahhC2ac:9*A}h:p?([4%wOTJ%JR%cs";
const OTHER: &str = "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7";
const ZEROS: &str = "0000000000000000000000000000000000000000";

fn fault(error: &CertificateError) -> String {
    let text = format!("{:?}", error.fault());
    let end = text.find([' ', '(']).unwrap_or(text.len());
    text[..end].to_owned()
}

#[track_caller]
fn refused(text: impl AsRef<[u8]>) -> (Option<usize>, String) {
    let error = Certificate::parse(text.as_ref()).unwrap_err();
    (error.line(), fault(&error))
}

fn folder() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.key");
    (folder, path)
}

fn own() -> Certificate {
    let secret: CurveSecretKey = SECRET.parse().unwrap();
    let mut own = Certificate::from(secret);
    own.set("name", "Alice \"The Queen\"").unwrap();
    own.set("e.mail", "alice@example.com # not a comment").unwrap();
    own
}

#[test]
fn what_zconfig_writes_is_read() {
    let text = format!(
        "#   ****  Generated on 2014-01-02 by CZMQ  ****\n#   ZeroMQ CURVE **Secret** Certificate\n\n\
         metadata\n    email = \"ph@imatix.com\"\n    name = \"Pieter Hintjens\"\n\
         curve\n    public-key = \"{PUBLIC}\"\n    secret-key = \"{SECRET}\"\n"
    );
    let read = Certificate::parse(text.as_bytes()).unwrap();
    assert_eq!(read.public_key().to_string(), PUBLIC);
    assert_eq!(&**read.secret_key().unwrap().to_z85(), SECRET);
    assert!(read.metadata().eq([("email", "ph@imatix.com"), ("name", "Pieter Hintjens")]));
    // Line ends of Windows, none at the end, and no metadata.
    let text = format!("curve\r\n    public-key = '{PUBLIC}'");
    let read = Certificate::parse(text.as_bytes()).unwrap();
    assert!(read.secret_key().is_none() && read.metadata().next().is_none());
}

#[test]
fn a_secret_key_of_zeros_is_none() {
    let text = format!("curve\n    public-key = \"{PUBLIC}\"\n    secret-key = \"{ZEROS}\"\n");
    assert!(Certificate::parse(text.as_bytes()).unwrap().secret_key().is_none());
}

#[test]
fn what_is_not_known_is_passed_over() {
    let text = format!(
        "version = 2\nmetadata\n    name = x\n        deeper = y\ncurve\n    algorithm = z\n\
         \x20   public-key = \"{PUBLIC}\"\nother\n    public-key = \"{OTHER}\"\n"
    );
    let read = Certificate::parse(text.as_bytes()).unwrap();
    assert_eq!(read.public_key().to_string(), PUBLIC);
    assert!(read.metadata().eq([("name", "x")]));
}

#[test]
fn what_is_wrong_is_said_with_its_line() {
    for (text, line, expected) in [
        (String::new(), None, "NoPublicKey"),
        ("curve\n".into(), None, "NoPublicKey"),
        ("curve\n    public-key\n".into(), Some(2), "Key"),
        (format!("curve\n    public-key = \"{}\"\n", &PUBLIC[1..]), Some(2), "Key"),
        (format!("curve\n    public-key = \"{}~\"\n", &PUBLIC[1..]), Some(2), "Key"),
        (format!("curve\n    public-key = \"{PUBLIC}\n"), Some(2), "Unclosed"),
        (format!("curve\n    public-key = \"{ZEROS}\"\n"), Some(2), "ZeroKey"),
        (format!("public-key = \"{PUBLIC}\"\n"), None, "NoPublicKey"),
        (format!("metadata\n    public-key = \"{PUBLIC}\"\n"), None, "NoPublicKey"),
        (
            format!("curve\n    public-key = \"{PUBLIC}\"\n    public-key = \"{OTHER}\"\n"),
            Some(3),
            "Repeated",
        ),
        (
            format!("curve\n    public-key = \"{OTHER}\"\n    secret-key = \"{SECRET}\"\n"),
            Some(3),
            "KeysDiffer",
        ),
        (
            format!(
                "curve\n    public-key = \"{PUBLIC}\"\n    secret-key = \"{}\"\n",
                &SECRET[1..]
            ),
            Some(3),
            "Key",
        ),
        (format!("curve\n    public-key = \"{PUBLIC}\"\ncurve\n"), Some(3), "Repeated"),
        ("metadata\n    a = b\n    a = c\n".into(), Some(3), "Repeated"),
        ("metadata\ncurve\n  public-key\n".into(), Some(3), "Indentation"),
        ("\u{7f}ELF\u{1}".into(), Some(1), "NotText"),
    ] {
        assert_eq!(refused(&text), (line, expected.to_owned()), "{text}");
    }
    assert_eq!(refused(b"\x89PNG\r\n\x1a\n"), (Some(1), "NotText".to_owned()));
    assert_eq!(refused(vec![b'#'; MAX_SIZE + 1]), (None, "TooLarge".to_owned()));
    assert_eq!(refused(vec![b'\n'; MAX_SIZE]), (None, "NoPublicKey".to_owned()));
}

#[test]
fn each_beginning_of_a_file_is_refused_or_has_the_key() {
    let text = own().text(Audience::Owner).unwrap();
    for end in 0..text.len() {
        if let Ok(read) = Certificate::parse(&text.as_bytes()[..end]) {
            assert_eq!(read.public_key().to_string(), PUBLIC);
        }
    }
}

#[test]
fn no_secret_is_shown() {
    let secret = &SECRET[..20];
    assert!(!format!("{:?}", own()).contains(secret));
    for text in [
        format!("curve\n    secret-key = \"{}\"", &SECRET[1..]),
        format!("curve\n    secret-key = \"{SECRET}"),
        format!("curve\n    secret-key {SECRET}"),
        format!("curve\n    public-key = \"{OTHER}\"\n    secret-key = \"{SECRET}\"\n"),
    ] {
        let error = Certificate::parse(text.as_bytes()).unwrap_err();
        assert!(!format!("{error} {error:?}").contains(&secret[1..]), "{error:?}");
    }
    assert!(!own().text(Audience::Everybody).unwrap().contains(secret));
}

#[test]
fn what_is_saved_is_loaded() {
    let (folder, path) = folder();
    own().save(&path).unwrap();
    let public = Certificate::load_public(&path).unwrap();
    assert!(public.secret_key().is_none());
    let secret = Certificate::load(&path).unwrap();
    assert_eq!(&**secret.secret_key().unwrap().to_z85(), SECRET);
    for read in [public, secret] {
        assert_eq!(read.public_key().to_string(), PUBLIC);
        assert!(read.metadata().eq(own().metadata()));
    }
    // Nothing else is left.
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
    // Without the secret file it is somebody else's.
    fs::remove_file(files::secret_path(&path)).unwrap();
    let read = Certificate::load(&path).unwrap();
    assert!(read.secret_key().is_none());
    assert_eq!(fault(&read.save(&path).unwrap_err()), "NoSecretKey");
}

#[test]
fn saving_replaces_what_is_there() {
    let (_folder, path) = folder();
    fs::write(&path, "x".repeat(2 * MAX_SIZE)).unwrap();
    own().save_public(&path).unwrap();
    assert!(Certificate::load_public(&path).is_ok());
    // A directory is not replaced, and nothing is left of the attempt.
    let (folder, path) = folder();
    fs::create_dir(&path).unwrap();
    let error = own().save_public(&path).unwrap_err();
    assert_eq!((error.path(), &fault(&error)[..]), (Some(path.as_path()), "Io"));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    assert!(own().save(folder.path().join("no/such/folder")).is_err());
}

#[test]
fn files_that_are_none_are_refused_by_name() {
    let (folder, path) = folder();
    let refused = |path: &Path| {
        let error = Certificate::load(path).unwrap_err();
        assert!(error.path().is_some() && error.to_string().contains("a.key"), "{error}");
        fault(&error)
    };
    assert_eq!(refused(&path), "Io");
    fs::create_dir(&path).unwrap();
    assert_eq!(refused(&path), "NotAFile");
    fs::remove_dir(&path).unwrap();
    fs::write(&path, vec![b' '; MAX_SIZE + 1]).unwrap();
    assert_eq!(refused(&path), "TooLarge");
    fs::write(&path, [0; 100]).unwrap();
    assert_eq!(refused(&path), "NotText");
    // A secret file that is bad is not passed over.
    own().save(&path).unwrap();
    fs::write(files::secret_path(&path), "curve\n").unwrap();
    assert_eq!(refused(&path), "NoPublicKey");
    own().save_secret(folder.path().join("a.key")).unwrap();
    assert_eq!(fault(&Certificate::load_public(&path).unwrap_err()), "SecretInPublic");
}

#[cfg(unix)]
mod unix {
    use super::*;
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};

    #[test]
    fn a_secret_file_is_for_its_owner_only_whatever_was_there() {
        let (_folder, path) = folder();
        let secret = files::secret_path(&path);
        fs::write(&secret, "").unwrap();
        fs::set_permissions(&secret, fs::Permissions::from_mode(0o666)).unwrap();
        let before = fs::File::open(&secret).unwrap();
        own().save(&path).unwrap();
        assert_eq!(fs::metadata(&secret).unwrap().mode() & 0o777, 0o600);
        // Who had the old one open sees nothing of the new one.
        assert_eq!(before.metadata().unwrap().len(), 0);
        // The mask of this process is not known, but it never adds anything.
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o133, 0);
    }

    #[test]
    fn a_link_is_replaced_and_not_followed_when_a_secret_is_saved() {
        let (folder, path) = folder();
        let elsewhere = folder.path().join("elsewhere");
        fs::write(&elsewhere, "").unwrap();
        symlink(&elsewhere, &path).unwrap();
        own().save_secret(&path).unwrap();
        assert_eq!(fs::read_to_string(&elsewhere).unwrap(), "");
        assert!(fs::symlink_metadata(&path).unwrap().is_file());
    }

    #[test]
    fn links_are_followed_when_read_and_loops_are_refused() {
        let (folder, path) = folder();
        own().save_public(folder.path().join("target")).unwrap();
        symlink("target", &path).unwrap();
        assert!(Certificate::load_public(&path).is_ok());
        fs::remove_file(&path).unwrap();
        symlink("a.key", &path).unwrap();
        assert_eq!(fault(&Certificate::load_public(&path).unwrap_err()), "Io");
        fs::remove_file(&path).unwrap();
        symlink("/dev/zero", &path).unwrap();
        assert_eq!(fault(&Certificate::load_public(&path).unwrap_err()), "NotAFile");
    }

    #[test]
    fn a_file_that_may_not_be_read_is_said_to_be_one() {
        let (_folder, path) = folder();
        own().save_public(&path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o000)).unwrap();
        if fs::File::open(&path).is_ok() {
            eprintln!("SKIPPED: this user may read everything");
            return;
        }
        let error = Certificate::load_public(&path).unwrap_err();
        assert!(error.to_string().contains("a.key: cannot be read"), "{error}");
    }
}

proptest! {
    #[test]
    fn whatever_is_read_can_be_saved_and_is_the_same(
        text in "(metadata\n(    [ab.]{1,2} = [ab\"' #]{0,6}\n){0,3})?curve\n(    [a-z]{1,3}\n)?",
        secret in any::<bool>(),
    ) {
        let mut text = text + "    public-key = \"" + PUBLIC + "\"\n";
        if secret {
            text += &format!("    secret-key = \"{SECRET}\"\n");
        }
        if let Ok(read) = Certificate::parse(text.as_bytes()) {
            let audience = if secret { Audience::Owner } else { Audience::Everybody };
            let again = Certificate::parse(read.text(audience).unwrap().as_bytes()).unwrap();
            prop_assert_eq!(format!("{read:?}"), format!("{again:?}"));
        }
    }

    #[test]
    fn nothing_panics(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = Certificate::parse(&bytes);
    }
}
