//! One request and its response.

use std::hash::{DefaultHasher, Hasher};
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, Method, Request, Response, header};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use jiff::Timestamp;

use super::{admission, body};
use crate::context::Context;
use crate::endpoint::{Endpoint, Route};
use crate::fault::{FaultKind, FaultTarget};
use crate::graphql::{self, ParsedQuery, PartialFailure};
use crate::http_response::{EndpointResult, HttpResponse};
use crate::query_string::QueryString;
use crate::rate_limit::{RateLimitAccount, RateLimitStatus};
use crate::request_log::RequestRecord;
use crate::state::SimulatorState;
use crate::token::Token;
use crate::{answers, control, digest, numeric, stamp};

/// Prefix of the REST API on GitHub Enterprise Server.
const ENTERPRISE: &str = "/api/v3";

/// A parsed request, with everything that several steps need.
struct Exchange {
    state: Arc<SimulatorState>,
    method: Method,
    target: String,
    raw_query: String,
    headers: HeaderMap,
    /// The path with ids replaced by names, and its route.
    path: String,
    route: Option<Route>,
    /// [`ENTERPRISE`] if the path has that prefix, otherwise empty.
    prefix: &'static str,
    body: Bytes,
    /// The query, if this is a GraphQL request.
    parsed_query: Option<ParsedQuery>,
    now: Timestamp,
    sequence: u64,
    /// Number of requests of the same token in flight.
    in_flight: usize,
    fingerprint: String,
}

/// A response, its cost in points, whether it is truncated, and the simulated time that its `Date`
/// states.
struct Outcome {
    response: HttpResponse,
    cost: u32,
    cut: bool,
    at: Timestamp,
}

/// Answers one request, or closes the connection by returning an error.
pub(super) async fn handle(
    state: Arc<SimulatorState>,
    request: Request<Incoming>,
) -> io::Result<Response<body::Body>> {
    if request.uri().path().starts_with(control::PREFIX) {
        return control::answer(&state, request).await;
    }
    let (head, body) = request.into_parts();
    let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
    let exchange = Exchange::arrive(state, head, body);
    let fault = exchange.fault();
    match &fault {
        Some(FaultKind::Delay { millis }) => tokio::time::sleep(Duration::from_millis(*millis)).await,
        Some(FaultKind::Hang) => std::future::pending::<()>().await,
        Some(FaultKind::CutBeforeHeaders) => return Err(io::ErrorKind::ConnectionReset.into()),
        _ => {}
    }
    exchange.respond(exchange.outcome(fault))
}

impl Exchange {
    fn arrive(state: Arc<SimulatorState>, head: Parts, body: Bytes) -> Self {
        let now = state.clock.now();
        let (prefix, path) = unprefixed(head.uri.path());
        let path = numeric::to_names(&state.read(), now, path);
        let is_served = |route: &Route| state.options.graphql || route.endpoint != Endpoint::Graphql;
        let route = Route::parse(&path).filter(is_served);
        let endpoint = route.as_ref().map(|route| route.endpoint);
        let parsed_query = (endpoint == Some(Endpoint::Graphql)).then(|| ParsedQuery::read(&body));
        let headers = head.headers;
        let fingerprint = admission::secret(text(&headers, header::AUTHORIZATION)).map(Token::fingerprint);
        let fingerprint = fingerprint.unwrap_or_default();
        let target = head.uri.path_and_query().map_or(String::new(), ToString::to_string);
        let record = RequestRecord {
            sequence: 0,
            method: head.method.to_string(),
            target: target.clone(),
            path: path.clone(),
            endpoint,
            operation: parsed_query.as_ref().map(|parsed_query| parsed_query.name.clone()),
            status: None,
            cost: 0,
            resource: endpoint.map_or("core", Endpoint::resource),
            token: fingerprint.clone(),
            at: now,
            concurrency: 0,
            conditional: headers.contains_key(header::IF_NONE_MATCH),
            user_agent: text(&headers, header::USER_AGENT).unwrap_or_default().to_owned(),
        };
        let (sequence, in_flight) = state.log().arrive(record);
        Self {
            state,
            method: head.method,
            target,
            raw_query: head.uri.query().unwrap_or_default().to_owned(),
            headers,
            path,
            route,
            prefix,
            body,
            parsed_query,
            now,
            sequence,
            in_flight,
            fingerprint,
        }
    }

