//! The file of `--export`.

use std::fs::{self, OpenOptions};
use std::io;
use std::path::Path;

use crate::collector::{Trace, json};

/// Checks that the file can be written at the end of the run, and leaves it as it is: a name that is wrong would else be known
/// only once the traces had come, and lose them.
///
/// # Errors
/// The reason, and what to do.
pub(super) fn check(path: &Path) -> Result<(), String> {
    let result = match fs::metadata(path) {
        Ok(known) if known.is_file() => OpenOptions::new().write(true).open(path).map(drop),
        Ok(known) if known.is_dir() => Err(io::ErrorKind::IsADirectory.into()),
        // A pipe waits for its reader as it is opened.
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => try_create(path),
        Err(error) => Err(error),
    };
    result.map_err(|error| {
        let path = path.display();
        format!("--export {path}: {error}: name a file in a folder that exists and can be written")
    })
}

fn try_create(path: &Path) -> io::Result<()> {
    match OpenOptions::new().write(true).create_new(true).open(path) {
        Ok(_) => fs::remove_file(path),
        // Made by another program in between, or a link to a file that is not there yet.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    }
}

/// Writes traces to the file: as OTLP JSON if its name ends with `.otlp.json`, else as Jaeger's JSON.
pub(super) fn write(path: &Path, traces: &[Trace]) -> Result<(), String> {
    let is_otlp = path.to_string_lossy().ends_with(".otlp.json");
    let text = if is_otlp {
        json::otlp(traces)
    } else {
        json::jaeger(traces)
    };
    fs::write(path, text).map_err(|error| format!("--export {}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_check_leaves_no_file_and_keeps_the_one_that_is_there() {
        let name = format!("picojaeger-export-{}.json", std::process::id());
        let path = std::env::temp_dir().join(name);
        assert_eq!(check(&path), Ok(()));
        assert!(!path.exists());
        fs::write(&path, "mine").unwrap();
        assert_eq!(check(&path), Ok(()));
        assert_eq!(fs::read_to_string(&path).unwrap(), "mine");
        let below = check(&path.join("below.json")).unwrap_err();
        fs::remove_file(&path).unwrap();
        assert!(below.contains("name a file in a folder"), "{below}");
        let folder = check(&std::env::temp_dir()).unwrap_err();
        assert!(folder.starts_with("--export "), "{folder}");
    }
}
