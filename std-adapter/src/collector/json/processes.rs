//! The processes of traces, each once.

use std::collections::HashMap;
use std::sync::Arc;

use crate::collector::CollectedSpan;
use crate::model::Process;

/// Processes by their content, numbered from 0 in the order of their spans.
#[derive(Default)]
pub(super) struct Processes<'t> {
    list: Vec<&'t Process>,
    by_content: HashMap<String, usize>,
    /// Most spans share their process, which then need not be written out to be found.
    by_address: HashMap<*const Process, usize>,
}

impl<'t> Processes<'t> {
    /// Returns the number of a span's process.
    pub(super) fn number(&mut self, span: &'t CollectedSpan) -> usize {
        let (list, by_content) = (&mut self.list, &mut self.by_content);
        let process = &span.process;
        let by_address = self.by_address.entry(Arc::as_ptr(process));
        *by_address.or_insert_with(|| {
            *by_content.entry(format!("{process:?}")).or_insert_with(|| {
                list.push(process);
                list.len() - 1
            })
        })
    }

    pub(super) fn list(&self) -> &[&'t Process] {
        &self.list
    }
}
