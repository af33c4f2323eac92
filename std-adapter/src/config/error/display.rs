//! The text of each error: a line for each fault, with the place, what was found there, and what is
//! accepted.

use std::fmt;

use super::{ConfigError, Origin, clean};
use crate::config::MAX_FILE_SIZE;

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable { file, source } => write!(f, "{file}: cannot be read: {source}"),
            Self::TooLarge { file } => {
                let limit = MAX_FILE_SIZE;
                write!(
                    f,
                    "{file}: larger than {limit} bytes, so not a configuration"
                )
            }
            Self::Malformed {
                file,
                line,
                column,
                message,
            } => fmt_malformed(f, file, (*line, *column), message),
            Self::UnknownKey { origin, nearest } => fmt_unknown(f, origin, nearest.as_deref()),
            Self::DuplicateKey { origin, first_line } => {
                write!(
                    f,
                    "{origin} is a duplicate of the key in line {first_line}; keep one"
                )
            }
            Self::Conflict { origin, first } => fmt_conflict(f, origin, first),
            Self::Invalid {
                origin,
                found,
                problem,
                accepted,
            } => write!(f, "{}: {problem}; use {accepted}", origin.with_value(found)),
            Self::InvalidTag {
                origin,
                tag,
                problem,
                accepted,
            } => write!(f, "{origin}: {tag}: {problem}; use {accepted}"),
            Self::Unsupported { origin, reason } => write!(f, "{origin}: {reason}"),
            Self::MissingServiceName => f.write_str(NO_SERVICE_NAME),
            Self::MissingSampler => f.write_str(NO_SAMPLER),
            Self::MissingSamplerParam { origin } => fmt_no_param(f, origin),
            Self::HeaderClash { name, other } => fmt_clash(f, name, other),
            Self::Several(faults) => fmt_lines(f, faults),
        }
    }
}

fn fmt_lines(f: &mut fmt::Formatter<'_>, faults: &[ConfigError]) -> fmt::Result {
    for (index, fault) in faults.iter().enumerate() {
        let separator = if index == 0 { "" } else { "\n" };
        write!(f, "{separator}{fault}")?;
    }
    Ok(())
}

fn fmt_malformed(
    f: &mut fmt::Formatter<'_>,
    file: &str,
    (line, column): (u64, u64),
    message: &str,
) -> fmt::Result {
    match line {
        0 => write!(f, "{file}: {message}"),
        _ => write!(f, "{file}:{line}:{column}: {message}"),
    }
}

fn fmt_unknown(f: &mut fmt::Formatter<'_>, origin: &Origin, nearest: Option<&str>) -> fmt::Result {
    match origin {
        Origin::File {
            file,
            line,
            column,
            key,
        } => write!(f, "{file}:{line}:{column}: unknown key `{}`", clean(key))?,
        other => write!(f, "{other}: unknown")?,
    }
    match nearest {
        Some(name) => write!(f, "; did you mean `{name}`?"),
        None => Ok(()),
    }
}

fn fmt_no_param(f: &mut fmt::Formatter<'_>, origin: &Origin) -> fmt::Result {
    let param = match origin {
        Origin::Variable { .. } => "JAEGER_SAMPLER_PARAM",
        _ => "`sampler.param`",
    };
    write!(
        f,
        "{origin}: the sampler has no parameter; set {param} beside it"
    )
}

fn fmt_conflict(f: &mut fmt::Formatter<'_>, origin: &Origin, first: &Origin) -> fmt::Result {
    match first {
        Origin::File { key, line, .. } => {
            write!(f, "{origin} contradicts `{key}` in line {line}; keep one")
        }
        other => write!(f, "{origin} contradicts {other}; keep one"),
    }
}

fn fmt_clash(f: &mut fmt::Formatter<'_>, name: &str, other: &str) -> fmt::Result {
    write!(
        f,
        "the header name `{name}` cannot be told apart from `{other}`; rename one"
    )
}

const NO_SERVICE_NAME: &str = "no service name; set `service_name` in the file, JAEGER_SERVICE_NAME, or call Config::new \
     with it";
const NO_SAMPLER: &str = "no sampler, which means the remote one, and that needs the feature `http` of picojaeger-std; \
     use that, or set `sampler.type` in the file or JAEGER_SAMPLER_TYPE to const, probabilistic or ratelimiting, with a parameter, or \
     call Config::sampler";
