//! One request and its answer.

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
use crate::fault::{FaultKind, Subject};
use crate::graphql::{self, Question, Spoil};
use crate::ledger::{Balance, Payer};
use crate::query::Query;
use crate::reply::{Answer, Reply};
use crate::request_log::RequestRecord;
use crate::shared::Shared;
use crate::token::Token;
use crate::{answers, control, digest, numeric, stamp};

/// A server of its own answers under this prefix, and GraphQL beside it.
const ENTERPRISE: &str = "/api/v3";

/// A request read once, with everything looked up that is needed more than once.
struct Visit {
    shared: Arc<Shared>,
    method: Method,
    target: String,
    raw_query: String,
    headers: HeaderMap,
    /// Path by names, and where it leads.
    path: String,
    route: Option<Route>,
    /// [`ENTERPRISE`], where the path began so.
    prefix: &'static str,
    body: Bytes,
    /// What is asked, if it is asked in GraphQL.
    question: Option<Question>,
    now: Timestamp,
    sequence: u64,
    /// Requests of the same token in flight.
    in_flight: usize,
    fingerprint: String,
}

/// A reply, what it costs, how much of it leaves, and the time it is true for: its `Date` must not claim more.
struct Outcome {
    reply: Reply,
    cost: u32,
    cut: bool,
    at: Timestamp,
}

/// Answers one request, or ends the connection with an error.
pub(super) async fn exchange(
    shared: Arc<Shared>,
    request: Request<Incoming>,
) -> io::Result<Response<body::Body>> {
    if request.uri().path().starts_with(control::PREFIX) {
        return control::answer(&shared, request).await;
    }
    let (head, body) = request.into_parts();
    let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
    let visit = Visit::arrive(shared, head, body);
    let fault = visit.fault();
    match &fault {
        Some(FaultKind::Delay { millis }) => tokio::time::sleep(Duration::from_millis(*millis)).await,
        Some(FaultKind::Hang) => std::future::pending::<()>().await,
        Some(FaultKind::CutBeforeHeaders) => return Err(io::ErrorKind::ConnectionReset.into()),
        _ => {}
    }
    visit.respond(visit.outcome(fault))
}

