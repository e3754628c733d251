//! Names and ids as types of their own: cheap to clone, impossible to confuse.

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

macro_rules! name {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Arc<str>);

        impl $name {
            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                $name(Arc::from(text))
            }
        }

        impl From<String> for $name {
            fn from(text: String) -> Self {
                $name(Arc::from(text))
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

name!(
    /// The login of an organisation (or of a user account that owns repositories).
    OrgName
);
name!(
    /// A repository's node id: its identity, which survives a rename.
    RepoId
);
name!(
    /// A repository's current name: a label, not an identity.
    RepoName
);
name!(
    /// Who a fact is credited to: a login, `name[bot]`, `ghost` or `unlinked`; never an e-mail
    /// address.
    Login
);

impl Login {
    /// The login to which commits are credited that GitHub links to no account.
    pub const UNLINKED: &str = "unlinked";
    /// The login to which facts of deleted accounts are credited.
    pub const GHOST: &str = "ghost";
}

/// The identity of a repository within the organisation it is collected for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RepoKey {
    pub org: OrgName,
    pub id: RepoId,
}

impl fmt::Display for RepoKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.org, self.id)
    }
}
