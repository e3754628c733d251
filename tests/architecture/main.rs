//! Checks which module may import which: imports run in one direction, and there are no circles.
//!
//! Modules that are compiled for tests only are exempt.

mod circles;
mod imports;
mod rules;
mod source_tree;

use std::path::Path;

use rules::Rule;
use source_tree::SourceTree;

/// The modules of `actors/src` from the bottom up: each may import those before it.
const DOMAIN_LAYERS: [&str; 14] = [
    "activity",
    "clock",
    "observer",
    "spans",
    "role",
    "store",
    "source",
    "loc",
    "maintenance",
    "queue",
    "scheduler",
    "events",
    "fleet",
    "health",
];

/// The modules of `src` that implement ports of the domain.
const ADAPTERS: [&str; 5] = ["election", "github", "queue", "redis", "store"];

/// The imports between adapters that are intended: two of them keep their data in Redis.
const SHARED_CLIENTS: [(&str, &str); 2] = [("election", "redis"), ("store", "redis")];

fn check(directory: &str, rules: &[Rule]) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(directory);
    let tree = SourceTree::read(&root).unwrap_or_else(|error| panic!("{directory} cannot be read: {error}"));
    assert!(tree.files().count() > 10, "{directory} is where the sources are");
    let violations: Vec<String> = rules.iter().flat_map(|rule| rule.violations(&tree)).collect();
    assert!(violations.is_empty(), "in {directory}:\n{}", violations.join("\n"));
}

#[test]
fn the_domain_imports_from_the_bottom_up() {
    check("actors/src", &[Rule::Layers(&DOMAIN_LAYERS), Rule::NoCirclesBetweenModules]);
}

#[test]
fn no_two_files_of_the_domain_import_each_other() {
    check("actors/src", &[Rule::NoCirclesBetweenFiles]);
}

#[test]
fn the_domain_knows_neither_the_service_nor_a_vendor() {
    let foreign = ["github_stats", "actix_web", "octocrab", "redis", "lapin", "kube", "prometheus"];
    check("actors/src", &[Rule::NoCrate(&foreign)]);
}

#[test]
fn supervision_knows_nothing_of_the_product() {
    check("supervision/src", &[Rule::NoCrate(&["github_stats", "github_stats_actors", "github_sim"])]);
}

#[test]
fn there_is_no_circle_in_supervision() {
    check("supervision/src", &[Rule::NoCirclesBetweenModules]);
}

#[test]
fn there_is_no_circle_between_the_modules_of_the_service() {
    check("src", &[Rule::NoCirclesBetweenModules]);
}

#[test]
fn adapters_do_not_import_each_other() {
    check("src", &[Rule::Independent { modules: &ADAPTERS, except: &SHARED_CLIENTS }]);
}
