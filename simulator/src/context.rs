//! What an endpoint needs for its response.

use jiff::Timestamp;
use serde_json::Value;

use crate::account::OwnerAccount;
use crate::endpoint::Route;
use crate::http_response::HttpResponse;
use crate::numeric;
use crate::page_request::PageRequest;
use crate::query_string::QueryString;
use crate::repository::Repository;
use crate::state::SimulatorState;
use crate::token::Token;
use crate::world::GithubWorld;

/// A request that passed authentication and limits.
pub(crate) struct Context<'a> {
    pub(crate) state: &'a SimulatorState,
    pub(crate) world: &'a GithubWorld,
    pub(crate) now: Timestamp,
    /// Scheme, host and port as the client addressed them.
    pub(crate) base: &'a str,
    pub(crate) route: &'a Route,
    pub(crate) query: &'a QueryString,
    pub(crate) raw_query: &'a str,
    pub(crate) token: Option<&'a Token>,
}

/// The result of looking up a repository by name.
pub(crate) enum Lookup<'a> {
    /// The repository that has the name now.
    Current(&'a Repository),
    /// A repository that had the name before and was renamed.
    Renamed(&'a Repository),
    /// No repository that the caller has access to.
    NotFound,
}

/// A repository that was found, with its owner.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FoundRepository<'a> {
    pub(crate) account: &'a OwnerAccount,
    pub(crate) repo: &'a Repository,
}

impl<'a> Context<'a> {
    /// The account in the path, or 404 if the caller has no access to it.
    pub(crate) fn account(&self) -> Result<&'a OwnerAccount, HttpResponse> {
        let account = self.world.account(&self.route.owner);
        account.filter(|account| self.sees_owner(account)).ok_or_else(HttpResponse::not_found)
    }

    /// The repository in the path, or 301 if it was renamed, or 404 if the caller has no access to
    /// it.
    pub(crate) fn repository(&self) -> Result<FoundRepository<'a>, HttpResponse> {
        let account = self.account()?;
        match self.find(account, &self.route.repo) {
            Lookup::Current(repo) => Ok(FoundRepository { account, repo }),
            Lookup::Renamed(repo) => Err(self.moved(repo)),
            Lookup::NotFound => Err(HttpResponse::not_found()),
        }
    }

    /// The repository of an account that is, or was, called `wanted`.
    pub(crate) fn find(&self, account: &'a OwnerAccount, wanted: &str) -> Lookup<'a> {
        // Names first: comparing them is cheaper than checking the token's access.
        let same = |name: &str| name.eq_ignore_ascii_case(wanted);
        let visible = |repo: &&Repository| repo.exists(self.now) && self.sees(account, repo);
        let has_name = |repo: &&Repository| same(repo.name_at(self.now));
        let had_name = |repo: &&Repository| repo.names.iter().any(|(at, name)| *at <= self.now && same(name));
        let repos = || account.repositories.iter();
        match repos().filter(has_name).find(visible) {
            Some(repo) => Lookup::Current(repo),
            None => repos().filter(had_name).find(visible).map_or(Lookup::NotFound, Lookup::Renamed),
        }
    }

    /// Whether the caller has access to a repository of this account.
    pub(crate) fn sees(&self, account: &OwnerAccount, repo: &Repository) -> bool {
        let Some(token) = self.token else {
            return !repo.private;
        };
        let full_name = || format!("{}/{}", account.login, repo.name_at(self.now)).to_lowercase();
        let granted = token.repositories.as_ref().is_none_or(|names| names.contains(&full_name()));
        self.sees_owner(account) && granted
    }

    /// Whether the caller has access to anything of this account.
    pub(crate) fn sees_owner(&self, account: &OwnerAccount) -> bool {
        let owners = self.token.and_then(|token| token.owners.as_ref());
        owners.is_none_or(|owners| owners.contains(&account.login.to_lowercase()))
    }

    fn moved(&self, repo: &Repository) -> HttpResponse {
        let query = if self.raw_query.is_empty() { String::new() } else { format!("?{}", self.raw_query) };
        let url = format!("{}{query}", self.numeric_url(repo));
        let body = serde_json::json!({
            "message": "Moved Permanently",
            "url": url,
            "documentation_url": "https://docs.github.com/rest/guides/best-practices-for-using-the-rest-api#follow-redirects",
        });
        HttpResponse::json(301, &body).header("location", url)
    }

    /// This request's URL with the repository named by its id, as GitHub writes links.
    pub(crate) fn numeric_url(&self, repo: &Repository) -> String {
        format!("{}/repositories/{}{}", self.base, repo.id(), self.route.tail)
    }

    /// The requested page of `items`, rendered as JSON, with links to the other pages.
    pub(crate) fn page<T>(&self, items: &[T], url: &str, render: impl Fn(&T) -> Value) -> HttpResponse {
        let page = PageRequest::of(self.query);
        let body = Value::Array(page.cut(items).iter().map(render).collect());
        self.linked(HttpResponse::ok(&body), page, items.len(), url)
    }

    /// Adds the `Link` header of a list of `total` items.
    pub(crate) fn linked(
        &self,
        response: HttpResponse,
        page: PageRequest,
        total: usize,
        url: &str,
    ) -> HttpResponse {
        match page.links(total, url, self.query) {
            Some(links) => response.header("link", links),
            None => response,
        }
    }

    /// An account's URL by number, as in links of its lists.
    pub(crate) fn account_url(&self, account: &OwnerAccount, list: &str) -> String {
        let kind = match account.kind {
            crate::AccountKind::Organization => "organizations",
            crate::AccountKind::User => "user",
        };
        format!("{}/{kind}/{}/{list}", self.base, numeric::account_id(account.ordinal))
    }
}
