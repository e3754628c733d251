//! What can go wrong on the way to Redis and back.

use std::time::Duration;

use redis::{ErrorKind, RedisError, ServerErrorKind};

/// Why Redis did not do as asked. The text never contains a secret.
#[derive(Clone, Debug, thiserror::Error)]
pub enum RedisClientError {
    /// It cannot be reached, or cannot do it now; the same call may succeed later.
    #[error("{0}")]
    Unavailable(String),
    /// It lets us not in, or not do that, until somebody changes its configuration or ours.
    #[error("{0}")]
    Refused(String),
    /// Its memory limit is reached.
    #[error("{0}")]
    Full(String),
    /// It answered something that is not ours, or holds something else under our keys.
    #[error("{0}")]
    Damaged(String),
    /// It has not seen the script yet; whoever sends it in full hears this no more.
    #[error("redis does not know the script yet")]
    NoScript,
}

impl RedisClientError {
    pub(super) fn is_no_script(&self) -> bool {
        matches!(self, RedisClientError::NoScript)
    }
}

/// An error, and whether the connection it came over is to be given up.
#[derive(Debug)]
pub(super) struct RedisFailure {
    pub(super) error: RedisClientError,
    pub(super) breaks: bool,
    /// Whether the exchange may not have reached the server because the connection was dead already.
    pub(super) dropped: bool,
}

impl RedisFailure {
    /// No answer within the time allowed.
    pub(super) fn timeout(limit: Duration) -> Self {
        let error = RedisClientError::Unavailable(format!("redis did not answer within {limit:?}"));
        RedisFailure { error, breaks: true, dropped: false }
    }
}

/// The codes a server's error may begin with, where a script's error hides them in its text.
const CODES: [&str; 12] = [
    "OOM",
    "READONLY",
    "NOREPLICAS",
    "MISCONF",
    "NOPERM",
    "WRONGTYPE",
    "MASTERDOWN",
    "LOADING",
    "CLUSTERDOWN",
    "NOAUTH",
    "BUSY",
    "TRYAGAIN",
];

fn code_of(error: &RedisError) -> Option<String> {
    let code = match error.clone().into_server_errors() {
        Some(errors) => errors.first().map(|(_, error)| error.code().to_owned()),
        None => error.code().map(str::to_owned),
    };
    // Before version 7 a script's error is an `ERR` whose text tells the inner one.
    let hidden = || {
        let text = error.to_string();
        let named =
            |code: &&&str| text.contains(&format!("-{code} ")) || text.contains(&format!(": {code} "));
        CODES.iter().find(named).map(|code| (*code).to_owned())
    };
    match code.as_deref() {
        Some("ERR") => hidden().or(code),
        _ => code,
    }
}

impl From<RedisError> for RedisFailure {
    fn from(cause: RedisError) -> Self {
        if let Some(failure) = code_of(&cause).and_then(|code| answered(&code, &cause)) {
            return failure;
        }
        let keeps = |error| RedisFailure { error, breaks: false, dropped: false };
        match cause.kind() {
            ErrorKind::AuthenticationFailed => {
                RedisFailure { error: not_let_in(&cause), breaks: true, dropped: false }
            }
            ErrorKind::UnexpectedReturnType => {
                keeps(RedisClientError::Damaged(format!("redis answered something unexpected: {cause}")))
            }
            ErrorKind::InvalidClientConfig => keeps(RedisClientError::Refused(format!(
                "the connection to redis cannot be configured ({cause}): check store.redis_tls and store.redis_ca_file"
            ))),
            ErrorKind::Server(ServerErrorKind::ResponseError) => {
                keeps(RedisClientError::Damaged(format!("redis refused a command: {cause}")))
            }
            _ => {
                let dropped = cause.is_connection_dropped();
                let error = RedisClientError::Unavailable(unreachable_text(&cause));
                RedisFailure { error, breaks: true, dropped }
            }
        }
    }
}

