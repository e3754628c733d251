//! Labelled metrics, created from their descriptions and registered at once.

use prometheus::{GaugeVec, HistogramOpts, HistogramVec, IntCounterVec, Opts, Registry};

use crate::exposition::Desc;

pub(super) fn counters(desc: &Desc, registry: &Registry) -> prometheus::Result<IntCounterVec> {
    let vector = IntCounterVec::new(Opts::new(desc.name, desc.help), desc.labels)?;
    registry.register(Box::new(vector.clone()))?;
    Ok(vector)
}

pub(super) fn gauges(desc: &Desc, registry: &Registry) -> prometheus::Result<GaugeVec> {
    let vector = GaugeVec::new(Opts::new(desc.name, desc.help), desc.labels)?;
    registry.register(Box::new(vector.clone()))?;
    Ok(vector)
}

pub(super) fn histograms(
    desc: &Desc,
    bounds: &[f64],
    registry: &Registry,
) -> prometheus::Result<HistogramVec> {
    let options = HistogramOpts::new(desc.name, desc.help).buckets(bounds.to_vec());
    let vector = HistogramVec::new(options, desc.labels)?;
    registry.register(Box::new(vector.clone()))?;
    Ok(vector)
}
