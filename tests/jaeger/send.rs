//! Turns the load into spans of real tracers, through their public API alone.

use std::error::Error;
use std::net::SocketAddr;
use std::time::{Duration, SystemTime};

use picojaeger_std::config::{AgentProtocol, Config, ConfigError, Sampler, TagValue};
use picojaeger_std::{Key, Span, SpanBuilder, SpanContext, Tracer, Value as ApiValue};

use crate::load::{Load, Planned, Sent, Service};
use crate::model::{Ids, RefKind, Tag, Value, Way};

/// Number of spans after which all tracers are flushed: some packets of each.
const GROUP: usize = 200;
/// Longest time of a flush, and of the close at the end.
const PATIENCE: Duration = Duration::from_secs(10);

/// Makes the load's spans, in its order, and sends them this way.
///
/// Not more than one group is under way: `arrived` is called with each tracer's last span of the group and returns
/// when that span stands in Jaeger, since a fast load over loopback overflows the socket before it overflows a tracer.
pub fn send(
    load: &Load,
    way: Way,
    receiver: SocketAddr,
    mut arrived: impl FnMut(Ids) -> Result<(), String>,
) -> Result<Sent, Box<dyn Error>> {
    let tracers: Vec<Tracer> = load
        .services
        .iter()
        .map(|service| tracer(service, way, receiver))
        .collect::<Result<_, _>>()?;
    let mut contexts: Vec<SpanContext> = Vec::with_capacity(load.spans.len());
    for group in load.spans.chunks(GROUP) {
        let mut last = vec![None; tracers.len()];
        for planned in group {
            let context = make(planned, &tracers[planned.service], &contexts);
            last[planned.service] = Some(ids(&context));
            contexts.push(context);
        }
        for (tracer, last) in tracers.iter().zip(last) {
            tracer.flush(PATIENCE)?;
            last.map_or(Ok(()), &mut arrived)?;
        }
    }
    for (tracer, count) in tracers.iter().zip(load.spans_of_services()) {
        tracer.close(PATIENCE)?;
        let stats = tracer.stats();
        if !stats.adds_up() || stats.delivered != count {
            return Err(format!("{count} spans were made, the tracer counts {stats}").into());
        }
    }
    Ok(Sent {
        ids: contexts.iter().map(ids).collect(),
        process_tags: tracers.iter().map(process_tags).collect(),
        root_tags: vec![
            Tag::new("sampler.type", "const"),
            Tag::new("sampler.param", Value::Bool(true)),
        ],
    })
}

fn tracer(service: &Service, way: Way, receiver: SocketAddr) -> Result<Tracer, ConfigError> {
    let process = &service.process;
    let config = Config::new(process.service.as_str())
        .sampler(Sampler::Const(true))
        .trace_id_128bit(service.wide_ids);
    let agent = |config: Config, protocol| {
        let config = config.agent_host(receiver.ip().to_string());
        config.agent_port(receiver.port()).agent_protocol(protocol)
    };
    let config = match way {
        Way::Compact => agent(config, AgentProtocol::Compact),
        Way::Binary => agent(config, AgentProtocol::Binary),
        Way::Thrift => config.collector(format!("http://{receiver}")),
        Way::Otlp => config.otlp(format!("http://{receiver}")),
    };
    let tagged = process.tags.iter().fold(config, |config, tag| {
        config.tag(tag.key.as_str(), process_value(&tag.value))
    });
    tagged.new_tracer()
}

/// Makes a span from start to finish, and returns its context.
fn make(planned: &Planned, tracer: &Tracer, contexts: &[SpanContext]) -> SpanContext {
    let builder = tracer
        .span_builder(Key::copied(&planned.operation))
        .start_time(at(planned.start_us));
    let builder = planned
        .references
        .iter()
        .fold(builder, |builder, (kind, to)| {
            refer(builder, *kind, &contexts[*to])
        });
    // Some tags are set at the start, others later.
    let (early, late) = planned.tags.split_at(planned.tags.len() / 2);
    let builder = early.iter().fold(builder, |builder, tag| {
        builder.tag(Key::copied(&tag.key), api_value(&tag.value))
    });
    let mut span = builder.start();
    for tag in late {
        span.tag(Key::copied(&tag.key), api_value(&tag.value));
    }
    write_logs(planned, &mut span);
    span.finish_at(at(planned.start_us + planned.duration_us));
    span.context()
}

fn refer<'t>(builder: SpanBuilder<'t>, kind: RefKind, to: &SpanContext) -> SpanBuilder<'t> {
    match kind {
        RefKind::ChildOf => builder.child_of(to),
        RefKind::FollowsFrom => builder.follows_from(to),
    }
}

fn write_logs(planned: &Planned, span: &mut Span) {
    for log in &planned.logs {
        let mut written = span.log_at(at(log.time_us));
        for field in &log.fields {
            written.field(Key::copied(&field.key), api_value(&field.value));
        }
    }
}

fn ids(context: &SpanContext) -> Ids {
    let trace = context.trace_id();
    Ids {
        trace: u128::from(trace.high()) << 64 | u128::from(trace.low()),
        span: context.span_id().get(),
    }
}

fn at(unix_us: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_micros(unix_us)
}

fn api_value(value: &Value) -> ApiValue<'_> {
    match value {
        Value::Text(text) => text.as_str().into(),
        Value::Bool(value) => (*value).into(),
        Value::Long(number) => (*number).into(),
        Value::Unsigned(number) => (*number).into(),
        Value::Double(number) => (*number).into(),
        Value::Binary(bytes) => bytes.as_slice().into(),
    }
}

fn process_value(value: &Value) -> TagValue {
    match value {
        Value::Text(text) => text.as_str().into(),
        Value::Bool(value) => (*value).into(),
        Value::Long(number) => (*number).into(),
        Value::Double(number) => (*number).into(),
        other => unreachable!("a process has no tag of {other:?}"),
    }
}

fn process_tags(tracer: &Tracer) -> Vec<Tag> {
    let tags = tracer.process_tags();
    let tags = tags.iter().map(|(key, value)| {
        let value = match value {
            TagValue::String(text) => Value::Text(text.clone()),
            TagValue::Bool(value) => Value::Bool(*value),
            TagValue::Long(number) => Value::Long(*number),
            TagValue::Double(number) => Value::Double(*number),
            other => unreachable!("no process tag is {other:?}"),
        };
        Tag::new(key, value)
    });
    tags.collect()
}
