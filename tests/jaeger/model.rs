//! Spans as passed to the tracer's API, and their form in Jaeger's query API.

/// A protocol that spans reach Jaeger by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// Thrift compact over UDP.
    Compact,
    /// Thrift binary over UDP.
    Binary,
    /// Thrift binary over HTTP.
    Thrift,
    /// OTLP over HTTP.
    Otlp,
}

impl Way {
    pub const ALL: [Way; 4] = [Way::Compact, Way::Binary, Way::Thrift, Way::Otlp];
}

/// A value of a tag or a log field.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Text(String),
    Bool(bool),
    Long(i64),
    /// Goes out as a long, or as text where it is too large for one.
    Unsigned(u64),
    Double(f64),
    Binary(Vec<u8>),
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Value::Text(text.into())
    }
}

/// A tag of a span or process, or a field of a log.
#[derive(Clone, Debug, PartialEq)]
pub struct Tag {
    pub key: String,
    pub value: Value,
}

impl Tag {
    pub fn new(key: &str, value: impl Into<Value>) -> Self {
        Tag {
            key: key.into(),
            value: value.into(),
        }
    }
}

/// A log of a span.
#[derive(Clone, Debug, PartialEq)]
pub struct Log {
    pub time_us: u64,
    pub fields: Vec<Tag>,
}

/// The kind of a reference, named on the wire and in the query API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefKind {
    ChildOf,
    FollowsFrom,
}

/// A span in its trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ids {
    pub trace: u128,
    pub span: u64,
}

/// A reference to a span.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reference {
    pub kind: RefKind,
    pub to: Ids,
}

/// A process: a service and its tags.
#[derive(Clone, Debug, PartialEq)]
pub struct Process {
    pub service: String,
    pub tags: Vec<Tag>,
}

/// A span with its process.
#[derive(Clone, Debug, PartialEq)]
pub struct Expected {
    pub ids: Ids,
    pub process: Process,
    pub operation: String,
    pub start_us: u64,
    pub duration_us: u64,
    pub references: Vec<Reference>,
    pub tags: Vec<Tag>,
    pub logs: Vec<Log>,
    /// Beginning of each warning: none is sent, Jaeger adds some.
    pub warnings: Vec<String>,
}

/// The values of `span.kind` that Jaeger knows.
const KINDS: [&str; 5] = ["client", "server", "producer", "consumer", "internal"];
/// Beginning of the warning about a span without duration.
const NO_DURATION: &str = "Negative duration detected, sanitizing end timestamp.";

impl Expected {
    /// This span as `GET /api/traces/{id}?raw=true` of Jaeger v1.76.0 gives it back.
    ///
    /// | Sent | Returned |
    /// |---|---|
    /// | string, bool | `string`, `bool`, as they were |
    /// | signed integer | `int64`: a number up to 2^53 - 1 either way, beyond it a decimal string |
    /// | unsigned integer above `i64::MAX` | `string`: the tracer writes its decimals |
    /// | double | `float64`; NaN and infinities make the whole trace unreadable, so none is sent |
    /// | bytes | `binary`, base64; `null` when empty |
    /// | several tags with one key | the last one |
    /// | order of tags and fields | not kept; order of logs is |
    /// | tag `error` = true | itself and `otel.status_code` = `ERROR` |
    /// | tag `otel.status_code`, else `http.status_code` | `OK` or `ERROR`, the latter with `error` = true |
    /// | tag `span.kind` | itself, if it is one of the five known kinds or sent as OTLP |
    /// | log field `event` | itself if it is text that is not empty, or else if sent as OTLP |
    /// | process tag `hostname` | `host.name`, unless there is one already |
    /// | process tag `jaeger.version` = V | `opencensus.exporterversion` = `Jaeger-V` |
    /// | trace id with high half 0 | 16 digits, else 32; span ids 16 |
    /// | references | the parent first, the others in their order |
    /// | parent, and more references to it | one reference: FOLLOWS_FROM if one of them is |
    /// | duration 0 | 0 with a warning; all other spans have `null` for warnings |
    pub fn as_jaeger_returns(&self, way: Way) -> Expected {
        let mut returned = self.clone();
        returned.process.tags = returned_process_tags(&self.process.tags);
        returned.references = self.returned_references();
        returned.tags = returned_tags(&self.tags, way);
        for log in &mut returned.logs {
            log.fields = returned_fields(&log.fields, way);
        }
        if self.duration_us == 0 {
            returned.warnings.push(NO_DURATION.into());
        }
        returned
    }

