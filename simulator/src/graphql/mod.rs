//! GitHub's GraphQL API: part of its schema, executed the way GitHub does.

mod arguments;
mod connection;
mod cost;
mod error;
mod execute;
mod fields;
mod nodes;
mod object;
mod schema;
mod scope;
mod search;
mod search_terms;
mod validate;

use async_graphql_parser::Positioned;
use async_graphql_parser::types::{DocumentOperations, ExecutableDocument, OperationDefinition, Selection};
use serde_json::{Value, json};

use crate::context::Context;
use crate::rate_limit::RateLimitStatus;
use arguments::Variables;
use cost::{Cost, MOST_NODES};
use error::GraphqlError;
use execute::Execution;
use scope::Scope;

pub(crate) use execute::PartialFailure;
pub(crate) use schema::SERVED_SCHEMA;

/// A parsed query and its cost.
pub(crate) struct ParsedQuery {
    /// The operation's name or, if it has none, its root fields joined by commas.
    pub(crate) name: String,
    /// Whether the body was JSON at all.
    pub(crate) is_json: bool,
    cost: Cost,
    /// The query and its variables, or the errors that replace the data.
    query: Result<(ExecutableDocument, Positioned<OperationDefinition>, Variables), Vec<GraphqlError>>,
}

impl ParsedQuery {
    /// Parses and validates the body of a request.
    pub(crate) fn read(body: &[u8]) -> Self {
        let Ok(body) = serde_json::from_slice::<Value>(body) else {
            return Self { is_json: false, ..Self::refused(String::new(), Vec::new()) };
        };
        let refused = |error| Self::refused(String::new(), vec![error]);
        let Some(text) = body["query"].as_str() else {
            return refused(GraphqlError::unreadable(
                "A query attribute must be specified and must be a string.",
            ));
        };
        let document = match async_graphql_parser::parse_query(text) {
            Ok(document) => document,
            Err(error) => return refused(GraphqlError::unreadable(format!("Parse error on {error}"))),
        };
        let asked = body["operationName"].as_str().unwrap_or_default();
        let Some((name, operation)) = operation(&document, asked) else {
            return refused(GraphqlError::unreadable(format!("No operation named \"{asked}\"")));
        };
        let mut errors = validate::validate(&document, &operation.node, &name);
        let variables = match arguments::variables(&operation.node, &body["variables"]) {
            Ok(variables) => variables,
            Err(more) => {
                errors.extend(more);
                Variables::new()
            }
        };
        let name = if name.is_empty() { fields(&operation.node) } else { name };
        if !errors.is_empty() {
            return Self::refused(name, errors);
        }
        let cost = Cost::of(&document, &operation.node.selection_set.node, &variables);
        if cost.nodes > MOST_NODES {
            return Self::refused(name, vec![too_many(cost.nodes)]);
        }
        Self { name, is_json: true, cost, query: Ok((document, operation, variables)) }
    }

    /// A query that is answered with errors only.
    fn refused(name: String, errors: Vec<GraphqlError>) -> Self {
        Self { name, is_json: true, cost: Cost::default(), query: Err(errors) }
    }

    /// Its cost in points of the hourly limit.
    pub(crate) fn points(&self) -> u32 {
        self.cost.points()
    }

    /// How many nodes it may touch.
    pub(crate) fn nodes(&self) -> u64 {
        self.cost.nodes
    }

    /// The answer's body. `rate_limit_status` is what is left once it is paid.
    pub(crate) fn answer(
        &self,
        context: &Context<'_>,
        rate_limit_status: RateLimitStatus,
        partial_failure: Option<PartialFailure>,
        id: &str,
    ) -> Value {
        let (document, operation, variables) = match &self.query {
            Ok(query) => query,
            Err(errors) => return json!({"errors": listed(errors)}),
        };
        let scope = Scope { context, cost: self.cost, rate_limit_status };
        let mut execution =
            Execution { document, variables, scope: &scope, partial_failure, id, errors: Vec::new() };
        let data = execution.run(&operation.node.selection_set.node);
        let mut body = json!({"data": data});
        if !execution.errors.is_empty() {
            body["errors"] = listed(&execution.errors);
        }
        body
    }
}

/// A body that consists of one error of this type.
pub(crate) fn refusal(kind: &str, message: &str) -> Value {
    json!({"errors": [{"type": kind, "message": message}]})
}

/// The body of a query that timed out.
pub(crate) fn timeout(id: &str) -> Value {
    let message = format!(
        "Something went wrong while executing your query. This may be the result of a timeout, or it could be a GitHub bug. Please include `{id}` when reporting this issue."
    );
    json!({"data": null, "errors": [{"message": message}]})
}

fn listed(errors: &[GraphqlError]) -> Value {
    errors.iter().map(GraphqlError::json).collect()
}

fn too_many(nodes: u64) -> GraphqlError {
    let message = format!(
        "This query requests up to {} possible nodes which exceeds the maximum limit of {}.",
        grouped(nodes),
        grouped(MOST_NODES)
    );
    GraphqlError::new("MAX_NODE_LIMIT_EXCEEDED", message)
}

/// `500,000` for 500000.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let groups = digits.as_bytes().rchunks(3).rev();
    groups.map(String::from_utf8_lossy).collect::<Vec<_>>().join(",")
}

fn operation(
    document: &ExecutableDocument,
    asked: &str,
) -> Option<(String, Positioned<OperationDefinition>)> {
    match &document.operations {
        DocumentOperations::Single(one) => Some((String::new(), one.clone())),
        DocumentOperations::Multiple(all) if asked.is_empty() && all.len() == 1 => {
            all.iter().next().map(|(name, one)| (name.to_string(), one.clone()))
        }
        DocumentOperations::Multiple(all) => all
            .iter()
            .find(|(name, _)| name.as_str() == asked)
            .map(|(name, one)| (name.to_string(), one.clone())),
    }
}

/// The root fields, which name a query without an operation name.
fn fields(operation: &OperationDefinition) -> String {
    let names = operation.selection_set.node.items.iter().filter_map(|item| match &item.node {
        Selection::Field(field) => Some(field.node.name.node.as_str()),
        _ => None,
    });
    names.filter(|name| *name != "rateLimit").collect::<Vec<_>>().join(",")
}
