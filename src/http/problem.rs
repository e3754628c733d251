//! Error responses: a status and one sentence, in JSON.

use std::fmt;

use actix_web::body::EitherBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderValue};
use actix_web::{HttpResponse, ResponseError};

use crate::admin_api::ErrorAnswer;

/// An error response.
#[derive(Debug)]
pub(super) struct Problem {
    status: StatusCode,
    message: String,
    header: Option<(header::HeaderName, HeaderValue)>,
}

impl Problem {
    pub(super) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Problem { status, message: message.into(), header: None }
    }

    pub(super) fn with_header(mut self, name: header::HeaderName, value: &'static str) -> Self {
        self.header = Some((name, HeaderValue::from_static(value)));
        self
    }

    /// Answers a request before it reaches a handler. As a response, not as an error, so that it is
    /// counted and gets the headers of every answer.
    pub(super) fn refuse<B>(&self, request: ServiceRequest) -> ServiceResponse<EitherBody<B>> {
        request.into_response(self.error_response()).map_into_right_body()
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        self.status
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::build(self.status);
        if let Some(header) = self.header.clone() {
            response.insert_header(header);
        }
        response.json(ErrorAnswer { error: self.message.clone() })
    }
}

/// The answer for paths that do not exist.
pub(super) async fn not_found() -> Result<HttpResponse, Problem> {
    Err(Problem::new(StatusCode::NOT_FOUND, "no such page; / lists all pages"))
}
