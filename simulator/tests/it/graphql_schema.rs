//! The served GraphQL schema is a part of GitHub's.

use std::collections::HashMap;

use async_graphql_parser::Positioned;
use async_graphql_parser::types::{
    BaseType, FieldDefinition, InputValueDefinition, Type, TypeDefinition, TypeKind, TypeSystemDefinition,
};
use github_sim::{BusyWorld, generate_busy_world, graphql_schema};
use serde_json::json;

use crate::client::{query, start, time};

const NOW: &str = "2026-03-20T12:00:00Z";

type Types = HashMap<String, TypeDefinition>;

/// Types by name.
fn types(text: &str) -> Types {
    let document = async_graphql_parser::parse_schema(text).expect("a schema");
    let mut types = Types::new();
    for definition in document.definitions {
        if let TypeSystemDefinition::Type(one) = definition {
            types.entry(one.node.name.node.to_string()).or_insert(one.node);
        }
    }
    types
}

fn fields(kind: &TypeKind) -> &[Positioned<FieldDefinition>] {
    match kind {
        TypeKind::Object(object) => &object.fields,
        TypeKind::Interface(interface) => &interface.fields,
        _ => &[],
    }
}

fn names<T: ToString>(all: &[Positioned<T>]) -> Vec<String> {
    all.iter().map(|one| one.node.to_string()).collect()
}

/// Everything in `ours` that is missing or different in `theirs`.
fn differences(ours: &Types, theirs: &Types) -> Vec<String> {
    let mut wrong = Vec::new();
    for (name, own) in ours {
        let Some(real) = theirs.get(name) else {
            wrong.push(name.clone());
            continue;
        };
        for field in fields(&own.kind) {
            let label = format!("{name}.{}", field.node.name.node);
            let same = fields(&real.kind).iter().find(|one| one.node.name.node == field.node.name.node);
            let Some(same) = same else {
                wrong.push(label);
                continue;
            };
            if same.node.ty.node != field.node.ty.node {
                wrong.push(format!("{label} is {}", same.node.ty));
            }
            wrong.extend(inputs(&label, &field.node.arguments, &same.node.arguments));
        }
        wrong.extend(rest(name, &own.kind, &real.kind));
    }
    wrong
}

fn rest(name: &str, own: &TypeKind, real: &TypeKind) -> Vec<String> {
    let extra = |own: Vec<String>, real: Vec<String>| {
        own.into_iter().filter(|one| !real.contains(one)).map(|one| format!("{name}: {one}")).collect()
    };
    match (own, real) {
        (TypeKind::Object(own), TypeKind::Object(real)) => {
            extra(names(&own.implements), names(&real.implements))
        }
        (TypeKind::Union(own), TypeKind::Union(real)) => extra(names(&own.members), names(&real.members)),
        (TypeKind::Enum(own), TypeKind::Enum(real)) => {
            let values = |of: &async_graphql_parser::types::EnumType| {
                of.values.iter().map(|one| one.node.value.node.to_string()).collect::<Vec<_>>()
            };
            extra(values(own), values(real))
        }
        (TypeKind::InputObject(own), TypeKind::InputObject(real)) => inputs(name, &own.fields, &real.fields),
        (TypeKind::Scalar, TypeKind::Scalar) | (TypeKind::Interface(_), TypeKind::Interface(_)) => Vec::new(),
        _ => vec![format!("{name} is of another kind")],
    }
}

fn inputs(
    label: &str,
    own: &[Positioned<InputValueDefinition>],
    real: &[Positioned<InputValueDefinition>],
) -> Vec<String> {
    let differs = |one: &InputValueDefinition| {
        let same = real.iter().find(|other| other.node.name.node == one.name.node);
        same.is_none_or(|same| {
            let default =
                |of: &InputValueDefinition| of.default_value.as_ref().map(|value| value.node.clone());
            same.node.ty.node != one.ty.node || default(&same.node) != default(one)
        })
    };
    let wrong = own.iter().map(|one| &one.node).filter(|one| differs(one));
    wrong.map(|one| format!("{label}({})", one.name.node)).collect()
}

#[test]
fn the_served_schema_is_a_part_of_githubs() {
    let theirs = types(include_str!("../../../tests/data/github.graphql"));
    let mut ours = types(graphql_schema());
    assert_eq!(differences(&ours, &theirs), Vec::<String>::new());
    // The comparison itself finds differences.
    let TypeKind::Object(repository) = &mut ours.get_mut("Repository").expect("a type").kind else {
        panic!("no object");
    };
    repository.fields[0].node.ty.node = Type::new("Int").expect("a type");
    repository.fields[1].node.name.node = async_graphql_value::Name::new("nonsense");
    assert_eq!(differences(&ours, &theirs).len(), 2);
}

/// A selection of every field of a type, down to some depth.
fn everything(types: &Types, name: &str, depth: usize) -> String {
    let mut text = String::from("{ __typename");
    for field in fields(&types[name].kind) {
        let inner = innermost(&field.node.ty.node);
        let needed = field.node.arguments.iter().any(|one| !one.node.ty.node.nullable);
        let has_fields =
            types.get(inner).is_some_and(|one| !matches!(one.kind, TypeKind::Scalar | TypeKind::Enum(_)));
        // The simulator does not model the issue of a comment on a pull request.
        if needed
            || (has_fields && depth == 0)
            || (name, field.node.name.node.as_str()) == ("IssueComment", "issue")
        {
            continue;
        }
        let pages = field.node.arguments.iter().any(|one| one.node.name.node == "first");
        text.push_str(&format!(" {}{}", field.node.name.node, if pages { "(first: 2)" } else { "" }));
        if has_fields {
            text.push_str(&everything(types, inner, depth - 1));
        }
    }
    if let TypeKind::Union(union) = &types[name].kind {
        for member in &union.members {
            text.push_str(&format!(
                " ... on {} {}",
                member.node,
                everything(types, member.node.as_str(), depth.saturating_sub(1))
            ));
        }
    }
    text + " }"
}

fn innermost(ty: &Type) -> &str {
    match &ty.base {
        BaseType::Named(name) => name.as_str(),
        BaseType::List(inner) => innermost(inner),
    }
}

#[test]
fn every_field_of_the_served_schema_can_be_resolved() {
    let types = types(graphql_schema());
    let simulator = start(generate_busy_world(BusyWorld::default(), time(NOW)), NOW);
    let all = |name: &str, depth| everything(&types, name, depth);
    let text = format!(
        "{{ rateLimit {} viewer {} organization(login: \"acme\") {} repositoryOwner(login: \"acme\") {} \
         repository(owner: \"acme\", name: \"api\") {{ \
           pullRequests(first: 5, orderBy: {{field: UPDATED_AT, direction: DESC}}) {{ nodes {} }} \
           issues(first: 5) {{ nodes {} }} object(expression: \"main\") {{ ... on Commit {} }} }} \
         search(first: 5, type: ISSUE, query: \"org:acme\") {} }}",
        all("RateLimit", 0),
        all("User", 1),
        all("Organization", 4),
        all("RepositoryOwner", 2),
        all("PullRequest", 3),
        all("Issue", 3),
        all("Commit", 3),
        all("SearchResultItemConnection", 4),
    );
    let answer = query(&simulator, &text, &json!({})).json();
    assert_eq!(answer.get("errors"), None);
    assert_eq!(
        answer["data"]["repository"]["pullRequests"]["nodes"][0]["reviews"]["__typename"],
        "PullRequestReviewConnection"
    );
}
