//! GitHub's GraphQL API: a part of its schema, executed as GitHub does.

mod arguments;
mod check;
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
mod terms;

use async_graphql_parser::Positioned;
use async_graphql_parser::types::{DocumentOperations, ExecutableDocument, OperationDefinition, Selection};
use serde_json::{Value, json};

use crate::context::Context;
use crate::ledger::Balance;
use arguments::Variables;
use cost::{Cost, MOST_NODES};
use error::GraphqlError;
use execute::Execution;
use scope::Scope;

pub(crate) use execute::Spoil;
pub(crate) use schema::OFFERED;

/// A query that was read, and what it costs.
pub(crate) struct Question {
    /// The operation's name or, where it has none, those of its fields.
    pub(crate) name: String,
    /// Whether the body was JSON at all.
    pub(crate) is_json: bool,
    cost: Cost,
    /// The query and its variables, or why there will be no data.
    query: Result<(ExecutableDocument, Positioned<OperationDefinition>, Variables), Vec<GraphqlError>>,
}

impl Question {
    /// Reads the body of a request.
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
        let mut errors = check::check(&document, &operation.node, &name);
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

    /// One that is answered by errors alone.
    fn refused(name: String, errors: Vec<GraphqlError>) -> Self {
        Self { name, is_json: true, cost: Cost::default(), query: Err(errors) }
    }

    /// Points of the hourly limit.
    pub(crate) fn points(&self) -> u32 {
        self.cost.points()
    }

    /// How many nodes it may touch.
    pub(crate) fn nodes(&self) -> u64 {
        self.cost.nodes
    }

    /// The answer's body. `balance` is what is left once it is paid.
    pub(crate) fn answer(
        &self,
        context: &Context<'_>,
        balance: Balance,
        spoil: Option<Spoil>,
        id: &str,
    ) -> Value {
        let (document, operation, variables) = match &self.query {
            Ok(query) => query,
            Err(errors) => return json!({"errors": listed(errors)}),
        };
        let scope = Scope { context, cost: self.cost, balance };
        let mut execution = Execution { document, variables, scope: &scope, spoil, id, errors: Vec::new() };
        let data = execution.run(&operation.node.selection_set.node);
        let mut body = json!({"data": data});
        if !execution.errors.is_empty() {
            body["errors"] = listed(&execution.errors);
        }
        body
    }
}

/// A body that is nothing but one error of this type.
pub(crate) fn refusal(kind: &str, message: &str) -> Value {
    json!({"errors": [{"type": kind, "message": message}]})
}

/// A body of a query that took too long.
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

/// The fields at the root, as a name for a query without one.
fn fields(operation: &OperationDefinition) -> String {
    let names = operation.selection_set.node.items.iter().filter_map(|item| match &item.node {
        Selection::Field(field) => Some(field.node.name.node.as_str()),
        _ => None,
    });
    names.filter(|name| *name != "rateLimit").collect::<Vec<_>>().join(",")
}
