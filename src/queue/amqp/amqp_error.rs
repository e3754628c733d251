//! Errors of the broker, with what to do about them. The texts never contain the password of the
//! URL.

use std::time::Duration;

use lapin::ErrorKind;
use lapin::protocol::{AMQPErrorKind, AMQPHardError, AMQPSoftError};

use crate::config::SecretError;

/// Why a request to the broker failed. `address` is host, port and virtual host.
#[derive(Clone, Debug, thiserror::Error)]
pub enum AmqpError {
    /// The file or variable with the URL cannot be read.
    #[error("amqp.url cannot be read: {0}")]
    Secret(String),
    /// The URL cannot be parsed.
    #[error("amqp.url is not a URL of the form amqp://user:password@host:5672/vhost")]
    Url,
    /// Authentication failed.
    #[error("the broker at {address} refuses the login: check user and password in amqp.url")]
    Login { address: String },
    /// The virtual host does not exist, or the user has no access to it.
    #[error(
        "the broker at {address} does not give access to the virtual host: create it, or grant it to the user"
    )]
    VirtualHost { address: String },
    /// No answer within the deadline.
    #[error("the broker at {address} did not answer within {} s", .limit.as_secs())]
    Timeout { address: String, limit: Duration },
    /// The exchange or a queue exists with different arguments.
    #[error("{object} exists with other arguments ({reply}): {remedy}")]
    Mismatch {
        /// The exchange or queue.
        object: String,
        /// The explanation of the broker.
        reply: String,
        /// What to do about it.
        remedy: String,
    },
    /// The user may not declare the exchange or a queue.
    #[error(
        "{object} cannot be declared ({reply}): grant the user configure, write and read permission on it"
    )]
    Forbidden {
        /// The exchange or queue.
        object: String,
        /// The explanation of the broker.
        reply: String,
    },
    /// The connection failed or was refused.
    #[error("the connection to the broker at {address} failed: {cause}")]
    Connection { address: String, cause: String },
}

impl From<SecretError> for AmqpError {
    fn from(error: SecretError) -> Self {
        AmqpError::Secret(error.to_string())
    }
}

impl AmqpError {
    /// Classifies an error while connecting.
    pub(super) fn connecting(address: &str, error: &lapin::Error) -> Self {
        let address = address.to_owned();
        if let ErrorKind::ProtocolError(cause) = error.kind() {
            match cause.kind() {
                AMQPErrorKind::Soft(AMQPSoftError::ACCESSREFUSED) => return AmqpError::Login { address },
                AMQPErrorKind::Hard(AMQPHardError::NOTALLOWED) => {
                    return AmqpError::VirtualHost { address };
                }
                _ => {}
            }
        }
        AmqpError::Connection { address, cause: describe(error) }
    }

    /// Classifies an error while declaring the exchange or a queue.
    pub(super) fn declaring(address: &str, object: String, error: &lapin::Error) -> Self {
        if let ErrorKind::ProtocolError(cause) = error.kind() {
            let reply = cause.get_message().to_string();
            match cause.kind() {
                AMQPErrorKind::Soft(AMQPSoftError::PRECONDITIONFAILED) => {
                    let (remedy, reply) = (remedy(&object), inequality(&reply));
                    return AmqpError::Mismatch { object, reply, remedy };
                }
                AMQPErrorKind::Soft(AMQPSoftError::ACCESSREFUSED) => {
                    return AmqpError::Forbidden { object, reply };
                }
                _ => {}
            }
        }
        AmqpError::connecting(address, error)
    }
}

fn remedy(object: &str) -> String {
    format!("delete {object} once it is empty, or choose other names in the section amqp")
}

/// The part of the broker's message that contains the name of the argument and both values.
fn inequality(text: &str) -> String {
    let text = text.strip_prefix("PRECONDITION_FAILED - ").unwrap_or(text);
    match (text.split_once(" for "), text.split_once("': ")) {
        (Some((argument, _)), Some((_, values))) => format!("{argument}: {values}"),
        _ => text.to_owned(),
    }
}

/// The essential text of an error, without the prefixes of the library.
pub(super) fn describe(error: &lapin::Error) -> String {
    match error.kind() {
        ErrorKind::ProtocolError(cause) => cause.get_message().to_string(),
        ErrorKind::IOError(cause) => cause.to_string(),
        ErrorKind::MissingHeartbeatError => "no heartbeat was received in time".to_owned(),
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

    fn protocol_error(kind: AMQPErrorKind, text: &str) -> lapin::Error {
        ErrorKind::ProtocolError(AMQPError::new(kind, text.into())).into()
    }

    #[test]
    fn a_mismatch_names_the_queue_the_argument_and_the_remedy() {
        let text = "PRECONDITION_FAILED - inequivalent arg 'x-message-ttl' for queue 'gh.backfill.retry.1m' in vhost '/': received the value '60000' of type 'signedint' but current is none";
        let error = protocol_error(AMQPErrorKind::Soft(AMQPSoftError::PRECONDITIONFAILED), text);
        let text = AmqpError::declaring("h:1/", "queue \"gh.backfill.retry.1m\"".into(), &error).to_string();
        for part in ["gh.backfill.retry.1m", "x-message-ttl", "60000", "current is none", "delete queue"] {
            assert!(text.contains(part), "{part} is missing: {text}");
        }
    }

    #[test]
    fn access_errors_say_what_to_check() {
        let login = protocol_error(
            AMQPErrorKind::Soft(AMQPSoftError::ACCESSREFUSED),
            "ACCESS_REFUSED - Login was refused",
        );
        let text = AmqpError::connecting("h:1/", &login).to_string();
        assert!(text.contains("h:1/") && text.contains("password"), "{text}");
        let vhost =
            protocol_error(AMQPErrorKind::Hard(AMQPHardError::NOTALLOWED), "NOT_ALLOWED - vhost x not found");
        assert!(AmqpError::connecting("h:1/x", &vhost).to_string().contains("virtual host"));
    }
}
