//! A GitHub account, as both APIs return it.

use serde::Deserialize;

/// An account; `login` is missing where GitHub returns `{}` for an unknown one.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Account {
    pub login: Option<String>,
    #[serde(rename = "type")]
    pub kind: Option<String>,
}
