//! Errors with their causes, on one line.

use std::error::Error;
use std::fmt;

/// Writes the error's text, then that of each of its sources: `text: cause: cause`.
///
/// Used by `Debug` of errors, since `main` prints an error that it returns by `Debug`. A cause
/// with which the preceding text already ends is not repeated.
pub(crate) fn fmt_chain(error: &dyn Error, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let mut text = error.to_string();
    f.write_str(&text)?;
    let mut source = error.source();
    while let Some(cause) = source {
        let next = cause.to_string();
        if !text.ends_with(&next) {
            write!(f, ": {next}")?;
        }
        text = next;
        source = cause.source();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Link(&'static str, Option<Box<Link>>);

    impl fmt::Display for Link {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(self.0)
        }
    }

    impl Error for Link {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            self.1.as_deref().map(|link| link as _)
        }
    }

    /// Prints a chain, as the `Debug` of an error does.
    struct Chain(Link);

    impl fmt::Debug for Chain {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            fmt_chain(&self.0, f)
        }
    }

    fn chain(texts: &[&'static str]) -> String {
        let links = texts.iter().rev();
        let first = links.fold(None, |below, text| Some(Box::new(Link(text, below))));
        format!("{:?}", Chain(*first.unwrap()))
    }

    #[test]
    fn causes_follow_once() {
        assert_eq!(chain(&["alone"]), "alone");
        assert_eq!(chain(&["top", "middle", "cause"]), "top: middle: cause");
        assert_eq!(
            chain(&["a file: gone", "gone", "disk"]),
            "a file: gone: disk"
        );
    }
}
