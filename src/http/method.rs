//! Resources and the methods they allow.

use actix_web::http::{StatusCode, header};
use actix_web::{FromRequest, Handler, HttpResponse, Resource, Responder, web};

use super::problem::Problem;

/// A resource that can be read: GET and HEAD.
pub(super) fn read<H, Args>(path: &str, handler: H) -> Resource
where
    H: Handler<Args> + Clone,
    Args: FromRequest + 'static,
    H::Output: Responder + 'static,
{
    web::resource(path)
        .route(web::get().to(handler.clone()))
        .route(web::head().to(handler))
        .default_service(web::to(|| refused("GET, HEAD")))
}

/// A resource that performs an action: POST.
pub(super) fn act<H, Args>(path: &str, handler: H) -> Resource
where
    H: Handler<Args>,
    Args: FromRequest + 'static,
    H::Output: Responder + 'static,
{
    web::resource(path).route(web::post().to(handler)).default_service(web::to(|| refused("POST")))
}

/// A resource that can be read, started and ended: GET, HEAD, POST and DELETE.
pub(super) fn manage<Show, Start, End, A, B, C>(path: &str, show: Show, start: Start, end: End) -> Resource
where
    Show: Handler<A> + Clone,
    Start: Handler<B>,
    End: Handler<C>,
    A: FromRequest + 'static,
    B: FromRequest + 'static,
    C: FromRequest + 'static,
    Show::Output: Responder + 'static,
    Start::Output: Responder + 'static,
    End::Output: Responder + 'static,
{
    web::resource(path)
        .route(web::get().to(show.clone()))
        .route(web::head().to(show))
        .route(web::post().to(start))
        .route(web::delete().to(end))
        .default_service(web::to(|| refused("GET, HEAD, POST, DELETE")))
}

async fn refused(allow: &'static str) -> Result<HttpResponse, Problem> {
    let message = format!("this page answers to {allow} only");
    Err(Problem::new(StatusCode::METHOD_NOT_ALLOWED, message).with_header(header::ALLOW, allow))
}
