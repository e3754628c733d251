//! `/metrics`.

use std::convert::Infallible;

use actix_web::body::SizedStream;
use actix_web::http::header::{self, HeaderName};
use actix_web::http::{Method, StatusCode};
use actix_web::{HttpRequest, HttpResponse, web};

use super::State;
use super::problem::Problem;
use crate::exposition::{Coding, Format, Page};
use crate::telemetry::collect;

/// Answers a scrape. The activity part is encoded once for each snapshot; the rest is new in every answer.
pub(super) async fn metrics(request: HttpRequest, state: web::Data<State>) -> Result<HttpResponse, Problem> {
    let format = Format::negotiate(joined(&request, header::ACCEPT).as_deref());
    let coding = Coding::negotiate(joined(&request, header::ACCEPT_ENCODING).as_deref());
    let activity = state.activity.encoded(format, coding).await.map_err(failed)?;
    // A client that asks for the headers only reads no numbers: that is no scrape.
    let scrapes = match *request.method() {
        Method::HEAD => state.metrics.scrapes().report(),
        _ => state.metrics.scrapes().record(state.sources.clock.now()),
    };
    let families = collect(&state.sources, &state.metrics, &state.activity.counts(), &scrapes);
    let page = Page::new(activity, &families, format, coding).map_err(failed)?;
    let mut response = HttpResponse::Ok();
    response.content_type(format.content_type());
    response.insert_header((header::VARY, "Accept, Accept-Encoding"));
    if let Some(encoding) = coding.content_encoding() {
        response.insert_header((header::CONTENT_ENCODING, encoding));
    }
    let length = page.length();
    let pieces = futures::stream::iter(page.into_pieces().map(Ok::<_, Infallible>));
    Ok(response.body(SizedStream::new(length, pieces)))
}

/// All values of a header as one list.
fn joined(request: &HttpRequest, name: HeaderName) -> Option<String> {
    let values: Vec<&str> = request.headers().get_all(name).filter_map(|value| value.to_str().ok()).collect();
    (!values.is_empty()).then(|| values.join(","))
}

fn failed(error: impl std::error::Error) -> Problem {
    tracing::error!(%error, "a scrape failed");
    Problem::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string())
}
