//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use crate::Result;

/// Settings of a run.
#[derive(Debug, PartialEq)]
pub(crate) struct Arguments {
    /// The collector's program.
    pub(crate) program: PathBuf,
    /// Spans a second.
    pub(crate) rate: u64,
    pub(crate) time: Duration,
    pub(crate) protocol: Protocol,
    /// Memory of the collector's store, in its own notation.
    pub(crate) memory: String,
}

/// Format and transport of the spans.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// Thrift compact over UDP, in datagrams of up to so many bytes.
    Udp { datagram: usize },
    /// OTLP in protobuf over HTTP.
    Otlp,
}

/// What to do.
#[derive(Debug, PartialEq)]
pub(crate) enum Command {
    Help,
    Run(Arguments),
}

pub(crate) const HELP: &str = "\
Sends spans to the collector's program at a steady rate, and counts those that it loses.

load PROGRAM [OPTION]…
  PROGRAM           the collector to start, as target/release/picojaeger-collector
  --rate N          spans a second (50000)
  --seconds N       time of the load (60)
  --datagram BYTES  largest datagram, 512 to 65000 (65000)
  --otlp            OTLP in protobuf over HTTP instead of Thrift over UDP
  --memory SIZE     memory of the collector's store (256M)
  --help            this text

The exit status is 0 if all that the kernel delivered arrived, 1 if some of it is missing or the rate was not reached, 2 for errors.
";

impl Command {
    pub(crate) fn parse(mut words: impl Iterator<Item = String>) -> Result<Self> {
        let (mut rate, mut seconds) = (50_000, 60);
        let (mut datagram, mut otlp) = (None, false);
        let (mut memory, mut program) = ("256M".to_owned(), None);
        while let Some(word) = words.next() {
            match &*word {
                "--help" | "-h" => return Ok(Command::Help),
                "--rate" => rate = number(&word, words.next(), 1, 10_000_000)?,
                "--seconds" => seconds = number(&word, words.next(), 1, 86_400)?,
                "--datagram" => datagram = Some(number(&word, words.next(), 512, 65_000)?),
                "--otlp" => otlp = true,
                "--memory" => memory = words.next().ok_or("--memory needs a size, as 256M")?,
                option if option.starts_with('-') => {
                    return Err(format!("{option} is unknown; --help lists the options").into());
                }
                _ if program.is_some() => return Err(format!("{word} is a second program").into()),
                path => program = Some(PathBuf::from(path)),
            }
        }
        let protocol = match (otlp, datagram) {
            (true, Some(_)) => return Err("--otlp sends no datagrams: leave --datagram out".into()),
            (true, None) => Protocol::Otlp,
            (false, datagram) => Protocol::Udp {
                datagram: usize::try_from(datagram.unwrap_or(65_000))?,
            },
        };
        Ok(Command::Run(Arguments {
            program: program.ok_or("name the collector's program; --help tells more")?,
            rate,
            time: Duration::from_secs(seconds),
            protocol,
            memory,
        }))
    }
}

fn number(option: &str, word: Option<String>, least: u64, most: u64) -> Result<u64> {
    match word.as_deref().map(str::parse) {
        Some(Ok(number)) if (least..=most).contains(&number) => Ok(number),
        _ => Err(format!("{option} needs a number from {least} to {most}").into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> std::result::Result<Command, String> {
        let words = line.split_whitespace().map(str::to_owned);
        Command::parse(words).map_err(|error| error.to_string())
    }

    #[test]
    fn options_are_read_in_any_order() {
        let expected = Arguments {
            program: "collector".into(),
            rate: 7,
            time: Duration::from_secs(2),
            protocol: Protocol::Udp { datagram: 1_400 },
            memory: "2M".to_owned(),
        };
        let line = "--rate 7 collector --datagram 1400 --seconds 2 --memory 2M";
        assert_eq!(parse(line), Ok(Command::Run(expected)));
        let Ok(Command::Run(otlp)) = parse("collector --otlp") else {
            panic!("it is right");
        };
        assert_eq!((otlp.protocol, otlp.rate), (Protocol::Otlp, 50_000));
        assert_eq!(parse("-h"), Ok(Command::Help));
    }

    #[test]
    fn wrong_options_say_what_is_right() {
        for (line, text) in [
            ("", "name the collector's program"),
            ("a b", "b is a second program"),
            ("a --rate 0", "from 1 to 10000000"),
            ("a --seconds x", "--seconds needs a number"),
            ("a --datagram 70000", "from 512 to 65000"),
            ("a --memory", "needs a size"),
            ("a --otlp --datagram 1400", "leave --datagram out"),
            ("a --speed", "--help lists"),
        ] {
            let error = parse(line).expect_err(line);
            assert!(error.contains(text), "{line}: {error}");
        }
    }
}
