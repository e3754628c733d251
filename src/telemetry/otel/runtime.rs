//! What carries telemetry to the collector: a runtime of one thread, and a client on it.

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
use opentelemetry_otlp::{MetricExporter, SpanExporter, WithExportConfig, WithHttpConfig, WithTonicConfig};
use opentelemetry_proto::tonic::collector::metrics::v1::metrics_service_client::MetricsServiceClient;
use rustls::crypto::ring;
use tokio::runtime::{Builder, Handle, Runtime};
use tonic::transport::{ClientTlsConfig, Endpoint};

use super::protocol::Protocol;
use super::pusher::MetricsTransport;
use super::settings::{OtelError, OtelSettings};

/// Bytes of an answer that are read; an honest one has hardly any.
const ANSWER_LIMIT: usize = 1024 * 1024;

/// Makes exporters, and keeps the thread going on which they exchange with the collector.
pub(super) struct OtlpRuntime {
    endpoint: String,
    protocol: Protocol,
    /// `None` only while it is dropped.
    runtime: Option<Runtime>,
    handle: Handle,
    client: Option<OverHttp>,
}

impl OtlpRuntime {
    pub(super) fn new(settings: &OtelSettings) -> Result<Self, OtelError> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("otel-courier")
            .enable_all()
            .build()
            .map_err(OtelError::Threads)?;
        let (endpoint, protocol) = (settings.endpoint().to_owned(), settings.protocol());
        let client = match protocol {
            Protocol::Http => Some(OverHttp::to(&endpoint)?),
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
        let _entered = self.handle.enter();
        let builder = SpanExporter::builder();
        let built = match &self.client {
            Some(client) => builder
                .with_http()
                .with_protocol(opentelemetry_otlp::Protocol::HttpBinary)
                .with_http_client(client.clone())
                .with_endpoint(format!("{}/v1/traces", self.endpoint))
                .build(),
            None => {
                let builder = builder.with_tonic().with_endpoint(self.endpoint.clone());
                match self.tls() {
                    Some(tls) => builder.with_tls_config(tls).build(),
                    None => builder.build(),
                }
            }
        };
        built.map_err(|cause| OtelError::exporter(&self.endpoint, &cause))
    }

    pub(super) fn metric_exporter(&self) -> Result<MetricExporter, OtelError> {
        let _entered = self.handle.enter();
        let builder = MetricExporter::builder();
        let built = match &self.client {
            Some(client) => builder
                .with_http()
                .with_protocol(opentelemetry_otlp::Protocol::HttpBinary)
                .with_http_client(client.clone())
                .with_endpoint(format!("{}/v1/metrics", self.endpoint))
                .build(),
            None => {
                let builder = builder.with_tonic().with_endpoint(self.endpoint.clone());
                match self.tls() {
                    Some(tls) => builder.with_tls_config(tls).build(),
                    None => builder.build(),
                }
            }
        };
        built.map_err(|cause| OtelError::exporter(&self.endpoint, &cause))
    }

    /// The way for metrics that no exporter of the SDK sends.
    pub(super) fn transport(&self) -> Result<MetricsTransport, OtelError> {
        if let Some(client) = &self.client {
            return Ok(MetricsTransport::Http(
                Arc::new(client.clone()),
                format!("{}/v1/metrics", self.endpoint),
            ));
        }
        let _entered = self.handle.enter();
        let unusable = |error: tonic::transport::Error| {
            // It does not say itself what is wrong.
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
    /// In whatever thread: waiting for the last exchange is not worth it.
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl fmt::Debug for OtlpRuntime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Courier").field("endpoint", &self.endpoint).field("protocol", &self.protocol).finish()
    }
}

/// A client for OTLP over HTTP. Whoever sends bounds the time.
#[derive(Clone, Debug)]
struct OverHttp(Client<HttpsConnector<HttpConnector>, Full<Bytes>>);

impl OverHttp {
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
            // Nobody asks for certificates; reading those of the machine would cost time and memory.
            false => HttpsConnectorBuilder::new()
                .with_tls_config(without_roots())
                .https_or_http()
                .enable_http1()
                .build(),
        };
        Ok(OverHttp(Client::builder(TokioExecutor::new()).build(connector)))
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
impl HttpClient for OverHttp {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let answer = self.0.request(request.map(Full::new)).await?;
        let (head, body) = answer.into_parts();
        let body = Limited::new(body, ANSWER_LIMIT).collect().await?.to_bytes();
        Ok(Response::from_parts(head, body))
    }
}
