//! Jobs, notices and dead letters as AMQP messages.

use github_stats_actors::activity::Timestamp;
use github_stats_actors::queue::{
    DeadLetter, DeadLetterReason, Job, JobFailure, PoisonMessage, QueueMessage, ResolvedNotice, TraceContext,
};
use lapin::BasicProperties;
use lapin::types::{AMQPValue, FieldTable};
use sha2::{Digest, Sha256};

use super::topology::short;

/// Values of the property `type`.
const JOB: &str = "gh.backfill.job";
const RESOLVED: &str = "gh.backfill.resolved";
const DEAD_LETTER: &str = "gh.backfill.dead-letter";

const REASON: &str = "x-gh-reason";
const ERROR: &str = "x-gh-error";
const HISTORY: &str = "x-gh-history";
const DIED_AT: &str = "x-gh-died-at";
/// The headers of W3C Trace Context.
const TRACE_PARENT: &str = "traceparent";
const TRACE_STATE: &str = "tracestate";
/// Maximum length of these headers in bytes. W3C requires that at least 512 are propagated.
const TRACE_LIMIT: usize = 512;

/// Maximum size of a body in bytes that is parsed, far above that of any job.
const LARGEST: usize = 256 * 1024;
/// Number of bytes of an invalid body that are kept.
const EXCERPT: usize = 2 * 1024;

/// The properties and the body of a message to publish.
pub(super) struct AmqpMessage {
    pub(super) properties: BasicProperties,
    pub(super) body: Vec<u8>,
}

impl AmqpMessage {
    fn new(kind: &str, id: &str, at: Timestamp, body: Vec<u8>) -> Self {
        let properties = BasicProperties::default()
            .with_content_type("application/json".into())
            .with_delivery_mode(2)
            .with_message_id(short(id))
            .with_timestamp(u64::try_from(at.as_unix()).unwrap_or(0))
            .with_type(kind.into())
            .with_app_id("github-stats".into());
        AmqpMessage { properties, body }
    }

    pub(super) fn job(job: &Job) -> Self {
        let mut message = Self::new(JOB, &job.job_id, job.created_at, encode(job));
        if let Some(trace) = &job.trace {
            let mut headers = FieldTable::default();
            let states = (!trace.state.is_empty()).then_some((TRACE_STATE, &trace.state));
            for (name, value) in [(TRACE_PARENT, &trace.parent)].into_iter().chain(states) {
                headers.insert(name.into(), AMQPValue::LongString(value.as_str().into()));
            }
            message.properties = message.properties.with_headers(headers);
        }
        message
    }

    /// The notice that an operator has resolved a dead letter.
    pub(super) fn resolved(notice: &ResolvedNotice, at: Timestamp) -> Self {
        Self::new(RESOLVED, &format!("resolved-{}", notice.dead_letter), at, encode(notice))
    }

    /// A dead letter. The body is the job, or the excerpt of an invalid message; headers contain
    /// reason, error and history.
    pub(super) fn dead_letter(dead_letter: &DeadLetter) -> Self {
        let body = match &dead_letter.job {
            Some(job) => encode(job),
            None => dead_letter.excerpt.clone().unwrap_or_default().into_bytes(),
        };
        let history = serde_json::to_string(&dead_letter.history).unwrap_or_default();
        let texts = [(REASON, dead_letter.reason.as_str()), (ERROR, &dead_letter.error), (HISTORY, &history)];
        let mut headers = FieldTable::default();
        for (name, text) in texts {
            headers.insert(name.into(), AMQPValue::LongString(text.into()));
        }
        headers.insert(DIED_AT.into(), AMQPValue::LongLongInt(dead_letter.died_at.as_unix()));
        let mut message = Self::new(DEAD_LETTER, &dead_letter.id, dead_letter.died_at, body);
        message.properties = message.properties.with_headers(headers);
        message
    }
}

fn encode(value: &impl serde::Serialize) -> Vec<u8> {
    serde_json::to_vec(value).expect("messages are plain data with text for keys")
}

