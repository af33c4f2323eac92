//! The file of options: YAML with the names of the command line.

use std::collections::HashMap;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use super::args::value::Value;
use super::args::{ArgsError, Given, Source};
use super::help::HELP;
use crate::config::yaml::{self, Fault, KeyText, Node, clean, nearest};

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
    options(text).map_err(|fault| format!("line {}: {}", fault.place.line, fault.message))
}

fn options(text: &str) -> Result<Given, Fault> {
    let root = yaml::parse(text).map_err(|fault| fault.place.fault(clean(&fault.message)))?;
    let mut given = Given::default();
    let pairs = match &root.value {
        yaml::Value::Null => return Ok(given),
        yaml::Value::Map(pairs) => pairs,
        _ => return Err(root.place.fault("not a map of options and their values")),
    };
    let mut lines = HashMap::new();
    for (key, node) in pairs {
        if let Some(first) = lines.insert(key.text.as_str(), key.place.line) {
            let name = clean(&key.text);
            let message =
                format!("`{name}` is a duplicate of the option in line {first}; keep one");
            return Err(key.place.fault(message));
        }
        set(&mut given, key, node)?;
    }
    Ok(given)
}

/// Sets an option; one without a value is as if it were not there.
fn set(given: &mut Given, key: &KeyText, node: &Node) -> Result<(), Fault> {
    let name = key.text.as_str();
    let mut value = InFile { key, node };
    match &node.value {
        _ if !names().any(|known| known == name) => Err(value.unknown(name)),
        yaml::Value::Null => Ok(()),
        yaml::Value::List(hosts) if name == "allow-host" => hosts
            .iter()
            .try_for_each(|node| given.set(name, &mut InFile { key, node })),
        _ => match given.switch(name) {
            Some(switch) => value.boolean().map(|is_on| *switch = is_on),
            None => given.set(name, &mut value),
        },
    }
}

/// The options that a file may have: those of the command line but the file itself.
fn names() -> impl Iterator<Item = &'static str> {
    let named = HELP.lines().filter_map(|line| line.strip_prefix("  --"));
    let names = named.filter_map(|line| line.split(' ').next());
    names.filter(|name| *name != "config")
}

/// An option in the file.
struct InFile<'a> {
    key: &'a KeyText,
    node: &'a Node,
}

impl InFile<'_> {
    fn boolean(&self) -> Result<bool, Fault> {
        match &self.node.value {
            yaml::Value::Bool(is_on) => Ok(*is_on),
            _ => Err(self.wrong("true or false")),
        }
    }

    /// The error of a value that is not of this form.
    fn wrong(&self, form: &str) -> Fault {
        let found = match &self.node.value {
            yaml::Value::Bool(is_on) => is_on.to_string(),
            yaml::Value::List(_) => "[…]".to_owned(),
            yaml::Value::Map(_) => "{…}".to_owned(),
            _ => self
                .text()
                .map_or_else(|| "null".to_owned(), |text| clean(&text)),
        };
        self.node.place.fault(format!("`{found}` is not {form}"))
    }

    /// The value as on the command line.
    fn text(&self) -> Option<String> {
        match &self.node.value {
            yaml::Value::Text(text) => Some(text.clone()),
            yaml::Value::Integer(number) => Some(number.to_string()),
            yaml::Value::Float(number) => Some(number.to_string()),
            _ => None,
        }
    }
}

impl Source for InFile<'_> {
    type Error = Fault;

    fn value<T: Value>(&mut self, _: &str) -> Result<T, Fault> {
        let value = self.text().and_then(|text| T::read(&text));
        value.ok_or_else(|| self.wrong(T::FORM))
    }

    fn path(&mut self) -> Result<PathBuf, Fault> {
        match &self.node.value {
            yaml::Value::Text(text) => Ok(text.into()),
            _ => Err(self.wrong("the name of a file; use quotes around one")),
        }
    }

    fn unknown(&self, name: &str) -> Fault {
        // A third of the letters may differ.
        let limit = 1 + name.len().min(30) / 3;
        let hint = match nearest(name, limit, names()) {
            Some(nearest) => format!("did you mean `{nearest}`?"),
            None => "--help has the names".to_owned(),
        };
        let message = format!("unknown option `{}`; {hint}", clean(name));
        self.key.place.fault(message)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::args::value::Host;
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
        let given =
            parse("port-page:\njson: ~\nallow-host: a\ntimeout: 0.5\nsampling: f\nprint: on");
        let expected = Given {
            allow_host: vec![Host("a".to_owned())],
            timeout: Some(Duration::from_millis(500)),
            sampling: Some("f".into()),
            print: true,
            ..Given::default()
        };
        assert_eq!(given.unwrap(), expected);
    }

    #[test]
    fn each_option_of_the_help_has_a_value_or_is_a_switch() {
        for name in names() {
            let mut given = Given::default();
            let is_switch = given.switch(name).is_some();
            let value = if is_switch { "true" } else { "'1'" };
            let error = parse(&format!("{name}: {value}")).err().unwrap_or_default();
            assert!(!error.contains("unknown"), "{name}: {error}");
            assert!(parse(&format!("{name}: [1, {{}}]")).is_err(), "{name}");
        }
        assert!(
            parse("config: f")
                .unwrap_err()
                .contains("unknown option `config`")
        );
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
            (
                "allow-host:\n- a\n- [b]",
                "line 3: `[…]` is not a host name",
            ),
            (
                "port-page: 1\njson: maybe",
                "line 2: `maybe` is not true or false",
            ),
            (
                "export: 5",
                "line 1: `5` is not the name of a file; use quotes",
            ),
            ("port-otlp: true", "line 1: `true` is not a port"),
            ("\nport-otlp: {a: 1}", "line 2: `{…}` is not a port"),
            (
                "port-pgae:",
                "line 1: unknown option `port-pgae`; did you mean `port-page`?",
            ),
            (
                "'zz zz': 1",
                "line 1: unknown option `zz zz`; --help has the names",
            ),
            (
                "json: no\n\njson: no",
                "line 3: `json` is a duplicate of the option in line 1",
            ),
            ("- json", "line 1: not a map of options and their values"),
            ("json: [", "line 1: "),
            ("port-page: 1\n---\n", "line 2: a second document"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.starts_with(line), "{error}");
        }
        let hostile = format!("'{}\\n': 1", "z".repeat(10_000));
        let error = parse(&hostile.replace('\'', "\"")).unwrap_err();
        assert!(error.len() < 200 && !error.contains('\n'), "{error}");
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
