//! Exports metrics that are not instruments of the SDK.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use opentelemetry_http::HttpClient;
use opentelemetry_proto::tonic::collector::metrics::v1::metrics_service_client::MetricsServiceClient;
use opentelemetry_proto::tonic::collector::metrics::v1::{
    ExportMetricsServiceRequest, ExportMetricsServiceResponse,
};
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use percent_encoding::percent_decode_str;
use prost::Message;
use tokio::time::timeout;
use tonic::metadata::MetadataMap;
use tonic::transport::Channel;

use super::outage::ExportOutage;

/// The transport of metrics.
pub(super) enum MetricsTransport {
    /// Protobuf over gRPC.
    Grpc(MetricsServiceClient<Channel>),
    /// Protobuf over HTTP/1.1, to this address.
    Http(Arc<dyn HttpClient>, String),
}

/// Sends export requests, each within a time limit, and records their outcomes.
pub(super) struct OtlpPusher {
    pub(super) transport: MetricsTransport,
    /// The headers of each request. They may contain a token.
    pub(super) headers: HeaderMap,
    pub(super) limit: Duration,
    pub(super) outage: Arc<ExportOutage>,
}

impl OtlpPusher {
    /// Sends one request; an error if the collector did not accept all of it.
    pub(super) async fn send(&self, request: ExportMetricsServiceRequest) -> OTelSdkResult {
        let outcome = timeout(self.limit, self.exchange(request)).await;
        let outcome = outcome.unwrap_or(Err(OTelSdkError::Timeout(self.limit)));
        self.outage.record(&outcome);
        outcome
    }

    async fn exchange(&self, request: ExportMetricsServiceRequest) -> OTelSdkResult {
        let answer = match &self.transport {
            MetricsTransport::Grpc(client) => {
                let metadata = MetadataMap::from_headers(self.headers.clone());
                let request = tonic::Request::from_parts(metadata, tonic::Extensions::default(), request);
                let answer = client.clone().export(request).await;
                answer
                    .map_err(|status| failed(format!("{}: {}", status.code(), status.message())))?
                    .into_inner()
            }
            MetricsTransport::Http(client, url) => {
                let mut post =
                    Request::post(url).body(Bytes::from(request.encode_to_vec())).map_err(failed)?;
                post.headers_mut().extend(self.headers.clone());
                post.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/x-protobuf"));
                let answer = client.send_bytes(post).await.map_err(failed)?;
                if !answer.status().is_success() {
                    return Err(failed(format!("HTTP {}", answer.status())));
                }
                ExportMetricsServiceResponse::decode(answer.into_body()).map_err(failed)?
            }
        };
        let refused = answer.partial_success.filter(|partial| partial.rejected_data_points > 0);
        refused.map_or(Ok(()), |partial| {
            let count = partial.rejected_data_points;
            Err(failed(format!("{count} values were refused: {}", partial.error_message)))
        })
    }
}

fn failed(cause: impl ToString) -> OTelSdkError {
    OTelSdkError::InternalFailure(cause.to_string())
}

/// Headers as `OTEL_EXPORTER_OTLP_HEADERS` writes them: `key=value,key=value`, values
/// percent-encoded. Invalid headers are skipped, as the SDK does.
pub(super) fn headers(lists: &[&str]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for pair in lists.iter().flat_map(|list| list.split(',')) {
        let Some((name, value)) = pair.split_once('=') else { continue };
        let value = percent_decode_str(value.trim()).decode_utf8_lossy();
        if let (Ok(name), Ok(mut value)) =
            (HeaderName::try_from(name.trim().to_lowercase()), HeaderValue::try_from(value.as_ref()))
        {
            value.set_sensitive(true);
            headers.insert(name, value);
        }
    }
    headers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_read_as_the_specification_writes_them() {
        let read = headers(&["Authorization=Bearer%20abc, x-tenant = one ,broken,=x", "x-tenant=two"]);
        assert_eq!(read.len(), 2);
        assert_eq!(read["authorization"], "Bearer abc");
        assert_eq!(read["x-tenant"], "two", "the list of the signal takes precedence");
        assert!(!format!("{read:?}").contains("abc"), "a token must not be printed");
    }
}
