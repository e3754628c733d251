//! What this process tells of itself, by one meter: for whoever scrapes and, where something is to be sent, for a collector.

use std::sync::{Arc, Mutex, PoisonError};

use opentelemetry::KeyValue;
use opentelemetry::metrics::{AsyncInstrument, Counter, Histogram, Meter, MeterProvider};
use opentelemetry_sdk::metrics::{Instrument, SdkMeterProvider, Stream};
use prometheus::Registry;

use super::{Otel, catalogue};
use crate::exposition::{Desc, MetricFamily, MetricKind, MetricValue};

/// The name of the meter.
const METER: &str = "github-stats";
/// Series of an instrument beyond which the SDK lumps them together; room for as many is set aside at once. Actors may be
/// thousands, paths and processes are few.
const SERIES: usize = 500;
const ACTOR_SERIES: usize = 50_000;

/// Makes instruments that are named, described and labelled as the catalogue says.
#[derive(Clone)]
pub(super) struct Instruments {
    meter: Meter,
    /// Ends what it sends when the last clone is dropped.
    _provider: SdkMeterProvider,
}

/// A reading that several instruments tell: the first one reads, the others tell what it read.
struct Reading {
    read: Box<dyn Fn() -> Vec<MetricFamily> + Send + Sync>,
    latest: Mutex<Vec<MetricFamily>>,
}

impl Instruments {
    /// Their values can be gathered from the registry.
    pub(super) fn new(registry: &Registry, otel: Option<&Otel>) -> prometheus::Result<Self> {
        // Names are complete, and who tells is a label of its own.
        let scraped = opentelemetry_prometheus::exporter()
            .with_registry(registry.clone())
            .without_units()
            .without_counter_suffixes()
            .without_target_info()
            .scope_info_enabled(false)
            .build()
            .map_err(|error| prometheus::Error::Msg(error.to_string()))?;
        let builder = SdkMeterProvider::builder().with_reader(scraped).with_view(room);
        let provider = match otel {
            Some(otel) => otel.sending(builder),
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

    /// Tells gauges and counters of these descriptions as they are read whenever somebody wants to know.
    pub(super) fn tell(&self, descs: &[Desc], read: impl Fn() -> Vec<MetricFamily> + Send + Sync + 'static) {
        let reading = Arc::new(Reading { read: Box::new(read), latest: Mutex::default() });
        for (index, desc) in descs.iter().enumerate() {
            let (reading, desc) = (reading.clone(), *desc);
            let observe = move |told: &dyn AsyncInstrument<f64>| {
                if index == 0 {
                    reading.renew();
                }
                reading.tell(&desc, told);
            };
            match desc.kind {
                MetricKind::Counter => drop(
                    self.meter
                        .f64_observable_counter(desc.name)
                        .with_description(desc.help)
                        .with_callback(observe)
                        .build(),
                ),
                MetricKind::Gauge | MetricKind::Histogram => drop(
                    self.meter
                        .f64_observable_gauge(desc.name)
                        .with_description(desc.help)
                        .with_callback(observe)
                        .build(),
                ),
            }
        }
    }
}

impl Reading {
    fn renew(&self) {
        *self.latest.lock().unwrap_or_else(PoisonError::into_inner) = (self.read)();
    }

    fn tell(&self, desc: &Desc, told: &dyn AsyncInstrument<f64>) {
        let latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        let samples =
            latest.iter().filter(|family| family.name == desc.name).flat_map(|family| &family.samples);
        for sample in samples {
            if let MetricValue::Number(value) = sample.value {
                told.observe(value, &labelled(desc, sample.labels.iter().cloned()));
            }
        }
    }
}

/// The values of a metric's labels, under their names.
pub(super) fn labelled(desc: &Desc, values: impl IntoIterator<Item = String>) -> Vec<KeyValue> {
    desc.labels.iter().zip(values).map(|(label, value)| KeyValue::new(*label, value)).collect()
}

/// The room that the series of an instrument have.
fn room(instrument: &Instrument) -> Option<Stream> {
    let desc = catalogue::OPERATIONS.iter().find(|desc| desc.name == instrument.name())?;
    let series = if desc.labels.contains(&"actor") { ACTOR_SERIES } else { SERIES };
    Stream::builder().with_cardinality_limit(series).build().ok()
}
