//! Parses YAML into a tree of nodes.

use std::fmt;
use std::sync::Arc;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::{Location, NonFiniteFloatPolicy, Spanned};

use super::node::{FileName, MappingEntry, Node, NodeContent};
use super::{ConfigError, Origin};

/// Parses the text of a file.
///
/// # Errors
/// [`ConfigError::Syntax`] with the line, for anything that is not one bounded YAML document.
pub(super) fn parse_file(text: &str, file: &FileName) -> Result<Node, ConfigError> {
    parse(text, &|location| file.at(location.line(), location.column()))
}

/// Parses the text of a variable; all its values get the origin `at`.
///
/// # Errors
/// [`ConfigError::Syntax`] naming the variable.
pub(super) fn parse_raw(text: &str, at: &Origin) -> Result<Node, ConfigError> {
    parse(text, &|_| at.clone())
}

type Locate<'a> = &'a dyn Fn(Location) -> Origin;

fn parse(text: &str, locate: Locate<'_>) -> Result<Node, ConfigError> {
    let spanned: Spanned<Shape> =
        serde_saphyr::from_str_with_options(text, options()).map_err(|error| syntax_error(&error, locate))?;
    Ok(to_node(spanned, text, locate))
}

/// Limits far above any real configuration, so that a few hundred aliases cannot expand to
/// gigabytes.
fn options() -> serde_saphyr::Options {
    serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_depth: 16,
            max_documents: 2,
            max_anchors: 1_000,
            max_aliases: 10_000,
            max_merge_keys: 5_000,
        },
        alias_limits: serde_saphyr::alias_limits! {
            max_total_replayed_events: 200_000,
            max_replay_stack_depth: 8,
        },
        non_finite_float_policy: NonFiniteFloatPolicy::PassThrough,
        reject_unsupported_tags: true,
        // A snippet would show the lines around the mistake, which may contain a token.
        with_snippet: false,
    }
}

fn syntax_error(error: &serde_saphyr::Error, locate: Locate<'_>) -> ConfigError {
    let location = error.location().unwrap_or(Location::UNKNOWN);
    ConfigError::Syntax { at: locate(location), problem: problem_of(error) }
}

/// The parser's message, or a clearer one where it is meant for programmers.
fn problem_of(error: &serde_saphyr::Error) -> String {
    use serde_saphyr::Error;
    match error {
        Error::DuplicateMappingKey { key: Some(key), .. } => {
            format!("the key {key:?} occurs twice in the same mapping")
        }
        Error::MultipleDocuments { .. } => {
            "there is more than one document; remove everything from the second --- on".to_owned()
        }
        Error::AliasReplayLimitExceeded { .. } | Error::AliasReplayStackDepthExceeded { .. } => {
            "its aliases expand to more than a configuration may contain".to_owned()
        }
        Error::Budget { .. } => "it is larger or nested more deeply than a configuration may be".to_owned(),
        Error::UnknownAnchor { .. } => "an alias (*name) refers to no anchor (&name)".to_owned(),
        other => message_of(other),
    }
}

/// The parser's message, unless it repeats a tag: an unquoted password may start with `!`.
fn message_of(error: &serde_saphyr::Error) -> String {
    let message = one_line(&error.to_string());
    if message.contains("tag") {
        "a tag (text that starts with !) has no meaning here; put text in quotes".to_owned()
    } else {
        message
    }
}

/// The parser's message without its "at line …": the error already names file, line and column.
fn one_line(message: &str) -> String {
    let line = message.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.find(" at line ") {
        Some(end) => line[..end].trim_end_matches([':', ',']).to_owned(),
        None => line,
    }
}

/// A YAML value as the parser classified it.
enum Shape {
    Null,
    /// A number or boolean: only its place matters, its spelling is read from the text.
    Typed,
    Text(String),
    List(Vec<Spanned<Shape>>),
    Map(Vec<(Spanned<String>, Spanned<Shape>)>),
}

impl<'de> Deserialize<'de> for Shape {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ShapeVisitor)
    }
}

struct ShapeVisitor;

