//! The part of ZPL ([RFC 4](https://rfc.zeromq.org/spec/4/)) that certificates are written in: sections at the
//! line's beginning, properties four spaces to the right, comments after `#`.
//!
//! Takes what czmq's zconfig takes, except that no name may come twice in one place. There are no escapes: a
//! value ends at its second quotation mark, or without one at a `#` or at the end of the line.

use super::error::{CertificateError, CertificateFault};
use zeroize::Zeroizing;

/// Spaces of one step to the right.
const INDENT: usize = 4;
/// Bytes of a name. ZMTP has room for no longer one in the properties of a peer.
const MAX_NAME: usize = 255;
/// Bytes of a name and its value: czmq cuts lines at 1024.
const MAX_PROPERTY: usize = 1000;

/// A line that says something.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ZplLine<'a> {
    /// From 1.
    pub(super) number: usize,
    /// How many steps to the right.
    pub(super) level: usize,
    pub(super) name: &'a str,
    /// Empty if there is none.
    pub(super) value: &'a str,
}

/// The lines of a text that say something.
pub(super) fn lines(bytes: &[u8]) -> impl Iterator<Item = Result<ZplLine<'_>, CertificateError>> {
    // A step to the right is only allowed below something.
    let mut deepest = 0;
    (1..).zip(bytes.split(|&byte| byte == b'\n')).filter_map(move |(number, line)| {
        let read = read_line(number, line).map_err(|fault| CertificateError::at(number, fault));
        match read.transpose()? {
            Ok(line) if line.level > deepest => {
                Some(Err(CertificateError::at(number, CertificateFault::Indentation)))
            }
            Ok(line) => {
                deepest = line.level + 1;
                Some(Ok(line))
            }
            Err(error) => Some(Err(error)),
        }
    })
}

fn read_line(number: usize, line: &[u8]) -> Result<Option<ZplLine<'_>>, CertificateFault> {
    let line = std::str::from_utf8(line).map_err(|_| CertificateFault::NotText)?.trim_end();
    if !is_text(line) {
        return Err(CertificateFault::NotText);
    }
    let text = line.trim_start_matches(' ');
    let indent = line.len() - text.len();
    if text.is_empty() || text.starts_with('#') {
        return Ok(None);
    }
    if indent % INDENT != 0 || text.starts_with(char::is_whitespace) {
        return Err(CertificateFault::Indentation);
    }
    let end = text.find(|character| !is_name_character(character)).unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    if end == 0 {
        return Err(CertificateFault::Syntax);
    }
    check_name(name)?;
    let value = read_value(rest.trim_start())?;
    if name.len() + value.len() > MAX_PROPERTY {
        return Err(CertificateFault::TooLong);
    }
    Ok(Some(ZplLine { number, level: indent / INDENT, name, value }))
}

fn read_value(rest: &str) -> Result<&str, CertificateFault> {
    let comment = |text: &str| text.is_empty() || text.starts_with('#');
    let Some(value) = rest.strip_prefix('=').map(str::trim_start) else {
        return if comment(rest) { Ok("") } else { Err(CertificateFault::Syntax) };
    };
    for quote in ['"', '\''] {
        if let Some(quoted) = value.strip_prefix(quote) {
            let (value, rest) = quoted.split_once(quote).ok_or(CertificateFault::Unclosed)?;
            let nothing_else = comment(rest.trim_start());
            return if nothing_else { Ok(value) } else { Err(CertificateFault::Syntax) };
        }
    }
    Ok(value.split('#').next().unwrap_or_default().trim_end())
}

/// Whether there are no control characters but tabulators.
fn is_text(text: &str) -> bool {
    !text.contains(|character: char| character.is_control() && character != '\t')
}

fn is_name_character(character: char) -> bool {
    character.is_ascii_alphanumeric() || "$-_@.&+/".contains(character)
}

fn check_name(name: &str) -> Result<(), CertificateFault> {
    let sound = !name.is_empty() && name.chars().all(is_name_character);
    if !sound || name.starts_with('/') || name.ends_with('/') {
        return Err(CertificateFault::Name);
    }
    if name.len() > MAX_NAME { Err(CertificateFault::TooLong) } else { Ok(()) }
}

/// Whether a property can be written so that it is read as the same again.
pub(super) fn check(name: &str, value: &str) -> Result<(), CertificateFault> {
    check_name(name)?;
    if name.len() + value.len() > MAX_PROPERTY {
        return Err(CertificateFault::TooLong);
    }
    if !is_text(value) {
        return Err(CertificateFault::NotText);
    }
    quote(value).map(drop)
}

/// What to write on both sides of a value.
fn quote(value: &str) -> Result<&'static str, CertificateFault> {
    if !value.contains('"') {
        return Ok("\"");
    }
    if !value.contains('\'') {
        return Ok("'");
    }
    let bare = !value.starts_with(['"', '\'']) && !value.contains('#') && value.trim() == value;
    if bare { Ok("") } else { Err(CertificateFault::Value) }
}