/// Parses a message of the job queue.
pub(super) fn parse(properties: &BasicProperties, body: &[u8]) -> QueueMessage {
    if body.len() > LARGEST {
        return poison(properties, body, format!("it is larger than {LARGEST} bytes"));
    }
    if properties.kind().as_ref().is_some_and(|kind| kind.as_str() == RESOLVED) {
        return match serde_json::from_slice(body) {
            Ok(notice) => QueueMessage::Resolved(notice),
            Err(error) => poison(properties, body, format!("it is not a valid notice: {error}")),
        };
    }
    match serde_json::from_slice(body) {
        Ok(job) => QueueMessage::Job(Box::new(Job { trace: trace(properties), ..job })),
        Err(error) => poison(properties, body, format!("it is not a valid job: {error}")),
    }
}

/// The trace context of the publisher, which is not validated here.
fn trace(properties: &BasicProperties) -> Option<Box<TraceContext>> {
    let parent = text_header(properties, TRACE_PARENT).filter(|text| text.len() <= TRACE_LIMIT)?;
    let state = text_header(properties, TRACE_STATE).filter(|text| text.len() <= TRACE_LIMIT);
    Some(Box::new(TraceContext { parent, state: state.unwrap_or_default() }))
}

fn poison(properties: &BasicProperties, body: &[u8], problem: String) -> QueueMessage {
    let (id, size) = (identity(properties, body), body.len());
    QueueMessage::Poison(PoisonMessage { id, problem, size, excerpt: excerpt(body) })
}

/// Parses a message of the dead-letter queue, even if another program has put it there.
pub(super) fn parse_dead_letter(properties: &BasicProperties, body: &[u8]) -> DeadLetter {
    let text = |name| text_header(properties, name);
    let reason = text(REASON).and_then(|reason| serde_json::from_value(reason.into()).ok());
    let job: Option<Job> = serde_json::from_slice(body.get(..LARGEST).unwrap_or(body)).ok();
    let at = properties.timestamp().unwrap_or(0);
    let died_at = match header(properties, DIED_AT) {
        Some(AMQPValue::LongLongInt(at)) => *at,
        _ => i64::try_from(at).unwrap_or(0),
    };
    let history: Vec<JobFailure> =
        text(HISTORY).and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
    DeadLetter {
        id: identity(properties, body),
        excerpt: job.is_none().then(|| excerpt(body)),
        job,
        reason: reason.unwrap_or(DeadLetterReason::Malformed),
        error: text(ERROR).unwrap_or_else(|| "it was not published by github-stats".to_owned()),
        died_at: Timestamp::from_unix(died_at),
        history,
    }
}

fn header<'a>(properties: &'a BasicProperties, name: &str) -> Option<&'a AMQPValue> {
    properties.headers().as_ref()?.inner().get(name)
}

fn text_header(properties: &BasicProperties, name: &str) -> Option<String> {
    match header(properties, name)? {
        AMQPValue::LongString(text) => Some(text.to_string()),
        _ => None,
    }
}

/// The id of a message: its property `message_id` if that can be typed into a command, else a
/// digest of its body.
fn identity(properties: &BasicProperties, body: &[u8]) -> String {
    let given = properties.message_id().as_ref().map(|id| id.as_str());
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '~' | '-');
    match given {
        Some(id) if !id.is_empty() && id.len() <= 100 && id.chars().all(plain) => id.to_owned(),
        _ => {
            let digest = Sha256::digest(body);
            digest.iter().take(8).fold("poison-".to_owned(), |id, byte| format!("{id}{byte:02x}"))
        }
    }
}

