//! A collector built from the official protobuf definitions, which stores what it receives.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use opentelemetry_proto::tonic::collector::metrics::v1::metrics_service_server::{
    MetricsService, MetricsServiceServer,
};
use opentelemetry_proto::tonic::collector::metrics::v1::{
    ExportMetricsServiceRequest, ExportMetricsServiceResponse,
};
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{
    TraceService, TraceServiceServer,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point;
use opentelemetry_proto::tonic::metrics::v1::{Metric, NumberDataPoint};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use prost::Message;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};
use tonic::{Request, Response, Status};

/// Upper bound for what must arrive.
const TIMEOUT: Duration = Duration::from_secs(90);

/// Labels or attributes by name.
pub type Attributes = BTreeMap<String, String>;

/// A span that arrived.
#[derive(Clone, Debug)]
pub struct ReceivedSpan {
    pub trace: String,
    pub id: String,
    /// Empty for the root of a trace.
    pub parent: String,
    pub name: String,
    /// `service.instance.id` of the sender.
    pub instance: String,
    pub failed: bool,
    pub attributes: Attributes,
}

/// The last received value of a metric.
#[derive(Clone, Debug, PartialEq)]
pub enum Point {
    Number(f64),
    /// Upper bounds with cumulative counts, and the total count and sum.
    Histogram(Vec<(f64, u64)>, u64, f64),
}

/// Everything received so far.
#[derive(Clone, Debug, Default)]
pub struct Received {
    pub spans: Vec<ReceivedSpan>,
    /// The latest values by metric name and labels.
    pub metrics: BTreeMap<(String, Attributes), Point>,
    /// The resource attributes of the senders.
    pub resources: Vec<Attributes>,
}

/// A collector that listens until it is dropped.
pub struct Receiver {
    address: SocketAddr,
    received: Arc<Mutex<Received>>,
    server: JoinHandle<()>,
}

impl Receiver {
    /// A collector for gRPC.
    pub async fn grpc() -> Receiver {
        Self::grpc_on(0).await
    }

    /// A collector for gRPC on this port.
    pub async fn grpc_on(port: u16) -> Receiver {
        let listener = TcpListener::bind(("127.0.0.1", port)).await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let received = Arc::<Mutex<Received>>::default();
        let services = Services(received.clone());
        let server = tokio::spawn(async move {
            let incoming = tonic::transport::server::TcpIncoming::from(listener);
            tonic::transport::Server::builder()
                .add_service(TraceServiceServer::new(services.clone()))
                .add_service(MetricsServiceServer::new(services))
                .serve_with_incoming(incoming)
                .await
                .expect("it serves");
        });
        Receiver { address, received, server }
    }

