//! GraphQL: which queries are accepted, and how the others are refused.

use github_sim::{Commit, GithubWorld};
use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::client::{query, start, time};

const NOW: &str = "2026-03-20T12:00:00Z";

fn world() -> GithubWorld {
    let now = time(NOW);
    let mut world = GithubWorld::new();
    let repo = world.org("acme").repo("api");
    repo.push(now, vec![Commit::new("ada", now)]);
    repo.rename(now + SignedDuration::from_secs(1), "core");
    world
}

#[test]
fn validation_errors_have_githubs_codes_and_messages() {
    let simulator = start(world(), NOW);
    for (text, code, message) in [
        ("{ viewer { nonsense } }", "undefinedField", "Field 'nonsense' doesn't exist on type 'User'"),
        (
            "{ organization(login: \"acme\", x: 1) { id } }",
            "argumentNotAccepted",
            "Field 'organization' doesn't accept argument 'x'",
        ),
        (
            "{ organization { id } }",
            "missingRequiredArguments",
            "Field 'organization' is missing required arguments: login",
        ),
        (
            "{ organization(login: 7) { id } }",
            "argumentLiteralsIncompatible",
            "Argument 'login' on Field 'organization' has an invalid value (7). Expected type 'String!'.",
        ),
        (
            "{ viewer }",
            "selectionMismatch",
            "Field must have selections (field 'viewer' returns User but has no selections. Did you mean 'viewer { ... }'?)",
        ),
        (
            "{ viewer { login { x } } }",
            "selectionMismatch",
            "Selections can't be made on scalars (field 'login' returns String!)",
        ),
        (
            "{ viewer { ... on Nonsense { id } } }",
            "undefinedType",
            "No such type Nonsense, so it can't be a fragment condition",
        ),
        (
            "{ viewer { ... on Commit { id } } }",
            "cannotSpreadFragment",
            "Fragment on Commit can't be spread inside User",
        ),
        ("{ viewer { ...Nowhere } }", "useAndDefineFragment", "Fragment Nowhere was used, but not defined"),
        (
            "{ node(id: $id) { id } }",
            "variableNotDefined",
            "Variable $id is used by the query but not declared",
        ),
        (
            "query Q($x: Int) { viewer { id } }",
            "variableNotUsed",
            "Variable $x is declared by Q but not used",
        ),
        (
            "query Q($at: DateTime) { node(id: \"x\") { ... on Commit { history(first: 1, since: $at) { totalCount } } } }",
            "variableMismatch",
            "Type mismatch on variable $at and argument since (DateTime / GitTimestamp)",
        ),
        (
            "query Q($by: String!) { viewer { repositories(first: 1, orderBy: {field: $by, direction: ASC}) { totalCount } } }",
            "variableMismatch",
            "Type mismatch on variable $by and argument orderBy (String! / RepositoryOrderField!)",
        ),
        (
            "query Q($login: String) { user(login: $login) { id } }",
            "variableMismatch",
            "Type mismatch on variable $login and argument login (String / String!)",
        ),
    ] {
        let answer = query(&simulator, text, &json!({}));
        let body = answer.json();
        assert_eq!((answer.status, body.get("data")), (200, None), "{text}");
        let error = &body["errors"][0];
        assert_eq!(
            (&error["extensions"]["code"], &error["message"]),
            (&json!(code), &json!(message)),
            "{text}"
        );
        assert!(error["locations"][0]["line"].is_u64() && error["path"].is_array(), "{text}");
    }
    let parse = query(&simulator, "{ viewer {", &json!({})).json();
    assert!(parse["errors"][0]["message"].as_str().is_some_and(|text| text.starts_with("Parse error")));
}

#[test]
fn variables_have_types_and_defaults() {
    let simulator = start(world(), NOW);
    let text = "query Count($login: String!, $first: Int = 5) {
        organization(login: $login) { repositories(first: $first) { totalCount } } }";
    let answer = query(&simulator, text, &json!({"login": "acme"})).json();
    assert_eq!(answer["data"]["organization"]["repositories"]["totalCount"], 1);
    for wrong in [json!({}), json!({"login": null}), json!({"login": "acme", "first": "many"})] {
        let answer = query(&simulator, text, &wrong).json();
        let message = answer["errors"][0]["message"].as_str().expect("an error");
        assert!(
            message.starts_with("Variable $") && message.ends_with("was provided invalid value"),
            "{message}"
        );
    }
}

#[test]
fn selections_are_merged_and_can_be_skipped() {
    let simulator = start(world(), NOW);
    let text = "query Merged($yes: Boolean!) {
        a: repository(owner: \"acme\", name: \"api\") { name owner { login } }
        a: repository(owner: \"acme\", name: \"api\") { owner { __typename } isEmpty @skip(if: $yes) isFork @include(if: $yes) }
    }";
    let answer = query(&simulator, text, &json!({"yes": true})).json();
    let owner = json!({"login": "acme", "__typename": "Organization"});
    assert_eq!(answer["data"], json!({"a": {"name": "api", "owner": owner, "isFork": false}}));
}

#[test]
fn renamed_repositories_are_followed_unless_disabled() {
    let simulator = start(world(), NOW);
    simulator.advance(std::time::Duration::from_secs(1));
    let of = |more: &str| {
        let text = format!("{{ repository(owner: \"acme\", name: \"api\"{more}) {{ name }} }}");
        query(&simulator, &text, &json!({})).json()
    };
    assert_eq!(of("")["data"]["repository"]["name"], "core");
    let strict = of(", followRenames: false");
    assert_eq!(strict["data"]["repository"], Value::Null);
    assert_eq!(strict["errors"][0]["message"], "Could not resolve to a Repository with the name 'acme/api'.");
}

#[test]
fn an_operation_is_chosen_by_name() {
    let simulator = start(world(), NOW);
    let authorization = format!("Bearer {}", crate::client::TOKEN);
    let of = |name: &str| {
        let body =
            json!({"query": "query A { viewer { id } } query B { viewer { login } }", "operationName": name});
        let headers = [("authorization", authorization.as_str())];
        let answer = crate::client::ask(&simulator, "POST", "/graphql", &headers, &body.to_string());
        answer.expect("an answer").json()
    };
    assert!(of("B")["data"]["viewer"]["login"].is_string());
    assert_eq!(of("C")["errors"][0]["message"], "No operation named \"C\"");
}
