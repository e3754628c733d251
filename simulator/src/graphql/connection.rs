//! Cursor-based pages of a list.

use serde_json::{Value, json};

use super::arguments::Arguments;
use super::cost::LARGEST_PAGE;
use super::error::GraphqlError;
use super::object::Object;

/// An item's position in its list, independent of items that are added before or after it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum CursorPosition {
    /// Sorted by a number, such as a time; then by id.
    Number(i64, u64),
    /// Sorted by a name; then by id.
    Name(String, u64),
}

impl CursorPosition {
    /// The position as a cursor.
    fn cursor(&self) -> String {
        match self {
            Self::Number(number, id) => format!("n:{number}:{id}"),
            Self::Name(name, id) => format!("t:{name}:{id}"),
        }
    }

    fn read(cursor: &str) -> Option<Self> {
        let (kind, rest) = cursor.split_once(':')?;
        let (first, id) = rest.rsplit_once(':')?;
        let id = id.parse().ok()?;
        match kind {
            "n" => Some(Self::Number(first.parse().ok()?, id)),
            "t" => Some(Self::Name(first.to_owned(), id)),
            _ => None,
        }
    }
}

/// One page of a list.
#[derive(Debug, Clone)]
pub(crate) struct Connection<'a> {
    /// The type's name, such as `IssueConnection`.
    pub(crate) kind: &'static str,
    pub(crate) items: Vec<(CursorPosition, Object<'a>)>,
    pub(crate) total: usize,
    before: bool,
    after: bool,
}

impl<'a> Connection<'a> {
    /// The requested page of `items`, which are sorted here.
    ///
    /// # Errors
    /// When the page has no size or too large a size, or a cursor is invalid.
    pub(crate) fn of(
        kind: &'static str,
        field: &str,
        arguments: &Arguments,
        mut items: Vec<(CursorPosition, Object<'a>)>,
        ascending: bool,
    ) -> Result<Self, GraphqlError> {
        let (first, last) = page_bounds(field, arguments)?;
        items.sort_unstable_by(|a, b| if ascending { a.0.cmp(&b.0) } else { b.0.cmp(&a.0) });
        let total = items.len();
        let is_after = |position: &CursorPosition, cursor: &CursorPosition| {
            if ascending { position > cursor } else { position < cursor }
        };
        let from = cursor(arguments, "after")?
            .map_or(0, |cursor| items.partition_point(|(position, _)| !is_after(position, &cursor)));
        let to = cursor(arguments, "before")?
            .map_or(total, |cursor| items.partition_point(|(position, _)| is_after(&cursor, position)));
        let to = to.max(from);
        let (start, end) = match (first, last) {
            (Some(first), _) => (from, to.min(from + first)),
            (None, Some(last)) => (from.max(to.saturating_sub(last)), to),
            (None, None) => (from, from),
        };
        let items = items.drain(start..end).collect();
        Ok(Self { kind, items, total, before: start > 0, after: end < total })
    }

    /// The name of the edge type.
    pub(crate) fn edge_kind(&self) -> &'static str {
        match self.kind {
            "RepositoryConnection" => "RepositoryEdge",
            "CommitConnection" | "CommitHistoryConnection" => "CommitEdge",
            "PullRequestConnection" => "PullRequestEdge",
            "PullRequestReviewConnection" => "PullRequestReviewEdge",
            "IssueConnection" => "IssueEdge",
            "IssueCommentConnection" => "IssueCommentEdge",
            _ => "SearchResultItemEdge",
        }
    }

    /// The cursor of the n-th item of this page.
    pub(crate) fn cursor(&self, nth: usize) -> Value {
        self.items.get(nth).map_or(Value::Null, |(position, _)| json!(position.cursor()))
    }

    /// A field of `PageInfo`.
    pub(crate) fn info(&self, field: &str) -> Value {
        match field {
            "hasNextPage" => json!(self.after),
            "hasPreviousPage" => json!(self.before),
            "startCursor" => self.cursor(0),
            _ => self.items.len().checked_sub(1).map_or(Value::Null, |last| self.cursor(last)),
        }
    }
}

/// `first` and `last`, within GitHub's bounds.
fn page_bounds(field: &str, arguments: &Arguments) -> Result<(Option<usize>, Option<usize>), GraphqlError> {
    let mut sizes = [None, None];
    for (size, name) in sizes.iter_mut().zip(["first", "last"]) {
        let Some(asked) = arguments.number(name) else { continue };
        if asked > LARGEST_PAGE {
            return Err(GraphqlError::new(
                "EXCESSIVE_PAGINATION",
                format!(
                    "Requesting {asked} records on the `{field}` connection exceeds the `{name}` limit of {LARGEST_PAGE} records."
                ),
            ));
        }
        let small = |_| {
            GraphqlError::new(
                "INVALID_CURSOR_ARGUMENTS",
                format!("`{name}` on the `{field}` connection cannot be less than zero."),
            )
        };
        *size = Some(usize::try_from(asked).map_err(small)?);
    }
    if sizes == [None, None] {
        return Err(GraphqlError::new(
            "MISSING_PAGINATION_BOUNDARIES",
            format!(
                "You must provide a `first` or `last` value to properly paginate the `{field}` connection."
            ),
        ));
    }
    Ok((sizes[0], sizes[1]))
}

fn cursor(arguments: &Arguments, name: &str) -> Result<Option<CursorPosition>, GraphqlError> {
    let Some(text) = arguments.text(name) else { return Ok(None) };
    let wrong = || {
        GraphqlError::new(
            "INVALID_CURSOR_ARGUMENTS",
            format!("`{text}` does not appear to be a valid cursor."),
        )
    };
    CursorPosition::read(text).map(Some).ok_or_else(wrong)
}
