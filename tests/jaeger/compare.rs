//! Compares expected spans with the query API's answers, field by field.

use std::fmt::Debug;

use serde_json::Value as Json;

use crate::model::{Expected, Ids, Process, RefKind, Reference, Tag, Value};

/// The members of a span in the query API's answer.
const MEMBERS: [&str; 10] = [
    "duration",
    "logs",
    "operationName",
    "processID",
    "references",
    "spanID",
    "startTime",
    "tags",
    "traceID",
    "warnings",
];

/// Number of fields compared, and the differences.
#[derive(Default)]
pub struct Report {
    pub fields: usize,
    pub differences: Vec<String>,
}

impl Report {
    /// Compares all spans of one trace with the trace found.
    pub fn compare(&mut self, expected: &[Expected], found: &Json) {
        let spans = list(&found["spans"]);
        self.field("number of spans", expected.len(), spans.len());
        self.field("warnings of the trace", &Json::Null, &found["warnings"]);
        for span in expected {
            let id = span_text(span.ids.span);
            self.field(
                "id of the trace",
                trace_text(span.ids),
                text(&found["traceID"]),
            );
            match spans.iter().find(|found| found["spanID"] == id.as_str()) {
                Some(one) => self.span(&id, span, one, &found["processes"]),
                None => self.differences.push(format!("span {id} is missing")),
            }
        }
    }

    fn span(&mut self, id: &str, expected: &Expected, found: &Json, processes: &Json) {
        let at = |field: &str| format!("span {id}, {field}");
        let members: Vec<_> = found
            .as_object()
            .into_iter()
            .flatten()
            .map(|(k, _)| k.as_str())
            .collect();
        self.field(&at("members"), &MEMBERS[..], &members[..]);
        self.field(
            &at("trace id"),
            trace_text(expected.ids),
            text(&found["traceID"]),
        );
        self.field(
            &at("operation"),
            expected.operation.as_str(),
            text(&found["operationName"]),
        );
        self.field(
            &at("start"),
            Some(expected.start_us),
            found["startTime"].as_u64(),
        );
        self.field(
            &at("duration"),
            Some(expected.duration_us),
            found["duration"].as_u64(),
        );
        self.warnings(&at("warnings"), &expected.warnings, &found["warnings"]);
        self.references(id, &expected.references, list(&found["references"]));
        self.tags(&at("tag"), &expected.tags, list(&found["tags"]));
        self.process(
            &at("process"),
            &expected.process,
            &processes[text(&found["processID"])],
        );

        let logs = list(&found["logs"]);
        self.field(&at("number of logs"), expected.logs.len(), logs.len());
        for (index, (log, found)) in expected.logs.iter().zip(logs).enumerate() {
            let at = |field: &str| format!("span {id}, log {index}, {field}");
            self.field(&at("time"), Some(log.time_us), found["timestamp"].as_u64());
            self.tags(&at("field"), &log.fields, list(&found["fields"]));
        }
    }

    fn process(&mut self, at: &str, expected: &Process, found: &Json) {
        self.field(
            &format!("{at}, service"),
            expected.service.as_str(),
            text(&found["serviceName"]),
        );
        self.tags(&format!("{at}, tag"), &expected.tags, list(&found["tags"]));
    }

    /// References in their order, each with its kind and both ids.
    fn references(&mut self, id: &str, expected: &[Reference], found: &[Json]) {
        self.field(
            &format!("span {id}, number of references"),
            expected.len(),
            found.len(),
        );
        for (index, (reference, found)) in expected.iter().zip(found).enumerate() {
            let at = |field: &str| format!("span {id}, reference {index}, {field}");
            let kind = match reference.kind {
                RefKind::ChildOf => "CHILD_OF",
                RefKind::FollowsFrom => "FOLLOWS_FROM",
            };
            self.field(&at("kind"), kind, text(&found["refType"]));
            self.field(
                &at("trace id"),
                trace_text(reference.to),
                text(&found["traceID"]),
            );
            self.field(
                &at("span id"),
                span_text(reference.to.span),
                text(&found["spanID"]),
            );
        }
    }

    /// Tags in any order; each key once.
    fn tags(&mut self, at: &str, expected: &[Tag], found: &[Json]) {
        self.field(&format!("{at}s in number"), expected.len(), found.len());
        for tag in expected {
            let found = found.iter().find(|found| found["key"] == tag.key.as_str());
            match found {
                Some(found) => {
                    self.field(
                        &format!("{at} {}", tag.key),
                        Some(&tag.value),
                        value(found).as_ref(),
                    );
                }
                None => self
                    .differences
                    .push(format!("{at} {} is missing", tag.key)),
            }
        }
    }

    /// Compares the beginnings of warnings, since the rest quotes times.
    fn warnings(&mut self, at: &str, expected: &[String], found: &Json) {
        let found = list(found);
        self.field(&format!("{at} in number"), expected.len(), found.len());
        for (start, found) in expected.iter().zip(found) {
            let found = text(found);
            let same = found.get(..start.len()).unwrap_or(found);
            self.field(at, start.as_str(), same);
        }
    }

    fn field<T: PartialEq<U> + Debug, U: Debug>(&mut self, what: &str, expected: T, found: U) {
        self.fields += 1;
        if expected != found {
            self.differences
                .push(format!("{what}: expected {expected:?}, found {found:?}"));
        }
    }
}

/// A trace id has 16 digits if its high half is 0.
fn trace_text(ids: Ids) -> String {
    if ids.trace >> 64 == 0 {
        format!("{:016x}", ids.trace)
    } else {
        format!("{:032x}", ids.trace)
    }
}

fn span_text(id: u64) -> String {
    format!("{id:016x}")
}

/// An absent or `null` list is empty.
fn list(json: &Json) -> &[Json] {
    json.as_array().map_or(&[], Vec::as_slice)
}

/// Returns the text, or if there is none a text that is never expected.
fn text(json: &Json) -> &str {
    json.as_str().unwrap_or("(no text)")
}

/// The value of a tag, `None` unless its JSON has exactly the form of its type.
fn value(tag: &Json) -> Option<Value> {
    let json = &tag["value"];
    match tag["type"].as_str()? {
        "string" => Some(Value::Text(json.as_str()?.into())),
        "bool" => Some(Value::Bool(json.as_bool()?)),
        "int64" => long(json).map(Value::Long),
        "float64" => Some(Value::Double(json.as_f64()?)),
        "binary" if json.is_null() => Some(Value::Binary(Vec::new())),
        "binary" => base64(json.as_str()?).map(Value::Binary),
        _ => None,
    }
}

/// A number where JavaScript can hold it, text beyond.
fn long(json: &Json) -> Option<i64> {
    const SAFE: u64 = (1 << 53) - 1;
    let number = match json.as_str() {
        Some(text) => text.parse().ok()?,
        None => json.as_i64()?,
    };
    (json.is_number() == (number.unsigned_abs() <= SAFE)).then_some(number)
}

/// Standard base64 with padding.
fn base64(text: &str) -> Option<Vec<u8>> {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut bytes = Vec::new();
    for four in text.as_bytes().chunks(4) {
        let digits = four.iter().take_while(|&&digit| digit != b'=').count();
        let mut bits = 0u32;
        for &digit in &four[..digits] {
            bits = bits << 6 | u32::try_from(DIGITS.iter().position(|&d| d == digit)?).ok()?;
        }
        bits <<= 6 * (4 - digits);
        let three = bits.to_be_bytes();
        bytes.extend_from_slice(three.get(1..digits)?);
    }
    text.len().is_multiple_of(4).then_some(bytes)
}