impl<'de> Visitor<'de> for ShapeVisitor {
    type Value = Shape;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a YAML value")
    }

    fn visit_unit<E>(self) -> Result<Shape, E> {
        Ok(Shape::Null)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Shape, E> {
        Ok(Shape::Typed)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Shape, E> {
        Ok(Shape::Typed)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Shape, E> {
        Ok(Shape::Typed)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Shape, E> {
        Ok(Shape::Typed)
    }

    fn visit_str<E>(self, text: &str) -> Result<Shape, E> {
        Ok(Shape::Text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Shape, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(Shape::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Shape, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(Shape::Map(entries))
    }
}

fn to_node(spanned: Spanned<Shape>, text: &str, locate: Locate<'_>) -> Node {
    let at = locate(spanned.referenced);
    let content = match spanned.value {
        Shape::Null => NodeContent::Null,
        Shape::Typed => NodeContent::Plain(spelling(text, spanned.defined)),
        Shape::Text(text) => NodeContent::Text(text),
        Shape::List(items) => {
            NodeContent::List(items.into_iter().map(|item| to_node(item, text, locate)).collect())
        }
        Shape::Map(entries) => NodeContent::Map(
            entries.into_iter().map(|(key, value)| to_entry(key, value, text, locate)).collect(),
        ),
    };
    Node { at, content }
}

fn to_entry(key: Spanned<String>, value: Spanned<Shape>, text: &str, locate: Locate<'_>) -> MappingEntry {
    MappingEntry { at: locate(key.referenced), key: key.value, value: to_node(value, text, locate) }
}

/// The scalar as spelt in the text, so that a token `0123e5` is not turned into a number.
fn spelling(text: &str, location: Location) -> String {
    let span = location.span();
    let slice = span.byte_offset().zip(span.byte_len()).and_then(|(start, len)| {
        let start = usize::try_from(start).ok()?;
        let end = start.checked_add(usize::try_from(len).ok()?)?;
        text.get(start..end)
    });
    slice.unwrap_or_default().trim().to_owned()
}

impl From<&str> for FileName {
    fn from(name: &str) -> Self {
        Self(Arc::from(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<Node, ConfigError> {
        parse_file(text, &FileName::from("test.yaml"))
    }

    fn texts(text: &str) -> Vec<String> {
        let node = parsed(text).expect("valid YAML");
        let NodeContent::List(items) = node.content else { panic!("not a list: {node:?}") };
        items.iter().map(|item| item.text().unwrap_or("-").to_owned()).collect()
    }

    #[test]
    fn the_spelling_of_numbers_and_booleans_is_kept() {
        let list = texts("[0123, 1e3, yes, Off, 12345678901234567890123, 0x1F, 1_000, .nan, -0.0]");
        let spelled =
            ["0123", "1e3", "yes", "Off", "12345678901234567890123", "0x1F", "1_000", ".nan", "-0.0"];
        assert_eq!(list, spelled);
    }

    #[test]
    fn the_spelling_is_kept_after_wide_characters_and_through_aliases() {
        assert_eq!(texts("# naïve €\n- &n 007 # ü\n- 'é'\n- *n\n- 42\n"), ["007", "é", "007", "42"]);
    }

    #[test]
    fn origins_are_those_of_keys_and_aliases() {
        let node = parsed("a:\n  b: 1\nc:\n  - x\n  - y\n").expect("valid YAML");
        assert_eq!(node.origin_of("a.b").to_string(), "test.yaml:2:3");
        assert_eq!(node.origin_of("c[1]").to_string(), "test.yaml:5:5");
        assert_eq!(node.origin_of("a.z"), Origin::Default);
    }

    #[test]
    fn an_empty_document_is_null() {
        for text in ["", "\n", "# nothing\n", "---\n"] {
            let node = parsed(text).expect("valid YAML");
            assert!(matches!(node.content, NodeContent::Null), "{text:?}: {node:?}");
        }
    }

    #[test]
    fn alias_bombs_and_invalid_yaml_are_rejected_in_one_line() {
        let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
        for i in 1..10 {
            let aliases = vec![format!("*a{}", i - 1); 10].join(", ");
            bomb.push_str(&format!("a{i}: &a{i} [{aliases}]\n"));
        }
        let deep = "[".repeat(500);
        for text in [bomb.as_str(), &deep, "a: b: c", "a: [", "a: 1\na: 2\n", "a: *nobody", "--- 1\n--- 2\n"]
        {
            let message = parsed(text).expect_err("rejected").to_string();
            assert!(message.starts_with("test.yaml"), "{message}");
            assert!(!message.contains('\n') && !message.contains(" at line "), "{message}");
        }
    }
}
