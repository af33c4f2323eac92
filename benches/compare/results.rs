//! Results of a run: one record for each library under each workload, and the
//! file that keeps them for programs.

use std::fs;
use std::io;
use std::path::Path;

use crate::machine;

/// Path of the results: an array of objects, one a record.
pub(crate) const RESULTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/target/bench/compare.json");

/// One library under one workload, with figures by name.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Record {
    pub(crate) workload: &'static str,
    pub(crate) library: &'static str,
    pub(crate) version: &'static str,
    figures: Vec<(&'static str, f64)>,
}

impl Record {
    /// Makes a record without figures; the version is the package's in the lock file.
    pub(crate) fn new(workload: &'static str, library: &'static str, package: &str) -> Self {
        Self {
            workload,
            library,
            version: machine::version(package).unwrap_or("unknown"),
            figures: Vec::new(),
        }
    }

    pub(crate) fn set(&mut self, name: &'static str, figure: f64) {
        self.figures.push((name, figure));
    }

    pub(crate) fn get(&self, name: &str) -> Option<f64> {
        let mut figures = self.figures.iter();
        figures
            .find(|(known, _)| *known == name)
            .map(|(_, figure)| *figure)
    }

    /// Names and versions are plain ASCII, so nothing needs an escape.
    fn object(&self) -> String {
        let mut object = format!(
            "  {{\"workload\": \"{}\", \"library\": \"{}\", \"version\": \"{}\"",
            self.workload, self.library, self.version
        );
        for (name, figure) in &self.figures {
            object += &format!(", \"{name}\": {}", (figure * 1e4).round() / 1e4);
        }
        object + "}"
    }
}

/// Writes the results, or removes old ones if `records` are unreliable.
pub(crate) fn save(records: Option<&[Record]>) -> io::Result<()> {
    match records {
        Some(records) => write(records),
        None if Path::new(RESULTS).exists() => fs::remove_file(RESULTS),
        None => Ok(()),
    }
}

fn write(records: &[Record]) -> io::Result<()> {
    let objects: Vec<_> = records.iter().map(Record::object).collect();
    let text = format!("[\n{}\n]\n", objects.join(",\n"));
    if let Some(folder) = Path::new(RESULTS).parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(RESULTS, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_an_object() {
        let mut record = Record::new("W1", "floor", "picojaeger-workloads");
        record.set("min_ns", 22.123_456);
        record.set("made", 4e5);
        let expected = "  {\"workload\": \"W1\", \"library\": \"floor\", \"version\": \"0.1.0\", \
                        \"min_ns\": 22.1235, \"made\": 400000}";
        assert_eq!(record.object(), expected);
        assert_eq!(record.get("made"), Some(4e5));
        assert_eq!(record.get("lost"), None);
    }
}
