//! Decision of each setting: code over both parts of the environment over file over default.

use std::fmt::Debug;

use super::layer::Layer;
use super::setting::Setting;
use crate::config::Config;
use crate::config::error::ConfigError;

/// Decides settings one by one, and keeps the faults that it meets.
pub(super) struct Resolver<'a> {
    pub(super) config: &'a Config,
    /// First the one that wins.
    layers: Vec<&'a Layer>,
    faults: Vec<ConfigError>,
}

impl<'a> Resolver<'a> {
    pub(super) fn new(config: &'a Config) -> Self {
        Resolver {
            config,
            layers: vec![
                &config.code,
                &config.environment,
                &config.otel,
                &config.file,
            ],
            faults: Vec::new(),
        }
    }

    /// Returns the faults of file and environment, and those met here, as one error.
    pub(super) fn finish(self) -> Result<(), ConfigError> {
        let read = [&self.config.file, &self.config.environment];
        let mut faults: Vec<_> = read.iter().flat_map(|layer| layer.faults.clone()).collect();
        faults.extend(self.faults);
        ConfigError::all(faults)
    }

    pub(super) fn fault(&mut self, fault: ConfigError) {
        self.faults.push(fault);
    }

    /// The layers, first the one that wins.
    pub(super) fn layers(&self) -> Vec<&'a Layer> {
        self.layers.clone()
    }

    /// Runs `f` on a few of the layers.
    pub(super) fn among<R>(&mut self, few: Vec<&'a Layer>, f: impl FnOnce(&mut Self) -> R) -> R {
        let all = std::mem::replace(&mut self.layers, few);
        let result = f(self);
        self.layers = all;
        result
    }

    /// The value of the first layer that has one.
    pub(super) fn pick<T: Clone + Debug + 'a>(
        &mut self,
        setting: impl Fn(&Layer) -> &Setting<T>,
    ) -> Option<T> {
        let made = |layer: &'a Layer| setting(layer).get().transpose();
        let first = self.layers().into_iter().find_map(made)?;
        first.cloned().map_err(|fault| self.fault(fault)).ok()
    }

    /// The value of the first layer that has one, or the default.
    pub(super) fn pick_or<T: Clone + Debug + 'a>(
        &mut self,
        setting: impl Fn(&Layer) -> &Setting<T>,
        default: T,
    ) -> T {
        self.pick(setting).unwrap_or(default)
    }

    /// Returns whether an unknown key of the file is probably one of these: it has an error already.
    pub(super) fn is_misspelt(&self, names: &[&str]) -> bool {
        let faults = &self.config.file.faults;
        let mut nearest = faults.iter().filter_map(|fault| match fault {
            ConfigError::UnknownKey { nearest, .. } => nearest.as_deref(),
            _ => None,
        });
        nearest.any(|nearest| names.contains(&nearest))
    }

    /// Returns whether a layer had a value that was refused, with an error of its own.
    pub(super) fn is_refused<T: 'a>(&self, setting: fn(&Layer) -> &Setting<T>) -> bool {
        self.layers()
            .into_iter()
            .any(|layer| setting(layer).is_refused())
    }
}