/// An error that the server itself sent.
fn answered(code: &str, cause: &RedisError) -> Option<RedisFailure> {
    let failure = |error, breaks| Some(RedisFailure { error, breaks, dropped: false });
    match code {
        "OOM" => failure(
            RedisClientError::Full("redis reached its maxmemory: raise it, or lower store.retention".into()),
            false,
        ),
        "WRONGTYPE" => failure(
            RedisClientError::Damaged(
                "redis holds something else under a key of this store: choose another store.key_prefix"
                    .into(),
            ),
            false,
        ),
        "NOSCRIPT" => failure(RedisClientError::NoScript, false),
        "NOAUTH" | "WRONGPASS" => failure(not_let_in(cause), true),
        "NOPERM" => failure(
            RedisClientError::Refused(format!(
                "redis does not allow the user of store.redis_username to do that ({cause}): docs/REDIS.md lists what it \
                 needs"
            )),
            false,
        ),
        "READONLY" => {
            failure(RedisClientError::Unavailable("this redis is a read-only replica now".into()), true)
        }
        "LOADING" => failure(RedisClientError::Unavailable("redis is loading its data".into()), true),
        "MASTERDOWN" => failure(
            RedisClientError::Unavailable("this redis is a replica that has lost its master".into()),
            true,
        ),
        "CLUSTERDOWN" => {
            failure(RedisClientError::Unavailable("the redis cluster does not serve all slots".into()), true)
        }
        "NOREPLICAS" => failure(
            RedisClientError::Unavailable(
                "redis has fewer replicas than its min-replicas-to-write demands".into(),
            ),
            false,
        ),
        "MISCONF" => failure(
            RedisClientError::Unavailable(
                "redis cannot save its data to disk and therefore takes no writes (MISCONF): see its log"
                    .into(),
            ),
            false,
        ),
        "BUSY" | "TRYAGAIN" => {
            failure(RedisClientError::Unavailable(format!("redis is busy: {cause}")), false)
        }
        _ => None,
    }
}

fn not_let_in(cause: &RedisError) -> RedisClientError {
    let reason = match cause.detail() {
        Some(detail) => detail.to_owned(),
        None => cause.to_string(),
    };
    RedisClientError::Refused(format!(
        "redis does not let us in ({reason}): check store.redis_username and store.redis_password or its file"
    ))
}

/// Of what rustls tells, the reason; the rest is punctuation.
fn unreachable_text(cause: &RedisError) -> String {
    let text = cause.to_string();
    match text.contains("certificate") {
        true => format!("redis cannot be trusted: {text} (check store.redis_ca_file)"),
        false => format!("redis cannot be reached: {text}"),
    }
}

#[cfg(test)]
mod tests {
    use redis::make_extension_error;

    use super::*;

    fn failure(code: &str, text: &str) -> RedisFailure {
        RedisFailure::from(make_extension_error(code.to_owned(), Some(text.to_owned())))
    }

    #[test]
    fn the_errors_of_a_server_are_told_apart() {
        assert!(matches!(failure("OOM", "command not allowed").error, RedisClientError::Full(_)));
        assert!(matches!(failure("WRONGTYPE", "Operation against").error, RedisClientError::Damaged(_)));
        assert!(matches!(failure("NOPERM", "this user has").error, RedisClientError::Refused(_)));
        assert!(matches!(failure("WRONGPASS", "invalid").error, RedisClientError::Refused(_)));
        for code in ["READONLY", "LOADING", "MASTERDOWN", "CLUSTERDOWN"] {
            let RedisFailure { error, breaks, .. } = failure(code, "whatever");
            assert!(matches!(error, RedisClientError::Unavailable(_)) && breaks, "{code}");
        }
        for code in ["NOREPLICAS", "MISCONF", "BUSY"] {
            let RedisFailure { error, breaks, .. } = failure(code, "whatever");
            assert!(
                matches!(error, RedisClientError::Unavailable(_)) && !breaks,
                "{code}: the connection is good"
            );
        }
    }

    #[test]
    fn the_error_inside_a_script_of_an_older_server_is_found() {
        let text =
            "Error running script (call to f_1): @user_script:1: @user_script: 1: -OOM command not allowed";
        assert!(matches!(failure("ERR", text).error, RedisClientError::Full(_)));
        let text = "Error running script (call to f_1): @user_script:7: -READONLY You can't write against a replica.";
        assert!(matches!(failure("ERR", text).error, RedisClientError::Unavailable(_)));
        assert!(matches!(
            failure("ERR", "unknown command").error,
            RedisClientError::Damaged(_) | RedisClientError::Unavailable(_)
        ));
    }

    #[test]
    fn a_connection_that_ended_may_be_replaced_at_once() {
        let ended = RedisError::from(std::io::Error::from(std::io::ErrorKind::BrokenPipe));
        let failure = RedisFailure::from(ended);
        assert!(failure.dropped && failure.breaks);
        assert!(matches!(failure.error, RedisClientError::Unavailable(_)));
        assert!(!RedisFailure::timeout(Duration::from_secs(1)).dropped);
    }
}
