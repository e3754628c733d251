//! One request and its answer.

use std::hash::{DefaultHasher, Hasher};
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, header};
use hyper::body::Incoming;
use jiff::Timestamp;

use super::{admission, body};
use crate::context::Context;
use crate::endpoint::Route;
use crate::fault::{FaultKind, Subject};
use crate::ledger::{Balance, Payer};
use crate::query::Query;
use crate::reply::Reply;
use crate::request_log::RequestRecord;
use crate::shared::Shared;
use crate::token::Token;
use crate::{answers, control, digest, numeric, stamp};

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
    let visit = Visit::arrive(shared, &request);
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
    fn arrive(shared: Arc<Shared>, request: &Request<Incoming>) -> Self {
        let now = shared.clock.now();
        let path = numeric::to_names(&shared.read(), now, request.uri().path());
        let route = Route::parse(&path);
        let headers = request.headers().clone();
        let fingerprint = admission::secret(text(&headers, header::AUTHORIZATION)).map(Token::fingerprint);
        let fingerprint = fingerprint.unwrap_or_default();
        let target = request.uri().path_and_query().map_or(String::new(), ToString::to_string);
        let record = RequestRecord {
            sequence: 0,
            method: request.method().to_string(),
            target: target.clone(),
            path: path.clone(),
            endpoint: route.as_ref().map(|route| route.endpoint),
            status: None,
            cost: 0,
            resource: "core",
            token: fingerprint.clone(),
            at: now,
            concurrency: 0,
            conditional: headers.contains_key(header::IF_NONE_MATCH),
            user_agent: text(&headers, header::USER_AGENT).unwrap_or_default().to_owned(),
        };
        let (sequence, in_flight) = shared.log().arrive(record);
        Self {
            shared,
            method: request.method().clone(),
            target,
            raw_query: request.uri().query().unwrap_or_default().to_owned(),
            headers,
            path,
            route,
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
        };
        self.shared.faults.strike(&subject, self.now)
    }

    fn outcome(&self, fault: Option<FaultKind>) -> Outcome {
        let at = self.shared.clock.now();
        let paid = |reply: Reply| Outcome { reply, cost: 1, cut: false, at };
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
            fault => {
                let cut = fault == Some(FaultKind::TruncatedBody);
                Outcome { cut, ..self.faultless(at) }
            }
        }
    }

    /// The right answer, which a delay may have made a later one.
    fn faultless(&self, at: Timestamp) -> Outcome {
        let (reply, cost) = match self.answer(at) {
            Ok(reply) => (self.conditional(reply), u32::from(!self.is_free())),
            Err((reply, cost)) => (reply, cost),
        };
        let cost = if reply.status == 304 { 0 } else { cost };
        Outcome { reply, cost, cut: false, at }
    }

    /// The answer, or a refusal and what it costs.
    fn answer(&self, now: Timestamp) -> Result<Reply, (Reply, u32)> {
        if self.headers.get(header::USER_AGENT).is_none() {
            let message = "Request forbidden by administrative rules. Please make sure your request has a User-Agent header.";
            return Err((Reply::error(403, message), 0));
        }
        let token = self.token().map_err(|reply| (reply, 0))?;
        if !self.is_free() {
            let id = self.request_id();
            admission::limits(&self.shared, &self.payer(), self.in_flight, now, &id)
                .map_err(|reply| (reply, 0))?;
        }
        let readable = matches!(self.method, Method::GET | Method::HEAD);
        let route = self.route.as_ref().filter(|_| readable).ok_or_else(|| (Reply::not_found(), 1))?;
        let needed = route.endpoint.permission();
        if token.is_some_and(|token| needed.is_some_and(|needed| token.denied.contains(&needed))) {
            return Err((Reply::error(403, "Resource not accessible by personal access token"), 1));
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
        answers::answer(&context).map_err(|reply| (reply, 1))
    }

    /// Adds the `ETag`, or says that nothing has changed. Tags depend on the token, as GitHub's do.
    fn conditional(&self, reply: Reply) -> Reply {
        if reply.status != 200 || self.is_free() {
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
            ledger.charge(&payer, cost, now);
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
            ("x-ratelimit-resource", "core".to_owned()),
        ];
        pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }

    fn token(&self) -> Result<Option<&Token>, Reply> {
        admission::token(&self.shared, text(&self.headers, header::AUTHORIZATION))
    }

    /// Unknown tokens spend nothing; their headers show the anonymous limit.
    fn payer(&self) -> Payer {
        admission::payer(&self.shared, self.token().ok().flatten())
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
            Some(host) => format!("http://{host}"),
            None => self.shared.url.clone(),
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

fn text(headers: &HeaderMap, name: header::HeaderName) -> Option<&str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}
