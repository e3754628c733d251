//! The HTTP server: connections, and requests through faults, limits and endpoints.

pub(crate) mod admission;
mod body;
mod exchange;

use std::convert::Infallible;
use std::sync::Arc;

use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;

use crate::state::SimulatorState;

/// Accepts connections until the runtime ends.
pub(crate) async fn serve(listener: TcpListener, state: Arc<SimulatorState>) -> Infallible {
    loop {
        // A connection that fails while being accepted concerns its client only.
        let Ok((stream, _)) = listener.accept().await else {
            tokio::task::yield_now().await;
            continue;
        };
        let state = Arc::clone(&state);
        tokio::spawn(async move {
            let service = service_fn(|request| exchange::handle(Arc::clone(&state), request));
            let mut http = hyper::server::conn::http1::Builder::new();
            http.timer(TokioTimer::new());
            if let Err(error) = http.serve_connection(TokioIo::new(stream), service).await {
                tracing::debug!(%error, "connection ended");
            }
        });
    }
}
