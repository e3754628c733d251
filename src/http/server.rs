//! The server.

use std::io;
use std::net::TcpListener;
use std::time::Duration;

use actix_web::body::MessageBody;
use actix_web::dev::{Server, ServerHandle, ServiceFactory, ServiceRequest, ServiceResponse};
use actix_web::middleware::from_fn;
use actix_web::{App, Error, HttpServer, web};

use super::{AppState, HttpSettings, perimeter, problem, routes};

/// Threads that answer. Answers are prepared bytes; encoding happens on other threads.
const WORKERS: usize = 2;
/// Bytes of an answer that are gathered for one call of the kernel. With a piece more than this, a
/// buffer of 128 KiB is not outgrown, which is the largest that the server keeps for the next call.
const WRITE_BUFFER: usize = 80 * 1024;
/// How long a client may take to send the head of its request.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);
/// How long an idle connection is kept; longer than the usual scrape interval.
const KEEP_ALIVE: Duration = Duration::from_secs(75);

/// Starts to listen. The server answers while the returned future is polled; the handle stops it.
/// Signals are left to the caller.
///
/// # Errors
/// Those of the listeners.
///
/// # Panics
/// Outside of a Tokio runtime.
pub fn serve(settings: HttpSettings, state: AppState) -> io::Result<(Server, ServerHandle)> {
    let state = web::Data::new(state);
    let mut server = HttpServer::new(move || app(state.clone()))
        .workers(WORKERS)
        .max_connections((settings.max_connections / WORKERS).max(1))
        // Without it, the end of every second page waits 40 ms for an acknowledgement of what came before.
        .tcp_nodelay(true)
        .client_request_timeout(REQUEST_TIMEOUT)
        .keep_alive(KEEP_ALIVE)
        .h1_write_buffer_size(WRITE_BUFFER)
        .shutdown_timeout(settings.shutdown_timeout.as_secs())
        .disable_signals();
    for listener in settings.listeners {
        limit_stalls(&listener, settings.stall_limit)?;
        server = server.listen(listener)?;
    }
    let server = server.run();
    let handle = server.handle();
    Ok((server, handle))
}

/// Makes the kernel close connections whose client accepts no data for this long: an answer that
/// cannot be sent is not polled, so a timer of the server would not fire. Accepted connections
/// inherit this.
#[cfg(target_os = "linux")]
fn limit_stalls(listener: &TcpListener, limit: Duration) -> io::Result<()> {
    let milliseconds = u32::try_from(limit.as_millis()).unwrap_or(u32::MAX);
    Ok(rustix::net::sockopt::set_tcp_user_timeout(listener, milliseconds)?)
}

#[cfg(not(target_os = "linux"))]
fn limit_stalls(_: &TcpListener, _: Duration) -> io::Result<()> {
    Ok(())
}

/// The application of each worker.
pub(super) fn app(
    state: web::Data<AppState>,
) -> App<
    impl ServiceFactory<
        ServiceRequest,
        Config = (),
        Response = ServiceResponse<impl MessageBody>,
        Error = Error,
        InitError = (),
    >,
