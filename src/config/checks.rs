//! Validation of values, with errors that name the place that has to change.

use std::time::Duration;

use super::node::Node;
use super::{ConfigError, ConfigWarning, Origin, format_duration};

/// What the validation of all sections shares: where keys were set, and the warnings so far.
pub(super) struct Checks<'a> {
    written: &'a Node,
    pub(super) warnings: Vec<ConfigWarning>,
}

impl<'a> Checks<'a> {
    pub(super) fn new(written: &'a Node, warnings: Vec<ConfigWarning>) -> Self {
        Self { written, warnings }
    }

    /// Rejects with `problem` unless `valid`, at the first of `keys` that was set.
    pub(super) fn require(
        &self,
        valid: bool,
        keys: &[&str],
        problem: impl FnOnce() -> String,
    ) -> Result<(), ConfigError> {
        if valid {
            return Ok(());
        }
        let set = keys.iter().map(|key| self.written.origin_of(key)).find(|at| *at != Origin::Default);
        Err(ConfigError::InvalidValue { at: set.unwrap_or(Origin::Default), problem: problem() })
    }

    /// Rejects a duration of zero.
    pub(super) fn positive(&self, key: &str, value: Duration) -> Result<(), ConfigError> {
        self.require(!value.is_zero(), &[key], || format!("{key} must be longer than 0s"))
    }

    /// Rejects 0.
    pub(super) fn at_least_one(&self, key: &str, value: u64) -> Result<(), ConfigError> {
        self.require(value > 0, &[key], || format!("{key} must be at least 1, but is 0"))
    }

    /// Rejects a number outside of `min..=max`.
    pub(super) fn between(&self, key: &str, value: u32, min: u32, max: u32) -> Result<(), ConfigError> {
        self.require((min..=max).contains(&value), &[key], || {
            format!("{key} must be between {min} and {max}, but is {value}")
        })
    }

    /// Rejects a first duration that is not shorter than the second.
    pub(super) fn shorter(
        &self,
        (key, value): (&str, Duration),
        (than, bound): (&str, Duration),
    ) -> Result<(), ConfigError> {
        self.require(value < bound, &[key, than], || {
            let (value, bound) = (format_duration(value), format_duration(bound));
            format!("{key} ({value}) must be shorter than {than} ({bound})")
        })
    }

    /// Rejects a first duration that is longer than the second.
    pub(super) fn not_longer(
        &self,
        (key, value): (&str, Duration),
        (than, bound): (&str, Duration),
    ) -> Result<(), ConfigError> {
        self.require(value <= bound, &[key, than], || {
            let (value, bound) = (format_duration(value), format_duration(bound));
            format!("{key} ({value}) must not be longer than {than} ({bound})")
        })
    }

    /// Rejects a secret that is set both as text and as a file.
    pub(super) fn not_both(&self, key: &str, inline: bool, file: bool) -> Result<(), ConfigError> {
        let other = format!("{key}_file");
        self.require(!(inline && file), &[&other, key], || {
            format!("{key} and {other} are both set; keep one of them")
        })
    }

    /// Records a warning about what is valid, but probably not intended.
    pub(super) fn warn(&mut self, key: &str, message: &str) {
        self.warnings.push(ConfigWarning {
            at: self.written.origin_of(key),
            key: key.to_owned(),
            message: message.to_owned(),
        });
    }
}
