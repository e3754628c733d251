//! Communication with the OTLP collector: a runtime of one thread, and a client on it.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use opentelemetry_http::{HttpClient, HttpError};
use opentelemetry_otlp::Protocol::HttpBinary;
use opentelemetry_otlp::{
    ExporterBuildError, MetricExporter, SpanExporter, WithExportConfig, WithHttpConfig, WithTonicConfig,
};
use opentelemetry_proto::tonic::collector::metrics::v1::metrics_service_client::MetricsServiceClient;
use rustls::crypto::ring;
use tokio::runtime::{Builder, Handle, Runtime};
use tonic::transport::{ClientTlsConfig, Endpoint};

use super::protocol::Protocol;
use super::pusher::MetricsTransport;
use super::settings::{OtelError, OtelSettings};

/// The greatest size of an answer that is read, in bytes; a collector's answers are a few bytes.
const ANSWER_LIMIT: usize = 1024 * 1024;

/// Creates exporters, and runs the thread on which they communicate with the collector.
pub(super) struct OtlpRuntime {
    endpoint: String,
    protocol: Protocol,
    /// `None` only while it is dropped.
    runtime: Option<Runtime>,
    handle: Handle,
    client: Option<HttpExportClient>,
}

impl OtlpRuntime {
    pub(super) fn new(settings: &OtelSettings) -> Result<Self, OtelError> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("otlp-runtime")
            .enable_all()
            .build()
            .map_err(OtelError::Threads)?;
        let (endpoint, protocol) = (settings.endpoint().to_owned(), settings.protocol());
        let client = match protocol {
            Protocol::Http => Some(HttpExportClient::to(&endpoint)?),
            Protocol::Grpc => None,
        };
        Ok(OtlpRuntime {
            endpoint,
            protocol,
            handle: runtime.handle().clone(),
            runtime: Some(runtime),
            client,
        })
    }

    pub(super) fn handle(&self) -> Handle {
        self.handle.clone()
    }

    pub(super) fn span_exporter(&self) -> Result<SpanExporter, OtelError> {
        self.exporter(
            |endpoint, client| {
                let builder = SpanExporter::builder().with_http().with_http_client(client);
                builder.with_protocol(HttpBinary).with_endpoint(format!("{endpoint}/v1/traces")).build()
            },
            |endpoint, tls| over_grpc(SpanExporter::builder().with_tonic(), endpoint, tls).build(),
        )
    }

    pub(super) fn metric_exporter(&self) -> Result<MetricExporter, OtelError> {
        self.exporter(
            |endpoint, client| {
                let builder = MetricExporter::builder().with_http().with_http_client(client);
                builder.with_protocol(HttpBinary).with_endpoint(metrics_url(endpoint)).build()
            },
            |endpoint, tls| over_grpc(MetricExporter::builder().with_tonic(), endpoint, tls).build(),
        )
    }

    /// Builds an exporter for the configured protocol.
    fn exporter<E>(
        &self,
        http: impl FnOnce(&str, HttpExportClient) -> Result<E, ExporterBuildError>,
        grpc: impl FnOnce(&str, Option<ClientTlsConfig>) -> Result<E, ExporterBuildError>,
    ) -> Result<E, OtelError> {
        let _entered = self.handle.enter();
        let exporter = match &self.client {
            Some(client) => http(&self.endpoint, client.clone()),
            None => grpc(&self.endpoint, self.tls()),
        };
        exporter.map_err(|cause| OtelError::exporter(&self.endpoint, &cause))
    }

    /// The transport of metrics that are not exported by the SDK.
    pub(super) fn transport(&self) -> Result<MetricsTransport, OtelError> {
        if let Some(client) = &self.client {
            return Ok(MetricsTransport::Http(Arc::new(client.clone()), metrics_url(&self.endpoint)));
        }
        let _entered = self.handle.enter();
        let unusable = |error: tonic::transport::Error| {
            // Its own text does not say what is wrong.
            let cause = error.source().map_or_else(|| error.to_string(), ToString::to_string);
            OtelError::unusable(&self.endpoint, cause)
        };
        let mut endpoint = Endpoint::from_shared(self.endpoint.clone()).map_err(unusable)?;
        if let Some(tls) = self.tls() {
            endpoint = endpoint.tls_config(tls).map_err(unusable)?;
        }
        Ok(MetricsTransport::Grpc(MetricsServiceClient::new(endpoint.connect_lazy())))
    }

    fn tls(&self) -> Option<ClientTlsConfig> {
        self.endpoint.starts_with("https://").then(|| ClientTlsConfig::new().with_native_roots())
    }
}

impl Drop for OtlpRuntime {
    /// May run on any thread, so it does not wait for exports in progress.
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl fmt::Debug for OtlpRuntime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OtlpRuntime")
            .field("endpoint", &self.endpoint)
            .field("protocol", &self.protocol)
            .finish()
    }
}

/// A client for OTLP over HTTP. Its callers limit the time.
#[derive(Clone, Debug)]
struct HttpExportClient(Client<HttpsConnector<HttpConnector>, Full<Bytes>>);

impl HttpExportClient {
    fn to(endpoint: &str) -> Result<Self, OtelError> {
        let connector = match endpoint.starts_with("https://") {
            true => HttpsConnectorBuilder::new()
                .with_provider_and_native_roots(ring::default_provider())
                .map_err(|cause| {
                    let cause = format!("there are no root certificates on this machine: {cause}");
                    OtelError::unusable(endpoint, cause)
                })?
                .https_only()
                .enable_http1()
                .build(),
            // Certificates are not needed; reading those of the machine would cost time and memory.
            false => HttpsConnectorBuilder::new()
                .with_tls_config(without_roots())
                .https_or_http()
                .enable_http1()
                .build(),
        };
        Ok(HttpExportClient(Client::builder(TokioExecutor::new()).build(connector)))
    }
}

fn metrics_url(endpoint: &str) -> String {
    format!("{endpoint}/v1/metrics")
}

/// The builder of an exporter over gRPC with its endpoint, and TLS where that is used.
fn over_grpc<B: WithExportConfig + WithTonicConfig>(
    builder: B,
    endpoint: &str,
    tls: Option<ClientTlsConfig>,
) -> B {
    let builder = builder.with_endpoint(endpoint);
    match tls {
        Some(tls) => builder.with_tls_config(tls),
        None => builder,
    }
}

fn without_roots() -> rustls::ClientConfig {
    rustls::ClientConfig::builder_with_provider(ring::default_provider().into())
        .with_safe_default_protocol_versions()
        .expect("the provider knows the default versions")
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth()
}

#[async_trait]
impl HttpClient for HttpExportClient {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let answer = self.0.request(request.map(Full::new)).await?;
        let (head, body) = answer.into_parts();
        let body = Limited::new(body, ANSWER_LIMIT).collect().await?.to_bytes();
        Ok(Response::from_parts(head, body))
    }
}
