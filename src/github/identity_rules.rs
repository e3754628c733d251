//! How people appear: the only place where the configured identity rules are applied.

use std::collections::{BTreeMap, HashMap};

use async_trait::async_trait;
use github_stats_actors::activity::{Fact, LocChange, Login, Oid};
use github_stats_actors::source::{
    ActivitySource, AuthorWeek, Changes, ChangesRequest, CollectFailure, CollectRequest, Collection,
    CollectionResults, ListedRepository, Listing, SourceError, Statistics,
};
use hmac::{Hmac, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;

use super::identity::BOT_SUFFIX;

/// Bytes of the hash that are used: short enough for a label, long enough to avoid collisions.
const PSEUDONYM_BYTES: usize = 8;

/// Something attributed to a user.
trait Attributed {
    fn user(&mut self) -> &mut Login;
}

impl Attributed for Fact {
    fn user(&mut self) -> &mut Login {
        &mut self.user
    }
}

impl Attributed for AuthorWeek {
    fn user(&mut self) -> &mut Login {
        &mut self.user
    }
}

/// Rules that replace logins before they are stored.
pub struct IdentityRules {
    exclude_bots: bool,
    /// By login in lower case, because GitHub's logins are case-insensitive.
    aliases: HashMap<String, Login>,
    pseudonym_key: Option<SecretString>,
}

impl IdentityRules {
    /// Rules that exclude bots, replace some logins by others and, with a key, replace every login
    /// by a pseudonym.
    pub fn new(
        exclude_bots: bool,
        aliases: BTreeMap<String, String>,
        pseudonym_key: Option<SecretString>,
    ) -> Self {
        let aliases = aliases.into_iter().map(|(from, to)| (from.to_lowercase(), Login::from(to))).collect();
        IdentityRules { exclude_bots, aliases, pseudonym_key }
    }

    /// The facts, attributed by these rules; those of excluded bots are removed.
    pub fn applied(&self, mut facts: Vec<Fact>) -> Vec<Fact> {
        self.apply(&mut facts);
        facts
    }

    /// Attributes the items by these rules; those of excluded bots are removed.
    fn apply<T: Attributed>(&self, items: &mut Vec<T>) {
        items.retain_mut(|item| !self.exclude_bots || !item.user().as_str().ends_with(BOT_SUFFIX));
        for item in items {
            let user = item.user();
            if let Some(replacement) = self.replacement(user) {
                *user = replacement;
            }
        }
    }

    /// The login to use instead; `None` to keep this one.
    fn replacement(&self, login: &Login) -> Option<Login> {
        let alias = (!self.aliases.is_empty())
            .then(|| self.aliases.get(&login.as_str().to_lowercase()).cloned())
            .flatten();
        let Some(key) = &self.pseudonym_key else { return alias };
        let login = alias.unwrap_or_else(|| login.clone());
        let is_placeholder = [Login::GHOST, Login::UNLINKED].contains(&login.as_str());
        Some(if is_placeholder { login } else { pseudonym(key, &login) })
    }
}

fn pseudonym(key: &SecretString, login: &Login) -> Login {
    use std::fmt::Write;
    // HMAC accepts a key of any length.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key.expose_secret().as_bytes()) else {
        return Login::UNLINKED.into();
    };
    mac.update(login.as_str().to_lowercase().as_bytes());
    let digest = mac.finalize().into_bytes();
    let mut text = String::with_capacity(2 * PSEUDONYM_BYTES);
    for byte in &digest[..PSEUDONYM_BYTES] {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    Login::from(text)
}

/// A source whose facts are attributed by [`IdentityRules`].
pub struct IdentifiedSource<S> {
    source: S,
    rules: IdentityRules,
}

impl<S> IdentifiedSource<S> {
    /// Applies the rules to everything that `source` returns.
    pub fn new(source: S, rules: IdentityRules) -> Self {
        IdentifiedSource { source, rules }
    }

    fn apply_rules(&self, result: &mut Result<Collection, CollectFailure>) {
        let facts = match result {
            Ok(collection) => &mut collection.facts,
            Err(failure) => &mut failure.facts,
        };
        *facts = self.rules.applied(std::mem::take(facts));
    }
}

#[async_trait]
impl<S: ActivitySource> ActivitySource for IdentifiedSource<S> {
    async fn list(&self) -> Result<Listing, SourceError> {
        self.source.list().await
    }

    async fn collect(&self, request: &CollectRequest) -> Result<Collection, CollectFailure> {
        let mut result = self.source.collect(request).await;
        self.apply_rules(&mut result);
        result
    }

    fn batch_size(&self) -> usize {
        self.source.batch_size()
    }

    async fn collect_many(&self, requests: &[CollectRequest]) -> CollectionResults {
        let mut results = self.source.collect_many(requests).await;
        results.values_mut().for_each(|result| self.apply_rules(result));
        results
    }

    async fn changes(&self, request: &ChangesRequest) -> Result<Option<Changes>, SourceError> {
        let mut changes = self.source.changes(request).await?;
        for changed in changes.iter_mut().flat_map(|changes| &mut changes.changed) {
            changed.facts = self.rules.applied(std::mem::take(&mut changed.facts));
        }
        Ok(changes)
    }

    fn includes_loc(&self) -> bool {
        self.source.includes_loc()
    }

    async fn statistics(&self, repository: &ListedRepository) -> Result<Statistics, SourceError> {
        let mut statistics = self.source.statistics(repository).await?;
        if let Statistics::Ready(weeks) = &mut statistics {
            self.rules.apply(weeks);
        }
        Ok(statistics)
    }

    async fn commit_loc(&self, repository: &ListedRepository, oid: Oid) -> Result<LocChange, SourceError> {
        self.source.commit_loc(repository, oid).await
    }
}

#[cfg(test)]
mod tests {
    use github_stats_actors::activity::{FactId, Timestamp};

    use super::*;

    fn apply(rules: &IdentityRules, users: &[&str]) -> Vec<String> {
        let fact = |user: &&str| Fact {
            id: FactId::Review(1),
            user: Login::from(*user),
            at: Timestamp::from_unix(1),
            loc: LocChange::default(),
        };
        let facts = rules.applied(users.iter().map(fact).collect());
        facts.into_iter().map(|fact| fact.user.to_string()).collect()
    }

    #[test]
    fn bots_are_excluded_and_aliases_replaced() {
        let aliases = BTreeMap::from([("Old-Ada".to_owned(), "ada".to_owned())]);
        let rules = IdentityRules::new(true, aliases, None);
        assert_eq!(apply(&rules, &["old-ada", "bob", "renovate[bot]", "ghost"]), ["ada", "bob", "ghost"]);
    }

    #[test]
    fn pseudonyms_are_stable_and_depend_on_the_key() {
        let rules =
            |key: &str| IdentityRules::new(false, BTreeMap::new(), Some(SecretString::from(key.to_owned())));
        let users = ["ada", "ADA", "bob", "ghost", "unlinked"];
        let once = apply(&rules("k1"), &users);
        assert_eq!(once, apply(&rules("k1"), &users));
        assert_eq!(once[0], once[1]);
        assert_ne!(once[0], once[2]);
        assert_ne!(once[0], apply(&rules("k2"), &users)[0]);
        assert_eq!(once[0].len(), 16);
        assert_eq!(once[3..], ["ghost", "unlinked"]);
    }
}
