//! The comparison with other libraries that `ci/versus --json` wrote, as it is read back for a report.
//!
//! It is an array of rows, one for each case and backend. A number that a library has none for is
//! null. Whatever does not fit is an error that names the row, since a report must not quietly leave
//! out what somebody will look for.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, bail, ensure};
use serde::Deserialize;

/// What `ci/versus` found about one case.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Row {
    /// `<transport>/<what>/<bytes>`; what is measured may have several parts.
    case: String,
    /// The backend that ringmq ran on.
    pub(crate) backend: String,
    /// The unit of all figures; one that ends in `/s` is better the higher it is.
    pub(crate) unit: String,
    /// ringmq on that backend.
    pub(crate) ringmq: Option<f64>,
    /// What bare sockets, or a bare ring, did in the same run.
    pub(crate) floor: Option<f64>,
    /// The library that everybody knows.
    pub(crate) libzmq: Option<f64>,
    omq: Option<f64>,
    monocoque: Option<f64>,
    #[serde(default, rename = "monocoque-tokio")]
    monocoque_tokio: Option<f64>,
    rzmq: Option<f64>,
    zmqrs: Option<f64>,
    /// Versions of the libraries by name, where the run wrote them down.
    #[serde(default)]
    versions: BTreeMap<String, String>,
}

/// Finds a library's figure in a row.
pub(crate) type Figure = fn(&Row) -> Option<f64>;

/// The other libraries, in the order of a table.
pub(crate) const RIVALS: [(&str, Figure); 6] = [
    ("libzmq", |row| row.libzmq),
    ("omq", |row| row.omq),
    ("monocoque", |row| row.monocoque),
    ("monocoque, tokio", |row| row.monocoque_tokio),
    ("rzmq", |row| row.rzmq),
    ("zmq.rs", |row| row.zmqrs),
];

impl Row {
    /// The transport, what was measured, and the size of a message.
    pub(crate) fn parts(&self) -> Result<(&str, &str, usize)> {
        let ends = self.case.split_once('/').zip(self.case.rsplit_once('/'));
        let Some(((transport, _), (before, size))) = ends else {
            bail!("write it as transport/what/bytes");
        };
        let Some((_, what)) = before.split_once('/') else {
            bail!("write it as transport/what/bytes");
        };
        let size = size.parse().with_context(|| format!("{size} is no number of bytes"))?;
        Ok((transport, what, size))
    }

    /// Whether more is better.
    pub(crate) fn more_is_better(&self) -> bool {
        self.unit.ends_with("/s")
    }

    /// How many times as good as `other` ringmq is.
    pub(crate) fn times(&self, other: Option<f64>) -> Option<f64> {
        let (ours, other) = (self.ringmq?, other?);
        let (better, worse) = if self.more_is_better() { (ours, other) } else { (other, ours) };
        (worse > 0.0).then(|| better / worse)
    }

    fn check(&self) -> Result<()> {
        self.parts()?;
        ensure!(!self.unit.is_empty(), "its unit is empty");
        let rivals = RIVALS.iter().map(|(_, figure)| figure(self));
        for figure in [self.ringmq, self.floor].into_iter().chain(rivals).flatten() {
            ensure!(figure.is_finite() && figure >= 0.0, "{figure} is no figure");
        }
        Ok(())
    }
}

/// Reads a file that `ci/versus --json` wrote.
pub(crate) fn read(path: &Path) -> Result<Vec<Row>> {
    let text = fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
    parse(&text)
        .with_context(|| format!("{} is not what `ci/versus --json FILE` writes", path.display()))
}

fn parse(text: &str) -> Result<Vec<Row>> {
    let rows: Vec<Row> = serde_json::from_str(text)?;
    ensure!(!rows.is_empty(), "there is no row in it");
    for (number, row) in rows.iter().enumerate() {
        row.check().with_context(|| format!("row {number}, case {:?}", row.case))?;
    }
    Ok(rows)
}

/// The versions that the rows tell, each library once.
pub(crate) fn versions(rows: &[Row]) -> BTreeMap<&str, &str> {
    let all = rows.iter().flat_map(|row| &row.versions);
    all.map(|(name, version)| (name.as_str(), version.as_str())).collect()
}

#[cfg(test)]
pub(crate) mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    pub(crate) const GOOD: &str = r#"[
        {"case": "tcp/throughput/64", "backend": "uring", "unit": "M msg/s", "ringmq": 60.0,
         "floor": 120.0, "libzmq": 6.0, "omq": 5.0, "monocoque": 12.0, "rzmq": null, "zmqrs": 3.0,
         "versions": {"libzmq": "4.3.4"}},
        {"case": "tcp/latency-p50/64", "backend": "mio", "unit": "us", "ringmq": 10.0,
         "floor": 8.0, "libzmq": 80.0, "omq": null, "monocoque": 20.0, "rzmq": 70.0}
    ]"#;

    fn error(text: &str) -> String {
        format!("{:#}", parse(text).err().unwrap())
    }

    #[test]
    fn what_ci_versus_writes_is_read() {
        let rows = parse(GOOD).unwrap();
        assert_eq!(rows[0].parts().unwrap(), ("tcp", "throughput", 64));
        assert_eq!(rows[0].times(rows[0].libzmq), Some(10.0));
        assert_eq!(rows[0].times(rows[0].rzmq), None);
        assert_eq!(rows[1].times(rows[1].libzmq), Some(8.0), "a shorter time is better");
        assert_eq!(rows[1].zmqrs, None, "a column that is missing is one without figures");
        assert_eq!(versions(&rows).get("libzmq"), Some(&"4.3.4"));
        let text = GOOD.replace("tcp/throughput/64", "tcp/tokio-multi/throughput-cpu/64");
        let rows = parse(&text).unwrap();
        assert_eq!(rows[0].parts().unwrap(), ("tcp", "tokio-multi/throughput-cpu", 64));
    }

    #[test]
    fn what_is_no_json_is_refused() {
        assert!(error("M msg/s").contains("expected value at line 1"));
        assert!(error(r#"{"case": "x"}"#).contains("expected a sequence"));
        assert!(error("[]").contains("no row"));
        assert!(error(&GOOD[..GOOD.len() - 1]).contains("EOF"));
    }

    #[test]
    fn a_row_that_says_too_little_is_refused_with_what_is_missing() {
        for key in ["case", "backend", "unit"] {
            let text = GOOD.replace(&format!("\"{key}\""), "\"other\"");
            assert!(error(&text).contains(&format!("missing field `{key}`")), "{}", error(&text));
        }
    }

    #[test]
    fn a_row_that_says_something_else_is_refused_with_its_place() {
        let wrong = |from: &str, to: &str| error(&GOOD.replace(from, to));
        assert!(wrong("60.0", "\"fast\"").contains("invalid type: string \"fast\""));
        assert!(wrong("60.0", "[60.0]").contains("invalid type: sequence"));
        assert!(wrong("60.0", "-60.0").contains("row 0, case \"tcp/throughput/64\""));
        assert!(wrong("tcp/throughput/64", "tcp/64").contains("transport/what/bytes"));
        assert!(wrong("throughput/64", "throughput/x").contains("x is no number of bytes"));
        assert!(wrong("\"us\"", "\"\"").contains("its unit is empty"));
    }

    #[test]
    fn a_file_that_is_not_there_is_named() {
        let error = format!("{:#}", read(Path::new("no-such-versus.json")).err().unwrap());
        assert!(error.contains("no-such-versus.json"), "{error}");
    }
}
