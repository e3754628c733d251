//! A GitHub App, its installations, and the JSON web tokens it signs.

use jiff::Timestamp;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::token::{Permission, Token};

/// Maximum lifetime of a JSON web token, in seconds.
const LONGEST: i64 = 600;

/// A GitHub App, which authenticates with JSON web tokens signed by its private key.
#[derive(Debug, Clone)]
pub struct App {
    id: u64,
    public_key: String,
    installations: Vec<Installation>,
}

/// The installation of an app in an account, and what its tokens may do there.
#[derive(Debug, Clone)]
pub struct Installation {
    id: u64,
    account: String,
    token: Token,
}

/// The claims that GitHub checks.
#[derive(Debug, Deserialize)]
struct Claims {
    iss: Value,
    iat: Option<i64>,
    exp: Option<i64>,
}

impl App {
    /// An app whose tokens are verified with `public_key`, an RSA key in PEM.
    pub fn new(id: u64, public_key: &str) -> Self {
        Self { id, public_key: public_key.to_owned(), installations: Vec::new() }
    }

    /// Adds an installation.
    pub fn installed(mut self, installation: Installation) -> Self {
        self.installations.push(installation);
        self
    }

    /// The installation with this id.
    pub(crate) fn installation(&self, id: &str) -> Option<&Installation> {
        self.installations.iter().find(|one| one.id.to_string() == id)
    }

    /// Checks that a JSON web token belongs to this app and is valid at `now`; the error is
    /// GitHub's message.
    pub(crate) fn verify(&self, web_token: &str, now: Timestamp) -> Result<(), &'static str> {
        const UNREADABLE: &str = "A JSON web token could not be decoded";
        let key = DecodingKey::from_rsa_pem(self.public_key.as_bytes()).map_err(|_| UNREADABLE)?;
        let mut validation = Validation::new(Algorithm::RS256);
        // The library would check expiry by the machine's clock; the simulator has its own.
        (validation.validate_exp, validation.validate_aud) = (false, false);
        validation.required_spec_claims.clear();
        let read = jsonwebtoken::decode::<Claims>(web_token, &key, &validation).map_err(|_| UNREADABLE)?;
        let (claims, now) = (read.claims, now.as_second());
        let own = claims.iss == json!(self.id) || claims.iss == json!(self.id.to_string());
        match (claims.iat, claims.exp) {
            _ if !own => Err("Integration not found"),
            (_, exp) if exp.is_none_or(|exp| exp <= now) => Err(
                "'Expiration time' claim ('exp') must be a numeric value representing the future time at which the assertion expires",
            ),
            (_, Some(exp)) if exp > now + LONGEST => {
                Err("'Expiration time' claim ('exp') is too far in the future")
            }
            (iat, _) if iat.is_none_or(|iat| iat > now) => Err(
                "'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued",
            ),
            _ => Ok(()),
        }
    }

    /// The response to `GET /app`.
    pub(crate) fn describe(&self, base: &str) -> Value {
        let owner = crate::answers::users::user(base, "app-owner");
        json!({
            "id": self.id, "slug": "simulated-app", "node_id": crate::digest::node_id("A_kwDO", self.id),
            "client_id": format!("Iv1.{:016x}", self.id), "owner": owner, "name": "Simulated App",
            "description": null, "external_url": base, "html_url": format!("{base}/html/apps/simulated-app"),
            "created_at": "2020-01-01T00:00:00Z", "updated_at": "2020-01-01T00:00:00Z",
            "permissions": {"contents": "read", "issues": "read", "metadata": "read", "pull_requests": "read"},
            "events": [], "installations_count": self.installations.len(),
        })
    }
}

impl Installation {
    /// An installation with access to everything of one account and 5,000 points an hour.
    pub fn new(id: u64, account: &str) -> Self {
        let mut token = Token::new("").only_owners(&[account]);
        token.installation = Some((id, "simulated-app[bot]".to_owned()));
        Self { id, account: account.to_owned(), token }
    }

    /// Sets the points per hour, of REST and GraphQL each.
    pub fn hourly_limit(mut self, points: u32) -> Self {
        self.token = self.token.hourly_limit(points);
        self
    }

    /// Sets the GraphQL points per hour.
    pub fn graphql_limit(mut self, points: u32) -> Self {
        self.token = self.token.graphql_limit(points);
        self
    }

    /// Restricts access to these repositories, by name.
    pub fn only_repositories(mut self, names: &[&str]) -> Self {
        let full_names: Vec<String> = names.iter().map(|name| format!("{}/{name}", self.account)).collect();
        let full_names: Vec<&str> = full_names.iter().map(String::as_str).collect();
        self.token = self.token.only_repositories(&full_names);
        self
    }

    /// Removes a permission.
    pub fn without(mut self, permission: Permission) -> Self {
        self.token = self.token.without(permission);
        self
    }

    /// A token of this installation.
    pub(crate) fn token(&self, secret: &str) -> Token {
        Token { secret: secret.to_owned(), ..self.token.clone() }
    }

    /// The response that grants a new token.
    pub(crate) fn grant(&self, secret: &str, expires_at: &str) -> Value {
        let all = [Permission::Metadata, Permission::Contents, Permission::Issues, Permission::PullRequests];
        let granted = all.into_iter().filter(|one| !self.token.denied.contains(one));
        let permissions: serde_json::Map<String, Value> =
            granted.filter_map(|one| Some((json!(one).as_str()?.to_owned(), json!("read")))).collect();
        let selection = if self.token.repositories.is_some() { "selected" } else { "all" };
        json!({
            "token": secret, "expires_at": expires_at, "permissions": permissions,
            "repository_selection": selection,
        })
    }
}