    /// A collector for HTTP.
    pub async fn http() -> Receiver {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let received = Arc::<Mutex<Received>>::default();
        let services = Services(received.clone());
        let server = tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                let services = services.clone();
                tokio::spawn(async move {
                    let answer = service_fn(move |request| {
                        let services = services.clone();
                        async move { Ok::<_, Infallible>(services.answer(request).await) }
                    });
                    let http = hyper::server::conn::http1::Builder::new();
                    let _ = http.serve_connection(TokioIo::new(connection), answer).await;
                });
            }
        });
        Receiver { address, received, server }
    }

    /// The port or address it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its base URL.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Everything received so far.
    pub fn received(&self) -> Received {
        self.received.lock().expect("no panic").clone()
    }

    /// Waits until `wanted` finds what it looks for.
    pub async fn wait_for<T>(&self, what: &str, wanted: impl Fn(&Received) -> Option<T>) -> T {
        let deadline = Instant::now() + TIMEOUT;
        loop {
            let received = self.received();
            if let Some(answer) = wanted(&received) {
                return answer;
            }
            assert!(Instant::now() < deadline, "timed out waiting until {what}: {received:#?}");
            sleep(Duration::from_millis(50)).await;
        }
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Received {
    /// All spans by their traces.
    pub fn traces(&self) -> BTreeMap<&str, Vec<&ReceivedSpan>> {
        let mut traces: BTreeMap<&str, Vec<&ReceivedSpan>> = BTreeMap::new();
        for span in &self.spans {
            traces.entry(&span.trace).or_default().push(span);
        }
        traces
    }
}

/// Whether every parent was received, and exactly one span has none.
pub fn is_whole(trace: &[&ReceivedSpan]) -> bool {
    let is_known = |span: &&&ReceivedSpan| trace.iter().any(|other| other.id == span.parent);
    let (with, without): (Vec<&ReceivedSpan>, Vec<&ReceivedSpan>) =
        trace.iter().partition(|span| !span.parent.is_empty());
    without.len() == 1 && with.iter().all(|span| is_known(&span))
}

#[derive(Clone)]
struct Services(Arc<Mutex<Received>>);

impl Services {
    async fn answer(&self, request: http::Request<Incoming>) -> http::Response<Full<Bytes>> {
        let path = request.uri().path().to_owned();
        let body = request.into_body().collect().await.expect("a body").to_bytes();
        match path.as_str() {
            "/v1/traces" => self.traces(ExportTraceServiceRequest::decode(body).expect("traces")),
            "/v1/metrics" => self.metrics(ExportMetricsServiceRequest::decode(body).expect("metrics")),
            other => panic!("unexpected request to {other}"),
        }
        http::Response::builder()
            .header("content-type", "application/x-protobuf")
            .body(Full::default())
            .expect("a response")
    }

    fn traces(&self, request: ExportTraceServiceRequest) {
        let mut received = self.0.lock().expect("no panic");
        for of_resource in request.resource_spans {
            let resource = resource_attributes(of_resource.resource);
            let instance = resource.get("service.instance.id").cloned().unwrap_or_default();
            received.resources.push(resource);
            for span in of_resource.scope_spans.into_iter().flat_map(|scope| scope.spans) {
                received.spans.push(ReceivedSpan {
                    trace: hex(&span.trace_id),
                    id: hex(&span.span_id),
                    parent: hex(&span.parent_span_id),
                    name: span.name,
                    instance: instance.clone(),
                    failed: span.status.is_some_and(|status| status.code == StatusCode::Error as i32),
                    attributes: attributes(span.attributes),
                });
            }
        }
    }

    fn metrics(&self, request: ExportMetricsServiceRequest) {
        let mut received = self.0.lock().expect("no panic");
        for of_resource in request.resource_metrics {
            received.resources.push(resource_attributes(of_resource.resource));
            for metric in of_resource.scope_metrics.into_iter().flat_map(|scope| scope.metrics) {
                received.metrics.extend(points(metric));
            }
        }
    }
}

#[tonic::async_trait]
impl TraceService for Services {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        self.traces(request.into_inner());
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

#[tonic::async_trait]
impl MetricsService for Services {
    async fn export(
        &self,
        request: Request<ExportMetricsServiceRequest>,
    ) -> Result<Response<ExportMetricsServiceResponse>, Status> {
        self.metrics(request.into_inner());
        Ok(Response::new(ExportMetricsServiceResponse::default()))
    }
}

fn points(metric: Metric) -> Vec<((String, Attributes), Point)> {
    let name = metric.name;
    let number = |point: NumberDataPoint| {
        let value = match point.value {
            Some(number_data_point::Value::AsDouble(value)) => value,
            Some(number_data_point::Value::AsInt(value)) => value as f64,
            None => f64::NAN,
        };
        ((name.clone(), attributes(point.attributes)), Point::Number(value))
    };
    match metric.data {
        Some(Data::Gauge(gauge)) => gauge.data_points.into_iter().map(number).collect(),
        Some(Data::Sum(sum)) => {
            assert!(sum.is_monotonic, "{name} is a counter");
            sum.data_points.into_iter().map(number).collect()
        }
        Some(Data::Histogram(histogram)) => {
            let points = histogram.data_points.into_iter().map(|point| {
                let mut below = 0;
                let counted = point.bucket_counts.iter().map(|count| {
                    below += count;
                    below
                });
                let buckets = point.explicit_bounds.iter().copied().zip(counted).collect();
                let value = Point::Histogram(buckets, point.count, point.sum.unwrap_or(f64::NAN));
                ((name.clone(), attributes(point.attributes)), value)
            });
            points.collect()
        }
        other => panic!("{name}: {other:?}"),
    }
}

fn resource_attributes(resource: Option<Resource>) -> Attributes {
    attributes(resource.map(|resource| resource.attributes).unwrap_or_default())
}

fn attributes(list: Vec<KeyValue>) -> Attributes {
    let text = |value: Value| match value {
        Value::StringValue(text) => text,
        Value::IntValue(number) => number.to_string(),
        Value::BoolValue(flag) => flag.to_string(),
        Value::DoubleValue(number) => number.to_string(),
        other => format!("{other:?}"),
    };
    let value = |entry: KeyValue| entry.value.and_then(|value| value.value).map(text).unwrap_or_default();
    list.into_iter().map(|entry| (entry.key.clone(), value(entry))).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
