//! Why there is no way to the broker, and what to do about it. Never holds what the URL holds.

use std::time::Duration;

use lapin::ErrorKind;
use lapin::protocol::{AMQPErrorKind, AMQPHardError, AMQPSoftError};

use crate::config::SecretError;

/// Why there is no way to the broker.
#[derive(Clone, Debug, thiserror::Error)]
pub enum AmqpError {
    /// The URL cannot be had.
    #[error("amqp.url cannot be read: {0}")]
    Secret(String),
    /// The URL is none.
    #[error("amqp.url is no URL such as amqp://user:password@host:5672/vhost")]
    Url,
    /// The broker does not let us in.
    #[error("the broker at {at} refuses the login: check user and password in amqp.url")]
    Login {
        /// Host, port and virtual host.
        at: String,
    },
    /// There is no such virtual host for us.
    #[error(
        "the broker at {at} does not give access to the virtual host: create it, or grant it to the user"
    )]
    VirtualHost {
        /// Host, port and virtual host.
        at: String,
    },
    /// It does not answer.
    #[error("the broker at {at} did not answer within {} s", .limit.as_secs())]
    Silent {
        /// Host, port and virtual host.
        at: String,
        /// How long it had.
        limit: Duration,
    },
    /// A queue or the exchange exists, and is another.
    #[error("{what} exists with other arguments ({told}): {remedy}")]
    Mismatch {
        /// What.
        what: String,
        /// What the broker said.
        told: String,
        /// What to do about it.
        remedy: String,
    },
    /// The user may not set up what is needed.
    #[error("{what} cannot be set up ({told}): grant the user configure, write and read permission on it")]
    Forbidden {
        /// What.
        what: String,
        /// What the broker said.
        told: String,
    },
    /// The connection broke off, or was refused.
    #[error("the broker at {at} cannot be used: {cause}")]
    Broken {
        /// Host, port and virtual host.
        at: String,
        /// What happened.
        cause: String,
    },
}

impl From<SecretError> for AmqpError {
    fn from(error: SecretError) -> Self {
        AmqpError::Secret(error.to_string())
    }
}

impl AmqpError {
    /// What an attempt to connect ended with.
    pub(super) fn connecting(at: &str, error: &lapin::Error) -> Self {
        let at = at.to_owned();
        if let ErrorKind::ProtocolError(told) = error.kind() {
            match told.kind() {
                AMQPErrorKind::Soft(AMQPSoftError::ACCESSREFUSED) => return AmqpError::Login { at },
                AMQPErrorKind::Hard(AMQPHardError::NOTALLOWED) => return AmqpError::VirtualHost { at },
                _ => {}
            }
        }
        AmqpError::Broken { at, cause: describe(error) }
    }

    /// What an attempt to declare something ended with.
    pub(super) fn declaring(at: &str, what: String, error: &lapin::Error) -> Self {
        if let ErrorKind::ProtocolError(told) = error.kind() {
            let text = told.get_message().to_string();
            match told.kind() {
                AMQPErrorKind::Soft(AMQPSoftError::PRECONDITIONFAILED) => {
                    return AmqpError::Mismatch { remedy: remedy(&what), told: inequality(&text), what };
                }
                AMQPErrorKind::Soft(AMQPSoftError::ACCESSREFUSED) => {
                    return AmqpError::Forbidden { told: text, what };
                }
                _ => {}
            }
        }
        AmqpError::connecting(at, error)
    }
}

fn remedy(what: &str) -> String {
    format!("delete {what} once it is empty, or choose other names in the section amqp")
}

/// The part of the broker's sentence that names the argument and both its values.
fn inequality(text: &str) -> String {
    let text = text.strip_prefix("PRECONDITION_FAILED - ").unwrap_or(text);
    match (text.split_once(" for "), text.split_once("': ")) {
        (Some((argument, _)), Some((_, values))) => format!("{argument}: {values}"),
        _ => text.to_owned(),
    }
}

/// An error without the debris of the library's own words.
pub(super) fn describe(error: &lapin::Error) -> String {
    match error.kind() {
        ErrorKind::ProtocolError(told) => told.get_message().to_string(),
        ErrorKind::IOError(cause) => cause.to_string(),
        ErrorKind::MissingHeartbeatError => "it went silent".to_owned(),
        ErrorKind::InvalidChannelState(..) | ErrorKind::InvalidConnectionState(_) => {
            "the connection is closed".to_owned()
        }
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use lapin::protocol::AMQPError;

    use super::*;

    fn told(kind: AMQPErrorKind, text: &str) -> lapin::Error {
        ErrorKind::ProtocolError(AMQPError::new(kind, text.into())).into()
    }

    #[test]
    fn a_queue_that_is_another_is_named_with_the_argument_and_the_remedy() {
        let text = "PRECONDITION_FAILED - inequivalent arg 'x-message-ttl' for queue 'gh.backfill.retry.1m' in vhost '/': received the value '60000' of type 'signedint' but current is none";
        let error = told(AMQPErrorKind::Soft(AMQPSoftError::PRECONDITIONFAILED), text);
        let said = AmqpError::declaring("h:1/", "queue \"gh.backfill.retry.1m\"".into(), &error).to_string();
        for part in ["gh.backfill.retry.1m", "x-message-ttl", "60000", "current is none", "delete queue"] {
            assert!(said.contains(part), "{part} is missing: {said}");
        }
    }

    #[test]
    fn refusals_say_what_to_check() {
        let login =
            told(AMQPErrorKind::Soft(AMQPSoftError::ACCESSREFUSED), "ACCESS_REFUSED - Login was refused");
        let said = AmqpError::connecting("h:1/", &login).to_string();
        assert!(said.contains("h:1/") && said.contains("password"), "{said}");
        let vhost = told(AMQPErrorKind::Hard(AMQPHardError::NOTALLOWED), "NOT_ALLOWED - vhost x not found");
        assert!(AmqpError::connecting("h:1/x", &vhost).to_string().contains("virtual host"));
    }
}
