//! `/api/traces/{id}`: a trace as Jaeger or OTLP has it, for files and other tools.

use super::query::Parameters;
use super::{Answer, trace};
use crate::collector::{Inbox, json};

/// Answers with a trace in the format of the query. `download` is for the server, which adds the file's name.
pub(super) fn answer(inbox: &Inbox, id: &str, query: &str) -> Result<Answer, String> {
    let parameters = Parameters::parse(query, &["format", "download"])?;
    let write = match parameters.text("format")? {
        None | Some("jaeger") => json::jaeger,
        Some("otlp") => json::otlp,
        Some(_) => return Err("unknown `format`: send jaeger or otlp".to_owned()),
    };
    if !matches!(parameters.text("download")?, None | Some("0" | "1")) {
        return Err("unknown `download`: send 0 or 1".to_owned());
    }
    Ok(match trace::find(inbox, id)? {
        Some(trace) => Answer {
            status: 200,
            content_type: "application/json",
            body: write(&[trace]).into_bytes(),
        },
        None => trace::missing(id),
    })
}
