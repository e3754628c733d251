//! Descriptions of metric families.

use std::borrow::Cow;

use super::{MetricFamily, MetricKind};

/// The name, help and labels of a metric family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Desc {
    /// The full name as Prometheus stores it; a counter's ends in `_total`.
    pub name: &'static str,
    /// What kind of metric it is.
    pub kind: MetricKind,
    /// One sentence for the `# HELP` line.
    pub help: &'static str,
    /// The names of its labels.
    pub labels: &'static [&'static str],
}

/// The units of OpenMetrics that occur here.
const UNITS: [&str; 3] = ["seconds", "bytes", "ratio"];

impl Desc {
    /// A value that goes up and down.
    pub const fn gauge(name: &'static str, help: &'static str, labels: &'static [&'static str]) -> Self {
        Desc { name, kind: MetricKind::Gauge, help, labels }
    }

    /// A value that only goes up; `name` ends in `_total`.
    pub const fn counter(name: &'static str, help: &'static str, labels: &'static [&'static str]) -> Self {
        Desc { name, kind: MetricKind::Counter, help, labels }
    }

    /// A distribution.
    pub const fn histogram(name: &'static str, help: &'static str, labels: &'static [&'static str]) -> Self {
        Desc { name, kind: MetricKind::Histogram, help, labels }
    }

    /// The base unit in its name; `None` where it counts things.
    pub fn unit(&self) -> Option<&'static str> {
        let stem = self.name.strip_suffix("_total").unwrap_or(self.name);
        UNITS.into_iter().find(|unit| stem.rsplit('_').next() == Some(unit))
    }

    /// A family of this description without samples.
    pub fn family(&self) -> MetricFamily {
        MetricFamily {
            name: Cow::Borrowed(self.name),
            kind: self.kind,
            help: Cow::Borrowed(self.help),
            unit: self.unit().map(Cow::Borrowed),
            labels: self.labels.iter().map(|label| Cow::Borrowed(*label)).collect(),
            samples: Vec::new(),
        }
    }
}
