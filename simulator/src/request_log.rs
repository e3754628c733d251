//! The log of requests.

use std::collections::{HashMap, VecDeque};

use jiff::Timestamp;

use crate::endpoint::Endpoint;

/// One request.
#[derive(Debug, Clone)]
pub struct RequestRecord {
    /// Number of the request since the start.
    pub sequence: u64,
    /// HTTP method.
    pub method: String,
    /// Path and query as requested.
    pub target: String,
    /// The path with ids replaced by names.
    pub path: String,
    /// The endpoint, if the path has one.
    pub endpoint: Option<Endpoint>,
    /// GraphQL: the operation's name or, if it has none, its root fields joined by commas.
    pub operation: Option<String>,
    /// Status of the response; `None` if there is none (yet).
    pub status: Option<u16>,
    /// Its cost in points.
    pub cost: u32,
    /// The rate-limit resource.
    pub resource: &'static str,
    /// Fingerprint of the token, see [`crate::Token::fingerprint`]; empty without one.
    pub token: String,
    /// Simulated time of arrival.
    pub at: Timestamp,
    /// Requests in flight at arrival, including this one.
    pub concurrency: usize,
    /// Whether it had an `If-None-Match` header.
    pub conditional: bool,
    /// The client's `User-Agent`.
    pub user_agent: String,
}

/// How many requests are kept, because a demo may run for weeks.
const KEPT: usize = 200_000;

/// Requests in order of arrival, and how many are in flight.
#[derive(Debug, Default)]
pub(crate) struct RequestLog {
    records: VecDeque<RequestRecord>,
    next: u64,
    in_flight: usize,
    in_flight_by_token: HashMap<String, usize>,
    max_in_flight: usize,
}

impl RequestLog {
    /// Records an arrival; returns its number, and how many requests of the same token are in
    /// flight.
    pub(crate) fn arrive(&mut self, mut record: RequestRecord) -> (u64, usize) {
        self.in_flight += 1;
        self.max_in_flight = self.max_in_flight.max(self.in_flight);
        let same = self.in_flight_by_token.entry(record.token.clone()).or_default();
        *same += 1;
        let same = *same;
        record.sequence = self.next;
        record.concurrency = self.in_flight;
        self.next += 1;
        self.records.push_back(record);
        if self.records.len() > KEPT {
            self.records.pop_front();
        }
        (self.next - 1, same)
    }

    pub(crate) fn answered(&mut self, sequence: u64, status: u16, cost: u32) {
        if let Some(record) = self.records.iter_mut().rev().find(|record| record.sequence == sequence) {
            (record.status, record.cost) = (Some(status), cost);
        }
    }

    pub(crate) fn leave(&mut self, token: &str) {
        self.in_flight = self.in_flight.saturating_sub(1);
        if let Some(same) = self.in_flight_by_token.get_mut(token) {
            *same = same.saturating_sub(1);
        }
    }

    pub(crate) fn records(&self) -> Vec<RequestRecord> {
        self.records.iter().cloned().collect()
    }

    pub(crate) fn max_in_flight(&self) -> usize {
        self.max_in_flight
    }

    pub(crate) fn clear(&mut self) {
        self.records.clear();
        self.max_in_flight = self.in_flight;
    }
}
