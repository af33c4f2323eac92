//! Development collector.