fn excerpt(body: &[u8]) -> String {
    let end = body.len().min(EXCERPT);
    String::from_utf8_lossy(&body[..end]).into_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::queue::testing::job;

    #[test]
    fn a_job_is_a_persistent_message_with_an_id() {
        let AmqpMessage { properties, body } = AmqpMessage::job(&job());
        assert_eq!(properties.delivery_mode(), &Some(2));
        assert_eq!(properties.timestamp(), &Some(7));
        assert_eq!(properties.message_id().as_ref().map(|id| id.as_str()), Some("a"));
        assert_eq!(properties.kind().as_ref().map(|kind| kind.as_str()), Some(JOB));
        assert_eq!(parse(&properties, &body), QueueMessage::Job(Box::new(job())));
        let fields: serde_json::Value = serde_json::from_slice(&body).unwrap();
        for field in ["job_id", "dedup_key", "org", "repo", "window_start", "window_end", "reason", "attempt"]
        {
            assert!(fields.get(field).is_some(), "{field}");
        }
    }

    #[test]
    fn a_trace_is_propagated_in_headers_unless_it_is_too_long() {
        let trace = TraceContext { parent: "00-0af7-b7ad-01".into(), state: "a=b".into() };
        let traced = Job { trace: Some(Box::new(trace)), ..job() };
        let AmqpMessage { properties, body } = AmqpMessage::job(&traced);
        assert_eq!(parse(&properties, &body), QueueMessage::Job(Box::new(traced.clone())));
        assert!(!String::from_utf8_lossy(&body).contains("0af7"), "the body does not change");
        let huge = TraceContext { parent: "0".repeat(TRACE_LIMIT + 1), state: String::new() };
        let AmqpMessage { properties, body } =
            AmqpMessage::job(&Job { trace: Some(Box::new(huge)), ..job() });
        assert_eq!(parse(&properties, &body), QueueMessage::Job(Box::new(job())));
    }

    #[test]
    fn a_dead_letter_has_reason_error_and_history_in_headers() {
        let dead_letter = DeadLetter::of_job(
            &job(),
            DeadLetterReason::Expired,
            "too \u{1F980} old",
            Timestamp::from_unix(9),
        );
        let AmqpMessage { properties, body } = AmqpMessage::dead_letter(&dead_letter);
        assert_eq!(parse_dead_letter(&properties, &body), dead_letter);
        for name in [REASON, ERROR, HISTORY, DIED_AT] {
            assert!(header(&properties, name).is_some(), "{name}");
        }
        let poison = PoisonMessage { id: "p".into(), problem: "no".into(), size: 3, excerpt: "{{{".into() };
        let dead_letter = DeadLetter::of_poison(&poison, Timestamp::from_unix(9));
        let AmqpMessage { properties, body } = AmqpMessage::dead_letter(&dead_letter);
        assert_eq!(parse_dead_letter(&properties, &body), dead_letter);
        assert_eq!(body, b"{{{");
    }

    #[test]
    fn a_notice_is_distinguished_from_a_job() {
        let notice = ResolvedNotice { dead_letter: "a".into(), reason: "a test".into() };
        let AmqpMessage { properties, body } = AmqpMessage::resolved(&notice, Timestamp::from_unix(9));
        assert_eq!(parse(&properties, &body), QueueMessage::Resolved(notice));
    }

    #[test]
    fn a_body_that_is_too_large_is_not_parsed() {
        let body = vec![b'['; 10 << 20];
        let QueueMessage::Poison(poison) = parse(&BasicProperties::default(), &body) else { panic!() };
        assert_eq!((poison.size, poison.excerpt.len()), (10 << 20, EXCERPT));
        assert!(poison.id.starts_with("poison-"));
    }

    proptest! {
        #[test]
        fn every_body_is_a_job_or_poison_with_an_id(body: Vec<u8>, id in "\\PC{0,40}") {
            let properties = BasicProperties::default().with_message_id(short(&id));
            if let QueueMessage::Poison(poison) = parse(&properties, &body) {
                prop_assert!(!poison.id.is_empty() && poison.id.is_ascii());
            }
            let dead_letter = parse_dead_letter(&properties, &body);
            prop_assert!(!dead_letter.id.is_empty());
        }
    }
}
