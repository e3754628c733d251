//! The shipped files, and one with every key.

use std::path::Path;

use super::super::value::ConfigValue;
use super::super::{Config, ElectionBackend, Environment, LoadedConfig, Overrides, StoreBackend, load};
use super::in_package;

fn shipped(file: &str) -> LoadedConfig {
    let env = Environment::from_iter([("GITHUB_TOKEN", "t")]);
    load(Some(&in_package(file)), &env, &Overrides::default()).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn local_and_demo_load_without_warnings() {
    for file in ["config/local.yaml", "config/demo.yaml"] {
        let loaded = shipped(file);
        assert_eq!(loaded.warnings, [], "{file}");
        assert!(!loaded.config.store.is_shared(), "{file} needs no services");
        assert!(!loaded.config.github.orgs.is_empty(), "{file}");
    }
}

#[test]
fn production_loads_without_warnings() {
    let loaded = shipped("config/production.yaml");
    assert_eq!(loaded.warnings, []);
    assert_eq!(loaded.config.store.backend, StoreBackend::Redis);
    assert_eq!(loaded.config.leader_election.backend, ElectionBackend::Kubernetes);
    assert!(loaded.config.amqp.url().is_some());
}

#[test]
fn the_file_with_every_key_sets_each_to_another_value_than_its_default() {
    let loaded = shipped("src/config/testdata/every-key.yaml");
    let (written, default) = (loaded.config.encode(), Config::default().encode());
    for section in default.as_object().expect("sections").keys() {
        for (key, value) in default[section].as_object().expect("keys") {
            let is_pair = key.ends_with("_file") && key != "redis_ca_file";
            assert!(is_pair || written[section][key] != *value, "{section}.{key} is at its default");
        }
    }
    assert_eq!(loaded.warnings.len(), 7, "{:#?}", loaded.warnings);
}

#[test]
fn a_file_of_the_go_exporter_loads_unchanged() {
    let loaded = shipped("src/config/testdata/go-exporter.yaml");
    assert_eq!(loaded.warnings.len(), 7, "{:#?}", loaded.warnings);
}

#[test]
fn the_serialised_configuration_loads_again() {
    let yaml = serde_saphyr::to_string(&Config::default()).expect("serialises");
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("default.yaml");
    std::fs::write(&file, yaml).expect("written");
    let loaded = load(Some(Path::new(&file)), &Environment::default(), &Overrides::default());
    assert_eq!(loaded.expect("loads").config, Config::default());
}
