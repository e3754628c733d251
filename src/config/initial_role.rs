//! The role of a replica that does not take part in an election.

use super::closed_set::closed_set;
use super::suggest::nearest;
use super::{ConfigError, Environment, Origin};

/// The variable that sets it.
const VARIABLE: &str = "GITHUB_STATS_INITIAL_ROLE";

closed_set! {
    /// The role of a replica that does not take part in an election.
    pub enum InitialRole {
        /// Schedules scrapes and collects garbage.
        Leader = "leader",
        /// Serves metrics and processes backfill jobs.
        Follower = "follower",
    }
}

impl InitialRole {
    /// The value of `GITHUB_STATS_INITIAL_ROLE`; leader by default.
    ///
    /// # Errors
    /// [`ConfigError::InvalidValue`] naming the variable, for any other word.
    pub fn of(env: &Environment) -> Result<Self, ConfigError> {
        let Some(word) = env.get(VARIABLE) else {
            return Ok(Self::Leader);
        };
        Self::from_word(word).ok_or_else(|| ConfigError::InvalidValue {
            at: Origin::Variable(VARIABLE.into()),
            problem: match nearest(word, Self::WORDS.iter().copied()) {
                Some(near) => {
                    format!("the role must be leader or follower, but is {word:?}; did you mean {near:?}?")
                }
                None => format!("the role must be leader or follower, but is {word:?}"),
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_role_is_leader() {
        let role = |word: &str| InitialRole::of(&Environment::from_iter([(VARIABLE, word)]));
        assert_eq!(InitialRole::of(&Environment::default()).expect("a role"), InitialRole::Leader);
        assert_eq!(role("Follower").expect("a role"), InitialRole::Follower);
        assert_eq!(
            role("folower").expect_err("rejected").to_string(),
            "GITHUB_STATS_INITIAL_ROLE: the role must be leader or follower, but is \"folower\"; did you mean \"follower\"?",
        );
    }
}
