//! Credentials: none, a token, or an installation of a GitHub App.

mod anonymous;
mod app;
mod secret_reader;
mod stored_token;
mod token_source;

pub use anonymous::Anonymous;
pub use app::{AppSettings, AppToken};
pub use secret_reader::SecretReader;
pub use stored_token::StoredToken;
pub use token_source::{TokenError, TokenSource};
