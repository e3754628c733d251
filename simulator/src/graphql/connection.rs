//! Pages of a list, by cursor.

use serde_json::{Value, json};

use super::arguments::Arguments;
use super::cost::LARGEST_PAGE;
use super::error::GraphqlError;
use super::object::Object;

/// Where an item stands in its list, whatever is added before or behind it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Place {
    /// By a number, such as a time; then by id.
    Number(i64, u64),
    /// By a name; then by id.
    Name(String, u64),
}

impl Place {
    /// The cursor that leads here.
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

/// A page of a list.
#[derive(Debug, Clone)]
pub(crate) struct Connection<'a> {
    /// The type's name, such as `IssueConnection`.
    pub(crate) kind: &'static str,
    pub(crate) items: Vec<(Place, Object<'a>)>,
    pub(crate) total: usize,
    before: bool,
    after: bool,
}

impl<'a> Connection<'a> {
    /// The page of `items` asked for; they are brought into order here, descending if so wanted.
    ///
    /// # Errors
    /// When the page has no size, too large a size, or begins at a cursor that is none.
    pub(crate) fn of(
        kind: &'static str,
        field: &str,
        arguments: &Arguments,
        mut items: Vec<(Place, Object<'a>)>,
        ascending: bool,
    ) -> Result<Self, GraphqlError> {
        let (first, last) = bounds(field, arguments)?;
        items.sort_unstable_by(|a, b| if ascending { a.0.cmp(&b.0) } else { b.0.cmp(&a.0) });
        let total = items.len();
        let behind = |place: &Place, cursor: &Place| if ascending { place > cursor } else { place < cursor };
        let from = cursor(arguments, "after")?
            .map_or(0, |cursor| items.partition_point(|(place, _)| !behind(place, &cursor)));
        let to = cursor(arguments, "before")?
            .map_or(total, |cursor| items.partition_point(|(place, _)| behind(&cursor, place)));
        let to = to.max(from);
        let (start, end) = match (first, last) {
            (Some(first), _) => (from, to.min(from + first)),
            (None, Some(last)) => (from.max(to.saturating_sub(last)), to),
            (None, None) => (from, from),
        };
        let items = items.drain(start..end).collect();
        Ok(Self { kind, items, total, before: start > 0, after: end < total })
    }

    /// The name of the edges' type.
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

    /// The cursor of an item of this page.
    pub(crate) fn cursor(&self, nth: usize) -> Value {
        self.items.get(nth).map_or(Value::Null, |(place, _)| json!(place.cursor()))
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
fn bounds(field: &str, arguments: &Arguments) -> Result<(Option<usize>, Option<usize>), GraphqlError> {
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

fn cursor(arguments: &Arguments, name: &str) -> Result<Option<Place>, GraphqlError> {
    let Some(text) = arguments.text(name) else { return Ok(None) };
    let wrong = || {
        GraphqlError::new(
            "INVALID_CURSOR_ARGUMENTS",
            format!("`{text}` does not appear to be a valid cursor."),
        )
    };
    Place::read(text).map(Some).ok_or_else(wrong)
}
