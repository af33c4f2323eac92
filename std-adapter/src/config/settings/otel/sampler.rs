//! The sampler, together with its argument.

use super::OtelName;
use super::value::list;
use crate::config::Sampler;
use crate::config::error::clean;
use crate::config::settings::layer::Layer;
use crate::config::settings::sampler::INITIAL;
use crate::config::settings::server::read_url;
use crate::config::source::{Entry, Value, Variables, with_variable};

const ARGUMENT: &str = "OTEL_TRACES_SAMPLER_ARG";
const ACCEPTED: &str = "always_on, always_off, traceidratio or jaeger_remote, or one of these with \
                        parentbased_ before it";
const FOLLOWED: &str = "the decision of an incoming request is followed all the same, as with \
                        parentbased_ before the name";

/// The ports of agents and of Jaeger v2 for sampling over gRPC.
const GRPC_PORTS: [&str; 2] = ["14250", "5779"];
const GRPC: &str = "this port speaks gRPC; Jaeger serves sampling over HTTP at port 5778";

pub(super) static NAMES: &[OtelName] = &[(&["OTEL_TRACES_SAMPLER"], |layer, entry, variables| {
    let name = entry.text()?.to_ascii_lowercase();
    let root = name.strip_prefix("parentbased_");
    let sampler = match root.unwrap_or(&name) {
        "always_on" => Sampler::Const(true),
        "always_off" => Sampler::Const(false),
        "traceidratio" => Sampler::Probabilistic(ratio(layer, variables)),
        "jaeger_remote" => Sampler::Remote(remote(layer, variables)),
        _ => return Err(entry.wrong("unknown", ACCEPTED)),
    };
    if matches!(sampler, Sampler::Remote(_)) && !cfg!(feature = "http") {
        return Err(entry.wrong(
            "a sampler that this build does not have",
            "the feature `http` of picojaeger-std, or another sampler",
        ));
    }
    if root.is_none() {
        layer.warn(entry, FOLLOWED);
    }
    layer.sampler.whole.set(entry, sampler)
})];

/// Reads the share of traces that are kept; without one that is good, all of them are.
fn ratio(layer: &mut Layer, variables: &Variables) -> f64 {
    let share = with_variable(variables, ARGUMENT, |entry| share(layer, entry));
    share.flatten().unwrap_or(1.0)
}

/// Reads a probability; warns of a wrong one.
fn share(layer: &mut Layer, entry: &Entry<'_>) -> Option<f64> {
    let share = entry.as_number();
    let share = share.filter(|share| (0.0..=1.0).contains(share));
    if share.is_none() {
        let fault = entry.wrong("not a probability", "0 to 1");
        layer.warn_of_ignored(entry, &fault);
    }
    share
}

/// Reads the settings of the remote sampler, `key=value,…`, and returns the share of the traces until
/// its first answer.
fn remote(layer: &mut Layer, variables: &Variables) -> f64 {
    let initial = with_variable(variables, ARGUMENT, |entry| {
        let mut initial = None;
        for item in list(entry.as_text().unwrap_or_default()) {
            let (key, value) = item.split_once('=').unwrap_or((item, ""));
            let value = Value::Variable(value.trim().into());
            let item = Entry::new(&value, entry.origin.clone());
            match key.trim() {
                "initialSamplingRate" => initial = share(layer, &item),
                key => remote_setting(layer, &item, key),
            }
        }
        initial
    });
    initial.flatten().unwrap_or(INITIAL)
}

fn remote_setting(layer: &mut Layer, entry: &Entry<'_>, key: &str) {
    let outcome = match key {
        "endpoint" => {
            if GRPC_PORTS.iter().any(|port| is_at(entry, port)) {
                layer.warn(entry, GRPC);
            }
            read_url(entry).and_then(|url| layer.sampling.server.url.set(entry, url))
        }
        "pollingIntervalMs" => {
            let interval = entry.milliseconds();
            interval.and_then(|time| layer.sampling.server.refresh_interval.set(entry, time))
        }
        _ => {
            let message = format!(
                "{} is not read; use endpoint, pollingIntervalMs and initialSamplingRate",
                clean(key)
            );
            layer.warn(entry, message);
            Ok(())
        }
    };
    if let Err(fault) = outcome {
        layer.warn_of_ignored(entry, &fault);
    }
}

/// Returns whether the address ends in this port, but for a path.
fn is_at(entry: &Entry<'_>, port: &str) -> bool {
    let text = entry.as_text().unwrap_or_default();
    let address = text.split_once("://").map_or(text, |(_, rest)| rest);
    let authority = address.split('/').next().unwrap_or_default();
    authority
        .rsplit_once(':')
        .is_some_and(|(_, last)| last == port)
}
