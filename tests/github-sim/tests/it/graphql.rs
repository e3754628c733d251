//! Questions in GraphQL and their answers.

use github_sim::{Commit, World};
use serde_json::json;

use crate::client::{query, start, time};

const NOW: &str = "2026-03-20T12:00:00Z";

fn world() -> World {
    let mut world = World::new();
    let now = time(NOW);
    world.org("acme").repo("api").push(now, vec![Commit::new("ada", now)]);
    world
}

#[test]
fn a_field_that_is_not_there_is_named() {
    let simulator = start(world(), NOW);
    let answer = query(&simulator, "{ viewer { login nonsense } }", &json!({})).json();
    assert_eq!(answer["errors"][0]["message"], "Field 'nonsense' doesn't exist on type 'User'");
    assert_eq!(answer["errors"][0]["extensions"]["code"], "undefinedField");
    assert_eq!(answer["errors"][0]["path"], json!(["query", "viewer", "nonsense"]));
    assert_eq!(answer.get("data"), None);
}