    fn fault(&self) -> Option<FaultKind> {
        let by_names = format!("{}?{}", self.path, self.raw_query);
        let target = FaultTarget {
            target: &self.target,
            by_names: &by_names,
            route: self.route.as_ref(),
            token: &self.fingerprint,
            body: std::str::from_utf8(&self.body).unwrap_or_default(),
            query: self
                .parsed_query
                .as_ref()
                .map(|parsed_query| (parsed_query.name.as_str(), parsed_query.nodes())),
        };
        self.state.faults.trigger(&target, self.now)
    }

    fn outcome(&self, fault: Option<FaultKind>) -> Outcome {
        let at = self.state.clock.now();
        let paid = |response: HttpResponse| Outcome { response, cost: self.price(), cut: false, at };
        let free = |response: HttpResponse| Outcome { response, cost: 0, cut: false, at };
        match fault {
            Some(FaultKind::Status { code, message, headers }) => {
                let mut response = HttpResponse::error(code, &message);
                response.headers = headers;
                paid(response)
            }
            Some(FaultKind::MalformedBody) => paid(HttpResponse {
                body: Bytes::from_static(b"[{\"id\": 1, <html>"),
                ..HttpResponse::empty(200)
            }),
            Some(FaultKind::RateLimitedPrimary) => {
                let id = self.request_id();
                let reset = (self.now.as_second() + 60).to_string();
                let response =
                    admission::primary(&self.rate_limit_account(), &id).header("x-ratelimit-remaining", "0");
                free(response.header("x-ratelimit-reset", reset))
            }
            Some(FaultKind::SecondaryLimit { retry_after }) => {
                free(admission::secondary(retry_after, &self.request_id()))
            }
            Some(FaultKind::TimeoutAbove { code, .. }) => {
                paid(HttpResponse::json(code, &graphql::timeout(&self.request_id())))
            }
            Some(FaultKind::GraphqlError { name, message }) => {
                free(HttpResponse::ok(&graphql::refusal(&name, &message)))
            }
            fault => {
                let cut = fault == Some(FaultKind::TruncatedBody);
                let partial_failure = match fault {
                    Some(FaultKind::PartialData { every }) => Some(PartialFailure::NullNodes(every)),
                    Some(FaultKind::ResourceLimitsAbove { .. }) => Some(PartialFailure::ResourceLimits),
                    _ => None,
                };
                Outcome { cut, ..self.faultless(at, partial_failure) }
            }
        }
    }

    /// The correct response as of `at`, which is later than the arrival if it was delayed.
    fn faultless(&self, at: Timestamp, partial_failure: Option<PartialFailure>) -> Outcome {
        let (response, cost) = match self.answer(at, partial_failure) {
            Ok(response) => (self.conditional(response), if self.is_free() { 0 } else { self.price() }),
            Err((response, cost)) => (response, cost),
        };
        let cost = if response.status == 304 { 0 } else { cost };
        Outcome { response, cost, cut: false, at }
    }

