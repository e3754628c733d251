//! The loader as a whole: files in, configurations or sentences out.

mod documents;
mod files;
mod hostile;
mod precedence;
mod refusals;
mod warnings;

use std::path::PathBuf;

use super::{ConfigError, Environment, Loaded, Overrides, load};

/// Loads `yaml` as `test.yaml`, whose directory is left out of messages.
fn load_yaml(yaml: &str, variables: &[(&str, &str)]) -> Result<Loaded, ConfigError> {
    load_all(yaml, variables, &Overrides::default())
}

fn load_all(yaml: &str, variables: &[(&str, &str)], overrides: &Overrides) -> Result<Loaded, ConfigError> {
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("test.yaml");
    std::fs::write(&file, yaml).expect("written");
    load(Some(&file), &variables.iter().copied().collect(), overrides)
}

/// The configuration that must load.
fn config(yaml: &str, variables: &[(&str, &str)]) -> super::Config {
    load_yaml(yaml, variables).unwrap_or_else(|error| panic!("{error}")).config
}

/// The sentence that refuses, without the directory of the file.
fn refusal(yaml: &str, variables: &[(&str, &str)]) -> String {
    let message = load_yaml(yaml, variables).expect_err("refused").to_string();
    assert!(!message.contains('\n'), "not one line: {message}");
    match message.find("test.yaml") {
        Some(start) => message[start..].to_owned(),
        None => message,
    }
}

/// A path below the root of the package.
fn in_package(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(path)
}
