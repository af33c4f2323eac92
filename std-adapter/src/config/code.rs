//! Settings in code.

use std::time::Duration;

use super::Config;
use super::settings::Sampler;
use super::{ClockSource, IpVersion, TagValue};

/// Settings in code. A value out of range is reported by [`Config::resolve`].
impl Config {
    /// The name under which the traces appear.
    #[must_use]
    pub fn service_name(mut self, name: impl Into<String>) -> Self {
        self.code.service_name.put("service_name", name.into());
        self
    }

    /// Whether spans record nothing; such a tracer needs neither service name nor sampler.
    #[must_use]
    pub fn disabled(mut self, disabled: bool) -> Self {
        self.code.disabled.put("disabled", disabled);
        self
    }

    /// Which traces are kept.
    #[must_use]
    pub fn sampler(mut self, sampler: Sampler) -> Self {
        self.code.sampler.put("sampler", sampler);
        self
    }

    /// Name or address of the agent.
    #[must_use]
    pub fn agent_host(mut self, host: impl Into<String>) -> Self {
        self.code.agent_host.put("agent_host", host.into());
        self
    }

    /// UDP port at which the agent reads Thrift compact.
    #[must_use]
    pub fn agent_port(mut self, port: u16) -> Self {
        self.code.agent_port.put("agent_port", port);
        self
    }

    /// Which addresses of the agent's name are used.
    #[must_use]
    pub fn ip_version(mut self, version: IpVersion) -> Self {
        self.code.ip_version.put("ip_version", version);
        self
    }

    /// Largest UDP payload in bytes, 512 to 65,000.
    #[must_use]
    pub fn max_packet_size(mut self, bytes: usize) -> Self {
        self.code.max_packet_size.put("max_packet_size", bytes);
        self
    }

    /// How long a finished span may wait before it is sent, 1 ms to 1 day.
    #[must_use]
    pub fn flush_interval(mut self, interval: Duration) -> Self {
        self.code.flush_interval.put("flush_interval", interval);
        self
    }

    /// Memory for open and finished spans in bytes, 1 MiB to 1 GiB.
    #[must_use]
    pub fn memory_limit(mut self, bytes: usize) -> Self {
        self.code.memory_limit.put("memory_limit", bytes);
        self
    }

    /// Whether each finished span is also written through the `log` crate.
    #[must_use]
    pub fn log_spans(mut self, log: bool) -> Self {
        self.code.log_spans.put("log_spans", log);
        self
    }

    /// A process tag, in place of an earlier one of the same key.
    #[must_use]
    pub fn tag(mut self, key: impl Into<String>, value: impl Into<TagValue>) -> Self {
        self.code.tags.push("tag", (key.into(), value.into()));
        self
    }

    /// Whether new trace ids have 128 random bits instead of 64.
    #[must_use]
    pub fn trace_id_128bit(mut self, wide: bool) -> Self {
        self.code.trace_id_128bit.put("trace_id_128bit", wide);
        self
    }

    /// Longest value of a tag or log field, and longest copied operation name, in bytes,
    /// 1 to 65,000.
    #[must_use]
    pub fn max_tag_value_length(mut self, bytes: usize) -> Self {
        let slot = &mut self.code.max_tag_value_length;
        slot.put("max_tag_value_length", bytes);
        self
    }

    /// The header that carries the trace context.
    #[must_use]
    pub fn trace_context_header(mut self, name: impl Into<String>) -> Self {
        let slot = &mut self.code.trace_context_header;
        slot.put("trace_context_header", lower(name));
        self
    }

    /// What stands before each baggage key in its header's name.
    #[must_use]
    pub fn baggage_prefix(mut self, prefix: impl Into<String>) -> Self {
        let slot = &mut self.code.baggage_prefix;
        slot.put("baggage_prefix", lower(prefix));
        self
    }

    /// The header that forces a trace.
    #[must_use]
    pub fn debug_id_header(mut self, name: impl Into<String>) -> Self {
        let slot = &mut self.code.debug_id_header;
        slot.put("debug_id_header", lower(name));
        self
    }

    /// The header that carries baggage without a trace.
    #[must_use]
    pub fn baggage_header(mut self, name: impl Into<String>) -> Self {
        let slot = &mut self.code.baggage_header;
        slot.put("baggage_header", lower(name));
        self
    }

    /// Where time stamps come from.
    #[must_use]
    pub fn clock(mut self, clock: ClockSource) -> Self {
        self.code.clock.put("clock", clock);
        self
    }

    /// Whether what is held at the process's exit is flushed.
    #[must_use]
    pub fn flush_at_exit(mut self, flush: bool) -> Self {
        self.code.flush_at_exit.put("flush_at_exit", flush);
        self
    }

    /// Whether spans are sent to the agent, as they are unless told otherwise.
    /// Without it only the [reporters](crate::TracerBuilder::reporter) get them.
    #[must_use]
    pub fn agent(mut self, agent: bool) -> Self {
        self.code.agent.put("agent", agent);
        self
    }

    /// Whether a worker thread sends spans by itself, as one does unless told
    /// otherwise. Without it they wait in the rings for
    /// [`Tracer::flush`](crate::Tracer::flush), which sends them on the calling thread.
    #[must_use]
    pub fn background(mut self, background: bool) -> Self {
        self.code.background.put("background", background);
        self
    }

    /// How long a look-up of the agent's name holds, 1 ms to 1 day; `None`: for ever.
    #[must_use]
    pub fn resolve_interval(mut self, interval: Option<Duration>) -> Self {
        let method = "resolve_interval";
        self.code.resolve_once.put(method, interval.is_none());
        if let Some(interval) = interval {
            self.code.resolve_interval.put(method, interval);
        }
        self
    }
}

fn lower(name: impl Into<String>) -> String {
    name.into().to_ascii_lowercase()
}