    /// The response, or an error response and its cost.
    fn answer(
        &self,
        now: Timestamp,
        partial_failure: Option<PartialFailure>,
    ) -> Result<HttpResponse, (HttpResponse, u32)> {
        if self.headers.get(header::USER_AGENT).is_none() {
            let message = "Request forbidden by administrative rules. Please make sure your request has a User-Agent header.";
            return Err((HttpResponse::error(403, message), 0));
        }
        if let Some(route) = self.route.as_ref().filter(|route| route.endpoint.is_of_app()) {
            return self.app(route, now).map_err(|response| (response, 0));
        }
        let token = self.token(now).map_err(|response| (response, 0))?;
        let token = token.as_deref();
        if self.parsed_query.is_some() && token.is_none() {
            return Err((HttpResponse::error(401, "This endpoint requires you to be authenticated."), 0));
        }
        if !self.is_free() {
            let id = self.request_id();
            admission::limits(&self.state, &self.rate_limit_account(), self.in_flight, now, &id)
                .map_err(|response| (response, 0))?;
        }
        let route = self.route.as_ref().filter(|route| self.accepts_method(route));
        let route = route.ok_or_else(|| (HttpResponse::not_found(), 1))?;
        let needed = route.endpoint.permission();
        if token.is_some_and(|token| needed.is_some_and(|needed| token.denied.contains(&needed))) {
            let who = token.map_or("nobody", Token::bearer);
            return Err((HttpResponse::error(403, &format!("Resource not accessible by {who}")), 1));
        }
        let base = self.base();
        let query = QueryString::parse(&self.raw_query);
        let context = Context {
            state: &self.state,
            world: &self.state.read(),
            now,
            base: &base,
            route,
            query: &query,
            raw_query: &self.raw_query,
            token,
        };
        if let Some(parsed_query) = &self.parsed_query {
            if !parsed_query.is_json {
                return Err((HttpResponse::error(400, "Problems parsing JSON"), 1));
            }
            let mut rate_limit_status =
                self.state.rate_limits().rate_limit_status(&self.rate_limit_account(), now);
            rate_limit_status.used =
                rate_limit_status.used.saturating_add(parsed_query.points()).min(rate_limit_status.limit);
            return Ok(HttpResponse::ok(&parsed_query.answer(
                &context,
                rate_limit_status,
                partial_failure,
                &self.request_id(),
            )));
        }
        answers::answer(&context).map_err(|response| (response, 1))
    }

    /// The response to an app that authenticates by a JSON web token.
    fn app(&self, route: &Route, now: Timestamp) -> EndpointResult {
        let known = self.state.options.app.as_ref();
        let web_token = admission::secret(text(&self.headers, header::AUTHORIZATION)).unwrap_or_default();
        let app = known.ok_or_else(|| HttpResponse::error(401, "A JSON web token could not be decoded"))?;
        app.verify(web_token, now).map_err(|message| HttpResponse::error(401, message))?;
        if !self.accepts_method(route) {
            return Err(HttpResponse::not_found());
        }
        if route.endpoint == Endpoint::App {
            return Ok(HttpResponse::ok(&app.describe(&self.base())));
        }
        let installation = app.installation(&route.rest).ok_or_else(HttpResponse::not_found)?;
        let (secret, expires_at) = self.state.token_store.mint(installation, now);
        Ok(HttpResponse::json(201, &installation.grant(&secret, &stamp::text(expires_at))))
    }

    /// Whether the endpoint takes the request's method.
    fn accepts_method(&self, route: &Route) -> bool {
        match route.endpoint.takes_posts() {
            true => self.method == Method::POST,
            false => matches!(self.method, Method::GET | Method::HEAD),
        }
    }

    /// The cost of a successful response in points of the hourly limit.
    fn price(&self) -> u32 {
        self.parsed_query.as_ref().map_or(1, ParsedQuery::points)
    }

    /// Adds the `ETag`, or answers 304. Tags depend on the token, as GitHub's do.
    fn conditional(&self, response: HttpResponse) -> HttpResponse {
        if response.status != 200 || self.is_free() || self.parsed_query.is_some() {
            return response;
        }
        let hash = tag_of(&[self.fingerprint.as_bytes(), self.target.as_bytes(), &response.body]);
        let tag = format!("W/\"{hash}\"");
        let asked = text(&self.headers, header::IF_NONE_MATCH).unwrap_or_default();
        let same = asked.split(',').any(|one| one.trim().trim_start_matches("W/") == format!("\"{hash}\""));
        let response = if same {
            HttpResponse { headers: response.headers, ..HttpResponse::empty(304) }
        } else {
            response
        };
        response.header("etag", tag)
    }

