//! The environment, which carries a context to a program that is started: a command, a job of CI.
//!
//! A header's name is written in upper case with `_` for `-`: `TRACEPARENT`, `UBER_TRACE_ID`.

use std::ffi::OsString;
use std::process::Command;

use super::CarrierMut;

/// Source of `extract`: the variables of a process, each as the header of its name.
///
/// The name of an item in `UBERCTX_…` is read in lower case, and with `-` for `_`. `BAGGAGE` keeps
/// the keys as they are.
///
/// ```
/// use picojaeger_std::carriers::Environment;
/// use picojaeger_std::config::{Config, Sampler};
///
/// let tracer = Config::new("job").sampler(Sampler::Const(true)).new_tracer()?;
/// let parent = tracer.extract(&Environment::of_process()); // none, if nobody sent one
/// tracer.span_builder("job").child_of(parent).start().finish();
/// # Ok::<(), picojaeger_std::config::ConfigError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Environment {
    headers: Vec<(String, Vec<u8>)>,
}

/// Target of `inject`: the environment of a program that is about to start.
///
/// ```
/// use std::process::Command;
/// use picojaeger_std::carriers::ChildEnvironment;
/// use picojaeger_std::config::{Config, Sampler};
///
/// let tracer = Config::new("job").sampler(Sampler::Const(true)).new_tracer()?;
/// let span = tracer.start("step");
/// let mut command = Command::new("true");
/// tracer.inject(&span, &mut ChildEnvironment::of(&mut command))?;
/// assert!(command.get_envs().any(|(name, _)| name == "TRACEPARENT"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct ChildEnvironment<'c> {
    command: &'c mut Command,
}

/// Variables of all formats, which a child must not inherit beside those of its own parent.
const CONTEXTS: [&str; 9] = [
    "TRACEPARENT",
    "TRACESTATE",
    "BAGGAGE",
    "UBER_TRACE_ID",
    "B3",
    "X_B3_TRACEID",
    "X_B3_SPANID",
    "X_B3_SAMPLED",
    "X_B3_FLAGS",
];
const ITEMS: &str = "UBERCTX_";

impl Environment {
    /// Reads the variables of this process.
    pub fn of_process() -> Self {
        Self::of_variables(std::env::vars_os())
    }

    /// Takes these variables; those whose names are not UTF-8 are left out.
    pub fn of_variables<K: Into<OsString>, V: Into<OsString>>(
        variables: impl IntoIterator<Item = (K, V)>,
    ) -> Self {
        let headers = variables.into_iter().filter_map(|(name, value)| {
            let name = name.into().into_string().ok()?;
            let header = name.to_ascii_lowercase().replace('_', "-");
            Some((header, value.into().into_encoded_bytes()))
        });
        Environment {
            headers: headers.collect(),
        }
    }
}

/// Iterates over headers, as a [`Carrier`](super::Carrier) does.
impl<'e> IntoIterator for &'e Environment {
    type Item = &'e (String, Vec<u8>);
    type IntoIter = std::slice::Iter<'e, (String, Vec<u8>)>;

    fn into_iter(self) -> Self::IntoIter {
        self.headers.iter()
    }
}

impl<'c> ChildEnvironment<'c> {
    /// Takes a command, which will not inherit the context that this process was started with.
    pub fn of(command: &'c mut Command) -> Self {
        for name in CONTEXTS {
            command.env_remove(name);
        }
        let items = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
        for name in items.filter(|name| name.starts_with(ITEMS)) {
            command.env_remove(name);
        }
        ChildEnvironment { command }
    }
}

impl CarrierMut for ChildEnvironment<'_> {
    fn set(&mut self, key: &str, value: &str) {
        let name = key.to_ascii_uppercase().replace('-', "_");
        self.command.env(name, value);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use picojaeger_core::{Format, Outgoing, Propagator, SpanContext};

    use super::*;
    use crate::context::baggage::Baggage;
    use crate::propagation::carriers::Bridge;

    const FORMATS: [Format; 4] = [
        Format::TraceContext,
        Format::Baggage,
        Format::Jaeger,
        Format::B3Multi,
    ];

    #[test]
    fn each_header_has_its_variable_and_is_read_back() {
        let context: SpanContext = "a:b:0:1".parse().unwrap();
        let propagator = Propagator::new(&FORMATS, &FORMATS);
        let (mut command, mut scratch) = (Command::new("x"), [0; 64]);
        command.env("B3", "stale").env("OTHER", "kept");
        let outgoing = Outgoing::from(context).with_tracestate("x=1");
        let mut child = ChildEnvironment::of(&mut command);
        propagator
            .inject(
                &outgoing,
                [("userId", "7")],
                &mut Bridge(&mut child),
                &mut scratch,
            )
            .unwrap();
        let set = command
            .get_envs()
            .filter_map(|(name, value)| Some((name, value?)));
        let set: BTreeMap<_, _> = set.collect();
        let names: Vec<_> = set.keys().map(|name| name.to_str().unwrap()).collect();
        let expected = [
            "BAGGAGE",
            "OTHER",
            "TRACEPARENT",
            "TRACESTATE",
            "UBERCTX_USERID",
            "UBER_TRACE_ID",
            "X_B3_SAMPLED",
            "X_B3_SPANID",
            "X_B3_TRACEID",
        ];
        assert_eq!(names, expected);

        let read = Environment::of_variables(set);
        let mut baggage = Baggage::EMPTY;
        for format in FORMATS {
            let one = [format];
            let found =
                Propagator::new(&one, &[]).extract(&Bridge(&read), &mut baggage, &mut scratch);
            if format != Format::Baggage {
                assert_eq!(found.context, Ok(Some(context)), "{format:?}");
            }
        }
        assert!(baggage.iter().eq([("userId", "7"), ("userid", "7")]));
    }

    #[test]
    fn a_child_inherits_no_context_of_this_process() {
        let mut command = Command::new("x");
        ChildEnvironment::of(&mut command);
        let removed: Vec<_> = command
            .get_envs()
            .filter(|(_, value)| value.is_none())
            .collect();
        assert!(
            CONTEXTS
                .iter()
                .all(|name| removed.iter().any(|(removed, _)| removed == name))
        );
    }

    #[cfg(unix)]
    #[test]
    fn values_that_are_no_text_are_read_as_bytes() {
        use std::os::unix::ffi::OsStringExt;
        let value = OsString::from_vec(b"\xff".to_vec());
        let read = Environment::of_variables([("TRACEPARENT", value)]);
        assert_eq!(read.into_iter().next().unwrap().1, b"\xff");
    }
}
