//! The address of the broker, and connecting to it.

use std::fmt;
use std::time::Duration;

use lapin::uri::AMQPUri;
use lapin::{Connection, ConnectionProperties};
use tokio::time::timeout;

use super::AmqpError;
use crate::config::{Secret, SecretSource};

/// Deadline for connecting and logging in.
const CONNECT_LIMIT: Duration = Duration::from_secs(10);
/// Heartbeat interval in seconds; the connection is closed after two missed heartbeats.
const HEARTBEAT: u16 = 10;

/// A broker. Its URL contains a password and is never printed; it is read again for each
/// connection.
#[derive(Clone)]
pub struct Broker {
    url: SecretSource,
    client: String,
}

impl Broker {
    /// The broker at `url`. `client` is the name of this replica in the broker's list of
    /// connections.
    pub fn new(url: SecretSource, client: impl Into<String>) -> Self {
        Broker { url, client: client.into() }
    }

    /// Connects. `purpose` is part of the connection's name in the broker's list of connections.
    ///
    /// # Errors
    /// See [`AmqpError`].
    pub async fn connect(&self, purpose: &str) -> Result<Connection, AmqpError> {
        let uri = parse_uri(&self.url.read().await?)?;
        let address = address_of(&uri);
        let name = format!("github-stats {} {purpose}", self.client);
        let properties = ConnectionProperties::default().with_connection_name(name.into());
        let connected = timeout(CONNECT_LIMIT, Connection::connect_uri(uri, properties)).await;
        match connected {
            Ok(Ok(connection)) => Ok(connection),
            Ok(Err(error)) => Err(AmqpError::connecting(&address, &error)),
            Err(_) => Err(AmqpError::Timeout { address, limit: CONNECT_LIMIT }),
        }
    }

    /// Host, port and virtual host, for messages; `amqp.url` if the URL cannot be read.
    pub fn address(&self) -> String {
        let uri = self.url.read_blocking().map_err(AmqpError::from).and_then(|url| parse_uri(&url));
        uri.map_or_else(|_| "amqp.url".to_owned(), |uri| address_of(&uri))
    }
}

fn parse_uri(url: &Secret) -> Result<AMQPUri, AmqpError> {
    let mut uri: AMQPUri = url.expose().parse().map_err(|_| AmqpError::Url)?;
    if uri.vhost.is_empty() {
        uri.vhost = "/".to_owned();
    }
    uri.query.heartbeat.get_or_insert(HEARTBEAT);
    let limit = u64::try_from(CONNECT_LIMIT.as_millis()).unwrap_or(u64::MAX);
    uri.query.connection_timeout.get_or_insert(limit);
    Ok(uri)
}

fn address_of(uri: &AMQPUri) -> String {
    let slash = if uri.vhost.starts_with('/') { "" } else { "/" };
    format!("{}:{}{slash}{}", uri.authority.host, uri.authority.port, uri.vhost)
}

impl fmt::Debug for Broker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Broker").field("client", &self.client).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Secret;

    fn broker(url: &str) -> Broker {
        Broker::new(SecretSource::Inline(Secret::new(url)), "replica-0")
    }

    #[test]
    fn the_address_contains_everything_but_the_credentials() {
        let of = |url: &str| broker(url).address();
        assert_eq!(of("amqp://u:s3cret@host:1234/prod"), "host:1234/prod");
        assert_eq!(of("amqps://u:s3cret@host"), "host:5671/");
        assert_eq!(of("amqp://u:s3cret@host:5672/"), "host:5672/");
        assert_eq!(of("amqp://u:s3cret@host/%2f"), "host:5672/");
        assert!(!format!("{:?}", broker("amqp://u:s3cret@host")).contains("s3cret"));
    }

    #[tokio::test]
    async fn errors_never_contain_the_password() {
        for url in ["amqp://u:s3cret@127.0.0.1:1/v", "s3cret", "amqp://u:s3cret@host:port"] {
            let error = broker(url).connect("test").await.expect_err("no broker listens there");
            assert!(!format!("{error} {error:?}").contains("s3cret"), "{error:?}");
        }
    }
}
