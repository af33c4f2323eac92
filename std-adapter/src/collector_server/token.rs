//! The token of a collector that other machines reach.

use std::path::Path;

use super::args::Args;
use super::config::read_text;
use crate::sys::hex::hex;

/// The shortest token of a file: a guess must be hopeless.
const MIN_LENGTH: usize = 16;
const MAX_LENGTH: usize = 256;

/// Returns the token, if the options want one: that of a file, or a new one.
pub(super) fn of(args: &Args) -> Result<Option<String>, String> {
    match &args.token_file {
        _ if !args.needs_token => Ok(None),
        None => random().map(Some),
        Some(path) => read(path)
            .map(Some)
            .map_err(|error| format!("--token-file {error}")),
    }
}

fn read(path: &Path) -> Result<String, String> {
    let text = read_text(path, 1 << 10).map_err(|error| format!("{}: {error}", path.display()))?;
    let token = text.trim();
    // It stands in an address and in a cookie as it is.
    let is_plain = token
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte));
    match (MIN_LENGTH..=MAX_LENGTH).contains(&token.len()) && is_plain {
        true => Ok(token.to_owned()),
        false => Err(format!(
            "{}: a token has {MIN_LENGTH} to {MAX_LENGTH} letters, digits and `-_.~`",
            path.display()
        )),
    }
}

fn random() -> Result<String, String> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|error| format!("no random token: {error}"))?;
    Ok(hex(&bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_of_a_file_is_long_and_plain() {
        let path = std::env::temp_dir().join(format!("picojaeger-token-{}", std::process::id()));
        for (text, is_right) in [
            ("0123456789abcdef\n", true),
            ("0123456789abcde", false),
            ("0123456789abcdef;", false),
            ("0123456789 abcdef", false),
            ("", false),
        ] {
            std::fs::write(&path, text).unwrap();
            assert_eq!(read(&path).is_ok(), is_right, "{text}");
        }
        std::fs::remove_file(&path).unwrap();
        assert!(read(&path).is_err());
    }

    #[test]
    fn a_token_is_new_each_time() {
        let (one, other) = (random().unwrap(), random().unwrap());
        assert_eq!(one.len(), 32);
        assert_ne!(one, other);
    }
}