> {
    App::new()
        .app_data(state.clone())
        .configure(|config| routes::routes(config, &state))
        .default_service(web::to(problem::not_found))
        .wrap(from_fn(perimeter::limit))
        .wrap(from_fn(perimeter::count))
        .wrap(perimeter::headers())
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;
    use std::sync::{Arc, Weak};

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;

    use super::*;
    use crate::exposition::testing::{row, snapshot};
    use crate::exposition::{ContentCoding, Encoded, ExpositionFormat};
    use crate::http::testing::{fresh, publish};

    async fn started(state: AppState) -> (SocketAddr, ServerHandle) {
        started_with(state, |settings| settings)
    }

    fn started_with(
        state: AppState,
        change: impl FnOnce(HttpSettings) -> HttpSettings,
    ) -> (SocketAddr, ServerHandle) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (server, handle) = serve(change(HttpSettings::new(vec![listener])), state).unwrap();
        actix::spawn(server);
        (address, handle)
    }

    /// Sends bytes as they are and reads until the server closes the connection.
    async fn raw(address: SocketAddr, request: &str) -> String {
        let mut connection = TcpStream::connect(address).await.unwrap();
        connection.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        connection.read_to_end(&mut answer).await.unwrap();
        String::from_utf8(answer).unwrap()
    }

    fn split(answer: &str) -> (&str, &str) {
        answer.split_once("\r\n\r\n").unwrap()
    }

    fn content_length(head: &str) -> usize {
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
        length.parse().unwrap()
    }

    #[actix::test]
    async fn whole_pages_arrive_with_their_length() {
        let state = fresh();
        publish(&state, snapshot((0..3_000).map(|n| row("acme", "api", &format!("u{n}"))).collect()));
        let (address, handle) = started(state).await;
        let answer = raw(address, "GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await;
        let (head, body) = split(&answer);
        assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
        assert_eq!(content_length(head), body.len());
        assert!(body.len() > 2_000_000);
        handle.stop(true).await;
    }

    #[actix::test]
    async fn a_head_request_gets_the_same_headers_and_no_body() {
        let (address, handle) = started(fresh()).await;
        for path in ["/metrics", "/healthz", "/"] {
            let head_request = format!("HEAD {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
            let answer = raw(address, &head_request).await;
            let (head, body) = split(&answer);
            assert!(content_length(head) > 0 && body.is_empty(), "{path}: {answer}");
        }
        handle.stop(true).await;
    }

    #[actix::test]
    async fn requests_that_are_not_http_are_refused() {
        let (address, handle) = started(fresh()).await;
        let garbage = raw(address, "\u{16}\u{3}\u{1} no http at all\r\n\r\n").await;
        assert!(garbage.starts_with("HTTP/1.1 400"), "{garbage}");
        let endless = format!("GET /livez HTTP/1.1\r\nHost: x\r\nX-Large: {}", "x".repeat(200_000));
        let mut connection = TcpStream::connect(address).await.unwrap();
        // The server may close the connection while this is being sent.
        let _ = connection.write_all(endless.as_bytes()).await;
        let mut answer = Vec::new();
        let _ = connection.read_to_end(&mut answer).await;
        assert!(
            answer.is_empty() || answer.starts_with(b"HTTP/1.1 4"),
            "{:?}",
            String::from_utf8_lossy(&answer)
        );
        handle.stop(true).await;
    }

    /// Starts to scrape a page that is too large for the buffers of two sockets.
    async fn begin_to_scrape(
        headers: &str,
        change: impl FnOnce(HttpSettings) -> HttpSettings,
    ) -> (TcpStream, Weak<Encoded>, ServerHandle) {
        let state = fresh();
        publish(&state, snapshot((0..20_000).map(|n| row("acme", "api", &format!("u{n}"))).collect()));
        let page = Arc::downgrade(
            &state.replica.activity.encoded(ExpositionFormat::Text, ContentCoding::Identity).await.unwrap(),
        );
        let (address, handle) = started_with(state.clone(), change);
        let mut connection = TcpStream::connect(address).await.unwrap();
        let request = format!("GET /metrics HTTP/1.1\r\nHost: x\r\n{headers}\r\n");
        connection.write_all(request.as_bytes()).await.unwrap();
        let mut status = [0; 15];
        connection.read_exact(&mut status).await.unwrap();
        assert_eq!(&status, b"HTTP/1.1 200 OK");
        // From here on only answers that are still being sent hold the page.
        publish(&state, snapshot(Vec::new()));
        (connection, page, handle)
    }

    async fn is_released(page: &Weak<Encoded>) {
        let wait = async {
            while page.strong_count() > 0 {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), wait).await.expect("the page is released");
    }

    #[actix::test]
    async fn a_client_that_accepts_no_data_is_disconnected() {
        let limit = Duration::from_millis(500);
        let (connection, page, handle) =
            begin_to_scrape("", |settings| HttpSettings { stall_limit: limit, ..settings }).await;
        assert_eq!(page.strong_count(), 1, "it is being sent");
        is_released(&page).await;
        drop(connection);
        handle.stop(true).await;
    }

    #[actix::test]
    async fn a_client_that_reads_too_slowly_is_disconnected_after_its_own_timeout() {
        let (mut connection, page, handle) =
            begin_to_scrape("X-Prometheus-Scrape-Timeout-Seconds: 0.3\r\n", |settings| settings).await;
        let mut taken = 0;
        let mut buffer = vec![0; 64 * 1024];
        while page.strong_count() > 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
            taken += connection.read(&mut buffer).await.unwrap_or(0);
        }
        assert!(taken > 0, "it was served until then");
        handle.stop(true).await;
    }
}
