//! Errors with their causes, on one line.

use std::error::Error;
use std::fmt;

/// Writes the error's text, then that of each of its sources: `text: cause: cause`.
///
/// A cause with which the preceding text already ends is not repeated.
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

/// Implements `Debug` by [`fmt_chain`]: a `main` that returns an error prints it by `Debug`.
macro_rules! debug_as_chain {
    ($($error:ty),*) => {$(
        impl std::fmt::Debug for $error {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                $crate::sys::error_chain::fmt_chain(self, f)
            }
        }
    )*};
}

pub(crate) use debug_as_chain;

#[cfg(test)]
mod tests {
    use super::*;

    struct Link(&'static str, Option<Box<Link>>);

    debug_as_chain!(Link);

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

    fn chain(texts: &[&'static str]) -> String {
        let links = texts.iter().rev();
        let first = links.fold(None, |below, text| Some(Box::new(Link(text, below))));
        format!("{:?}", first.unwrap())
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
