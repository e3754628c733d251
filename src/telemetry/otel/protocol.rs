//! The protocols of OTLP.

use crate::config::HttpUrl;

/// The port on which collectors expect OTLP over HTTP.
const HTTP_PORT: &str = ":4318";

/// One of OTLP's two transports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protocol {
    /// Protobuf over gRPC.
    Grpc,
    /// Protobuf over HTTP/1.1.
    Http,
}

impl Protocol {
    /// The protocol that `OTEL_EXPORTER_OTLP_PROTOCOL` names, `None` if it is unknown. Without the
    /// variable HTTP if the address has its usual port, otherwise gRPC.
    pub(super) fn of(endpoint: &HttpUrl, variable: Option<&str>) -> Option<Self> {
        match variable.map(str::trim) {
            Some("grpc") => Some(Protocol::Grpc),
            Some("http/protobuf") => Some(Protocol::Http),
            Some(_) => None,
            None => {
                let after_scheme = endpoint.as_str().split_once("://").map_or("", |(_, rest)| rest);
                let authority = after_scheme.split(['/', '?']).next().unwrap_or_default();
                Some(if authority.ends_with(HTTP_PORT) { Protocol::Http } else { Protocol::Grpc })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_variable_decides_and_else_the_port() {
        let of = |url: &str, variable| Protocol::of(&HttpUrl::parse(url).unwrap(), variable);
        assert_eq!(of("http://collector:4318", None), Some(Protocol::Http));
        assert_eq!(of("http://collector:4318/prefix", None), Some(Protocol::Http));
        assert_eq!(of("http://collector:4317", None), Some(Protocol::Grpc));
        assert_eq!(of("https://collector.example", None), Some(Protocol::Grpc));
        assert_eq!(of("http://collector:4318", Some("grpc")), Some(Protocol::Grpc));
        assert_eq!(of("http://collector:4317", Some("http/protobuf")), Some(Protocol::Http));
        assert_eq!(of("http://collector:4317", Some("http/json")), None);
    }
}
