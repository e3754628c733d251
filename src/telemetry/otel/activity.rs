//! The export of activity over OTLP.

use std::time::Duration;

use github_stats_actors::activity::{SeriesBlock, SeriesRow, SeriesSnapshot};
use github_stats_actors::clock::system_unix_ms;
use github_stats_actors::role::RoleWatch;
use github_stats_actors::store::PublishedView;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point;
use opentelemetry_proto::tonic::metrics::v1::{
    AggregationTemporality, Gauge, Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics, Sum,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use tokio::time::{MissedTickBehavior, interval};

use super::SERVICE;
use super::pusher::OtlpPusher;
use crate::exposition::{ACTIVITY, ActivityFamily, MetricKind};

/// Exports all activity at an interval while this replica leads: the others would export the same.
pub(super) struct ActivitySender {
    pub(super) pusher: OtlpPusher,
    pub(super) view: PublishedView,
    /// The role in the first shard, whose leader exports for all replicas.
    pub(super) role: RoleWatch,
    pub(super) resource: Resource,
    pub(super) period: Duration,
}

impl ActivitySender {
    /// Runs until the runtime ends.
    pub(super) async fn run(self) {
        let mut beat = interval(self.period);
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            beat.tick().await;
            self.send().await;
        }
    }

    /// Stops at the first error, which the outage has logged: the collector would not accept the rest either.
    async fn send(&self) {
        let Some(published) = self.view.latest().filter(|_| self.role.leads().is_some()) else { return };
        for request in requests(&published.series, &self.resource, system_unix_ms()) {
            if self.pusher.send(request).await.is_err() {
                return;
            }
        }
    }
}

/// One request for each block of rows, so that only one is in memory and none is too large for the collector.
fn requests<'a>(
    snapshot: &'a SeriesSnapshot,
    resource: &'a Resource,
    unix_ms: i64,
) -> impl Iterator<Item = ExportMetricsServiceRequest> + 'a {
    let nanos = unix_ms.max(0).unsigned_abs() * 1_000_000;
    snapshot.blocks.iter().map(move |block| {
        let families = ACTIVITY
            .iter()
            .filter(|family| !snapshot.counters_hidden || family.desc.kind == MetricKind::Gauge);
        let scope = InstrumentationScope { name: SERVICE.to_owned(), ..InstrumentationScope::default() };
        let metrics = families.filter_map(|family| metric(family, block, nanos)).collect();
        let of_scope = ScopeMetrics { scope: Some(scope), metrics, ..ScopeMetrics::default() };
        let of_resource = ResourceMetrics {
            resource: Some(resource.clone()),
            scope_metrics: vec![of_scope],
            ..ResourceMetrics::default()
        };
        ExportMetricsServiceRequest { resource_metrics: vec![of_resource] }
    })
}

fn metric(family: &ActivityFamily, block: &SeriesBlock, nanos: u64) -> Option<Metric> {
    let data_points: Vec<NumberDataPoint> =
        block.iter().filter_map(|row| Some(point(row, (family.value)(row)?, nanos))).collect();
    if data_points.is_empty() {
        return None;
    }
    let data = match family.desc.kind {
        MetricKind::Counter => Data::Sum(Sum {
            data_points,
            aggregation_temporality: AggregationTemporality::Cumulative.into(),
            is_monotonic: true,
        }),
        _ => Data::Gauge(Gauge { data_points }),
    };
    Some(Metric {
        name: family.desc.name.to_owned(),
        description: family.desc.help.to_owned(),
        data: Some(data),
        ..Metric::default()
    })
}

/// When a counter began is not known, which OTLP writes as 0.
fn point(row: &SeriesRow, value: i128, nanos: u64) -> NumberDataPoint {
    let labels = [("org", row.org.as_str()), ("repo", row.repo.as_str()), ("user", row.user.as_str())];
    NumberDataPoint {
        attributes: labels.map(|(key, value)| text(key, value)).into(),
        time_unix_nano: nanos,
        value: Some(number_data_point::Value::AsInt(i64::try_from(value).unwrap_or(i64::MAX))),
        ..NumberDataPoint::default()
    }
}

/// A string attribute.
pub(super) fn text(key: &str, value: &str) -> KeyValue {
    let value = Some(AnyValue { value: Some(Value::StringValue(value.to_owned())) });
    KeyValue { key: key.to_owned(), value, ..KeyValue::default() }
}
