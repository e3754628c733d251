//! Who asks: nobody, the bearer of a token, or an installation of a GitHub App.

mod app;
mod token;

pub use app::{AppSettings, AppToken};
pub use token::{Anonymous, SecretReader, StoredToken, TokenError, TokenSource};
