//! The file of options: YAML with the names of the command line.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use serde_saphyr::{MessageFormatter as _, UserMessageFormatter};

use super::args::{ArgsError, Given};

/// The longest file: it has one line for each option.
const MAX_LENGTH: u64 = 64 << 10;

/// Reads the options of a file.
pub(super) fn read(path: PathBuf) -> Result<Given, ArgsError> {
    let text = read_text(&path, MAX_LENGTH);
    match text.and_then(|text| parse(&text)) {
        Ok(given) => Ok(given),
        Err(error) => Err(ArgsError::Config(path, error)),
    }
}

/// Reads a file that is text of at most `limit` bytes.
pub(super) fn read_text(path: &Path, limit: u64) -> Result<String, String> {
    let mut text = String::new();
    let file = File::open(path).map_err(|error| error.to_string())?;
    let length = file.take(limit + 1).read_to_string(&mut text);
    match length.map_err(|error| error.to_string())? as u64 > limit {
        true => Err(format!("the file is longer than {limit} bytes")),
        false => Ok(text),
    }
}

fn parse(text: &str) -> Result<Given, String> {
    let is_blank = |line: &str| line.trim().is_empty() || line.trim_start().starts_with('#');
    if text.lines().all(is_blank) {
        return Ok(Given::default());
    }
    let options = serde_saphyr::options! { with_snippet: false };
    serde_saphyr::from_str_with_options(text, options).map_err(|error| {
        let message = UserMessageFormatter.format_message(&error);
        match error.location() {
            Some(place) => format!("line {}: {message}", place.line()),
            None => message.into_owned(),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_has_the_options_of_the_command_line() {
        let given = parse(
            "# ports\nport-page: 0\nmemory: 2M\njson: true\nallow-host: [a, b]\ntimeout: 5\nlisten: '::1'\n",
        );
        let args = given.unwrap().complete().unwrap();
        assert_eq!((args.ports.page, args.memory), (Some(0), 2 << 20));
        assert_eq!((args.json, args.timeout.as_secs()), (true, 5));
        assert_eq!(args.allow_host, ["a", "b"]);
        assert!(args.listen.is_ipv6());
        assert_eq!(parse("# nothing\n\n").unwrap(), Given::default());
    }

    #[test]
    fn what_is_not_known_is_refused_with_its_line() {
        for (text, line) in [
            ("port-page: 0\nport-pgae: 1\n", "line 2"),
            ("json: true\n\nport-page: many\n", "line 3"),
            ("port-page: 1\nport-page: 2\n", "line 2"),
            (
                "port-page: 70000",
                "line 1: `70000` is not a port: a number from 0",
            ),
            ("memory: 1K", "line 1: `1K` is not a size of at least 64K"),
            (
                "json: true\nlisten: localhost",
                "line 2: `localhost` is not an IP address",
            ),
            (
                "allow-host: ['http://a']",
                "line 1: `http://a` is not a host name",
            ),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.starts_with(line), "{error}");
        }
        assert!(parse("port-pgae: 1").unwrap_err().contains("port-pgae"));
    }

    #[test]
    fn a_file_that_is_too_long_is_not_read() {
        let path = std::env::temp_dir().join(format!("picojaeger-long-{}", std::process::id()));
        std::fs::write(&path, "x".repeat(101)).unwrap();
        assert!(read_text(&path, 101).is_ok());
        assert!(read_text(&path, 100).unwrap_err().contains("100 bytes"));
        std::fs::remove_file(&path).unwrap();
    }
}
