//! The password and the trusted certificate authorities, read again for each new connection.

use redis::TlsCertificates;

use super::{RedisClientError, RedisClientSettings};
use crate::config::Secret;

pub(super) struct RedisCredentials {
    pub(super) password: Option<Secret>,
    /// `None` if connections are not encrypted.
    pub(super) certificates: Option<TlsCertificates>,
}

impl RedisCredentials {
    /// Reads them on a blocking thread, because a mounted file may be slow.
    pub(super) async fn read(settings: &RedisClientSettings) -> Result<Self, RedisClientError> {
        let settings = settings.clone();
        let read = tokio::task::spawn_blocking(move || Self::read_now(&settings));
        read.await.unwrap_or_else(|error| Err(RedisClientError::Unavailable(error.to_string())))
    }

    fn read_now(settings: &RedisClientSettings) -> Result<Self, RedisClientError> {
        let refused =
            |what: &str, why: &dyn std::fmt::Display| RedisClientError::Refused(format!("{what}: {why}"));
        let password = match &settings.password {
            Some(source) => {
                Some(source.read_blocking().map_err(|error| refused("store.redis_password_file", &error))?)
            }
            None => None,
        };
        let certificates = match &settings.tls {
            Some(tls) => {
                let root_cert = match &tls.ca_file {
                    Some(file) => Some(std::fs::read(file).map_err(|error| {
                        refused(&format!("store.redis_ca_file {} cannot be read", file.display()), &error)
                    })?),
                    None => None,
                };
                Some(TlsCertificates { client_tls: None, root_cert })
            }
            None => None,
        };
        Ok(RedisCredentials { password, certificates })
    }
}