/// Writes a property of a section.
pub(super) fn write(
    text: &mut Zeroizing<String>,
    name: &str,
    value: &str,
) -> Result<(), CertificateFault> {
    check(name, value)?;
    let quote = quote(value)?;
    for part in ["    ", name, " = ", quote, value, quote, "\n"] {
        text.push_str(part);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use proptest::prelude::*;

    /// Levels, names and values, or the line and the fault.
    type Read = Result<Vec<(usize, String, String)>, (Option<usize>, String)>;

    fn read(text: &str) -> Read {
        lines(text.as_bytes())
            .map(|line| line.map(|line| (line.level, line.name.to_owned(), line.value.to_owned())))
            .collect::<Result<_, _>>()
            .map_err(|error| (error.line(), format!("{:?}", error.fault())))
    }

    #[track_caller]
    fn value(line: &str) -> String {
        read(line).unwrap_or_else(|error| panic!("{line}: {error:?}")).remove(0).2
    }

    #[test]
    fn values_are_read_with_and_without_quotation_marks() {
        for (line, expected) in [
            ("a = \"b\"", "b"),
            ("a='b'", "b"),
            ("a =b c  # comment", "b c"),
            ("a = \"b # c\" # d", "b # c"),
            ("a = \" b \"", " b "),
            ("a = 'say \"b\"'", "say \"b\""),
            ("a = it's \"b\"", "it's \"b\""),
            ("a = \"\"", ""),
            ("a =", ""),
            ("a", ""),
            ("a # comment", ""),
            ("a = b = c\r", "b = c"),
            ("a = \"b\"\t", "b"),
        ] {
            assert_eq!(value(line), expected, "{line}");
        }
    }

    #[test]
    fn levels_are_steps_of_four_spaces() {
        let text = "# one\n\na\n    b = 1\n        c = 2\n  # anywhere\n    d\ne\n";
        let levels: Vec<usize> = read(text).unwrap().into_iter().map(|line| line.0).collect();
        assert_eq!(levels, [0, 1, 2, 1, 0]);
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line() {
        for (text, line, fault) in [
            ("a\n  b", 2, "Indentation"),
            ("    a", 1, "Indentation"),
            ("a\n        b", 2, "Indentation"),
            ("a\n\tb = 1", 2, "Indentation"),
            ("\n\n= b", 3, "Syntax"),
            ("a b", 1, "Syntax"),
            ("a = \"b\" c", 1, "Syntax"),
            ("a: b", 1, "Syntax"),
            ("\u{feff}a", 1, "Syntax"),
            ("a = \"b", 1, "Unclosed"),
            ("a = 'b\"", 1, "Unclosed"),
            ("/a = b", 1, "Name"),
            ("a/ = b", 1, "Name"),
            ("a = b\0", 1, "NotText"),
            ("#\x1b[31m", 1, "NotText"),
        ] {
            assert_eq!(read(text), Err((Some(line), fault.to_owned())), "{text:?}");
        }
        let long = format!("a = {}", "b".repeat(MAX_PROPERTY));
        assert_eq!(read(&long), Err((Some(1), "TooLong".to_owned())));
        let wrong = lines(b"a\n    b = \xff").nth(1).unwrap().unwrap_err();
        assert!(matches!(wrong.fault(), CertificateFault::NotText), "{wrong}");
    }

    #[test]
    fn what_cannot_be_said_is_refused() {
        for (name, value, fault) in [
            ("", "b", "Name"),
            ("a b", "b", "Name"),
            ("a=", "b", "Name"),
            ("#a", "b", "Name"),
            ("a", "b\nc", "NotText"),
            ("a", "'b' \"c\"", "Value"),
            ("a", "b' \"c\" #", "Value"),
            ("a", " b' \"c\"", "Value"),
        ] {
            let refused = check(name, value).unwrap_err();
            assert_eq!(format!("{refused:?}"), fault, "{name} = {value}");
        }
        let long = "n".repeat(MAX_NAME + 1);
        assert!(matches!(check(&long, ""), Err(CertificateFault::TooLong)));
    }

    proptest! {
        #[test]
        fn whatever_is_written_is_read_as_the_same(name in "[a-z$@.&+_/-]{1,9}", value in "\\PC{0,20}") {
            let mut text = Zeroizing::new(String::from("a\n"));
            if write(&mut text, &name, &value).is_ok() {
                let read = read(&text).unwrap();
                prop_assert_eq!(&read[1], &(1, name, value));
            } else {
                prop_assert!(check(&name, &value).is_err());
            }
        }

        #[test]
        fn whatever_is_read_can_be_written(text in "([ab\"'# =\t\u{a0}]{0,12}\n){0,3}") {
            for line in lines(text.as_bytes()).map_while(Result::ok) {
                prop_assert!(check(line.name, line.value).is_ok(), "{:?}", line);
            }
        }
    }
}
