//! The cost of a query, computed before it is executed.

use async_graphql_parser::types::{ExecutableDocument, Field, Selection, SelectionSet};

use super::arguments::{Arguments, Variables};
use super::schema::{SCHEMA, innermost};

/// Maximum size of a page.
pub(crate) const LARGEST_PAGE: i64 = 100;

/// Maximum number of nodes a query may request.
pub(crate) const MOST_NODES: u64 = 500_000;

/// The cost of a query, as if every list were full.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Cost {
    /// Number of lists to be read.
    requests: u64,
    /// Number of items in them.
    pub(crate) nodes: u64,
}

impl Cost {
    /// Points of the hourly limit: the number of lists divided by 100 and rounded, at least 1.
    pub(crate) fn points(self) -> u32 {
        u32::try_from(((self.requests + 50) / 100).max(1)).unwrap_or(u32::MAX)
    }

    /// The cost of a validated query.
    pub(crate) fn of(document: &ExecutableDocument, root: &SelectionSet, variables: &Variables) -> Self {
        let mut calculator = CostCalculator { document, variables, cost: Self::default() };
        calculator.selection(root, "Query", 1);
        calculator.cost
    }
}

struct CostCalculator<'a> {
    document: &'a ExecutableDocument,
    variables: &'a Variables,
    cost: Cost,
}

impl CostCalculator<'_> {
    /// Adds the cost of a selection on each of `times` objects.
    fn selection(&mut self, set: &SelectionSet, owner: &str, times: u64) {
        for item in &set.items {
            match &item.node {
                Selection::Field(field) => self.field(&field.node, owner, times),
                Selection::FragmentSpread(spread) => {
                    if let Some(fragment) = self.document.fragments.get(&spread.node.fragment_name.node) {
                        let inner = fragment.node.type_condition.node.on.node.as_str();
                        self.selection(&fragment.node.selection_set.node, inner, times);
                    }
                }
                Selection::InlineFragment(inline) => {
                    let condition = inline.node.type_condition.as_ref().map(|one| one.node.on.node.as_str());
                    self.selection(&inline.node.selection_set.node, condition.unwrap_or(owner), times);
                }
            }
        }
    }

    fn field(&mut self, field: &Field, owner: &str, times: u64) {
        let Some(definition) = SCHEMA.field(owner, field.name.node.as_str()) else {
            return;
        };
        let inner = innermost(&definition.ty.node);
        let size = self.size(field, owner, inner);
        if let Some(size) = size {
            self.cost.requests = self.cost.requests.saturating_add(times);
            self.cost.nodes = self.cost.nodes.saturating_add(times.saturating_mul(size));
        }
        self.selection(&field.selection_set.node, inner, times.saturating_mul(size.unwrap_or(1)));
    }

    /// The maximum number of items of a list; `None` if the field is not a list.
    fn size(&self, field: &Field, owner: &str, inner: &str) -> Option<u64> {
        let definition = SCHEMA.field(owner, field.name.node.as_str())?;
        let arguments = Arguments::of(field, definition, self.variables);
        if inner.ends_with("Connection") {
            let asked = arguments.number("first").or(arguments.number("last")).unwrap_or(0);
            return u64::try_from(asked.clamp(0, LARGEST_PAGE)).ok();
        }
        arguments.get("ids").and_then(|ids| ids.as_array()).map(|ids| ids.len() as u64)
    }
}
