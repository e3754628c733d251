//! Execution of validated queries.

use async_graphql_parser::Positioned;
use async_graphql_parser::types::{
    BaseType, Directive, ExecutableDocument, Field, Selection, SelectionSet, Type,
};
use indexmap::IndexMap;
use serde_json::{Map, Value};

use super::arguments::{self, Arguments, Variables};
use super::error::GraphqlError;
use super::fields;
use super::object::{Object, Resolved};
use super::schema::SCHEMA;
use super::scope::Scope;

/// An injected failure of part of a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PartialFailure {
    /// Every n-th item of each `nodes` list is null.
    NullNodes(usize),
    /// The query exceeds GitHub's resource limits.
    ResourceLimits,
}

/// The execution of one query.
pub(crate) struct Execution<'q, 'a> {
    pub(crate) document: &'q ExecutableDocument,
    pub(crate) variables: &'q Variables,
    pub(crate) scope: &'q Scope<'a>,
    pub(crate) partial_failure: Option<PartialFailure>,
    /// The request's id, as errors name it.
    pub(crate) id: &'q str,
    pub(crate) errors: Vec<GraphqlError>,
}

/// Selected fields by response key, to be merged.
type Chosen<'q> = IndexMap<&'q str, Vec<&'q Positioned<Field>>>;

impl<'q, 'a> Execution<'q, 'a> {
    /// The response data; null if a root field that is not nullable failed.
    pub(crate) fn run(&mut self, root: &'q SelectionSet) -> Value {
        self.object(&Object::Query, &[root], &mut Vec::new()).unwrap_or(Value::Null)
    }

    /// An object with its selected fields; `None` if a field that is not nullable failed.
    fn object(
        &mut self,
        object: &Object<'a>,
        sets: &[&'q SelectionSet],
        path: &mut Vec<Value>,
    ) -> Option<Value> {
        let mut chosen = Chosen::new();
        for set in sets {
            self.collect(set, object.kind(), &mut chosen);
        }
        let mut body = Map::new();
        for (key, same) in chosen {
            path.push(Value::from(key));
            let value = self.field(object, &same, path);
            path.pop();
            body.insert(key.to_owned(), value?);
        }
        Some(Value::Object(body))
    }

    fn collect(&self, set: &'q SelectionSet, kind: &str, chosen: &mut Chosen<'q>) {
        for item in &set.items {
            if !self.is_included(item.node.directives()) {
                continue;
            }
            match &item.node {
                Selection::Field(field) => {
                    chosen.entry(field.node.response_key().node.as_str()).or_default().push(field);
                }
                Selection::FragmentSpread(spread) => {
                    let fragment = self.document.fragments.get(&spread.node.fragment_name.node);
                    if let Some(fragment) = fragment
                        && SCHEMA.is_a(kind, fragment.node.type_condition.node.on.node.as_str())
                    {
                        self.collect(&fragment.node.selection_set.node, kind, chosen);
                    }
                }
                Selection::InlineFragment(inline) => {
                    let condition = inline.node.type_condition.as_ref();
                    if condition.is_none_or(|one| SCHEMA.is_a(kind, one.node.on.node.as_str())) {
                        self.collect(&inline.node.selection_set.node, kind, chosen);
                    }
                }
            }
        }
    }

    /// Whether `@include` and `@skip` include the field.
    fn is_included(&self, directives: &[Positioned<Directive>]) -> bool {
        directives.iter().all(|directive| {
            let value = directive.node.get_argument("if");
            let value = value.and_then(|value| arguments::json(&value.node, self.variables));
            let holds = value.and_then(|value| value.as_bool()).unwrap_or(false);
            match directive.node.name.node.as_str() {
                "skip" => !holds,
                "include" => holds,
                _ => true,
            }
        })
    }

    fn field(
        &mut self,
        object: &Object<'a>,
        same: &[&'q Positioned<Field>],
        path: &mut Vec<Value>,
    ) -> Option<Value> {
        let field = same.first()?;
        let name = field.node.name.node.as_str();
        if name == "__typename" {
            return Some(Value::from(object.kind()));
        }
        let definition = SCHEMA.field(object.kind(), name)?;
        let resolved = match self.resource_limit_error(object, name) {
            Some(error) => Err(error),
            None => {
                let arguments = Arguments::of(&field.node, definition, self.variables);
                fields::resolve(self.scope, object, name, &arguments)
            }
        };
        let ty = &definition.ty.node;
        match resolved {
            Err(error) => {
                self.errors.push(error.at(field.pos, path.clone()));
                ty.nullable.then_some(Value::Null)
            }
            Ok(resolved) => self.complete(resolved, ty, same, path),
        }
    }

    fn resource_limit_error(&self, object: &Object<'a>, name: &str) -> Option<GraphqlError> {
        let is_over_limit =
            self.partial_failure == Some(PartialFailure::ResourceLimits) && matches!(object, Object::Query);
        let message = "Resource limits for this query exceeded.";
        (is_over_limit && name != "rateLimit").then(|| GraphqlError::new("RESOURCE_LIMITS_EXCEEDED", message))
    }

    fn complete(
        &mut self,
        resolved: Resolved<'a>,
        ty: &Type,
        same: &[&'q Positioned<Field>],
        path: &mut Vec<Value>,
    ) -> Option<Value> {
        let value = match resolved {
            Resolved::Leaf(value) => Some(value),
            Resolved::One(object) => object.and_then(|object| self.object(&object, &sets(same), path)),
            Resolved::Many(items) => self.items(items, ty, same, path),
        };
        match value {
            Some(value) if !value.is_null() => Some(value),
            _ if ty.nullable => Some(Value::Null),
            _ => {
                // No error explains it yet: a resolver broke the schema.
                if self.errors.is_empty() {
                    let message = "Cannot return null for a field that may not be null";
                    self.errors.push(GraphqlError::new("INTERNAL", message).at(same[0].pos, path.clone()));
                }
                None
            }
        }
    }

    fn items(
        &mut self,
        items: Vec<Result<Object<'a>, GraphqlError>>,
        ty: &Type,
        same: &[&'q Positioned<Field>],
        path: &mut Vec<Value>,
    ) -> Option<Value> {
        let BaseType::List(inner) = &ty.base else { return None };
        let (sets, name) = (sets(same), same[0].node.name.node.as_str());
        let mut list = Vec::with_capacity(items.len());
        for (nth, item) in items.into_iter().enumerate() {
            path.push(Value::from(nth));
            let missing = matches!(self.partial_failure, Some(PartialFailure::NullNodes(every)) if name == "nodes" && (nth + 1) % every.max(1) == 0);
            let item = if missing { Err(GraphqlError::unexplained(self.id)) } else { item };
            let value = match item {
                Ok(object) => self.object(&object, &sets, path),
                Err(error) => {
                    self.errors.push(error.at(same[0].pos, path.clone()));
                    None
                }
            };
            path.pop();
            match value {
                None if !inner.nullable => return None,
                value => list.push(value.unwrap_or(Value::Null)),
            }
        }
        Some(Value::Array(list))
    }
}

fn sets<'q>(same: &[&'q Positioned<Field>]) -> Vec<&'q SelectionSet> {
    same.iter().map(|field| &field.node.selection_set.node).collect()
}
