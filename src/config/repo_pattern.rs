//! Patterns that choose repositories by name.

use globset::{GlobBuilder, GlobMatcher};

use super::ConfigError;
use super::node::Node;
use super::value::{Value, text_of};

/// A glob over repository names, such as `api-*`; case does not matter, as for GitHub.
#[derive(Debug, Clone)]
pub struct RepoPattern(GlobMatcher);

impl RepoPattern {
    /// The pattern that every repository matches.
    #[must_use]
    pub fn everything() -> Self {
        Self::parse("*").unwrap_or_else(|problem| unreachable!("{problem}"))
    }

    /// Reads a glob with `*`, `?`, `[a-z]` and `{one,other}`.
    ///
    /// # Errors
    /// What is wrong with the pattern.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.trim().is_empty() {
            return Err("it is empty".to_owned());
        }
        let glob = GlobBuilder::new(text.trim()).case_insensitive(true).build();
        glob.map(|glob| Self(glob.compile_matcher()))
            .map_err(|error| error.kind().to_string())
    }

    /// Whether the repository's name (without its owner) matches.
    #[must_use]
    pub fn matches(&self, repo: &str) -> bool {
        self.0.is_match(repo)
    }

    /// The pattern as written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.glob().glob()
    }
}

impl PartialEq for RepoPattern {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Value for RepoPattern {
    fn kind() -> String {
        "repository names or globs".to_owned()
    }

    fn decode(node: &Node, key: &str) -> Result<Self, ConfigError> {
        const EXPECTED: &str = "a repository name or glob such as api-*";
        let text = text_of(node, key, EXPECTED)?;
        Self::parse(text).map_err(|problem| ConfigError::WrongType {
            at: node.at.clone(),
            key: key.to_owned(),
            expected: EXPECTED.to_owned(),
            found: format!("{} ({problem})", node.describe()),
        })
    }

    fn encode(&self) -> serde_json::Value {
        self.as_str().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matches_as_github_names_do() {
        let pattern = RepoPattern::parse("api-*").expect("a glob");
        assert!(pattern.matches("api-gateway") && pattern.matches("API-Gateway"));
        assert!(!pattern.matches("web-api-x"));
        assert!(RepoPattern::everything().matches("a.b"));
        let either = RepoPattern::parse("{web,docs}-?").expect("a glob");
        assert!(either.matches("docs-1") && !either.matches("docs-12"));
    }

    #[test]
    fn says_what_is_wrong() {
        for text in ["", "[a", "{a", "a]b["] {
            if let Err(problem) = RepoPattern::parse(text) {
                assert!(!problem.is_empty());
            }
        }
        assert!(RepoPattern::parse("[a").is_err() && RepoPattern::parse("{a").is_err());
    }
}
