//! Enums for keys that take one of a few words.

/// Declares an enum with its words; the first variant is the default.
macro_rules! closed_set {
    (
        $(#[$about:meta])+
        pub enum $name:ident {
            $( $(#[$doc:meta])+ $variant:ident = $word:literal, )+
        }
    ) => {
        $(#[$about])+
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $name {
            $( $(#[$doc])+ $variant, )+
        }

        impl $name {
            /// All words that the configuration accepts.
            pub const WORDS: &[&str] = &[$( $word, )+];

            /// The word in the configuration.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $( Self::$variant => $word, )+
                }
            }

            /// The value of a word, in any case.
            #[must_use]
            pub fn from_word(word: &str) -> Option<Self> {
                match word.trim().to_ascii_lowercase().as_str() {
                    $( $word => Some(Self::$variant), )+
                    _ => None,
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl $crate::config::value::ConfigValue for $name {
            fn kind() -> String {
                Self::WORDS.join(", ")
            }

            fn decode(
                node: &$crate::config::node::Node,
                key: &str,
            ) -> Result<Self, $crate::config::ConfigError> {
                let word = $crate::config::value::text_of(node, key, &Self::kind())?;
                Self::from_word(word)
                    .ok_or_else(|| $crate::config::closed_set::unknown_word(node, key, word, Self::WORDS))
            }

            fn encode(&self) -> serde_json::Value {
                self.as_str().into()
            }
        }
    };
}

pub(super) use closed_set;

use super::ConfigError;
use super::node::Node;
use super::suggest::nearest;

/// The error for an unknown word, with the one that was probably meant.
pub(super) fn unknown_word(node: &Node, key: &str, word: &str, words: &'static [&str]) -> ConfigError {
    let mut error = node.wrong_type(key, format!("one of {}", words.join(", ")));
    if let (ConfigError::WrongType { found, .. }, Some(near)) =
        (&mut error, nearest(word, words.iter().copied()))
    {
        found.push_str(&format!("; did you mean {near:?}?"));
    }
    error
}
