//! Arguments and variables.

use std::collections::HashMap;

use async_graphql_parser::types::{BaseType, Field, FieldDefinition, OperationDefinition, Type};
use async_graphql_value::{ConstValue, Value as Literal};
use jiff::Timestamp;
use serde_json::{Map, Value};

use super::error::GraphqlError;
use super::schema::SCHEMA;

/// Variables by name, defaults filled in.
pub(crate) type Variables = HashMap<String, Value>;

/// The arguments of one field, with defaults filled in and nulls removed.
#[derive(Debug, Default)]
pub(crate) struct Arguments(Map<String, Value>);

impl Arguments {
    /// The arguments of `field`.
    pub(crate) fn of(field: &Field, definition: &FieldDefinition, variables: &Variables) -> Self {
        let mut all = Map::new();
        for argument in &definition.arguments {
            let argument = &argument.node;
            let given =
                field.get_argument(&argument.name.node).and_then(|value| json(&value.node, variables));
            let usual = || argument.default_value.as_ref().map(|value| constant(&value.node));
            if let Some(value) = given.or_else(usual).filter(|value| !value.is_null()) {
                all.insert(argument.name.node.to_string(), value);
            }
        }
        Self(all)
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.get(name)?.as_str()
    }

    pub(crate) fn number(&self, name: &str) -> Option<i64> {
        self.get(name)?.as_i64()
    }

    pub(crate) fn flag(&self, name: &str) -> Option<bool> {
        self.get(name)?.as_bool()
    }

    pub(crate) fn time(&self, name: &str) -> Option<Timestamp> {
        self.text(name)?.parse().ok()
    }

    /// The strings of a list.
    pub(crate) fn texts(&self, name: &str) -> Option<Vec<&str>> {
        self.get(name)?.as_array().map(|list| list.iter().filter_map(Value::as_str).collect())
    }

    /// The field to order by, and whether the order is ascending.
    pub(crate) fn order<'a>(&'a self, usual: &'a str) -> (&'a str, bool) {
        let order = self.get("orderBy");
        let part = |name: &str| order.and_then(|order| order[name].as_str());
        (part("field").unwrap_or(usual), part("direction") != Some("DESC"))
    }
}

/// The variables of an operation, or why the sent values are invalid.
pub(crate) fn variables(
    operation: &OperationDefinition,
    sent: &Value,
) -> Result<Variables, Vec<GraphqlError>> {
    let (mut all, mut errors) = (Variables::new(), Vec::new());
    for definition in &operation.variable_definitions {
        let (name, ty) = (definition.node.name.node.as_str(), &definition.node.var_type.node);
        let usual = || definition.node.default_value.as_ref().map(|value| constant(&value.node));
        let value = sent.get(name).cloned().or_else(usual);
        if fits(value.as_ref().unwrap_or(&Value::Null), ty) {
            all.extend(value.map(|value| (name.to_owned(), value)));
            continue;
        }
        let message = format!("Variable ${name} of type {ty} was provided invalid value");
        errors.push(GraphqlError::unreadable(message).at(definition.pos, Vec::new()));
    }
    if errors.is_empty() { Ok(all) } else { Err(errors) }
}

/// A value with its variables substituted; `None` for an absent variable.
pub(crate) fn json(value: &Literal, variables: &Variables) -> Option<Value> {
    match value {
        Literal::Variable(name) => variables.get(name.as_str()).cloned(),
        Literal::List(items) => Some(items.iter().filter_map(|item| json(item, variables)).collect()),
        Literal::Object(fields) => {
            let fields =
                fields.iter().filter_map(|(name, value)| Some((name.to_string(), json(value, variables)?)));
            Some(Value::Object(fields.collect()))
        }
        other => other.clone().into_const().map(|value| constant(&value)),
    }
}

/// Whether a value is valid for type `ty`; a single value counts as a list of one.
pub(crate) fn fits(value: &Value, ty: &Type) -> bool {
    if value.is_null() {
        return ty.nullable;
    }
    match (&ty.base, value) {
        (BaseType::List(inner), Value::Array(items)) => items.iter().all(|item| fits(item, inner)),
        (BaseType::List(inner), one) => fits(one, inner),
        (BaseType::Named(name), value) => fits_named(value, name.as_str()),
    }
}

fn fits_named(value: &Value, name: &str) -> bool {
    if let Some(values) = SCHEMA.values(name) {
        return value
            .as_str()
            .is_some_and(|text| values.values.iter().any(|one| one.node.value.node == text));
    }
    if let Some(input) = SCHEMA.input(name) {
        let Value::Object(given) = value else { return false };
        let known = |key: &String| input.fields.iter().any(|field| field.node.name.node == *key);
        let fit = input.fields.iter().all(|field| {
            let given = given.get(field.node.name.node.as_str()).unwrap_or(&Value::Null);
            fits(given, &field.node.ty.node)
        });
        return fit && given.keys().all(known);
    }
    match name {
        "Int" => value.as_i64().is_some_and(|number| i32::try_from(number).is_ok()),
        "Boolean" => value.is_boolean(),
        "DateTime" | "GitTimestamp" => value.as_str().is_some_and(|text| text.parse::<Timestamp>().is_ok()),
        "ID" => value.is_string() || value.is_i64(),
        _ => value.is_string(),
    }
}

fn constant(value: &ConstValue) -> Value {
    value.clone().into_json().unwrap_or(Value::Null)
}
