//! Logging to stderr: text for people, JSON for machines.

use std::io::{self, IsTerminal};
use std::str::FromStr;

use tracing::Subscriber;
use tracing_subscriber::filter::{EnvFilter, FilterExt, LevelFilter, ParseError, filter_fn};
use tracing_subscriber::fmt::format::JsonFields;
use tracing_subscriber::fmt::{self, MakeWriter};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};
use tracing_subscriber::{Layer, layer::SubscriberExt};

use super::Otel;
use super::traced_format::TracedFormat;

/// The format of logs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// Text on a terminal, JSON otherwise.
    #[default]
    Auto,
    /// One line of text per event, in colour on a terminal.
    Text,
    /// One JSON object per line.
    Json,
}

/// Why logging cannot be initialized.
#[derive(Debug, thiserror::Error)]
pub enum LoggingError {
    /// The level is unknown.
    #[error("unknown log level {0:?}; known are off, error, warn, info, debug and trace")]
    UnknownLevel(String),
    /// `RUST_LOG` cannot be read.
    #[error("RUST_LOG is not a filter: {0}")]
    Filter(#[from] ParseError),
    /// It is initialized already.
    #[error("logging was set up before: {0}")]
    Twice(#[from] TryInitError),
}

/// Libraries of which only warnings are logged.
const QUIET: [&str; 8] =
    ["actix_server", "octocrab", "hyper", "hyper_util", "h2", "rustls", "tonic", "tower"];
/// Libraries that would log with every batch what is logged once per outage.
const SILENT: [&str; 3] = ["opentelemetry", "opentelemetry_sdk", "opentelemetry-otlp"];

/// Starts logging at `level`, which `RUST_LOG` overrides, and the export of traces if there is a collector.
///
/// # Errors
/// See [`LoggingError`].
pub fn init(format: LogFormat, level: &str, otel: Option<&Otel>) -> Result<(), LoggingError> {
    let filter = filter(std::env::var("RUST_LOG").ok().as_deref(), level)?;
    let terminal = io::stderr().is_terminal();
    // Spans are for traces only: log lines are complete without them, and without a collector they
    // cost nothing.
    let filter = filter_fn(|metadata| metadata.is_event()).and(filter);
    tracing_subscriber::registry()
        .with(otel.and_then(Otel::layer))
        .with(layer(format, terminal, io::stderr).with_filter(filter))
        .try_init()?;
    Ok(())
}

fn layer<S, W>(format: LogFormat, terminal: bool, writer: W) -> Box<dyn Layer<S> + Send + Sync>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let layer = tracing_subscriber::fmt::layer().with_writer(writer);
    let is_text = format == LogFormat::Text || (format == LogFormat::Auto && terminal);
    if is_text {
        let lines = TracedFormat::text(fmt::format().with_ansi(terminal));
        layer.with_ansi(terminal).event_format(lines).boxed()
    } else {
        let lines = TracedFormat::json(fmt::format().json().flatten_event(true));
        layer.fmt_fields(JsonFields::new()).event_format(lines).boxed()
    }
}

fn filter(rust_log: Option<&str>, level: &str) -> Result<EnvFilter, LoggingError> {
    if let Some(directives) = rust_log.filter(|directives| !directives.trim().is_empty()) {
        return Ok(EnvFilter::builder().parse(directives)?);
    }
    let level = LevelFilter::from_str(level).map_err(|_| LoggingError::UnknownLevel(level.to_owned()))?;
    let quiet = level.min(LevelFilter::WARN);
    let quiet = QUIET.map(|target| format!("{target}={quiet}")).join(",");
    let silent = SILENT.map(|target| format!("{target}=off")).join(",");
    Ok(EnvFilter::builder().parse(format!("{level},{quiet},{silent}"))?)
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use opentelemetry::trace::TracerProvider;
    use opentelemetry_sdk::trace::SdkTracerProvider;

    use super::*;

    #[derive(Clone, Default)]
    struct Buffer(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Buffer {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn logged(format: LogFormat, terminal: bool, filter: EnvFilter, act: impl FnOnce()) -> String {
        let buffer = Buffer::default();
        let writer = buffer.clone();
        let layer = layer(format, terminal, move || writer.clone()).with_filter(filter);
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), act);
        String::from_utf8(buffer.0.lock().unwrap().clone()).unwrap()
    }

    #[test]
    fn terminals_get_text_and_everything_else_json() {
        let info = || filter(None, "info").unwrap();
        let act = || tracing::info!(org = "acme", "a cycle ended");
        let json = logged(LogFormat::Auto, false, info(), act);
        let event: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!((event["message"].as_str(), event["org"].as_str()), (Some("a cycle ended"), Some("acme")));
        assert!(logged(LogFormat::Auto, true, info(), act).contains("a cycle ended"));
        assert!(logged(LogFormat::Text, false, info(), act).contains("org=\"acme\""));
    }

    #[test]
    fn log_lines_within_a_trace_contain_its_id() {
        let tracer = SdkTracerProvider::builder().build().tracer("test");
        let within = |format| {
            let buffer = Buffer::default();
            let writer = buffer.clone();
            let lines =
                layer(format, false, move || writer.clone()).with_filter(filter(None, "info").unwrap());
            let traces = tracing_opentelemetry::layer().with_tracer(tracer.clone());
            tracing::subscriber::with_default(
                tracing_subscriber::registry().with(traces).with(lines),
                || {
                    tracing::info_span!("scrape").in_scope(|| tracing::info!(org = "acme", "inside }}"));
                    tracing::info!("outside");
                },
            );
            String::from_utf8(buffer.0.lock().unwrap().clone()).unwrap()
        };
        let json = within(LogFormat::Json);
        let lines: Vec<serde_json::Value> =
            json.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let digits = |name: &str| lines[0][name].as_str().map(str::len);
        assert_eq!((digits("trace_id"), digits("span_id")), (Some(32), Some(16)));
        assert_eq!((lines[0]["message"].as_str(), &lines[1]["trace_id"]), (Some("inside }"), &().into()));
        let text = within(LogFormat::Text);
        let lines: Vec<&str> = text.lines().collect();
        let (_, trace) = lines[0].rsplit_once(" trace=").expect("the trace is named at the end");
        assert_eq!((trace.len(), lines.len(), lines[1].contains("trace=")), (8, 2, false));
    }

    #[test]
    fn the_environment_takes_precedence_and_libraries_are_quiet() {
        let chatter = || {
            tracing::info!(target: "octocrab", "request");
            tracing::debug!("detail");
        };
        assert_eq!(logged(LogFormat::Json, false, filter(None, "info").unwrap(), chatter), "");
        let loud = filter(Some("octocrab=info"), "error").unwrap();
        assert!(logged(LogFormat::Json, false, loud, chatter).contains("request"));
    }

    #[test]
    fn an_unknown_level_is_an_error() {
        assert!(
            matches!(filter(None, "verbose"), Err(LoggingError::UnknownLevel(level)) if level == "verbose")
        );
        assert!(matches!(filter(Some("a=b=c"), "info"), Err(LoggingError::Filter(_))));
    }
}
