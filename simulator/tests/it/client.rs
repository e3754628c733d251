//! A minimal HTTP client: one connection per request.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use github_sim::{GithubWorld, Options, Simulator};
use jiff::Timestamp;
use serde_json::Value;

/// The token the tests use.
pub const TOKEN: &str = "token-of-the-tests";

/// The response to a request.
#[derive(Debug)]
pub struct ClientResponse {
    /// HTTP status.
    pub status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl ClientResponse {
    /// The value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The body, if it is complete.
    pub fn body(&self) -> Option<&[u8]> {
        let length = self.header("content-length")?.parse::<usize>().ok()?;
        (self.body.len() == length).then_some(self.body.as_slice())
    }

    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(self.body().expect("a complete body")).expect("JSON")
    }

    /// Path and query of a link in the `Link` header.
    pub fn link(&self, rel: &str) -> Option<String> {
        let wanted = format!("rel=\"{rel}\"");
        let link = self.header("link")?.split(", ").find(|link| link.ends_with(&wanted))?;
        let url = link.trim_start_matches('<').split('>').next()?;
        let (_, rest) = url.strip_prefix("http://").expect("an absolute URL").split_once('/')?;
        Some(format!("/{rest}"))
    }
}

/// Starts a frozen simulator that accepts the tests' token and has no secondary limits.
pub fn start(world: GithubWorld, now: &str) -> Simulator {
    let options = Options::with_token(TOKEN).starting_at(time(now)).frozen().without_secondary_limits();
    Simulator::start(world, options).expect("a simulator")
}

/// Parses a time.
pub fn time(text: &str) -> Timestamp {
    text.parse().expect("a time")
}

/// Sends a GET request with the tests' token.
pub fn get(simulator: &Simulator, target: &str) -> ClientResponse {
    let authorization = format!("Bearer {TOKEN}");
    ask(simulator, "GET", target, &[("authorization", &authorization)], "").expect("an answer")
}

/// Sends a GraphQL query with the tests' token.
pub fn query(simulator: &Simulator, text: &str, variables: &Value) -> ClientResponse {
    let authorization = format!("Bearer {TOKEN}");
    let body = serde_json::json!({"query": text, "variables": variables}).to_string();
    ask(simulator, "POST", "/graphql", &[("authorization", &authorization)], &body).expect("an answer")
}

/// Sends a request; `None` if the connection ends without a response.
pub fn ask(
    simulator: &Simulator,
    method: &str,
    target: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Option<ClientResponse> {
    let address = simulator.url().trim_start_matches("http://");
    let mut stream = TcpStream::connect(address).expect("a connection");
    stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a timeout");
    let mut head = format!(
        "{method} {target} HTTP/1.1\r\nhost: {address}\r\nuser-agent: tests\r\nconnection: close\r\n"
    );
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str(&format!("content-length: {}\r\n\r\n{body}", body.len()));
    stream.write_all(head.as_bytes()).expect("a request sent");
    let mut raw = Vec::new();
    // A closed connection may end in an error; what arrived before counts.
    let _ = stream.read_to_end(&mut raw);
    parse(&raw)
}

/// All items of a list, following `rel="next"`, and the number of pages.
pub fn walk(simulator: &Simulator, target: &str) -> (Vec<Value>, usize) {
    let mut next = Some(target.to_owned());
    let (mut items, mut pages) = (Vec::new(), 0);
    while let Some(target) = next {
        let answer = get(simulator, &target);
        assert_eq!(answer.status, 200, "{target}");
        items.extend(answer.json().as_array().expect("a list").iter().cloned());
        pages += 1;
        next = answer.link("next");
    }
    (items, pages)
}

fn parse(raw: &[u8]) -> Option<ClientResponse> {
    let end = raw.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(&raw[..end]).into_owned();
    let mut lines = head.split("\r\n");
    let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let headers = lines.filter_map(|line| line.split_once(": "));
    let headers = headers.map(|(name, value)| (name.to_lowercase(), value.to_owned())).collect();
    Some(ClientResponse { status, headers, body: raw[end + 4..].to_vec() })
}
