//! Validation of queries.

use std::collections::{HashMap, HashSet};

use async_graphql_parser::Pos;
use async_graphql_parser::types::{
    BaseType, ExecutableDocument, Field, FieldDefinition, OperationDefinition, Selection, SelectionSet, Type,
    VariableDefinition,
};
use async_graphql_value::Value as Literal;
use serde_json::{Value, json};

use super::arguments::{self, Variables};
use super::error::GraphqlError;
use super::schema::{SCHEMA, innermost};

/// The validation errors that GitHub would report for `operation`.
pub(crate) fn validate(
    document: &ExecutableDocument,
    operation: &OperationDefinition,
    name: &str,
) -> Vec<GraphqlError> {
    let declared = operation.variable_definitions.iter();
    let declared = declared.map(|one| (one.node.name.node.as_str(), &one.node)).collect();
    let mut validator = QueryValidator {
        document,
        declared,
        used: HashSet::new(),
        open_fragments: Vec::new(),
        errors: Vec::new(),
    };
    let path = vec![json!(if name.is_empty() { "query".to_owned() } else { format!("query {name}") })];
    validator.selection(&operation.selection_set.node, "Query", &path);
    for definition in &operation.variable_definitions {
        let variable = definition.node.name.node.as_str();
        if !validator.used.contains(variable) {
            let message = format!("Variable ${variable} is declared by {} but not used", called(name));
            let details = json!({"variableName": variable});
            let error = GraphqlError::invalid("variableNotUsed", message, details);
            validator.errors.push(error.at(definition.pos, path.clone()));
        }
    }
    validator.errors
}

fn called(name: &str) -> &str {
    if name.is_empty() { "anonymous query" } else { name }
}

struct QueryValidator<'a> {
    document: &'a ExecutableDocument,
    declared: HashMap<&'a str, &'a VariableDefinition>,
    used: HashSet<&'a str>,
    /// Fragments being validated, to detect recursion.
    open_fragments: Vec<&'a str>,
    errors: Vec<GraphqlError>,
}

impl<'a> QueryValidator<'a> {
    fn refuse(&mut self, code: &str, message: String, details: Value, at: Pos, path: &[Value]) {
        self.errors.push(GraphqlError::invalid(code, message, details).at(at, path.to_vec()));
    }

    fn selection(&mut self, set: &'a SelectionSet, owner: &str, path: &[Value]) {
        for item in &set.items {
            for directive in item.node.directives() {
                for (_, value) in &directive.node.arguments {
                    self.variables(&value.node, value.pos, path);
                }
            }
            match &item.node {
                Selection::Field(field) => self.field(&field.node, field.pos, owner, path),
                Selection::FragmentSpread(spread) => {
                    self.spread(spread.node.fragment_name.node.as_str(), item.pos, owner, path);
                }
                Selection::InlineFragment(inline) => {
                    let condition = inline.node.type_condition.as_ref().map(|one| one.node.on.node.as_str());
                    let inner = condition.unwrap_or(owner);
                    let path = extended(path, format!("... on {inner}"));
                    if self.applies(inner, owner, item.pos, &path) {
                        self.selection(&inline.node.selection_set.node, inner, &path);
                    }
                }
            }
        }
    }

    fn spread(&mut self, name: &'a str, at: Pos, owner: &str, path: &[Value]) {
        let document = self.document;
        let Some((_, fragment)) = document.fragments.iter().find(|(known, _)| known.as_str() == name) else {
            let message = format!("Fragment {name} was used, but not defined");
            return self.refuse("useAndDefineFragment", message, json!({"fragmentName": name}), at, path);
        };
        let inner = fragment.node.type_condition.node.on.node.as_str();
        let path = extended(path, format!("... {name}"));
        if self.open_fragments.contains(&name) {
            let message = format!("Fragment {name} contains an infinite loop");
            return self.refuse("infiniteLoop", message, json!({"fragmentName": name}), at, &path);
        }
        if self.applies(inner, owner, at, &path) {
            self.open_fragments.push(name);
            self.selection(&fragment.node.selection_set.node, inner, &path);
            self.open_fragments.pop();
        }
    }

    fn applies(&mut self, inner: &str, owner: &str, at: Pos, path: &[Value]) -> bool {
        if !SCHEMA.knows(inner) {
            let message = format!("No such type {inner}, so it can't be a fragment condition");
            self.refuse("undefinedType", message, json!({"typeName": inner}), at, path);
            return false;
        }
        if !SCHEMA.overlap(inner, owner) {
            let message = format!("Fragment on {inner} can't be spread inside {owner}");
            let details = json!({"typeName": owner, "fragmentName": "unknown", "parentName": owner});
            self.refuse("cannotSpreadFragment", message, details, at, path);
            return false;
        }
        true
    }

    fn field(&mut self, field: &'a Field, at: Pos, owner: &str, path: &[Value]) {
        let name = field.name.node.as_str();
        if name == "__typename" {
            return;
        }
        let path = extended(path, field.response_key().node.to_string());
        let Some(definition) = SCHEMA.field(owner, name) else {
            let message = format!("Field '{name}' doesn't exist on type '{owner}'");
            return self.refuse(
                "undefinedField",
                message,
                json!({"typeName": owner, "fieldName": name}),
                at,
                &path,
            );
        };
        self.arguments(field, definition, at, &path);
        let returned = &definition.ty.node;
        let inner = innermost(returned);
        let chosen = &field.selection_set.node;
        match (SCHEMA.is_leaf(inner), chosen.items.is_empty()) {
            (true, false) => {
                let message =
                    format!("Selections can't be made on scalars (field '{name}' returns {returned})");
                self.refuse(
                    "selectionMismatch",
                    message,
                    json!({"nodeName": format!("field '{name}'")}),
                    at,
                    &path,
                );
            }
            (false, true) => {
                let message = format!(
                    "Field must have selections (field '{name}' returns {inner} but has no selections. Did you mean '{name} {{ ... }}'?)"
                );
                self.refuse(
                    "selectionMismatch",
                    message,
                    json!({"nodeName": format!("field '{name}'")}),
                    at,
                    &path,
                );
            }
            _ => self.selection(chosen, inner, &path),
        }
    }

