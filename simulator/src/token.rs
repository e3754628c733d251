//! Tokens and what they give access to.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::digest;

/// The read permissions of fine-grained tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Permission {
    /// Repositories and accounts.
    Metadata,
    /// Commits, comparisons, branches, statistics.
    Contents,
    /// Issues and comments.
    Issues,
    /// Pull requests and reviews.
    PullRequests,
}

/// A token that the simulator accepts.
#[derive(Debug, Clone)]
pub struct Token {
    pub(crate) secret: String,
    pub(crate) hourly_limit: u32,
    pub(crate) graphql_limit: Option<u32>,
    /// The installation it was minted for, and the login of its bot.
    pub(crate) installation: Option<(u64, String)>,
    /// Lower-case logins; `None`: all.
    pub(crate) owners: Option<BTreeSet<String>>,
    /// Lower-case `owner/name`; `None`: all.
    pub(crate) repositories: Option<BTreeSet<String>>,
    pub(crate) denied: BTreeSet<Permission>,
}

impl Token {
    /// A token with access to everything and 5,000 points per hour.
    pub fn new(secret: &str) -> Self {
        Self {
            secret: secret.to_owned(),
            hourly_limit: 5_000,
            graphql_limit: None,
            installation: None,
            owners: None,
            repositories: None,
            denied: BTreeSet::new(),
        }
    }

    /// Sets the points per hour.
    pub fn hourly_limit(mut self, points: u32) -> Self {
        self.hourly_limit = points;
        self
    }

    /// Sets the GraphQL points per hour; those of REST by default.
    pub fn graphql_limit(mut self, points: u32) -> Self {
        self.graphql_limit = Some(points);
        self
    }

    /// Restricts access to these accounts: everything else is 404.
    pub fn only_owners(mut self, logins: &[&str]) -> Self {
        self.owners = Some(logins.iter().map(|login| login.to_lowercase()).collect());
        self
    }

    /// Restricts access to these repositories (`owner/name`), like an installation with selected
    /// repositories.
    pub fn only_repositories(mut self, full_names: &[&str]) -> Self {
        self.repositories = Some(full_names.iter().map(|name| name.to_lowercase()).collect());
        self
    }

    /// Removes a permission: what needs it is 403.
    pub fn without(mut self, permission: Permission) -> Self {
        self.denied.insert(permission);
        self
    }

    /// The key of its rate limits, which all tokens of an installation share.
    pub(crate) fn account_key(&self) -> String {
        match &self.installation {
            Some((id, _)) => format!("installation-{id}"),
            None => Self::fingerprint(&self.secret),
        }
    }

    /// The kind of its bearer, as in GitHub's messages.
    pub(crate) fn bearer(&self) -> &'static str {
        if self.installation.is_some() { "integration" } else { "personal access token" }
    }

    /// The login of its bearer.
    pub(crate) fn login(&self) -> &str {
        self.installation.as_ref().map_or("token-owner", |(_, login)| login)
    }

    /// A hash that identifies a token in the request log.
    pub fn fingerprint(secret: &str) -> String {
        format!("{:08x}", digest::hash64(&["token", secret]) >> 32)
    }
}