    fn respond(&self, outcome: Outcome) -> io::Result<Response<body::Body>> {
        let Outcome { response, cost, cut, at: now } = outcome;
        let rate_limit_status = self.charge(cost, now);
        self.state.log().answered(self.sequence, response.status, cost);
        let mut builder = Response::builder().status(response.status);
        let mut headers = self.headers_of(&rate_limit_status, now);
        if !response.body.is_empty() {
            headers.push(("content-type".to_owned(), "application/json; charset=utf-8".to_owned()));
        }
        for (name, value) in &response.headers {
            headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
            headers.push((name.clone(), value.clone()));
        }
        for (name, value) in headers {
            builder = builder.header(name, value);
        }
        let body = if cut {
            builder = builder.header(header::CONTENT_LENGTH, response.body.len());
            body::cut(&response.body)
        } else {
            body::whole(response.body)
        };
        builder.body(body).map_err(io::Error::other)
    }

    fn charge(&self, cost: u32, now: Timestamp) -> RateLimitStatus {
        let rate_limit_account = self.rate_limit_account();
        let mut rate_limits = self.state.rate_limits();
        if cost > 0 {
            let effort = if self.parsed_query.is_some() { 1 } else { cost };
            rate_limits.charge(&rate_limit_account, cost, effort, now);
        }
        rate_limits.rate_limit_status(&rate_limit_account, now)
    }

    fn headers_of(&self, rate_limit_status: &RateLimitStatus, now: Timestamp) -> Vec<(String, String)> {
        let pairs = [
            ("date", stamp::http_date(now)),
            ("server", "github.com".to_owned()),
            ("x-github-request-id", self.request_id()),
            ("x-github-media-type", "github.v3; format=json".to_owned()),
            ("cache-control", "private, max-age=60, s-maxage=60".to_owned()),
            ("x-ratelimit-limit", rate_limit_status.limit.to_string()),
            ("x-ratelimit-remaining", rate_limit_status.remaining().to_string()),
            ("x-ratelimit-used", rate_limit_status.used.to_string()),
            ("x-ratelimit-reset", rate_limit_status.reset.to_string()),
            ("x-ratelimit-resource", self.resource().to_owned()),
        ];
        pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }

    fn token(&self, now: Timestamp) -> Result<Option<Arc<Token>>, HttpResponse> {
        admission::token(&self.state, text(&self.headers, header::AUTHORIZATION), now)
    }

    /// Unknown tokens are not charged; their headers show the anonymous limit.
    fn rate_limit_account(&self) -> RateLimitAccount {
        let token = self.token(self.now).ok().flatten();
        admission::rate_limit_account(&self.state, token.as_deref(), self.resource())
    }

    fn resource(&self) -> &'static str {
        self.route.as_ref().map_or("core", |route| route.endpoint.resource())
    }

    fn is_free(&self) -> bool {
        self.route.as_ref().is_some_and(|route| route.endpoint.is_free())
    }

    fn request_id(&self) -> String {
        let hash = digest::hash64(&["request", &self.sequence.to_string()]);
        format!("{:04X}:{:X}:{:X}", hash & 0xffff, hash >> 32, self.sequence)
    }

    /// Scheme, host and port as the client addressed them, so that links work through a mapped
    /// port.
    fn base(&self) -> String {
        match text(&self.headers, header::HOST) {
            Some(host) => format!("http://{host}{}", self.prefix),
            None => format!("{}{}", self.state.url, self.prefix),
        }
    }
}

impl Drop for Exchange {
    /// Also if the client closes the connection before the response.
    fn drop(&mut self) {
        self.state.log().leave(&self.fingerprint);
    }
}

/// A hash of several byte strings; bodies are large, and this hasher is fast in debug builds as
/// well.
fn tag_of(parts: &[&[u8]]) -> String {
    let mut hasher = DefaultHasher::new();
    for part in parts {
        hasher.write_usize(part.len());
        hasher.write(part);
    }
    format!("{:016x}", hasher.finish())
}

/// The prefix of a path, and the path as on api.github.com.
fn unprefixed(path: &str) -> (&'static str, &str) {
    match path.strip_prefix(ENTERPRISE) {
        Some(rest) if rest.starts_with('/') => (ENTERPRISE, rest),
        _ if path == "/api/graphql" => ("", "/graphql"),
        _ => ("", path),
    }
}

fn text(headers: &HeaderMap, name: header::HeaderName) -> Option<&str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}