    /// The parent is the first CHILD_OF of this trace, else its first FOLLOWS_FROM.
    fn returned_references(&self) -> Vec<Reference> {
        let find = |kind| {
            let mut all = self.references.iter();
            all.find(|r| r.kind == kind && r.to.trace == self.ids.trace)
        };
        let Some(parent) = find(RefKind::ChildOf).or(find(RefKind::FollowsFrom)) else {
            return self.references.clone();
        };
        let follows = Reference {
            kind: RefKind::FollowsFrom,
            to: parent.to,
        };
        let first = if self.references.contains(&follows) {
            follows
        } else {
            *parent
        };
        let others = self.references.iter().filter(|r| r.to != parent.to);
        std::iter::once(first).chain(others.copied()).collect()
    }
}

fn returned_process_tags(sent: &[Tag]) -> Vec<Tag> {
    let mut tags = last_of_each_key(sent);
    let has_host_name = tags.iter().any(|tag| tag.key == "host.name");
    for tag in &mut tags {
        match (tag.key.as_str(), &tag.value) {
            ("hostname", _) if !has_host_name => tag.key = "host.name".into(),
            ("jaeger.version", Value::Text(version)) => {
                let value = format!("Jaeger-{version}");
                *tag = Tag::new("opencensus.exporterversion", value.as_str());
            }
            _ => {}
        }
    }
    tags
}

fn returned_tags(sent: &[Tag], way: Way) -> Vec<Tag> {
    let mut tags = last_of_each_key(sent);
    let is_known = |tag: &Tag| KINDS.iter().any(|&kind| tag.value == kind.into());
    tags.retain(|tag| tag.key != "span.kind" || way == Way::Otlp || is_known(tag));
    let code = status(&tags);
    tags.retain(|tag| tag.key != "otel.status_code" && (tag.key != "error" || code != "ERROR"));
    if !code.is_empty() {
        tags.push(Tag::new("otel.status_code", code));
    }
    if code == "ERROR" {
        tags.push(Tag::new("error", Value::Bool(true)));
    }
    tags
}

/// The name of the status that these tags stand for, empty if none.
fn status(tags: &[Tag]) -> &'static str {
    let find = |key| tags.iter().find(|tag| tag.key == key).map(|tag| &tag.value);
    if find("error") == Some(&Value::Bool(true)) {
        return "ERROR";
    }
    match (find("otel.status_code"), find("http.status_code")) {
        (Some(Value::Text(name)), _) => match name.to_uppercase().as_str() {
            "OK" => "OK",
            "ERROR" => "ERROR",
            _ => "",
        },
        (None, Some(Value::Long(400..500))) if find("span.kind") == Some(&"server".into()) => "",
        (None, Some(Value::Long(399..))) => "ERROR",
        _ => "",
    }
}

fn returned_fields(sent: &[Tag], way: Way) -> Vec<Tag> {
    let mut fields = last_of_each_key(sent);
    fields.retain(|field| match &field.value {
        Value::Text(text) => field.key != "event" || !text.is_empty(),
        _ => field.key != "event" || way == Way::Otlp,
    });
    fields
}

fn last_of_each_key(sent: &[Tag]) -> Vec<Tag> {
    let mut kept: Vec<Tag> = Vec::new();
    for tag in sent {
        let tag = Tag {
            key: tag.key.clone(),
            value: as_sent(&tag.value),
        };
        kept.retain(|earlier| earlier.key != tag.key);
        kept.push(tag);
    }
    kept
}

/// Unsigned integers leave the tracer as longs, or as text.
fn as_sent(value: &Value) -> Value {
    match value {
        Value::Unsigned(number) => match i64::try_from(*number) {
            Ok(number) => Value::Long(number),
            Err(_) => Value::Text(number.to_string()),
        },
        other => other.clone(),
    }
}
