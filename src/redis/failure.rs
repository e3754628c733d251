//! Errors of requests to Redis, and what they mean for the connection.

use std::time::Duration;

use redis::{ErrorKind, RedisError, ServerErrorKind};

/// Why a request to Redis failed. The text never contains a secret.
#[derive(Clone, Debug, thiserror::Error)]
pub enum RedisClientError {
    /// The server cannot be reached or cannot execute the request now; the same call may succeed
    /// later.
    #[error("{0}")]
    Unavailable(String),
    /// Authentication failed or a permission is missing; calls fail until the configuration of
    /// either side is changed.
    #[error("{0}")]
    Refused(String),
    /// The server reached its `maxmemory`.
    #[error("{0}")]
    Full(String),
    /// The reply has an unexpected form, or a key of this store holds something else.
    #[error("{0}")]
    Damaged(String),
    /// The server has not cached the script; it must be sent with its code.
    #[error("redis has not cached the script")]
    NoScript,
}

impl RedisClientError {
    pub(super) fn is_no_script(&self) -> bool {
        matches!(self, RedisClientError::NoScript)
    }
}

/// An error and what it means for the connection.
#[derive(Debug)]
pub(super) struct RedisFailure {
    pub(super) error: RedisClientError,
    /// Whether the connection must be discarded.
    pub(super) breaks_connection: bool,
    /// Whether the request may not have reached the server because the connection was already
    /// closed.
    pub(super) dropped: bool,
}

impl RedisFailure {
    /// An error after which the connection is still usable.
    pub(super) fn on_connection(error: RedisClientError) -> Self {
        RedisFailure { error, breaks_connection: false, dropped: false }
    }

    /// An error after which the connection must be discarded.
    pub(super) fn breaking_connection(error: RedisClientError) -> Self {
        RedisFailure { error, breaks_connection: true, dropped: false }
    }

    /// No reply within the deadline.
    pub(super) fn timeout(limit: Duration) -> Self {
        let error = RedisClientError::Unavailable(format!("redis did not answer within {limit:?}"));
        RedisFailure::breaking_connection(error)
    }
}

/// The error codes to look for in the text of a script's error.
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
    // Before version 7, an error inside a script is reported as an `ERR` whose text contains the
    // original code.
    let in_text = || {
        let text = error.to_string();
        let occurs =
            |code: &&&str| text.contains(&format!("-{code} ")) || text.contains(&format!(": {code} "));
        CODES.iter().find(occurs).map(|code| (*code).to_owned())
    };
    match code.as_deref() {
        Some("ERR") => in_text().or(code),
        _ => code,
    }
}

impl From<RedisError> for RedisFailure {
    fn from(cause: RedisError) -> Self {
        if let Some(failure) = code_of(&cause).and_then(|code| from_server(&code, &cause)) {
            return failure;
        }
        match cause.kind() {
            ErrorKind::AuthenticationFailed => {
                RedisFailure::breaking_connection(authentication_failed(&cause))
            }
            ErrorKind::UnexpectedReturnType => RedisFailure::on_connection(RedisClientError::Damaged(
                format!("unexpected reply from redis: {cause}"),
            )),
            ErrorKind::InvalidClientConfig => {
                RedisFailure::on_connection(RedisClientError::Refused(format!(
                    "the connection to redis cannot be configured ({cause}): check store.redis_tls and store.redis_ca_file"
                )))
            }
            ErrorKind::Server(ServerErrorKind::ResponseError) => RedisFailure::on_connection(
                RedisClientError::Damaged(format!("redis rejected a command: {cause}")),
            ),
            _ => {
                let dropped = cause.is_connection_dropped();
                let error = RedisClientError::Unavailable(connection_failed(&cause));
                RedisFailure { error, breaks_connection: true, dropped }
            }
        }
    }
}

