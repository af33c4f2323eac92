//! One optional setting: its value, its origin, and the rule that it keeps.

use std::fmt::Debug;

use crate::config::error::{ConfigError, Origin, clean};
use crate::config::source::Entry;

/// Stands for a value that is not shown.
pub(crate) const HIDDEN: &str = "…";

/// A setting that was made or not, its origin, and the rule that its value keeps.
#[derive(Clone, Debug)]
pub(crate) struct Setting<T> {
    made: Option<(T, Origin)>,
    /// A value was refused, with an error of its own.
    refused: bool,
    check: fn(&T) -> Result<(), Violation>,
    /// Errors do not show the value.
    secret: bool,
}

/// A broken rule: the problem, and what is accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Violation {
    pub(crate) problem: &'static str,
    pub(crate) accepted: &'static str,
}

impl Violation {
    /// The error of a value with this text.
    pub(crate) fn error(self, origin: &Origin, found: &str) -> ConfigError {
        ConfigError::Invalid {
            origin: origin.clone(),
            found: found.into(),
            problem: self.problem,
            accepted: self.accepted,
        }
    }
}

impl<T> Setting<T> {
    /// A setting whose values keep a rule.
    pub(crate) fn checked(check: fn(&T) -> Result<(), Violation>) -> Self {
        Self {
            made: None,
            refused: false,
            check,
            secret: false,
        }
    }

    /// A setting whose values keep a rule, and are not shown in errors.
    pub(crate) fn secret(check: fn(&T) -> Result<(), Violation>) -> Self {
        Self {
            secret: true,
            ..Self::checked(check)
        }
    }

    /// Value and origin, if it was made; the value may break its rule.
    pub(crate) fn made(&self) -> Option<&(T, Origin)> {
        self.made.as_ref()
    }

    /// Returns whether a value was refused.
    pub(crate) fn is_refused(&self) -> bool {
        self.refused
    }

    /// Drops the value, which has an error of its own.
    pub(crate) fn refuse(&mut self) {
        self.made = None;
        self.refused = true;
    }
}

/// A setting that takes every value of its type.
impl<T> Default for Setting<T> {
    fn default() -> Self {
        Self::checked(|_| Ok(()))
    }
}

impl<T: PartialEq> Setting<T> {
    /// Reads a value of a file or of the environment.
    pub(crate) fn read<'v>(
        &mut self,
        entry: &Entry<'v>,
        reader: impl FnOnce(&Entry<'v>) -> Result<T, ConfigError>,
    ) -> Result<(), ConfigError> {
        let outcome = reader(entry).and_then(|value| self.set(entry, value));
        self.refused |= outcome.is_err();
        outcome
    }

    /// Reads a value as [`Setting::read`] does; zero is the default, as in Go.
    pub(crate) fn read_or_default<'v>(
        &mut self,
        entry: &Entry<'v>,
        reader: impl FnOnce(&Entry<'v>) -> Result<T, ConfigError>,
    ) -> Result<(), ConfigError> {
        match entry.is_zero() {
            true => Ok(()),
            false => self.read(entry, reader),
        }
    }

    /// Takes a value of a file or of the environment.
    pub(crate) fn set(&mut self, entry: &Entry<'_>, value: T) -> Result<(), ConfigError> {
        (self.check)(&value).map_err(|violation| match self.secret {
            true => entry.hidden().invalid(violation),
            false => entry.invalid(violation),
        })?;
        match &self.made {
            Some((known, first)) if *known != value => Err(ConfigError::Conflict {
                origin: entry.origin.clone(),
                first: first.clone(),
            }),
            Some(_) => Ok(()),
            None => {
                self.made = Some((value, entry.origin.clone()));
                Ok(())
            }
        }
    }
}

impl<T: Debug> Setting<T> {
    /// Takes a value of code, in place of an earlier one; `get` checks it.
    pub(crate) fn put(&mut self, method: &'static str, value: T) {
        self.made = Some((value, Origin::Code { method }));
    }

    /// The value, if it was made and keeps its rule.
    pub(crate) fn get(&self) -> Result<Option<&T>, ConfigError> {
        let Some((value, origin)) = &self.made else {
            return Ok(None);
        };
        match (self.check)(value) {
            Ok(()) => Ok(Some(value)),
            Err(violation) if self.secret => Err(violation.error(origin, HIDDEN)),
            Err(violation) => Err(violation.error(origin, &clean(&format!("{value:?}")))),
        }
    }
}

impl<T> Setting<Vec<T>> {
    /// Adds to the values of code.
    pub(crate) fn push(&mut self, method: &'static str, value: T) {
        let (values, _) = self
            .made
            .get_or_insert_with(|| (Vec::new(), Origin::Code { method }));
        values.push(value);
    }
}

/// Returns the violation unless the value fits.
pub(crate) fn require(
    fits: bool,
    problem: &'static str,
    accepted: &'static str,
) -> Result<(), Violation> {
    if fits {
        Ok(())
    } else {
        Err(Violation { problem, accepted })
    }
}
