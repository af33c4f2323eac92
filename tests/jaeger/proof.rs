//! Control of the comparison: an expectation altered in one field must be reported.

use serde_json::Value as Json;

use crate::compare::Report;
use crate::model::{Expected, Log, RefKind, Reference, Tag, Value};

/// Alters one kind of field, or returns `false` where the span has none.
type Alter = fn(&mut Expected) -> bool;

/// Each kind of field once.
const ALTERATIONS: [(&str, Alter); 36] = [
    ("high half of the trace id", |span| {
        always(|| span.ids.trace ^= 1 << 100)
    }),
    ("low half of the trace id", |span| {
        always(|| span.ids.trace ^= 1)
    }),
    ("span id", |span| always(|| span.ids.span ^= 1)),
    ("service", |span| always(|| span.process.service.push('x'))),
    ("process tag's key", |span| key(&mut span.process.tags)),
    ("process tag's text", |span| text(&mut span.process.tags)),
    ("process tag left out", |span| {
        span.process.tags.pop().is_some()
    }),
    ("operation", |span| always(|| span.operation.push('x'))),
    ("start", |span| always(|| span.start_us += 1)),
    ("duration", |span| always(|| span.duration_us += 1)),
    ("warning", |span| {
        span.warnings.first_mut().map(|w| w.push('x')).is_some()
    }),
    ("warning left out", |span| span.warnings.pop().is_some()),
    ("reference's kind, CHILD_OF", |span| {
        kind(span, RefKind::ChildOf, RefKind::FollowsFrom)
    }),
    ("reference's kind, FOLLOWS_FROM", |span| {
        kind(span, RefKind::FollowsFrom, RefKind::ChildOf)
    }),
    ("reference's trace, high half", |span| {
        reference(span, |r| r.to.trace ^= 1 << 64)
    }),
    ("reference's trace, low half", |span| {
        reference(span, |r| r.to.trace ^= 1 << 63)
    }),
    ("reference's span", |span| {
        reference(span, |r| r.to.span ^= 1 << 63)
    }),
    ("reference left out", |span| span.references.pop().is_some()),
    ("order of references", |span| {
        span.references.len() > 1 && always(|| span.references.reverse())
    }),
    ("tag's key", |span| key(&mut span.tags)),
    ("tag's text", |span| text(&mut span.tags)),
    ("tag's bool", |span| bool(&mut span.tags)),
    ("tag's long", |span| long(&mut span.tags)),
    ("tag's double", |span| double(&mut span.tags)),
    ("tag's bytes", |span| bytes(&mut span.tags)),
    ("tag's type", |span| long_as_double(&mut span.tags)),
    ("tag left out", |span| span.tags.pop().is_some()),
    ("log's time", |span| {
        log(span, |log| always(|| log.time_us += 1))
    }),
    ("log's field, key", |span| {
        log(span, |log| key(&mut log.fields))
    }),
    ("log's field, text", |span| {
        log(span, |log| text(&mut log.fields))
    }),
    ("log's field, bool", |span| {
        log(span, |log| bool(&mut log.fields))
    }),
    ("log's field, long", |span| {
        log(span, |log| long(&mut log.fields))
    }),
    ("log's field, double", |span| {
        log(span, |log| double(&mut log.fields))
    }),
    ("log's field, bytes", |span| {
        log(span, |log| bytes(&mut log.fields))
    }),
    ("log's field left out", |span| {
        log(span, |log| log.fields.pop().is_some())
    }),
    ("log left out", |span| span.logs.pop().is_some()),
];

/// Runs every alteration against the first trace that has such a field; returns their number.
pub fn prove(traces: &[(Vec<Expected>, Json)]) -> Result<usize, String> {
    for (what, alter) in ALTERATIONS {
        let altered = traces.iter().find_map(|(expected, found)| {
            let mut altered = expected.clone();
            altered.iter_mut().any(alter).then_some((altered, found))
        });
        let (altered, found) = altered.ok_or(format!("nothing expected has a {what} to alter"))?;
        reported(what, &altered, found)?;
    }
    let (expected, found) = traces.first().ok_or("no trace to alter")?;
    reported("span left out", &expected[1..], found)?;
    let twice: Vec<_> = expected.iter().chain(&expected[..1]).cloned().collect();
    reported("span twice", &twice, found)?;
    Ok(ALTERATIONS.len() + 2)
}

fn reported(what: &str, altered: &[Expected], found: &Json) -> Result<(), String> {
    let mut report = Report::default();
    report.compare(altered, found);
    if report.differences.is_empty() {
        return Err(format!("the comparison does not see an altered {what}"));
    }
    Ok(())
}

fn always(alter: impl FnOnce()) -> bool {
    alter();
    true
}

fn reference(span: &mut Expected, alter: fn(&mut Reference)) -> bool {
    span.references.first_mut().map(alter).is_some()
}

fn kind(span: &mut Expected, from: RefKind, to: RefKind) -> bool {
    let found = span.references.iter_mut().find(|r| r.kind == from);
    found.map(|r| r.kind = to).is_some()
}

fn log(span: &mut Expected, alter: fn(&mut Log) -> bool) -> bool {
    span.logs.iter_mut().any(alter)
}

fn key(tags: &mut [Tag]) -> bool {
    tags.first_mut().map(|tag| tag.key.push('x')).is_some()
}

fn text(tags: &mut [Tag]) -> bool {
    tags.iter_mut().any(|tag| match &mut tag.value {
        Value::Text(text) => always(|| text.push('x')),
        _ => false,
    })
}

fn bool(tags: &mut [Tag]) -> bool {
    tags.iter_mut().any(|tag| match &mut tag.value {
        Value::Bool(value) => always(|| *value = !*value),
        _ => false,
    })
}

fn long(tags: &mut [Tag]) -> bool {
    tags.iter_mut().any(|tag| match &mut tag.value {
        Value::Long(value) => always(|| *value ^= 1),
        _ => false,
    })
}

fn double(tags: &mut [Tag]) -> bool {
    tags.iter_mut().any(|tag| match &mut tag.value {
        Value::Double(value) => always(|| *value = f64::from_bits(value.to_bits() ^ 1)),
        _ => false,
    })
}

fn bytes(tags: &mut [Tag]) -> bool {
    tags.iter_mut().any(|tag| match &mut tag.value {
        Value::Binary(value) => always(|| value.push(0)),
        _ => false,
    })
}

/// The same number under another type.
fn long_as_double(tags: &mut [Tag]) -> bool {
    tags.iter_mut().any(|tag| match tag.value {
        Value::Long(value @ 0..1000) => always(|| tag.value = Value::Double(value as f64)),
        _ => false,
    })
}
