//! `Debug` of errors.

/// Implements `Debug` by `Display`: a `main` that returns an error prints it by `Debug`.
macro_rules! debug_as_display {
    ($error:ty) => {
        impl core::fmt::Debug for $error {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                core::fmt::Display::fmt(self, f)
            }
        }
    };
}

pub(crate) use debug_as_display;

#[cfg(all(test, not(loom)))]
mod tests {
    use std::error::Error;
    use std::format;

    use crate::{
        BaggageDrops, BaggageError, CarrierFull, ExtractError, InjectError, ParseContextError,
        ParseIdError, ReporterTaken, SamplerError,
    };

    #[test]
    fn errors_print_their_text() {
        let errors: [&dyn Error; 9] = [
            &BaggageError::Full,
            &CarrierFull,
            &ExtractError::Malformed(ParseContextError::Flags),
            &InjectError::CarrierFull,
            &InjectError::Baggage(BaggageDrops::default()),
            &ParseContextError::ZeroId,
            &ParseIdError::NotHex,
            &ReporterTaken,
            &SamplerError::Rate,
        ];
        for error in errors {
            let text = format!("{error}");
            assert!(text.contains(' '), "{text}");
            assert_eq!(format!("{error:?}"), text);
            assert_eq!(format!("{error:#?}"), text);
        }
    }
}
