//! The command line.

use crate::Result;

/// Settings of a run.
pub(crate) struct Arguments {
    /// Requests of a round, beside those that warm the service up.
    pub(crate) requests: u64,
    /// Connections that are kept open.
    pub(crate) connections: u64,
    pub(crate) rounds: u32,
    /// Also times a build of each service from nothing.
    pub(crate) builds: bool,
    /// Services to compare; all, if it is empty.
    pub(crate) names: Vec<String>,
}

impl Arguments {
    pub(crate) fn parse(mut words: impl Iterator<Item = String>) -> Result<Self> {
        let mut arguments = Arguments {
            requests: 100_000,
            connections: 32,
            rounds: 5,
            builds: false,
            names: Vec::new(),
        };
        while let Some(word) = words.next() {
            match &*word {
                "--requests" => arguments.requests = number(&word, words.next())?,
                "--connections" => arguments.connections = number(&word, words.next())?,
                "--rounds" => arguments.rounds = number(&word, words.next())?.try_into()?,
                "--builds" => arguments.builds = true,
                option if option.starts_with('-') => {
                    return Err(format!(
                        "{option} is unknown; use --requests N, --connections N, --rounds N, --builds, and names of services"
                    )
                    .into());
                }
                name => arguments.names.push(name.to_owned()),
            }
        }
        Ok(arguments)
    }
}

fn number(option: &str, word: Option<String>) -> Result<u64> {
    match word.as_deref().map(str::parse) {
        Some(Ok(number)) if number > 0 => Ok(number),
        _ => Err(format!("{option} needs a number above 0").into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Arguments> {
        Arguments::parse(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn options_and_names_are_read_in_any_order() {
        let arguments = parse("untraced --requests 7 --builds fastrace").expect("it is right");
        assert_eq!(arguments.requests, 7);
        assert!(arguments.builds);
        assert_eq!(arguments.names, ["untraced", "fastrace"]);
    }

    #[test]
    fn wrong_options_are_refused() {
        for line in ["--request 7", "--requests", "--requests x", "--rounds 0"] {
            assert!(parse(line).is_err(), "{line}");
        }
    }
}
