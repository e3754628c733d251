//! What an endpoint needs to answer.

use jiff::Timestamp;
use serde_json::Value;

use crate::account::Account;
use crate::endpoint::Route;
use crate::numeric;
use crate::page::Page;
use crate::query::Query;
use crate::reply::Reply;
use crate::repository::Repository;
use crate::shared::Shared;
use crate::token::Token;
use crate::world::World;

/// A request that was let in.
pub(crate) struct Context<'a> {
    pub(crate) shared: &'a Shared,
    pub(crate) world: &'a World,
    pub(crate) now: Timestamp,
    /// Scheme, host and port as the caller knows them.
    pub(crate) base: &'a str,
    pub(crate) route: &'a Route,
    pub(crate) query: &'a Query,
    pub(crate) raw_query: &'a str,
    pub(crate) token: Option<&'a Token>,
}

/// What a name leads to.
pub(crate) enum Lookup<'a> {
    /// The bearer of the name.
    Here(&'a Repository),
    /// One that has another name now.
    Moved(&'a Repository),
    /// Nothing the caller may see.
    Nowhere,
}

/// A repository that was found, with its owner.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Found<'a> {
    pub(crate) account: &'a Account,
    pub(crate) repo: &'a Repository,
}

impl<'a> Context<'a> {
    /// The account of the path, if the caller may see it.
    pub(crate) fn account(&self) -> Result<&'a Account, Reply> {
        let account = self.world.account(&self.route.owner);
        account.filter(|account| self.sees_owner(account)).ok_or_else(Reply::not_found)
    }

    /// The repository of the path: found, moved (301), or unknown to this caller (404).
    pub(crate) fn repository(&self) -> Result<Found<'a>, Reply> {
        let account = self.account()?;
        match self.find(account, &self.route.repo) {
            Lookup::Here(repo) => Ok(Found { account, repo }),
            Lookup::Moved(repo) => Err(self.moved(repo)),
            Lookup::Nowhere => Err(Reply::not_found()),
        }
    }

    /// The repository of an account that is, or was, called `wanted`.
    pub(crate) fn find(&self, account: &'a Account, wanted: &str) -> Lookup<'a> {
        // Names first: they are quicker to compare than it is to tell what a token may see.
        let same = |name: &str| name.eq_ignore_ascii_case(wanted);
        let visible = |repo: &&Repository| repo.exists(self.now) && self.sees(account, repo);
        let bears = |repo: &&Repository| same(repo.name_at(self.now));
        let bore = |repo: &&Repository| repo.names.iter().any(|(at, name)| *at <= self.now && same(name));
        let repos = || account.repositories.iter();
        match repos().filter(bears).find(visible) {
            Some(repo) => Lookup::Here(repo),
            None => repos().filter(bore).find(visible).map_or(Lookup::Nowhere, Lookup::Moved),
        }
    }

    /// Whether the caller sees a repository of this account.
    pub(crate) fn sees(&self, account: &Account, repo: &Repository) -> bool {
        let Some(token) = self.token else {
            return !repo.private;
        };
        let full_name = || format!("{}/{}", account.login, repo.name_at(self.now)).to_lowercase();
        let granted = token.repositories.as_ref().is_none_or(|names| names.contains(&full_name()));
        self.sees_owner(account) && granted
    }

    /// Whether the caller sees anything of this account.
    pub(crate) fn sees_owner(&self, account: &Account) -> bool {
        let owners = self.token.and_then(|token| token.owners.as_ref());
        owners.is_none_or(|owners| owners.contains(&account.login.to_lowercase()))
    }

    fn moved(&self, repo: &Repository) -> Reply {
        let query = if self.raw_query.is_empty() { String::new() } else { format!("?{}", self.raw_query) };
        let url = format!("{}{query}", self.numeric_url(repo));
        let body = serde_json::json!({
            "message": "Moved Permanently",
            "url": url,
            "documentation_url": "https://docs.github.com/rest/guides/best-practices-for-using-the-rest-api#follow-redirects",
        });
        Reply::json(301, &body).header("location", url)
    }

    /// This request's URL with the repository named by its id, as GitHub writes links.
    pub(crate) fn numeric_url(&self, repo: &Repository) -> String {
        format!("{}/repositories/{}{}", self.base, repo.id(), self.route.tail)
    }

    /// The page of `items` asked for, each made into JSON, with links to the other pages.
    pub(crate) fn page<T>(&self, items: &[T], url: &str, render: impl Fn(&T) -> Value) -> Reply {
        let page = Page::of(self.query);
        let body = Value::Array(page.cut(items).iter().map(render).collect());
        self.linked(Reply::ok(&body), page, items.len(), url)
    }

    /// Adds the `Link` header of a list of `total` items.
    pub(crate) fn linked(&self, reply: Reply, page: Page, total: usize, url: &str) -> Reply {
        match page.links(total, url, self.query) {
            Some(links) => reply.header("link", links),
            None => reply,
        }
    }

    /// An account's URL by number, as in links of its lists.
    pub(crate) fn account_url(&self, account: &Account, list: &str) -> String {
        let kind = match account.kind {
            crate::AccountKind::Organization => "organizations",
            crate::AccountKind::User => "user",
        };
        format!("{}/{kind}/{}/{list}", self.base, numeric::account_id(account.ordinal))
    }
}
