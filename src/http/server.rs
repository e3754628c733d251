//! The server.

use std::io;
use std::time::Duration;

use actix_web::body::MessageBody;
use actix_web::dev::{Server, ServerHandle, ServiceFactory, ServiceRequest, ServiceResponse};
use actix_web::middleware::from_fn;
use actix_web::{App, Error, HttpServer, web};

use super::{HttpSettings, State, perimeter, problem, routes};

/// Threads that answer. Answers are prepared bytes, and encoding happens on other threads.
const WORKERS: usize = 2;
/// How long a client may take to send the head of its request.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);
/// How long an idle connection is kept; longer than the usual scrape interval.
const KEEP_ALIVE: Duration = Duration::from_secs(75);

/// Begins to listen. The server answers while the returned future is polled; the handle stops it. Signals are left to
/// the caller.
///
/// # Errors
/// Those of the listeners.
///
/// # Panics
/// Outside of a Tokio runtime.
pub fn serve(settings: HttpSettings, state: State) -> io::Result<(Server, ServerHandle)> {
    let state = web::Data::new(state);
    let mut server = HttpServer::new(move || app(state.clone()))
        .workers(WORKERS)
        .max_connections((settings.max_connections / WORKERS).max(1))
        .client_request_timeout(REQUEST_TIMEOUT)
        .keep_alive(KEEP_ALIVE)
        .shutdown_timeout(settings.shutdown_timeout.as_secs())
        .disable_signals();
    for listener in settings.listeners {
        server = server.listen(listener)?;
    }
    let server = server.run();
    let handle = server.handle();
    Ok((server, handle))
}

/// The application, the same on every worker.
pub(super) fn app(
    state: web::Data<State>,
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
