//! Which repositories of an organisation are collected.

use globset::{Glob, GlobSet, GlobSetBuilder};

/// Allow and deny lists of globs over repository names; a name that matches both is denied.
#[derive(Clone, Debug)]
pub struct RepoFilter {
    allow: GlobSet,
    deny: GlobSet,
}

impl RepoFilter {
    /// A filter of these globs.
    ///
    /// # Errors
    /// The first glob that is none.
    pub fn new<S: AsRef<str>>(allow: &[S], deny: &[S]) -> Result<Self, globset::Error> {
        Ok(RepoFilter { allow: set(allow)?, deny: set(deny)? })
    }

    /// Lets every repository through.
    pub fn everything() -> Self {
        let any = GlobSetBuilder::new().add(Glob::new("*").expect("a valid glob")).build();
        RepoFilter { allow: any.expect("a valid set"), deny: GlobSet::empty() }
    }

    /// Whether the repository of this name is collected.
    pub fn allows(&self, name: &str) -> bool {
        self.allow.is_match(name) && !self.deny.is_match(name)
    }
}

fn set<S: AsRef<str>>(globs: &[S]) -> Result<GlobSet, globset::Error> {
    let mut builder = GlobSetBuilder::new();
    for glob in globs {
        builder.add(Glob::new(glob.as_ref())?);
    }
    builder.build()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_denied_name_is_denied_even_when_allowed() {
        let filter = RepoFilter::new(&["*"], &["secret-*", "old"]).unwrap();
        assert!(filter.allows("api") && !filter.allows("secret-plan") && !filter.allows("old"));
        let some = RepoFilter::new(&["api*"], &[]).unwrap();
        assert!(some.allows("api-gateway") && !some.allows("web"));
    }
}
