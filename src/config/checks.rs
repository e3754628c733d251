//! Checks of values against each other, answered with the place that has to change.

use std::time::Duration;

use super::node::Node;
use super::{ConfigError, ConfigWarning, Origin, format_duration};

/// What the checks of the sections share: where keys were set, and the warnings so far.
pub(super) struct Checks<'a> {
    written: &'a Node,
    pub(super) warnings: Vec<ConfigWarning>,
}

impl<'a> Checks<'a> {
    pub(super) fn new(written: &'a Node, warnings: Vec<ConfigWarning>) -> Self {
        Self { written, warnings }
    }

    /// Refuses with `problem` unless `holds`, at the first of `keys` that somebody set.
    pub(super) fn that(
        &self,
        holds: bool,
        keys: &[&str],
        problem: impl FnOnce() -> String,
    ) -> Result<(), ConfigError> {
        if holds {
            return Ok(());
        }
        let set = keys.iter().map(|key| self.written.origin_of(key)).find(|at| *at != Origin::Default);
        Err(ConfigError::Impossible { at: set.unwrap_or(Origin::Default), problem: problem() })
    }

    /// Refuses a duration of zero.
    pub(super) fn positive(&self, key: &str, value: Duration) -> Result<(), ConfigError> {
        self.that(!value.is_zero(), &[key], || format!("{key} must be longer than 0s"))
    }

    /// Refuses 0.
    pub(super) fn at_least_one(&self, key: &str, value: u64) -> Result<(), ConfigError> {
        self.that(value > 0, &[key], || format!("{key} must be at least 1, but is 0"))
    }

    /// Refuses a number outside of `least..=most`.
    pub(super) fn between(&self, key: &str, value: u32, least: u32, most: u32) -> Result<(), ConfigError> {
        self.that((least..=most).contains(&value), &[key], || {
            format!("{key} must lie between {least} and {most}, but is {value}")
        })
    }

    /// Refuses a first duration that is not shorter than the second.
    pub(super) fn shorter(
        &self,
        (key, value): (&str, Duration),
        (than, bound): (&str, Duration),
    ) -> Result<(), ConfigError> {
        self.that(value < bound, &[key, than], || {
            let (value, bound) = (format_duration(value), format_duration(bound));
            format!("{key} ({value}) must be shorter than {than} ({bound})")
        })
    }

    /// Refuses a first duration that is longer than the second.
    pub(super) fn not_longer(
        &self,
        (key, value): (&str, Duration),
        (than, bound): (&str, Duration),
    ) -> Result<(), ConfigError> {
        self.that(value <= bound, &[key, than], || {
            let (value, bound) = (format_duration(value), format_duration(bound));
            format!("{key} ({value}) must not be longer than {than} ({bound})")
        })
    }

    /// Refuses a secret that is given both as text and as a file.
    pub(super) fn one_of_pair(&self, key: &str, inline: bool, file: bool) -> Result<(), ConfigError> {
        let other = format!("{key}_file");
        self.that(!(inline && file), &[&other, key], || {
            format!("{key} and {other} are both set; keep one of the two")
        })
    }

    /// Notes what works, but probably not as meant.
    pub(super) fn warn(&mut self, key: &str, message: &str) {
        self.warnings.push(ConfigWarning {
            at: self.written.origin_of(key),
            key: key.to_owned(),
            message: message.to_owned(),
        });
    }
}