impl Visit {
    fn arrive(shared: Arc<Shared>, head: Parts, body: Bytes) -> Self {
        let now = shared.clock.now();
        let (prefix, path) = unprefixed(head.uri.path());
        let path = numeric::to_names(&shared.read(), now, path);
        let offered = |route: &Route| shared.options.graphql || route.endpoint != Endpoint::Graphql;
        let route = Route::parse(&path).filter(offered);
        let endpoint = route.as_ref().map(|route| route.endpoint);
        let question = (endpoint == Some(Endpoint::Graphql)).then(|| Question::read(&body));
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
            operation: question.as_ref().map(|question| question.name.clone()),
            status: None,
            cost: 0,
            resource: endpoint.map_or("core", Endpoint::resource),
            token: fingerprint.clone(),
            at: now,
            concurrency: 0,
            conditional: headers.contains_key(header::IF_NONE_MATCH),
            user_agent: text(&headers, header::USER_AGENT).unwrap_or_default().to_owned(),
        };
        let (sequence, in_flight) = shared.log().arrive(record);
        Self {
            shared,
            method: head.method,
            target,
            raw_query: head.uri.query().unwrap_or_default().to_owned(),
            headers,
            path,
            route,
            prefix,
            body,
            question,
            now,
            sequence,
            in_flight,
            fingerprint,
        }
    }

    fn fault(&self) -> Option<FaultKind> {
        let by_names = format!("{}?{}", self.path, self.raw_query);
        let subject = Subject {
            target: &self.target,
            by_names: &by_names,
            route: self.route.as_ref(),
            token: &self.fingerprint,
            body: std::str::from_utf8(&self.body).unwrap_or_default(),
            query: self.question.as_ref().map(|question| (question.name.as_str(), question.nodes())),
        };
        self.shared.faults.strike(&subject, self.now)
    }

    fn outcome(&self, fault: Option<FaultKind>) -> Outcome {
        let at = self.shared.clock.now();
        let paid = |reply: Reply| Outcome { reply, cost: self.price(), cut: false, at };
        let free = |reply: Reply| Outcome { reply, cost: 0, cut: false, at };
        match fault {
            Some(FaultKind::Status { code, message, headers }) => {
                let mut reply = Reply::error(code, &message);
                reply.headers = headers;
                paid(reply)
            }
            Some(FaultKind::MalformedBody) => {
                paid(Reply { body: Bytes::from_static(b"[{\"id\": 1, <html>"), ..Reply::empty(200) })
            }
            Some(FaultKind::RateLimitedPrimary) => {
                let id = self.request_id();
                let reset = (self.now.as_second() + 60).to_string();
                let reply = admission::primary(&self.payer(), &id).header("x-ratelimit-remaining", "0");
                free(reply.header("x-ratelimit-reset", reset))
            }
            Some(FaultKind::SecondaryLimit { retry_after }) => {
                free(admission::secondary(retry_after, &self.request_id()))
            }
            Some(FaultKind::TimeoutAbove { code, .. }) => {
                paid(Reply::json(code, &graphql::timeout(&self.request_id())))
            }
            Some(FaultKind::GraphqlError { name, message }) => {
                free(Reply::ok(&graphql::refusal(&name, &message)))
            }
            fault => {
                let cut = fault == Some(FaultKind::TruncatedBody);
                let spoil = match fault {
                    Some(FaultKind::PartialData { every }) => Some(Spoil::Nodes(every)),
                    Some(FaultKind::ResourceLimitsAbove { .. }) => Some(Spoil::Resources),
                    _ => None,
                };
                Outcome { cut, ..self.faultless(at, spoil) }
            }
        }
    }

    /// The right answer, which a delay may have made a later one.
    fn faultless(&self, at: Timestamp, spoil: Option<Spoil>) -> Outcome {
        let (reply, cost) = match self.answer(at, spoil) {
            Ok(reply) => (self.conditional(reply), if self.is_free() { 0 } else { self.price() }),
            Err((reply, cost)) => (reply, cost),
        };
        let cost = if reply.status == 304 { 0 } else { cost };
        Outcome { reply, cost, cut: false, at }
    }

    /// The answer, or a refusal and what it costs.
    fn answer(&self, now: Timestamp, spoil: Option<Spoil>) -> Result<Reply, (Reply, u32)> {
        if self.headers.get(header::USER_AGENT).is_none() {
            let message = "Request forbidden by administrative rules. Please make sure your request has a User-Agent header.";
            return Err((Reply::error(403, message), 0));
        }
        if let Some(route) = self.route.as_ref().filter(|route| route.endpoint.is_of_app()) {
            return self.app(route, now).map_err(|reply| (reply, 0));
        }
        let token = self.token(now).map_err(|reply| (reply, 0))?;
        let token = token.as_deref();
        if self.question.is_some() && token.is_none() {
            return Err((Reply::error(401, "This endpoint requires you to be authenticated."), 0));
        }
        if !self.is_free() {
            let id = self.request_id();
            admission::limits(&self.shared, &self.payer(), self.in_flight, now, &id)
                .map_err(|reply| (reply, 0))?;
        }
        let route = self.route.as_ref().filter(|route| self.suits(route));
        let route = route.ok_or_else(|| (Reply::not_found(), 1))?;
        let needed = route.endpoint.permission();
        if token.is_some_and(|token| needed.is_some_and(|needed| token.denied.contains(&needed))) {
            let who = token.map_or("nobody", Token::bearer);
            return Err((Reply::error(403, &format!("Resource not accessible by {who}")), 1));
        }
        let base = self.base();
        let query = Query::parse(&self.raw_query);
        let context = Context {
            shared: &self.shared,
            world: &self.shared.read(),
            now,
            base: &base,
            route,
            query: &query,
            raw_query: &self.raw_query,
            token,
        };
        if let Some(question) = &self.question {
            if !question.is_json {
                return Err((Reply::error(400, "Problems parsing JSON"), 1));
            }
            let mut balance = self.shared.ledger().balance(&self.payer(), now);
            balance.used = balance.used.saturating_add(question.points()).min(balance.limit);
            return Ok(Reply::ok(&question.answer(&context, balance, spoil, &self.request_id())));
        }
        answers::answer(&context).map_err(|reply| (reply, 1))
    }

    /// What an app is told that proves itself by a web token of its own.
    fn app(&self, route: &Route, now: Timestamp) -> Answer {
        let known = self.shared.options.app.as_ref();
        let web_token = admission::secret(text(&self.headers, header::AUTHORIZATION)).unwrap_or_default();
        let app = known.ok_or_else(|| Reply::error(401, "A JSON web token could not be decoded"))?;
        app.verify(web_token, now).map_err(|message| Reply::error(401, message))?;
        if !self.suits(route) {
            return Err(Reply::not_found());
        }
        if route.endpoint == Endpoint::App {
            return Ok(Reply::ok(&app.describe(&self.base())));
        }
        let installation = app.installation(&route.rest).ok_or_else(Reply::not_found)?;
        let (secret, expires_at) = self.shared.keyring.mint(installation, now);
        Ok(Reply::json(201, &installation.grant(&secret, &stamp::text(expires_at))))
    }

    /// Whether the method is one the endpoint takes.
    fn suits(&self, route: &Route) -> bool {
        match route.endpoint.takes_posts() {
            true => self.method == Method::POST,
            false => matches!(self.method, Method::GET | Method::HEAD),
        }
    }

    /// Points of the hour it costs when it is answered.
    fn price(&self) -> u32 {
        self.question.as_ref().map_or(1, Question::points)
    }

    /// Adds the `ETag`, or says that nothing has changed. Tags depend on the token, as GitHub's do.
    fn conditional(&self, reply: Reply) -> Reply {
        if reply.status != 200 || self.is_free() || self.question.is_some() {
            return reply;
        }
        let hash = tag_of(&[self.fingerprint.as_bytes(), self.target.as_bytes(), &reply.body]);
        let tag = format!("W/\"{hash}\"");
        let asked = text(&self.headers, header::IF_NONE_MATCH).unwrap_or_default();
        let same = asked.split(',').any(|one| one.trim().trim_start_matches("W/") == format!("\"{hash}\""));
        let reply = if same { Reply { headers: reply.headers, ..Reply::empty(304) } } else { reply };
        reply.header("etag", tag)
    }

    fn respond(&self, outcome: Outcome) -> io::Result<Response<body::Body>> {
        let Outcome { reply, cost, cut, at: now } = outcome;
        let balance = self.settle(cost, now);
        self.shared.log().answered(self.sequence, reply.status, cost);
        let mut response = Response::builder().status(reply.status);
        let mut headers = self.headers_of(&balance, now);
        if !reply.body.is_empty() {
            headers.push(("content-type".to_owned(), "application/json; charset=utf-8".to_owned()));
        }
        for (name, value) in &reply.headers {
            headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
            headers.push((name.clone(), value.clone()));
        }
        for (name, value) in headers {
            response = response.header(name, value);
        }
        let body = if cut {
            response = response.header(header::CONTENT_LENGTH, reply.body.len());
            body::cut(&reply.body)
        } else {
            body::whole(reply.body)
        };
        response.body(body).map_err(io::Error::other)
    }

    fn settle(&self, cost: u32, now: Timestamp) -> Balance {
        let payer = self.payer();
        let mut ledger = self.shared.ledger();
        if cost > 0 {
            let effort = if self.question.is_some() { 1 } else { cost };
            ledger.charge(&payer, cost, effort, now);
        }
        ledger.balance(&payer, now)
    }

    fn headers_of(&self, balance: &Balance, now: Timestamp) -> Vec<(String, String)> {
        let pairs = [
            ("date", stamp::http_date(now)),
            ("server", "github.com".to_owned()),
            ("x-github-request-id", self.request_id()),
            ("x-github-media-type", "github.v3; format=json".to_owned()),
            ("cache-control", "private, max-age=60, s-maxage=60".to_owned()),
            ("x-ratelimit-limit", balance.limit.to_string()),
            ("x-ratelimit-remaining", balance.remaining().to_string()),
            ("x-ratelimit-used", balance.used.to_string()),
            ("x-ratelimit-reset", balance.reset.to_string()),
            ("x-ratelimit-resource", self.resource().to_owned()),
        ];
        pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }

    fn token(&self, now: Timestamp) -> Result<Option<Arc<Token>>, Reply> {
        admission::token(&self.shared, text(&self.headers, header::AUTHORIZATION), now)
    }

    /// Unknown tokens spend nothing; their headers show the anonymous limit.
    fn payer(&self) -> Payer {
        let token = self.token(self.now).ok().flatten();
        admission::payer(&self.shared, token.as_deref(), self.resource())
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

    /// Scheme, host and port as the caller wrote them: a mapped port stays right in links.
    fn base(&self) -> String {
        match text(&self.headers, header::HOST) {
            Some(host) => format!("http://{host}{}", self.prefix),
            None => format!("{}{}", self.shared.url, self.prefix),
        }
    }
}

impl Drop for Visit {
    /// Also when the caller hangs up before the answer.
    fn drop(&mut self) {
        self.shared.log().leave(&self.fingerprint);
    }
}

/// A hash of some texts; bodies are large, and this hasher is fast in debug builds too.
fn tag_of(parts: &[&[u8]]) -> String {
    let mut hasher = DefaultHasher::new();
    for part in parts {
        hasher.write_usize(part.len());
        hasher.write(part);
    }
    format!("{:016x}", hasher.finish())
}

/// The path as api.github.com knows it, and the prefix it had.
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
