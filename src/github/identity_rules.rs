//! How people appear: the one place where the configured identity rules are applied.

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

/// Half of a hash: short enough for a label, long enough that no two people of an organisation share it.
const PSEUDONYM_BYTES: usize = 8;

/// What is credited to somebody.
trait Credited {
    fn user(&mut self) -> &mut Login;
}

impl Credited for Fact {
    fn user(&mut self) -> &mut Login {
        &mut self.user
    }
}

impl Credited for AuthorWeek {
    fn user(&mut self) -> &mut Login {
        &mut self.user
    }
}

/// Rules by which logins are shown.
pub struct IdentityRules {
    exclude_bots: bool,
    /// By login in lower case: GitHub does not tell cases apart.
    aliases: HashMap<String, Login>,
    pseudonym_key: Option<SecretString>,
}

impl IdentityRules {
    /// Rules: leave out bots, show some logins as others, and, with a key, replace every login by a pseudonym.
    pub fn new(
        exclude_bots: bool,
        aliases: BTreeMap<String, String>,
        pseudonym_key: Option<SecretString>,
    ) -> Self {
        let aliases = aliases.into_iter().map(|(from, to)| (from.to_lowercase(), Login::from(to))).collect();
        IdentityRules { exclude_bots, aliases, pseudonym_key }
    }

    /// Whom facts are credited to by these rules; facts of excluded bots are left out.
    pub fn applied(&self, mut facts: Vec<Fact>) -> Vec<Fact> {
        self.apply(&mut facts);
        facts
    }

    /// Credits by these rules; what belongs to excluded bots is left out.
    fn apply<T: Credited>(&self, things: &mut Vec<T>) {
        things.retain_mut(|thing| !self.exclude_bots || !thing.user().as_str().ends_with(BOT_SUFFIX));
        for thing in things {
            let user = thing.user();
            if let Some(shown) = self.shown(user) {
                *user = shown;
            }
        }
    }

    /// `None`: as it is.
    fn shown(&self, login: &Login) -> Option<Login> {
        let alias = (!self.aliases.is_empty())
            .then(|| self.aliases.get(&login.as_str().to_lowercase()).cloned())
            .flatten();
        let Some(key) = &self.pseudonym_key else { return alias };
        let login = alias.unwrap_or_else(|| login.clone());
        let nobody = [Login::GHOST, Login::UNLINKED].contains(&login.as_str());
        Some(if nobody { login } else { pseudonym(key, &login) })
    }
}

fn pseudonym(key: &SecretString, login: &Login) -> Login {
    use std::fmt::Write;
    // A key of any length is a key.
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

/// A source whose facts are credited by [`IdentityRules`].
pub struct IdentifiedSource<S> {
    source: S,
    personas: IdentityRules,
}

impl<S> IdentifiedSource<S> {
    /// The same source, seen through these rules.
    pub fn new(source: S, personas: IdentityRules) -> Self {
        IdentifiedSource { source, personas }
    }

    fn identify(&self, outcome: &mut Result<Collection, CollectFailure>) {
        let facts = match outcome {
            Ok(collection) => &mut collection.facts,
            Err(failure) => &mut failure.facts,
        };
        *facts = self.personas.applied(std::mem::take(facts));
    }
}

#[async_trait]
impl<S: ActivitySource> ActivitySource for IdentifiedSource<S> {
    async fn list(&self) -> Result<Listing, SourceError> {
        self.source.list().await
    }

    async fn collect(&self, request: &CollectRequest) -> Result<Collection, CollectFailure> {
        let mut outcome = self.source.collect(request).await;
        self.identify(&mut outcome);
        outcome
    }

    fn batch_size(&self) -> usize {
        self.source.batch_size()
    }

    async fn collect_many(&self, requests: &[CollectRequest]) -> CollectionResults {
        let mut outcomes = self.source.collect_many(requests).await;
        outcomes.values_mut().for_each(|outcome| self.identify(outcome));
        outcomes
    }

    async fn changes(&self, request: &ChangesRequest) -> Result<Option<Changes>, SourceError> {
        let mut changes = self.source.changes(request).await?;
        for changed in changes.iter_mut().flat_map(|changes| &mut changes.changed) {
            changed.facts = self.personas.applied(std::mem::take(&mut changed.facts));
        }
        Ok(changes)
    }

    fn includes_loc(&self) -> bool {
        self.source.includes_loc()
    }

    async fn statistics(&self, repository: &ListedRepository) -> Result<Statistics, SourceError> {
        let mut statistics = self.source.statistics(repository).await?;
        if let Statistics::Ready(weeks) = &mut statistics {
            self.personas.apply(weeks);
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

    fn shown(personas: &IdentityRules, users: &[&str]) -> Vec<String> {
        let fact = |user: &&str| Fact {
            id: FactId::Review(1),
            user: Login::from(*user),
            at: Timestamp::from_unix(1),
            loc: LocChange::default(),
        };
        let facts = personas.applied(users.iter().map(fact).collect());
        facts.into_iter().map(|fact| fact.user.to_string()).collect()
    }

    #[test]
    fn bots_are_left_out_and_aliases_shown() {
        let aliases = BTreeMap::from([("Old-Ada".to_owned(), "ada".to_owned())]);
        let personas = IdentityRules::new(true, aliases, None);
        assert_eq!(shown(&personas, &["old-ada", "bob", "renovate[bot]", "ghost"]), ["ada", "bob", "ghost"]);
    }

    #[test]
    fn pseudonyms_are_stable_keyed_and_tell_nothing() {
        let personas =
            |key: &str| IdentityRules::new(false, BTreeMap::new(), Some(SecretString::from(key.to_owned())));
        let users = ["ada", "ADA", "bob", "ghost", "unlinked"];
        let once = shown(&personas("k1"), &users);
        assert_eq!(once, shown(&personas("k1"), &users));
        assert_eq!(once[0], once[1]);
        assert_ne!(once[0], once[2]);
        assert_ne!(once[0], shown(&personas("k2"), &users)[0]);
        assert_eq!(once[0].len(), 16);
        assert_eq!(once[3..], ["ghost", "unlinked"]);
    }
}
