//! Instruments of one OpenTelemetry meter, read by scrapes and, where one is configured, exported
//! to a collector.

use std::sync::{Arc, Mutex, PoisonError};

use opentelemetry::KeyValue;
use opentelemetry::metrics::{AsyncInstrument, Counter, Histogram, Meter, MeterProvider};
use opentelemetry_sdk::metrics::{Instrument, SdkMeterProvider, Stream};
use prometheus::Registry;

use super::{Otel, catalogue};
use crate::exposition::{Desc, MetricFamily, MetricKind, MetricValue};

/// The name of the meter.
const METER: &str = "github-stats";
/// Series of an instrument beyond which the SDK merges them into one; memory for as many is
/// allocated at once. Paths and processes are few.
const SERIES: usize = 500;
/// The same of instruments of actors, which may be thousands.
const ACTOR_SERIES: usize = 50_000;

/// Creates instruments with the name, description and labels that the catalogue has.
#[derive(Clone)]
pub(super) struct Instruments {
    meter: Meter,
    /// Stops exporting when the last clone is dropped.
    _provider: SdkMeterProvider,
}

/// Families that several instruments observe: the first instrument reads them, the others use what it read.
struct CachedFamilies {
    read: Box<dyn Fn() -> Vec<MetricFamily> + Send + Sync>,
    latest: Mutex<Vec<MetricFamily>>,
}

impl Instruments {
    /// Their values can be gathered from the registry.
    pub(super) fn new(registry: &Registry, otel: Option<&Otel>) -> prometheus::Result<Self> {
        // Names are complete, and the replica is a label of its own.
        let scraped = opentelemetry_prometheus::exporter()
            .with_registry(registry.clone())
            .without_units()
            .without_counter_suffixes()
            .without_target_info()
            .scope_info_enabled(false)
            .build()
            .map_err(|error| prometheus::Error::Msg(error.to_string()))?;
        let builder = SdkMeterProvider::builder().with_reader(scraped).with_view(cardinality_limit);
        let provider = match otel {
            Some(otel) => otel.exporting(builder),
            None => builder.build(),
        };
        Ok(Instruments { meter: provider.meter(METER), _provider: provider })
    }

    pub(super) fn counter(&self, desc: &Desc) -> Counter<u64> {
        self.meter.u64_counter(desc.name).with_description(desc.help).build()
    }

    pub(super) fn histogram(&self, desc: &Desc, bounds: &[f64]) -> Histogram<f64> {
        let builder = self.meter.f64_histogram(desc.name).with_description(desc.help);
        builder.with_boundaries(bounds.to_vec()).build()
    }

    /// Creates gauges and counters of these descriptions whose values `read` returns at each collection.
    pub(super) fn observe(
        &self,
        descs: &[Desc],
        read: impl Fn() -> Vec<MetricFamily> + Send + Sync + 'static,
    ) {
        let families = Arc::new(CachedFamilies { read: Box::new(read), latest: Mutex::default() });
        for (index, desc) in descs.iter().enumerate() {
            let (families, desc) = (families.clone(), *desc);
            let callback = move |instrument: &dyn AsyncInstrument<f64>| {
                if index == 0 {
                    families.refresh();
                }
                families.observe(&desc, instrument);
            };
            match desc.kind {
                MetricKind::Counter => drop(
                    self.meter
                        .f64_observable_counter(desc.name)
                        .with_description(desc.help)
                        .with_callback(callback)
                        .build(),
                ),
                MetricKind::Gauge | MetricKind::Histogram => drop(
                    self.meter
                        .f64_observable_gauge(desc.name)
                        .with_description(desc.help)
                        .with_callback(callback)
                        .build(),
                ),
            }
        }
    }
}

impl CachedFamilies {
    fn refresh(&self) {
        *self.latest.lock().unwrap_or_else(PoisonError::into_inner) = (self.read)();
    }

    fn observe(&self, desc: &Desc, instrument: &dyn AsyncInstrument<f64>) {
        let latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        let samples =
            latest.iter().filter(|family| family.name == desc.name).flat_map(|family| &family.samples);
        for sample in samples {
            if let MetricValue::Number(value) = sample.value {
                instrument.observe(value, &labelled(desc, sample.labels.iter().cloned()));
            }
        }
    }
}

/// The values of a metric's labels, under their names.
pub(super) fn labelled(desc: &Desc, values: impl IntoIterator<Item = String>) -> Vec<KeyValue> {
    desc.labels.iter().zip(values).map(|(label, value)| KeyValue::new(*label, value)).collect()
}

/// How many series an instrument may have.
fn cardinality_limit(instrument: &Instrument) -> Option<Stream> {
    let desc = catalogue::description(instrument.name())?;
    let series = if desc.labels.contains(&"actor") { ACTOR_SERIES } else { SERIES };
    Stream::builder().with_cardinality_limit(series).build().ok()
}