/// An error reply of the server; `None` for codes that need no special treatment.
fn from_server(code: &str, cause: &RedisError) -> Option<RedisFailure> {
    let unavailable = |text: &str| RedisClientError::Unavailable(text.to_owned());
    Some(match code {
        "OOM" => RedisFailure::on_connection(RedisClientError::Full(
            "redis has reached its maxmemory: raise it, or lower store.retention".to_owned(),
        )),
        "WRONGTYPE" => RedisFailure::on_connection(RedisClientError::Damaged(
            "a key of this store holds a different type of data in redis: choose another store.key_prefix"
                .to_owned(),
        )),
        "NOSCRIPT" => RedisFailure::on_connection(RedisClientError::NoScript),
        "NOAUTH" | "WRONGPASS" => RedisFailure::breaking_connection(authentication_failed(cause)),
        "NOPERM" => RedisFailure::on_connection(RedisClientError::Refused(format!(
            "the redis user store.redis_username lacks a permission ({cause}): docs/REDIS.md lists the permissions it \
             needs"
        ))),
        "READONLY" => {
            RedisFailure::breaking_connection(unavailable("the redis server has become a read-only replica"))
        }
        "LOADING" => RedisFailure::breaking_connection(unavailable("redis is loading its data")),
        "MASTERDOWN" => RedisFailure::breaking_connection(unavailable(
            "the redis server is a replica that has lost its master",
        )),
        "CLUSTERDOWN" => {
            RedisFailure::breaking_connection(unavailable("the redis cluster does not serve all slots"))
        }
        "NOREPLICAS" => RedisFailure::on_connection(unavailable(
            "redis has fewer replicas than its min-replicas-to-write requires",
        )),
        "MISCONF" => RedisFailure::on_connection(unavailable(
            "redis cannot save its data to disk and therefore accepts no writes (MISCONF): see its log",
        )),
        "BUSY" | "TRYAGAIN" => RedisFailure::on_connection(unavailable(&format!("redis is busy: {cause}"))),
        _ => return None,
    })
}

fn authentication_failed(cause: &RedisError) -> RedisClientError {
    let reason = match cause.detail() {
        Some(detail) => detail.to_owned(),
        None => cause.to_string(),
    };
    RedisClientError::Refused(format!(
        "authentication with redis failed ({reason}): check store.redis_username and store.redis_password or its file"
    ))
}

fn connection_failed(cause: &RedisError) -> String {
    let text = cause.to_string();
    match text.contains("certificate") {
        true => format!("the certificate of redis is not trusted: {text} (check store.redis_ca_file)"),
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
    fn server_errors_are_classified_by_their_code() {
        assert!(matches!(failure("OOM", "command not allowed").error, RedisClientError::Full(_)));
        assert!(matches!(failure("WRONGTYPE", "Operation against").error, RedisClientError::Damaged(_)));
        assert!(matches!(failure("NOPERM", "this user has").error, RedisClientError::Refused(_)));
        assert!(matches!(failure("WRONGPASS", "invalid").error, RedisClientError::Refused(_)));
        for code in ["READONLY", "LOADING", "MASTERDOWN", "CLUSTERDOWN"] {
            let RedisFailure { error, breaks_connection, .. } = failure(code, "whatever");
            assert!(matches!(error, RedisClientError::Unavailable(_)) && breaks_connection, "{code}");
        }
        for code in ["NOREPLICAS", "MISCONF", "BUSY"] {
            let RedisFailure { error, breaks_connection, .. } = failure(code, "whatever");
            assert!(
                matches!(error, RedisClientError::Unavailable(_)) && !breaks_connection,
                "{code}: the connection is usable"
            );
        }
    }

    #[test]
    fn the_code_of_an_error_inside_a_script_is_found_on_older_servers() {
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
    fn a_closed_connection_may_be_replaced_at_once() {
        let closed = RedisError::from(std::io::Error::from(std::io::ErrorKind::BrokenPipe));
        let failure = RedisFailure::from(closed);
        assert!(failure.dropped && failure.breaks_connection);
        assert!(matches!(failure.error, RedisClientError::Unavailable(_)));
        assert!(!RedisFailure::timeout(Duration::from_secs(1)).dropped);
    }
}