    fn arguments(&mut self, field: &'a Field, definition: &FieldDefinition, at: Pos, path: &[Value]) {
        let name = field.name.node.as_str();
        for (argument, value) in &field.arguments {
            self.variables(&value.node, value.pos, path);
            let known = definition.arguments.iter().find(|one| one.node.name.node == argument.node);
            let Some(known) = known else {
                let message = format!("Field '{name}' doesn't accept argument '{}'", argument.node);
                let details = json!({"name": name, "typeName": "Field", "argumentName": argument.node});
                self.refuse("argumentNotAccepted", message, details, argument.pos, path);
                continue;
            };
            let expected = &known.node.ty.node;
            let has_default = known.node.default_value.is_some();
            for (variable, wanted) in self.mismatches(&value.node, expected, has_default) {
                let own = &self.declared[variable].var_type.node;
                let message = format!(
                    "Type mismatch on variable ${variable} and argument {} ({own} / {wanted})",
                    argument.node
                );
                let details = json!({"variableName": variable, "argumentName": argument.node});
                self.refuse("variableMismatch", message, details, value.pos, path);
            }
            let literal = value.node.clone().into_const().is_some();
            let given = arguments::json(&value.node, &Variables::new()).unwrap_or(Value::Null);
            if literal && !arguments::fits(&given, expected) {
                let message = format!(
                    "Argument '{}' on Field '{name}' has an invalid value ({}). Expected type '{expected}'.",
                    argument.node, value.node
                );
                let details = json!({"typeName": "Field", "argumentName": argument.node});
                self.refuse("argumentLiteralsIncompatible", message, details, argument.pos, path);
            }
        }
        let needed = definition.arguments.iter().map(|one| &one.node);
        let needed = needed.filter(|one| !one.ty.node.nullable && one.default_value.is_none());
        let missing: Vec<&str> = needed
            .filter(|one| field.get_argument(&one.name.node).is_none())
            .map(|one| one.name.node.as_str())
            .collect();
        if !missing.is_empty() {
            let missing = missing.join(", ");
            let message = format!("Field '{name}' is missing required arguments: {missing}");
            let details = json!({"className": "Field", "name": name, "arguments": missing});
            self.refuse("missingRequiredArguments", message, details, at, path);
        }
    }

    /// Variables whose type does not fit their position, with the expected type.
    fn mismatches(&self, value: &'a Literal, expected: &Type, has_default: bool) -> Vec<(&'a str, String)> {
        match (value, &expected.base) {
            (Literal::Variable(name), _) => {
                let declared = self.declared.get(name.as_str());
                let fits = declared.is_none_or(|one| {
                    let filled = has_default || one.default_value.is_some();
                    may_stand_for(&one.var_type.node, expected, filled)
                });
                if fits { Vec::new() } else { vec![(name.as_str(), expected.to_string())] }
            }
            (Literal::List(items), BaseType::List(inner)) => {
                items.iter().flat_map(|item| self.mismatches(item, inner, false)).collect()
            }
            (Literal::Object(fields), BaseType::Named(name)) => {
                let known =
                    SCHEMA.input(name.as_str()).map(|input| input.fields.as_slice()).unwrap_or_default();
                let typed = fields.iter().filter_map(|(name, value)| {
                    let field = known.iter().find(|field| field.node.name.node == *name)?;
                    Some((value, &field.node))
                });
                typed
                    .flat_map(|(value, field)| {
                        self.mismatches(value, &field.ty.node, field.default_value.is_some())
                    })
                    .collect()
            }
            _ => Vec::new(),
        }
    }

    fn variables(&mut self, value: &'a Literal, at: Pos, path: &[Value]) {
        match value {
            Literal::Variable(name) => {
                self.used.insert(name.as_str());
                if !self.declared.contains_key(name.as_str()) {
                    let message = format!("Variable ${name} is used by {} but not declared", "the query");
                    self.refuse("variableNotDefined", message, json!({"variableName": name}), at, path);
                }
            }
            Literal::List(items) => items.iter().for_each(|item| self.variables(item, at, path)),
            Literal::Object(fields) => fields.values().for_each(|field| self.variables(field, at, path)),
            _ => {}
        }
    }
}

/// Whether a variable of type `own` may be used where `expected` is required; `filled` if a default
/// replaces null.
fn may_stand_for(own: &Type, expected: &Type, filled: bool) -> bool {
    let null_fits = expected.nullable || !own.nullable || filled;
    let base_fits = match (&own.base, &expected.base) {
        (BaseType::Named(own), BaseType::Named(expected)) => own == expected,
        (BaseType::List(own), BaseType::List(expected)) => may_stand_for(own, expected, false),
        _ => false,
    };
    null_fits && base_fits
}

fn extended(path: &[Value], part: String) -> Vec<Value> {
    path.iter().cloned().chain([Value::String(part)]).collect()
}
