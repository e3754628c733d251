//! Secrets that may change while the process runs.

use std::sync::Arc;

use futures::future::BoxFuture;
use secrecy::SecretString;

/// Reads the current value of a secret without blocking the runtime, or says why it cannot be read.
pub type SecretReader = Arc<dyn Fn() -> BoxFuture<'static, Result<SecretString, String>> + Send + Sync>;
