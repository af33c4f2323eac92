//! The names of services and operations of the spans that are held.

use std::collections::BTreeMap;
use std::ops::Bound;

use super::cost::{NAME_COST, SERVICE_COST};
use super::{CollectedSpan, is_error};

/// Names in a list: services, and operations of each.
const MAX_NAMES: usize = 1000;

/// Names that are copied at once.
const NAMES_AT_ONCE: usize = 2000;

/// Counts of the spans held, by service and operation. A name is there as long as a span has it.
#[derive(Debug, Default)]
pub(super) struct Names {
    services: BTreeMap<Box<str>, Service>,
    bytes: usize,
}

#[derive(Debug, Default)]
struct Service {
    spans: usize,
    errors: usize,
    operations: BTreeMap<Box<str>, usize>,
}

/// A service with its operations, sorted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Catalogued {
    pub(crate) name: String,
    pub(crate) operations: Vec<String>,
}

/// A service with counts of its spans.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ServiceTotal {
    pub(crate) name: String,
    pub(crate) spans: usize,
    pub(crate) errors: usize,
}

impl Names {
    /// Returns the memory that the names take, by estimate.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Counts a span that is held from now on.
    pub(super) fn add(&mut self, it: &CollectedSpan) {
        let name = it.service_name();
        if let Some(service) = self.services.get_mut(name) {
            self.bytes += service.add(it);
        } else {
            let mut service = Service::default();
            self.bytes += SERVICE_COST + name.len() + service.add(it);
            self.services.insert(name.into(), service);
        }
    }

    /// Undoes [`Names::add`] for a span that leaves.
    pub(super) fn remove(&mut self, it: &CollectedSpan) {
        let name = it.service_name();
        let Some(service) = self.services.get_mut(name) else {
            return;
        };
        self.bytes -= service.remove(it);
        if service.spans == 0 {
            self.bytes -= SERVICE_COST + name.len();
            self.services.remove(name);
        }
    }

    /// Lists the next services with their operations, up to a number of names, and returns whether there are more.
    pub(super) fn list_some(&self, list: &mut Vec<Catalogued>) -> bool {
        let last = list.last().map(|it| it.name.clone());
        let from = last.as_deref().map_or(Bound::Unbounded, Bound::Excluded);
        let mut names = 0;
        for (name, service) in self.services.range::<str, _>((from, Bound::Unbounded)) {
            if list.len() == MAX_NAMES {
                return false;
            }
            if names >= NAMES_AT_ONCE {
                return true;
            }
            let operations = service.operations.keys().take(MAX_NAMES);
            let it = Catalogued {
                name: name.to_string(),
                operations: operations.map(ToString::to_string).collect(),
            };
            names += 1 + it.operations.len();
            list.push(it);
        }
        false
    }

    /// Returns the counts of the services, by name.
    pub(super) fn totals(&self) -> Vec<ServiceTotal> {
        let services = self.services.iter().take(MAX_NAMES);
        let totals = services.map(|(name, service)| ServiceTotal {
            name: name.to_string(),
            spans: service.spans,
            errors: service.errors,
        });
        totals.collect()
    }
}

impl Service {
    /// Returns the memory that is added.
    fn add(&mut self, it: &CollectedSpan) -> usize {
        self.spans += 1;
        self.errors += usize::from(is_error(&it.span));
        let operation = it.span.operation_name.as_str();
        if let Some(spans) = self.operations.get_mut(operation) {
            *spans += 1;
            return 0;
        }
        self.operations.insert(operation.into(), 1);
        NAME_COST + operation.len()
    }

    /// Returns the memory that is freed.
    fn remove(&mut self, it: &CollectedSpan) -> usize {
        self.spans -= 1;
        self.errors -= usize::from(is_error(&it.span));
        let operation = it.span.operation_name.as_str();
        let Some(spans) = self.operations.get_mut(operation) else {
            return 0;
        };
        *spans -= 1;
        if *spans > 0 {
            return 0;
        }
        self.operations.remove(operation);
        NAME_COST + operation.len()
    }
}
