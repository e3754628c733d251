//! Patterns that select repositories by name.

use std::sync::OnceLock;

use globset::{Glob, GlobBuilder, GlobMatcher};

use super::ConfigError;
use super::node::Node;
use super::value::{ConfigValue, text_of};

/// The size limit of a pattern in bytes. Repository names have at most 100 characters.
const MAX_BYTES: usize = 256;

/// A glob for repository names, such as `api-*`; case-insensitive, as on GitHub.
#[derive(Debug, Clone)]
pub struct RepoPattern {
    glob: Glob,
    /// Compiled at the first use, which costs a thousand times more than parsing the pattern.
    matcher: OnceLock<GlobMatcher>,
}

impl RepoPattern {
    /// The pattern that every repository matches.
    #[must_use]
    pub fn everything() -> Self {
        Self::parse("*").unwrap_or_else(|problem| unreachable!("{problem}"))
    }

    /// Parses a glob with `*`, `?`, `[a-z]` and `{one,other}`.
    ///
    /// # Errors
    /// What is wrong with the pattern.
    pub fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if text.is_empty() {
            return Err("it is empty".to_owned());
        }
        if text.len() > MAX_BYTES {
            return Err(format!("it is longer than {MAX_BYTES} bytes"));
        }
        let glob = GlobBuilder::new(text).case_insensitive(true).build();
        let glob = glob.map_err(|error| error.kind().to_string())?;
        Ok(Self { glob, matcher: OnceLock::new() })
    }

    /// Whether the repository's name (without its owner) matches.
    #[must_use]
    pub fn matches(&self, repo: &str) -> bool {
        self.as_str() == "*" || self.matcher().is_match(repo)
    }

    fn matcher(&self) -> &GlobMatcher {
        self.matcher.get_or_init(|| self.glob.compile_matcher())
    }

    /// The pattern as written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.glob.glob()
    }
}

impl PartialEq for RepoPattern {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl ConfigValue for RepoPattern {
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
    fn patterns_are_case_insensitive_globs() {
        let pattern = RepoPattern::parse("api-*").expect("a glob");
        assert!(pattern.matches("api-gateway") && pattern.matches("API-Gateway"));
        assert!(!pattern.matches("web-api-x"));
        assert!(RepoPattern::everything().matches("a.b"));
        let either = RepoPattern::parse("{web,docs}-?").expect("a glob");
        assert!(either.matches("docs-1") && !either.matches("docs-12"));
    }

    #[test]
    fn invalid_patterns_are_explained() {
        for text in ["", "[a", "{a", "a]b["] {
            if let Err(problem) = RepoPattern::parse(text) {
                assert!(!problem.is_empty());
            }
        }
        let worst = format!("{}{}", "{a,b}".repeat(50), "?*");
        assert!(!RepoPattern::parse(&worst).expect("a glob").matches("x"));
        assert!(RepoPattern::parse("[a").is_err() && RepoPattern::parse("{a").is_err());
    }
}
